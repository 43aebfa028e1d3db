"""Find the fenced blocks of a Markdown text, as CommonMark 0.31 defines them (spec.commonmark.org), by markdown-it-py.

Models deviate from it in four ways, which are read as they are meant: a fence inside a Python string is part of the
string, a fence may follow the last code on its line, a second ```` ```python ```` ends the block that is open, and a
tag that stands alone on its line before a fence belongs to neither.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock

PYTHON_TAGS = ("py", "python", "python2", "python3", "py3")
FENCE = re.compile(r"(`{3,}|~{3,})[ \t]*(.*)")
TAG = re.compile(r"\{?\.?([\w+#.-]*)")
"""The language of an info string, such as `python title="x"` or `{.python}`."""
TOKEN = re.compile(r"#.*|\"{3}|'{3}|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'")
"""What decides whether a triple quote opens a string on a line of Python."""
CLOSED_BESIDE = re.compile(r"(.*\S)[ \t]*(`{3,}|~{3,})[ \t]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block."""

    tag: str
    """Its language in lower case, "" without one."""
    code: str
    first_line: int
    """Line of the opening fence, from 0."""
    end_line: int
    """The line after the block."""
    closed: bool

    @property
    def may_be_python(self) -> bool:
        """Whether the tag allows for Python."""
        return not self.tag or self.tag in PYTHON_TAGS


def find_blocks(text: str, *, strings: bool = True, deep: bool = False) -> list[Block]:
    """Return the fenced blocks of `text`, in time linear in its length.

    `strings` is False for plain CommonMark, where a fence inside a string ends the block. `deep` also takes fences that
    are indented by four spaces or more.
    """
    if "```" not in text and "~~~" not in text:
        return []
    blocks = []
    for token in _make_parser(strings, deep).parse(text):
        if token.type == "fence":
            assert token.map is not None
            first, end = token.map
            tag = TAG.match(token.info)
            blocks.append(
                Block(
                    tag=tag[1].lower() if tag else "",
                    code=token.content,
                    first_line=first,
                    end_line=end,
                    closed=bool(token.meta["closed"]),
                )
            )
    return blocks


def track_quote(line: str, quote: str) -> str:
    """Return the triple quote that is open after `line` of Python, given the one open before it."""
    at = 0
    while True:
        if quote:
            end = re.compile(rf"(?:\\.|(?!{quote}).)*{quote}").match(line, at)
            if not end:
                return quote
            at, quote = end.end(), ""
        token = TOKEN.search(line, at)
        if not token:
            return ""
        at = token.end()
        if token[0] in ('"""', "'''"):
            quote = token[0]


@cache
def _make_parser(strings: bool, deep: bool) -> MarkdownIt:
    parser = MarkdownIt("commonmark")
    parser.core.ruler.enableOnly(["normalize", "block"])
    # not html_block, which a tag like <answer> would begin, and which swallows fences
    parser.block.ruler.enableOnly(["fence", "blockquote", "list", "paragraph", *([] if deep else ["code"])])

    def rule(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        return _read_fence(state, start, end, silent, strings=strings)

    parser.block.ruler.at("fence", rule, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    return parser


def _read_fence(state: StateBlock, start: int, end: int, silent: bool, *, strings: bool) -> bool:
    """Read the block that begins in line `start`, as a block rule of markdown-it-py."""
    opening = FENCE.fullmatch(_get_line(state, start))
    if state.is_code_block(start) or not opening or (opening[1][0] == "`" and "`" in opening[2]):
        return False
    if silent:
        return True
    marker, info = opening[1], opening[2].strip()
    tag = TAG.match(info)
    strings = strings and (not info or (tag is not None and tag[1].lower() in PYTHON_TAGS))
    lines, following, closed, quote = [], start + 1, False, ""
    for number in range(start + 1, end):
        line = _get_line(state, number)
        if line and state.sCount[number] < state.blkIndent:
            break  # the list or the quote ends
        inside = bool(quote) and _last_place(state, quote) >= state.bMarks[number]
        fence = FENCE.fullmatch(line)
        if fence and not inside and not state.is_code_block(number) and _closes(fence, marker):
            following, closed = number + 1, True
            break
        if fence and not inside and fence[1][0] == marker[0] and fence[2].strip().lower() in PYTHON_TAGS:
            closed = True
            break
        following = number + 1
        beside = CLOSED_BESIDE.fullmatch(line)
        if beside and not inside and beside[2] == marker and not line.startswith("#"):
            lines.append(state.getLines(number, number + 1, state.sCount[start], False).rstrip()[: -len(marker)])
            closed = True
            break
        lines.append(state.getLines(number, number + 1, state.sCount[start], False))
        quote = track_quote(line, quote) if strings else ""
    token = state.push("fence", "code", 0)
    token.info, token.markup, token.map = info, marker, [start, following]
    token.content = "".join(f"{line}\n" for line in lines)
    if not closed and not state.src.endswith("\n"):
        token.content = token.content.removesuffix("\n")
    token.meta = {"closed": closed}
    state.line = following
    return True


def _closes(fence: re.Match[str], marker: str) -> bool:
    return fence[1].startswith(marker) and not fence[2].strip()


def _get_line(state: StateBlock, number: int) -> str:
    """Return a line without its indentation and without what its containers put in front."""
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


def _last_place(state: StateBlock, quote: str) -> int:
    """Return where `quote` stands last: a string that nothing ends is none, but a slip of the model's or of ours."""
    places: dict[Any, int] = state.env.setdefault("last_places", {})
    if quote not in places:
        places[quote] = state.src.rfind(quote)
    return places[quote]
