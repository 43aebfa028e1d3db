"""Programs that look for a secret in their own memory, of which they hold but the beginning."""

from __future__ import annotations

SECRET = "s3cr3t-of-the-judge-4711"
"""A text that no program holds, unless it is given to it."""
START = 12
SOURCE = """
def found():
    memory = open("/proc/self/mem", "rb", 0)
    for line in open("/proc/self/maps").read().splitlines():
        area, rights = line.split()[:2]
        begin, end = (int(one, 16) for one in area.split("-"))
        if rights[:2] != "rw" or end - begin > 1 << 28:
            continue
        try:
            memory.seek(begin)
            data = memory.read(end - begin)
        except (OSError, ValueError):
            continue
        at = data.find(FIRST)
        while at != -1:
            if bytes(byte ^ 1 for byte in data[at + len(FIRST) : at + len(FIRST) + len(REST)]) == REST:
                return "found"
            at = data.find(FIRST, at + 1)
    return "nothing"
FIRST, REST = __PARTS__
"""


def search(secret: str = SECRET) -> str:
    """Return a program whose `found()` is "found" if `secret` is in its memory, else "nothing"."""
    hidden = bytes(byte ^ 1 for byte in secret[START:].encode())
    return SOURCE.replace("__PARTS__", repr((secret[:START].encode(), hidden)))
