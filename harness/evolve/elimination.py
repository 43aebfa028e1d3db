"""Decide which evolved instructions and answers are rejected, and why: pure functions.

The first four reasons are the paper's (Xu et al. 2023, "Elimination Evolving"); the others are failures that no
data set should hold. "no-gain" is a judge's word (`prompts.parse_judgement`), or plain to see where the text is a copy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from .cleaning import has_open_fence, share_script


class RejectionReason(StrEnum):
    """Reason of a rejected attempt; its parent stays in the pool and is tried again in the next round."""

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
    REASONING = "unclosed-reasoning"
    """The model reasoned up to its token limit and answered nothing."""
    LANGUAGE = "language"
    """Another script than the parent's."""
    UNCLEAR = "unclear-judge"
    """The judge said neither "Equal" nor "Not Equal", and a clear word is demanded."""
    FAILED = "request-failed"
    """No reply came, however often it was asked for."""
    EXAMPLES = "fails-its-examples"
    """The answer's code fails the examples that stand beside it."""
    NO_TESTS = "no-tests"
    """The answer defines no function, or the model wrote no tests that call it."""
    TESTS = "fails-its-tests"
    """The answer's code fails the tests that the model wrote for it."""
    WEAK_TESTS = "tests-pass-nothing"
    """The tests pass functions without a body."""


SORRY_WORDS = 80
UNCLOSED = "reasoning"
"""Finish reason of a reply that ended within the model's reasoning."""

_STOP_WORDS = (
    "a about above after again against all am an and any are as at be because been before being below between "
    "both but by can cannot could did do does doing down during each few for from further had has have having he "
    "her here hers herself him himself his how i if in into is it its itself just me more most my myself no nor "
    "not now of off on once only or other our ours ourselves out over own same she should so some such than that "
    "the their theirs them themselves then there these they this those through to too under until up very was we "
    "were what when where which while who whom why will with would you your yours yourself yourselves"
)
STOP_WORDS = frozenset(_STOP_WORDS.split())


def check_instruction(
    parent: str, evolved: str, finish_reason: str | None, markers: Iterable[str]
) -> RejectionReason | None:
    """Return why the evolved instruction is rejected, as far as that shows without a judge; None if it is not."""
    if finish_reason == UNCLOSED:
        return RejectionReason.REASONING
    if finish_reason == "length":
        return RejectionReason.TRUNCATED
    if lacks_content(evolved):
        return RejectionReason.NO_CONTENT
    if holds_markers(evolved, markers):
        return RejectionReason.MARKERS
    if fold_text(evolved) == fold_text(parent):
        return RejectionReason.NO_GAIN
    return None if share_script(parent, evolved) else RejectionReason.LANGUAGE


def check_answer(answer: str, finish_reason: str | None) -> RejectionReason | None:
    """Return why the answer is rejected, and the instruction with it; None if it is not."""
    if finish_reason == UNCLOSED:
        return RejectionReason.REASONING
    if finish_reason == "length" or has_open_fence(answer):
        return RejectionReason.TRUNCATED
    if lacks_content(answer):
        return RejectionReason.NO_CONTENT
    if "sorry" in answer.lower() and len(answer.split()) < SORRY_WORDS:
        return RejectionReason.SORRY
    return None


def lacks_content(text: str) -> bool:
    """Tell whether a text is only punctuation and stop words."""
    return all(word in STOP_WORDS for word in re.findall(r"\w+", text.lower().replace("_", " ")))


def holds_markers(text: str, markers: Iterable[str]) -> bool:
    """Tell whether the text repeats words of the template, in any case and spacing."""
    flat = " ".join(re.sub(r"[\s_-]+", " ", text.lower()).split())
    return any(marker in flat for marker in markers)


def fold_text(text: str) -> str:
    """Return the text's words alone, in lower case, to compare it with copies."""
    return " ".join(re.findall(r"\w+|[^\w\s]", text.lower()))
