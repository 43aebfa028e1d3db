"""Part a completion into the model's reasoning and its answer.

Models mark their reasoning in the text itself, each family in its own way; `MARKS` is the table of the ways. A server
may send it apart instead, and then there is nothing to part.

A sample's `extraction` says of its reasoning: "closed" (taken off the text), "apart" (sent so by the server) or
"unclosed" (no answer).

Sources: the models' own chat templates and the reasoning parsers of vLLM (docs.vllm.ai, "Reasoning Outputs"); for
gpt-oss, OpenAI's harmony format (github.com/openai/harmony).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .markdown import find_blocks

Mark = tuple[str, str]
"""What opens and what closes a reasoning."""

MARKS: tuple[Mark, ...] = (
    ("<think>", "</think>"),  # DeepSeek-R1, Qwen3, QwQ, GLM-4.5, SmolLM3
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),  # EXAONE Deep
    ("<reasoning>", "</reasoning>"),
    ("<reason>", "</reason>"),
    ("<reflection>", "</reflection>"),
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("[THINK]", "[/THINK]"),  # Magistral
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A Reasoning
    ("<|begin_of_thought|>", "<|end_of_thought|>"),  # Sky-T1, OpenThinker
    ("◁think▷", "◁/think▷"),  # Kimi-VL
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),  # gpt-oss
    ("<|channel|>commentary<|message|>", "<|channel|>final<|message|>"),
)
"""A text that opens with the first and lacks the second was cut before its answer."""

PROSE_MARKS: tuple[Mark, ...] = (
    ("analysis", "assistantfinal"),  # gpt-oss without its special tokens
    ("Here is my thought process:", "Here is my response:"),  # Granite 3.2
    ("Here's my thought process:", "Here's my response:"),
)
"""Words that may also be an answer's own: they count at the very beginning, and only if both are there."""

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
    for found in pattern.finditer(text):
        at = found.start(1)
        if found.start() > beginning:
            if fenced is None:
                fenced = {number for block in find_blocks(text) for number in range(block.first_line, block.end_line)}
            line, counted = line + text.count("\n", counted, at), at
            if line in fenced:
                continue
        return found.start(), re.compile(re.escape(found[1]), re.I).match(text, at)
    return len(text), None


def _find_closing(text: str, marks: Sequence[Mark]) -> re.Match[str] | None:
    """Return the first mark that closes a reasoning which nothing opened; code may quote one."""
    lowered = text.lower()
    for found in re.finditer(rf"(?<![\"'`])(?:{_match_any(closing for _, closing in marks)})(?![\"'`])", text, re.I):
        openings = [opening.lower() for opening, closing in marks if closing.lower() == found[0].lower()]
        if not any(0 <= lowered.find(opening) < found.start() for opening in openings):
            return found
    return None


def _match_any(texts: Iterable[str]) -> str:
    return "|".join(re.escape(text) for text in dict.fromkeys(texts))
