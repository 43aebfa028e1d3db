"""Find the code that solves a problem in a chat model's answer.

The last block that really defines the entry point counts, since drafts and signatures come first. Of that block
`harness.extraction.slicing` keeps what the entry point needs. An answer without such a block may hold a body for the
prompt's function, or code without a fence.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from ..types import Problem
from .markdown import Block, find_blocks, track_quote
from .slicing import keep_reachable
from .syntax import find_error, implements, parse_python

CODE_START = re.compile(
    r"""import[ ]+[\w.]+(?:[ ]+as[ ]+\w+)?(?:[ ]*,.*)?[ ]*(?:\#.*)?$
    |from[ ]+[\w.]+[ ]+import\b
    |(?:async[ ]+)?def[ ]+\w+[ ]*\(
    |class[ ]+\w+[ ]*[:(]
    |@\w
    |[A-Za-z_][\w.]*(?:[ ]*:[^=]+)?[ ]*=(?!=)""",
    re.VERBOSE,
)
"""Matches a line that starts code at the left margin."""

PROSE = re.compile(r"""[A-Z`][\w`'-]*[,:]?[ ]+[\w`'"(]|[A-Z]\w*:[ ]*$|[-*][ ]|\d+\.[ ]|\*\*|<""")
"""Matches a line at the left margin where code has ended and prose begins again."""

WRAPPERS = (
    ("[PYTHON]", "[/PYTHON]"),
    ("<answer>", "</answer>"),
    ("<solution>", "</solution>"),
    ("<|begin_of_solution|>", "<|end_of_solution|>"),
    ("<code>", "</code>"),
    ("<python>", "</python>"),
    ("[ANSWER]", "[/ANSWER]"),
)
"""What models put around code instead of a fence, or around the fence."""
INLINE_FENCE = re.compile(r"^(?P<before>[^`\n]*[^`\s])[ \t]*(?P<fence>```(?:py|python|python3)[ \t]*)$", re.M | re.I)
"""A fence that opens at the end of a line of prose."""
MAGIC = re.compile(r"^(?:[%!?]{1,2}[\w(]|\$ ).*$", re.M)
"""A notebook's or a shell's command."""
CONSOLE = re.compile(r"^(?:>>>|\.\.\.)(?: |$)", re.M)
TESTS_READ = 20_000
"""Characters of a problem's tests in which names are looked for; longer tests are data."""
STATEMENT = re.compile(r"[^\s#)\]}]")
"""Begins a line with which a statement at the left margin may begin."""
MOST_CUTS = 4
MOST_DROPPED = 10
"""Dropped statements that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The code of an answer, and how it was found."""

    code: str
    notes: dict[str, Any] = field(default_factory=dict)
    """JSON-ready: `block`, `of`, `why`, `dropped`, `borrowed`."""


def find_code(
    text: str, problem: Problem, *, pick: Literal["first", "last"], whole: bool, cut_at: Sequence[str] = ()
) -> Answer:
    """Return the code in `text` that solves `problem`.

    `whole` keeps a block as it is. `cut_at` ends code that is no valid Python, case-insensitively, after the entry
    point's definition.
    """
    entry = problem.entry_point
    chosen = _choose(text, entry, pick)
    code = _dedent_definition(_drop_blank_head(chosen.code).rstrip(), entry)
    notes = dict(chosen.notes)
    if whole:
        return Answer(code=code, notes=notes)
    valid = _make_valid(code, entry)
    if valid is None:
        return Answer(code=_cut(code, entry, cut_at), notes=notes)
    if valid != code:
        notes["mended"] = "lines that are no Python are left out"
    tree = parse_python(valid)
    assert tree is not None
    part = keep_reachable(valid, tree, entry, also=_list_names(problem.tests[:TESTS_READ]), others=chosen.others)
    if part.dropped:
        more = len(part.dropped) - MOST_DROPPED
        notes["dropped"] = [*part.dropped[:MOST_DROPPED], *([f"{more} more"] if more > 0 else [])]
    if part.borrowed:
        notes["borrowed"] = list(part.borrowed)
    return Answer(code=part.code, notes=notes)


def defines(code: str, name: str) -> bool:
    """Tell whether `code` defines `name` at the left margin (def, class or assignment)."""
    return _find_definition(code, name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    code: str
    notes: dict[str, Any]
    others: tuple[str, ...] = ()
    """Code of the blocks beside it."""


def _choose(text: str, entry: str, pick: Literal["first", "last"]) -> _Choice:
    blocks = find_blocks(text)
    solving = _find_solving(text, entry)
    if solving:
        found, numbers = solving
        number = numbers[0] if pick == "first" else numbers[-1]
        why = f"the {pick} of {len(numbers)} that define {entry}" if len(numbers) > 1 else f"defines {entry}"
        others = tuple(block.code for at, block in enumerate(found) if at != number and block.may_be_python)
        return _Choice(code=found[number].code, notes=_describe(number, found, why), others=others)
    if wrapped := _find_wrapped(text, entry):
        return _Choice(code=wrapped, notes={"why": "between tags"})
    head = text if not blocks else "\n".join(text.split("\n")[: blocks[0].first_line])
    if _drop_blank_head(head).startswith(" ") or defines(head, entry):
        # The code came first and the only fences follow it: an example, or the end of a block that the prompt opened.
        return _Choice(code=_drop_prose(head), notes={"why": "code before any fence"})
    python = [number for number, block in enumerate(blocks) if block.may_be_python and block.code.strip()]
    if python:
        bodies = [number for number in python if _drop_blank_head(blocks[number].code).startswith((" ", "\t"))]
        number = bodies[-1] if bodies else python[0]
        why = "a body" if bodies else f"no block defines {entry}; the first one"
        return _Choice(code=blocks[number].code, notes=_describe(number, blocks, why))
    return _Choice(code=_drop_prose(text), notes={"why": "no fence"})


def _describe(number: int, blocks: Sequence[Block], why: str) -> dict[str, Any]:
    return {"block": number + 1, "of": len(blocks), "why": why}


def _find_solving(text: str, entry: str) -> tuple[list[Block], list[int]] | None:
    """Return the blocks and which of them really define `entry`, by the first reading of fences that finds one."""
    stated: tuple[list[Block], list[int]] | None = None
    for blocks in _read_fences(text):
        flat = [textwrap.dedent(block.code) for block in blocks]
        stating = [number for number, code in enumerate(flat) if defines(code, entry)]
        solving = [
            number for number in stating if (valid := _make_valid(flat[number], entry)) and _implements(valid, entry)
        ]
        if solving:
            return blocks, solving
        stated = stated or (blocks, stating) if stating else stated
    return stated


def _read_fences(text: str) -> Iterator[list[Block]]:
    yield find_blocks(text)
    yield find_blocks(text, strings=False)
    yield find_blocks(text, deep=True)
    yield find_blocks(INLINE_FENCE.sub(r"\g<before>\n\g<fence>", text))


def _find_wrapped(text: str, entry: str) -> str | None:
    """Return the last text between tags that defines `entry`."""
    lowered = text.lower()
    for opening, closing in WRAPPERS:
        start = lowered.rfind(opening.lower())
        if start < 0:
            continue
        start += len(opening)
        end = lowered.find(closing.lower(), start)
        inner = _drop_prose(text[start : end if end >= 0 else len(text)])
        if defines(textwrap.dedent(inner), entry):
            return inner
    return None


def _implements(code: str, entry: str) -> bool:
    tree = parse_python(code)
    return tree is not None and implements(tree, entry)


def _make_valid(code: str, entry: str) -> str | None:
    """Return `code` as Python that defines `entry`, without a notebook's commands or what follows an error."""
    for attempt in (code, MAGIC.sub("", code), CONSOLE.sub("", code)):
        if (attempt is code or attempt != code) and defines(attempt, entry) and (cut := _cut_at_error(attempt, entry)):
            return cut
    return None


def _cut_at_error(code: str, entry: str) -> str | None:
    """Return the statements before the first error; None if they do not define `entry`."""
    lines = code.split("\n")
    for _ in range(MOST_CUTS):
        valid = "\n".join(lines)
        error = find_error(valid)
        if error is None:
            return valid if defines(valid, entry) else None
        end = min(error, len(lines)) - 1
        while end > 0 and not STATEMENT.match(lines[end]):
            end -= 1
        lines = lines[:end]
    return None


def _cut(code: str, entry: str, cut_at: Sequence[str]) -> str:
    definition = _find_definition(code, entry)
    ends = re.compile("|".join(map(re.escape, cut_at)) or r"\Z", re.IGNORECASE)
    end = ends.search(code, definition.end() if definition else 0)
    return code[: end.start() if end else len(code)].rstrip()


@lru_cache(maxsize=2048)
def _list_names(tests: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W\d]\w*", tests))


def _find_definition(code: str, name: str) -> re.Match[str] | None:
    name = re.escape(name)
    pattern = rf"^(?:(?:async[ \t]+)?(?:def|class)[ \t]+{name}\b|{name}[ \t]*(?::[^=\n]*)?=(?!=))"
    return re.search(pattern, code, re.MULTILINE)


def _dedent_definition(code: str, entry: str) -> str:
    """Dedent a whole solution, which would otherwise become a nested function of the prompt's function."""
    flat = textwrap.dedent(code)
    return flat if not defines(code, entry) and defines(flat, entry) else code


def _drop_prose(text: str) -> str:
    """Return an answer without fences from its first line of code to where prose begins again."""
    lines = text.split("\n")
    first = next((line for line in lines if line.strip()), "")
    starts = [at for at, line in enumerate(lines) if CODE_START.match(line)]
    indented = [at for at, line in enumerate(lines) if line.startswith(" ") and line.strip()]
    if first.startswith(" ") or not starts:
        starts = indented
    if not starts:
        return text
    kept: list[str] = []
    quote = ""
    for line in lines[starts[0] :]:
        if not quote and PROSE.match(line) and not CODE_START.match(line):
            break
        kept.append(line)
        quote = track_quote(line, quote)
    return "\n".join(kept)


def _drop_blank_head(code: str) -> str:
    return re.sub(r"\A(?:[ \t]*\n)+", "", code)
