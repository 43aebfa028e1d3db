"""Cut a text that goes on inside an open function where that function ends, as HumanEvalPack's authors do.

Source: bigcode-evaluation-harness, tasks/humanevalpack.py, `remove_last_block` (Apache-2.0). Braces are counted without
a parser, those in strings and comments too, so that cuts are the published ones.
"""

from __future__ import annotations

from collections.abc import Sequence

JAVA_BRACES = 2
"""Braces that Java's prompts leave open: the class's and the method's."""
JAVA_MAIN = "public static void main"


def cut_first_block(text: str, open_braces: int, stops: Sequence[str]) -> str:
    """Return the text up to the end of the function that the prompt opened with `open_braces` braces.

    With none, the function ends at the first line that is not indented. `stops` end it wherever they stand.
    """
    text = text.rstrip()
    for stop in stops:
        text = text.partition(stop)[0]
    if not open_braces:
        return _cut_at_margin(text)
    depth = open_braces
    for at, letter in enumerate(text):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if not depth:
            return text[: at + 1]
    return _close_java(text) if open_braces == JAVA_BRACES else _cut_at_last_brace(text)


def _cut_at_margin(text: str) -> str:
    lines = text.split("\n")
    ends = (number for number, line in enumerate(lines) if line.strip() and line[0] not in " \t")
    return "\n".join(lines[: next(ends, None)])


def _cut_at_last_brace(text: str) -> str:
    return text[: text.rfind("}") + 1] or text


def _close_java(text: str) -> str:
    before, found, _ = text.partition(JAVA_MAIN)
    text = _cut_at_last_brace(f"{before}}}" if found else text)
    return f"{text}\n}}" if text.count("{") - 1 == text.count("}") else text
