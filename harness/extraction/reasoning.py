"""Part a completion into the model's reasoning and its answer.

Models mark their reasoning in the text itself, each family in its own way; `MARKS` is the table of the ways. A server
may send it apart instead, and then there is nothing to part.

A sample's `extraction` says of its reasoning: "closed" (taken off the text), "apart" (sent so by the server) or
"unclosed" (no answer).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..models.thinking import MARKS, Mark
from ..types import Completion
from .markdown import find_blocks

PROSE_MARKS: tuple[Mark, ...] = (
    ("analysis", "assistantfinal"),  # gpt-oss without its special tokens
    ("Here is my thought process:", "Here is my response:"),  # Granite 3.2
    ("Here's my thought process:", "Here's my response:"),
)
"""Words that may also be an answer's own: they count at the very beginning, and only if both are there."""

CLOSINGS = re.compile("|".join(dict.fromkeys(re.escape(closing) for _, closing in MARKS)), re.I)
LONGEST = max(len(closing) for _, closing in MARKS)
ENDINGS = re.compile(r"\s*<\|(?:return|end)\|>\s*\Z")
"""Tokens of harmony after an answer."""
MOST_PARTS = 32
"""Reasonings that are taken off one text, each between two parts of the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """The two parts of a completion."""

    reasoning: str
    answer: str
    closed: bool = True
    """False: the text ended within the reasoning; `answer` is what stood before it, mostly nothing."""


def split_reasoning(text: str, more: Sequence[Mark] = ()) -> Parted:
    """Split `text` into reasoning and answer by `MARKS` and `more`; a text without marks is all answer.

    A mark that closes counts without the one that opens, which may have stood in the chat template. One that opens
    counts at the beginning of a line outside a fence.
    """
    marks = (*MARKS, *more)
    if parted := _split_prose(text):
        return parted
    thoughts: list[str] = []
    answers: list[str] = []
    rest = text
    for _ in range(MOST_PARTS):
        start, opening = _find_opening(rest, marks)
        if not thoughts and (end := _find_closing(rest[:start], marks)):
            # What the template opened.
            thoughts.append(rest[: end.start()])
            rest = rest[end.end() :]
            continue
        if opening is None:
            break
        answers.append(rest[:start])
        closings = [closing for first, closing in marks if first.lower() == opening[0].lower()]
        inner = rest[opening.end() :]
        if not (end := re.search(_match_any(closings), inner, re.I)):
            return Parted(reasoning="".join([*thoughts, inner]), answer="".join(answers), closed=False)
        thoughts.append(inner[: end.start()])
        rest = inner[end.end() :]
    return Parted(reasoning="\n".join(thoughts), answer="".join(answers) + ENDINGS.sub("", rest))


def lacks_closing(text: str) -> bool:
    """Tell whether no mark in `text` closes a reasoning that stood open before it."""
    return not CLOSINGS.search(text)


def lacks_answer(completion: Completion) -> bool:
    """Tell whether a completion ended within its reasoning."""
    if completion.reasoning:
        return not completion.text.strip()
    return not split_reasoning(completion.text).closed


def cut_at_stop(text: str, stop: Sequence[str], *, opened: bool = False) -> str:
    """Cut a completion at the first stop string in its answer; those in its reasoning do not count.

    `opened` says that the prompt opened the reasoning.
    """
    opened = opened or _find_closing(text[: _find_opening(text, MARKS)[0]], MARKS) is not None
    start = 0
    while True:
        place = min((place for one in stop if (place := text.find(one, start)) >= 0), default=len(text))
        before = text[:place]
        if split_reasoning(before).closed and not (opened and lacks_closing(before)):
            return before
        if not (closing := CLOSINGS.search(text, place)):
            return text
        start = closing.end()


def split_stream(pieces: Iterable[str], *, opened: bool = False) -> Iterator[tuple[bool, str]]:
    """Split an answer that comes in pieces: yield each piece of text, and whether it is reasoning, as it comes.

    Only a reasoning at the beginning is found. `opened` says that the prompt opened it.
    """
    inside: bool | None = opened or None
    held, trim = "", False
    for piece in pieces:
        held += piece
        if inside is None:
            begun = held.lstrip()
            if any(first.lower().startswith(begun.lower()) and begun.lower() != first.lower() for first, _ in MARKS):
                continue
            opening = next((first for first, _ in MARKS if begun.lower().startswith(first.lower())), None)
            inside = opening is not None
            held = begun[len(opening or "") :] if inside else held
        if inside:
            if closing := CLOSINGS.search(held):
                yield True, held[: closing.start()]
                inside, held = False, held[closing.end() :]
                trim = True
            elif len(held) > LONGEST:
                # The rest may be the beginning of a mark.
                yield True, held[:-LONGEST]
                held = held[-LONGEST:]
        if inside is False:
            # Blank lines after the mark are no part of the answer.
            held = held.lstrip("\n") if trim else held
            if held:
                yield False, held
                held, trim = "", False
    if held:
        yield bool(inside), held


def _split_prose(text: str) -> Parted | None:
    """Split a text whose reasoning is marked by plain words."""
    for opening, closing in PROSE_MARKS:
        if text.lstrip().startswith(opening) and closing in text:
            before, _, answer = text.partition(closing)
            return Parted(reasoning=before.lstrip().removeprefix(opening), answer=answer)
    return None


def _find_opening(text: str, marks: Sequence[Mark]) -> tuple[int, re.Match[str] | None]:
    """Return where the answer ends and a reasoning begins, and its mark; the text's end and None if there is none."""
    pattern = re.compile(rf"(?<![^\n])[ \t]*(?:<\|start\|>assistant)?({_match_any(first for first, _ in marks)})", re.I)
    beginning = len(text) - len(text.lstrip())
    fenced: set[int] | None = None
    line = counted = 0
    for match in pattern.finditer(text):
        at = match.start(1)
        if match.start() > beginning:
            if fenced is None:
                fenced = {number for block in find_blocks(text) for number in range(block.first_line, block.end_line)}
            line, counted = line + text.count("\n", counted, at), at
            if line in fenced:
                continue
        return match.start(), re.compile(re.escape(match[1]), re.I).match(text, at)
    return len(text), None


def _find_closing(text: str, marks: Sequence[Mark]) -> re.Match[str] | None:
    """Return the first mark that closes a reasoning which nothing opened; code may quote one."""
    lowered = text.lower()
    for match in re.finditer(rf"(?<![\"'`])(?:{_match_any(closing for _, closing in marks)})(?![\"'`])", text, re.I):
        openings = [opening.lower() for opening, closing in marks if closing.lower() == match[0].lower()]
        if not any(0 <= lowered.find(opening) < match.start() for opening in openings):
            return match
    return None


def _match_any(texts: Iterable[str]) -> str:
    return "|".join(re.escape(text) for text in dict.fromkeys(texts))
