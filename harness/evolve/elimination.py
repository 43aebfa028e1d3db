"""Which evolved instructions and answers are thrown away, and why: pure functions.

The first four reasons are the paper's (Xu et al. 2023, "Elimination Evolving"); the others are failures that no
data set should hold. "no-gain" is a judge's word (`prompts.judged_equal`), or plain to see where the text is a copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from .cleaning import same_script, unclosed


class Reason(StrEnum):
    """Why an attempt was thrown away; its parent stays in the pool and is tried again in the next round."""

    NO_GAIN = "no-gain"
    """Nothing was added: the judge finds both instructions equal, or the text is a copy."""
    SORRY = "sorry"
    """The answer has "sorry" in it and fewer than 80 words: the model could not."""
    NO_CONTENT = "no-content"
    """Nothing but punctuation and stop words."""
    MARKERS = "markers"
    """Words of the template were copied."""
    TRUNCATED = "truncated"
    """The model was cut at its token limit, or left a fence open."""
    LANGUAGE = "language"
    """Another script than the parent's."""
    UNCLEAR = "unclear-judge"
    """The judge said neither "Equal" nor "Not Equal", and a clear word is demanded."""
    FAILED = "request-failed"
    """No reply came, however often it was asked for."""
    EXAMPLES = "fails-its-examples"
    """The answer's code fails the examples that stand beside it."""


SORRY_WORDS = 80

_STOP_WORDS = (
    "a about above after again against all am an and any are as at be because been before being below between "
    "both but by can cannot could did do does doing down during each few for from further had has have having he "
    "her here hers herself him himself his how i if in into is it its itself just me more most my myself no nor "
    "not now of off on once only or other our ours ourselves out over own same she should so some such than that "
    "the their theirs them themselves then there these they this those through to too under until up very was we "
    "were what when where which while who whom why will with would you your yours yourself yourselves"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())


def of_instruction(parent: str, evolved: str, finish_reason: str | None, markers: Iterable[str]) -> Reason | None:
    """Why the evolved instruction is thrown away, as far as that shows without a judge."""
    if finish_reason == "length":
        return Reason.TRUNCATED
    if without_content(evolved):
        return Reason.NO_CONTENT
    if holds_markers(evolved, markers):
        return Reason.MARKERS
    if folded(evolved) == folded(parent):
        return Reason.NO_GAIN
    return None if same_script(parent, evolved) else Reason.LANGUAGE


def of_answer(answer: str, finish_reason: str | None) -> Reason | None:
    """Why the answer is thrown away, and the instruction with it."""
    if finish_reason == "length" or unclosed(answer):
        return Reason.TRUNCATED
    if without_content(answer):
        return Reason.NO_CONTENT
    if "sorry" in answer.lower() and len(answer.split()) < SORRY_WORDS:
        return Reason.SORRY
    return None


def without_content(text: str) -> bool:
    """Whether there are only punctuation and stop words."""
    return all(word in STOP_WORDS for word in re.findall(r"\w+", text.lower().replace("_", " ")))


def holds_markers(text: str, markers: Iterable[str]) -> bool:
    """Whether the text repeats words of the template, in any case and spacing."""
    flat = " ".join(re.sub(r"[\s_-]+", " ", text.lower()).split())
    return any(marker in flat for marker in markers)


def folded(text: str) -> str:
    """The text's words alone, in lower case: what counts when copies are looked for."""
    return " ".join(re.findall(r"\w+|[^\w\s]", text.lower()))
