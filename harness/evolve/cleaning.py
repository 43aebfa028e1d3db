"""Clean a model's text before anything is decided about it: pure functions.

Line ends become "\\n" and tabs that indent become four spaces; a label or a preface in front, a fence around the
whole text and quotes around it go. Nothing is escaped: `<`, `>` and `&` stay as they are.

A change from one language to another of the same script goes unnoticed.
"""

from __future__ import annotations

import re
import unicodedata

from ..extraction.markdown import find_blocks

THING = "(?:prompt|question|instruction|version|task|problem)"
LABEL = re.compile(
    rf"\A[#*\s]*(?:the\s+)?(?:re-?written|created|new|given|evolved)[ _]{THING}[*#\s]*(?::|\n)[*\s]*", re.IGNORECASE
)
"""A heading of the template's that the model repeats in front."""
AGREEMENT = r"(?:sure|certainly|of\ course|absolutely|okay|ok|great)\b[!,.]*"
PREFACE = re.compile(
    rf"""\A\s*(?:
        {AGREEMENT}[ ]*\n+
      | {AGREEMENT}\s*(?:here\ is|here's|this\ is)\s[^\n:]{{0,100}}:\s*
      | (?:here\ is|here's|this\ is)\s+(?:an?|the|my|your|one)\s[^\n:]{{0,60}}{THING}[^\n:]{{0,40}}:\s*
    )""",
    re.IGNORECASE | re.VERBOSE,
)
"""What a model says before it comes to the matter."""
TEXT_TAGS = ("", "text", "markdown", "md", "plaintext")
QUOTES = {'"': '"', "“": "”"}
SCRIPT_SHARE = 0.5


def tidy_text(text: str) -> str:
    """Normalize line ends and indentation, and strip white space around the text."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub(r"^[ \t]+", lambda found: found[0].replace("\t", "    "), text, flags=re.MULTILINE)
    return text.strip("\n").rstrip()


def clean_instruction(text: str) -> str:
    """Return an evolved instruction without what models put around it."""
    text = tidy_text(text).replace("\u2019", "'").strip()
    before = None
    while text != before:
        before = text
        text = PREFACE.sub("", LABEL.sub("", text)).strip()
        text = _unwrap(text)
        if len(text) > 1 and QUOTES.get(text[0]) == text[-1] and text.count(text[0]) == 1 + (text[0] == text[-1]):
            text = text[1:-1].strip()
    return text


def _unwrap(text: str) -> str:
    """Return the text inside a fence around the whole."""
    blocks = find_blocks(text)
    if len(blocks) != 1 or blocks[0].tag not in TEXT_TAGS or not blocks[0].closed:
        return text
    whole = blocks[0].first_line == 0 and blocks[0].end_line == text.count("\n") + 1
    return blocks[0].code.strip() if whole else text


def clean_answer(text: str) -> str:
    """Return an answer without its heading; its code, fences included, stays as it is."""
    return re.sub(r"\A### Response:\s*", "", tidy_text(text))


def has_open_fence(text: str) -> bool:
    """Tell whether a fence is left open, as in an answer that was cut."""
    return any(not block.closed for block in find_blocks(text))


def share_script(before: str, after: str) -> bool:
    """Tell whether most letters of both texts are of one script; code counts as Latin, no letters as any script."""
    first, second = _measure_latin_share(before), _measure_latin_share(after)
    return first is None or second is None or (first >= SCRIPT_SHARE) == (second >= SCRIPT_SHARE)


def _measure_latin_share(text: str) -> float | None:
    letters = [letter for letter in text if letter.isalpha()]
    if not letters:
        return None
    latin = sum(letter.isascii() or "LATIN" in unicodedata.name(letter, "") for letter in letters)
    return latin / len(letters)
