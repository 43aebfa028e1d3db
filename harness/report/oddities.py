"""Find answers that can hardly pass, by what is odd about them; a recipe that does not fit the checkpoint shows here.

Limit: a completion that begins indented is assumed to continue the prompt's function, whatever it does.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..extraction.answers import defines
from ..extraction.reasoning import lacks_answer
from ..types import CodeForm, Sample, Status

TRUNCATED = "truncated"
EMPTY = "empty"
NO_CODE = "no code"
NOT_PARSING = "not parsing"
NO_ENTRY_POINT = "no entry point"
UNANSWERED = "no answer"

DESCRIPTIONS = {
    TRUNCATED: "ended at the token limit; a larger --max-tokens may score higher",
    EMPTY: "are empty; the prompt format may not be the checkpoint's (`harness run --preview` shows it)",
    NO_CODE: "hold no code that the extraction rule finds (`harness score RUN --extractors all` tries the others)",
    NOT_PARSING: "do not parse or compile; extraction or recipe may not fit the checkpoint",
    NO_ENTRY_POINT: "do not define the function that is called; extraction or recipe may not fit the checkpoint",
    UNANSWERED: "ended within their reasoning and hold no answer; give a larger --max-tokens or a --thinking-budget",
}
"""Kind -> the end of a sentence about these samples."""


def find_oddities(sample: Sample, status: Status, entry_point: str | None) -> Iterator[str]:
    """Yield what is odd about a judged sample; an answer that is empty or missing is nothing else but truncated.

    `entry_point` is the function that the tests call, if the benchmark names one.
    """
    if sample.completion.finish_reason == "length":
        yield TRUNCATED
    if lacks_answer(sample.completion):
        yield UNANSWERED
    elif not sample.completion.text.strip():
        yield EMPTY
    elif not sample.code.strip():
        yield NO_CODE
    elif status is Status.SYNTAX_ERROR:
        yield NOT_PARSING
    elif entry_point and not _continues_prompt(sample) and not defines(sample.code, entry_point):
        yield NO_ENTRY_POINT


def _continues_prompt(sample: Sample) -> bool:
    """Tell whether the code continues the function that the prompt began."""
    first = next(line for line in sample.code.splitlines() if line.strip())
    return sample.form is CodeForm.COMPLETION and first.startswith((" ", "\t"))
