"""Make text that a program or a model wrote safe to print, and to put into Markdown and CSV.

Such text may hold escape sequences for a terminal, marks that reorder a line, commands for the CI system that keeps
the log, Markdown and HTML, formulas, and lone surrogates, which UTF-8 cannot hold. What is replaced stays visible.
HTML pages have their own escaping (`harness.report.templates`).
"""

from __future__ import annotations

import json
import re
from typing import Any

REPLACEMENT = "\ufffd"
SURROGATE = re.compile("[\ud800-\udfff]")
# What a terminal obeys or hides: C1 controls, zero-width and bidirectional marks, line separators that only some
# programs know, interlinear annotations, and tags.
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
"""Each character that must not reach a terminal, by its code, and the one that is shown in its place."""
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
"""Characters of a program's text that a line for people shows."""


def plain_text(text: str, limit: int) -> str:
    """Return at most `limit` characters of `text`, made safe to print on a terminal and into the log of a CI job.

    Newlines and tabs stay. A control character becomes its visible sign, a mark that is not seen and a lone surrogate
    become U+FFFD, and a backslash breaks what a CI system would take for a command.
    """
    return neutralize(text[:limit])[:limit]


def neutralize(text: str) -> str:
    """Return the whole of `text`, made safe as by `plain_text`."""
    text = text.replace("\r\n", "\n").translate(VISIBLE)
    text = LINE_COMMAND.sub(r"\1:\\", text)
    return MARKED_COMMAND.sub(r"#\\", text)


def one_line(text: str, limit: int = SHOWN) -> str:
    """Return the safe text in one line, each stretch of white space as one blank; "..." ends a text that was cut."""
    line = " ".join(plain_text(text, limit + 1).split())
    cut = len(text) > limit and len(line) >= limit - 3
    return f"{line[: limit - 3]}..." if cut else line[:limit]


def replace_surrogates(text: str) -> str:
    """Return `text` with U+FFFD in the place of what UTF-8 cannot hold."""
    return SURROGATE.sub(REPLACEMENT, text)


def escape_markdown(text: str) -> str:
    """Return `text` as one line that Markdown shows as it is: no link, no markup, no HTML, no end of a table's cell."""
    return MARKDOWN.sub(r"\\\g<0>", " ".join(neutralize(text).split()))


def code_span(text: str, limit: int = SHOWN) -> str:
    """Return at most `limit` characters of `text` as Markdown's inline code, in which nothing is active."""
    line = one_line(text, limit)
    if not line:
        return ""
    fence = "`" * (max(map(len, BACKTICKS.findall(line)), default=0) + 1)
    edge = " " if line[0] == "`" or line[-1] == "`" else ""
    return f"{fence}{edge}{line}{edge}{fence}"


def csv_cell(value: Any) -> Any:
    """Return `value` as a cell that no spreadsheet takes for a formula: such a text gets a quote in front."""
    if not isinstance(value, str):
        return value
    line = " ".join(neutralize(value).split())
    return f"'{line}" if FORMULA.match(line) else line


def json_text(value: Any, *, ascii_only: bool = False) -> str:
    """Return `value` as JSON that a terminal and a CI system only show; a reader gets the value as it was.

    Lone surrogates are the exception: they become U+FFFD. `ascii_only` is for streams of another encoding than UTF-8.
    """
    text = replace_surrogates(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))
    return (NOT_ASCII if ascii_only else IN_JSON).sub(_by_number, text)


def _by_number(match: re.Match[str]) -> str:
    """Return a character in JSON's notation by numbers."""
    code = ord(match[0])
    return f"\\u{code:04x}" if code < 0x10000 else json.dumps(match[0])[1:-1]
