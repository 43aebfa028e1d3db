"""Where the writing of the mark goes in a whole program, tests included: at the end of what its tests run."""

from __future__ import annotations

import re

from .inside.execution import MARK_PATH, MARK_TOKEN


def append(statement: str, text: str) -> str:
    """Put the mark after a program's last line."""
    return f"{text}\n{statement}\n"


def append_php(statement: str, text: str) -> str:
    """Put the mark after the last line, inside PHP's tags: a program may have closed them."""
    return f"{text}<?php {statement}\n" if text.rstrip().endswith("?>") else append(statement, text)


def before_brace(count: int, statement: str, text: str) -> str:
    """Put the mark before the `count`-th closing brace from the end, which ends the function of the tests."""
    at = len(text)
    for _ in range(count):
        at = text.rfind("}", 0, at)
        if at < 0:
            return text
    return f"{text[:at]}\n{statement}\n{text[at:]}"


def before_cpp_end(statement: str, text: str) -> str:
    """Put the mark before C++'s last brace, and what it needs before programs that may not include it."""
    needs = "" if "bits/stdc++.h" in text or "stdio" in text else "#include <cstdio>\n"
    return needs + before_brace(1, statement, text)


def before_last(pattern: str, statement: str, text: str) -> str:
    """Put the mark before the last match of `pattern`, or leave a program without one as it is."""
    matches = list(re.finditer(pattern, text))
    return f"{text[: matches[-1].start()]}\n{statement}\n{text[matches[-1].start() :]}" if matches else text


def replace_last(old: str, new: str, text: str) -> str:
    """Put `new`, which has the mark, in place of the last `old`."""
    head, separator, tail = text.rpartition(old)
    return head + new + tail if separator else text


def leave(text: str) -> str:
    """Leave a program as it is: another file writes the mark."""
    return text


def write_go_main(text: str) -> tuple[str, str]:
    """Return the file that runs a Go program's tests and writes the mark."""
    package = re.search(r"^package[ \t]+(\w+)", text, re.MULTILINE)
    name = package[1] if package else "main"
    return "mark_test.go", (
        f'package {name}\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc TestMain(m *testing.M) {{\n\tcode := m.Run()\n'
        f'\tif code == 0 {{\n\t\tos.WriteFile("{MARK_PATH}", []byte("{MARK_TOKEN}"), 0o600)\n\t}}\n'
        "\tos.Exit(code)\n}\n"
    )
