"""Make text written by a program or a model safe to print, and to put into Markdown and CSV.

Such text may hold escape sequences for a terminal, marks that reorder a line, commands for the CI system that keeps
the log, Markdown and HTML, formulas, and lone surrogates, which UTF-8 cannot hold. Replacements stay visible.
HTML pages have their own escaping (`harness.report.templates`).
"""

from __future__ import annotations

import json
import re
from typing import Any

REPLACEMENT = "\ufffd"
SURROGATE = re.compile("[\ud800-\udfff]")
# Characters that a terminal obeys or hides: C1 controls, zero-width and bidirectional marks, line separators that only
# some programs know, interlinear annotations, and tags.
UNSEEN = (
    (0x80, 0x9F),
    (0x061C, 0x061C),
    (0x200B, 0x200B),
    (0x200E, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0xD800, 0xDFFF),
    (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB),
    (0xFFFE, 0xFFFF),
    (0xE0000, 0xE007F),
)
CONTROL_PICTURES = 0x2400
"""Unicode's visible signs of the C0 controls begin here, in the same order."""
VISIBLE: dict[int, str | int] = {
    **{code: CONTROL_PICTURES + code for code in range(0x20) if chr(code) not in "\t\n"},
    0x7F: "\u2421",
    **{code: REPLACEMENT for first, last in UNSEEN for code in range(first, last + 1)},
}
"""Code of each character that must not reach a terminal -> its visible replacement."""
IN_JSON = re.compile("[\x7f" + "".join(f"{chr(first)}-{chr(last)}" for first, last in UNSEEN) + "]|#(?=#)")
NOT_ASCII = re.compile("[^\x00-\x7e]|#(?=#)")

# GitHub obeys "::error::" at the start of a line, blanks ignored, and "##[error]" anywhere in one. Azure Pipelines
# and TeamCity obey "##vso[" and "##teamcity[".
LINE_COMMAND = re.compile(r"^([^\S\n]*):(?=:)", re.MULTILINE)
MARKED_COMMAND = re.compile(r"#(?=#(?:vso|teamcity)?\[)", re.IGNORECASE)

MARKDOWN = re.compile(
    r"""\\(?=[!-/:-@\[-`{-~]) | [`*\[\]~|] | (?<![^\W_])_ | _(?![^\W_]) | <(?=[a-z/!?]) | &(?=\#?\w+;) """
    r"""| ^[\#>+-](?=\s|$) | ^\#(?=\#)""",
    re.IGNORECASE | re.VERBOSE,
)
BACKTICKS = re.compile("`+")
FORMULA = re.compile("\\s*[=+\\-@|\uff1d\uff0b\uff0d\uff20]")
SHOWN = 200
"""Characters of a program's text that are shown on a line."""


def clean_text(text: str, limit: int) -> str:
    """Return at most `limit` characters of `text`, safe to print on a terminal and into a CI log.

    Newlines and tabs stay. A control character becomes its visible sign. An invisible mark or a lone surrogate becomes
    U+FFFD. A backslash breaks what a CI system would take for a command.
    """
    return neutralize(text[:limit])[:limit]


def neutralize(text: str) -> str:
    """Return the whole of `text`, made safe as `clean_text` does."""
    text = text.replace("\r\n", "\n").translate(VISIBLE)
    text = LINE_COMMAND.sub(r"\1:\\", text)
    return MARKED_COMMAND.sub(r"#\\", text)


def format_line(text: str, limit: int = SHOWN) -> str:
    """Return the safe text on one line; each run of white space becomes a blank, and "..." ends a cut text."""
    line = " ".join(clean_text(text, limit + 1).split())
    cut = len(text) > limit and len(line) >= limit - 3
    return f"{line[: limit - 3]}..." if cut else line[:limit]


def replace_surrogates(text: str) -> str:
    """Replace characters that UTF-8 cannot hold with U+FFFD."""
    return SURROGATE.sub(REPLACEMENT, text)


def escape_markdown(text: str) -> str:
    """Return `text` as one line that Markdown shows literally: no links, markup, HTML or cell separators."""
    return MARKDOWN.sub(r"\\\g<0>", " ".join(neutralize(text).split()))


def format_code_span(text: str, limit: int = SHOWN) -> str:
    """Return at most `limit` characters of `text` as Markdown's inline code, in which nothing is active."""
    line = format_line(text, limit)
    if not line:
        return ""
    fence = "`" * (max(map(len, BACKTICKS.findall(line)), default=0) + 1)
    edge = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{fence}{edge}{line}{edge}{fence}"


def format_csv_cell(value: Any) -> Any:
    """Return `value` as a cell that no spreadsheet evaluates: a quote is put before text like a formula."""
    if not isinstance(value, str):
        return value
    line = " ".join(neutralize(value).split())
    return f"'{line}" if FORMULA.match(line) else line


def format_json(value: Any, *, ascii_only: bool = False) -> str:
    """Serialize `value` as JSON that is safe to show on a terminal; a parser gets the original value.

    Lone surrogates are the exception: they become U+FFFD. `ascii_only` is for streams whose encoding is not UTF-8.
    """
    text = replace_surrogates(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))
    return (NOT_ASCII if ascii_only else IN_JSON).sub(_escape_character, text)


def _escape_character(match: re.Match[str]) -> str:
    """Return a character as a numeric JSON escape."""
    code = ord(match[0])
    return f"\\u{code:04x}" if code < 0x10000 else json.dumps(match[0])[1:-1]
