"""What attacks on the report channel share: records written as a child of ours writes them, past its reporter."""

import json
import os
import sys

ANSWER = b"i" + (2).to_bytes(8, "big")
END = b"t\0\0\0\2" + b"s\0\0\0\4done" + b"s\0\0\0\0"


def size(number):
    return number.to_bytes(4, "big")


def text(word):
    return b"s" + size(len(word)) + word.encode()


def record(kind, data):
    data = kind + size(len(data)) + data
    while data:
        data = data[os.write(3, data) :]


def callers_local(name, kind):
    frame = sys._getframe()
    while frame is not None:
        if isinstance(frame.f_locals.get(name), kind):
            return frame.f_locals[name]
        frame = frame.f_back


def report_answer(data):
    """Report an encoded value, as the kind of judge that asks wants it, and leave."""
    if callers_local("request", dict)["op"] == "answers":
        data = b"t" + size(4) + text("returned") + text("") + data + b"N"
    record(b"V", data)
    record(b"E", b"t" + size(2) + text("raised") + text(""))
    os._exit(0)


def report_verdict(*fields):
    """Report a verdict behind the token that was found, and leave."""
    record(b"J", json.dumps([callers_local("token", str), *fields]).encode())
    os._exit(0)
