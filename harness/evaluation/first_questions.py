"""Ask the first questions of a benchmark that asks twice, and make the second ones of their answers.

Answers are kept in the run folder as they finish, so that a run that was killed asks none of them again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from ..tasks.suite import Suite
from ..types import CodeForm, Generated, Request
from .budget import Budget
from .session import Session

STAGE = "first answers"


def ask_first(
    session: Session,
    suite: Suite,
    requests: Sequence[Request],
    answer: Callable[[Iterable[Request]], Iterator[Generated]],
    budget: Budget | None,
) -> list[Request]:
    """Return the requests of the second questions, one per sample, as far as the first ones were answered.

    `requests` are those of the first questions; `answer` yields a model's answers to requests.
    """
    folder = session.folder
    singles = [single for request in requests for single in _split(request)]
    keys = {
        (single.request_id, single.start): (suite.name, suite.requests[single.request_id].task_id, single.start)
        for single in singles
    }
    missing = [single for single in singles if keys[single.request_id, single.start] not in folder.first_answers]
    if missing:
        session.progress.start(STAGE, len(missing))
        session.clock.touch("generate")
        session.record_request()
        for generated in answer(missing if budget is None else budget.limit_requests(missing)):
            session.clock.touch("generate")
            session.record_completion(generated)
            _, task_id, index = keys[generated.request_id, generated.index]
            sample = suite.attach_code(task_id, index, generated.completion, "", CodeForm.COMPLETION)
            folder.append_first_answer(sample)
            session.progress.advance(STAGE, generated.completion.completion_tokens or 0)
            if budget is not None:
                budget.record_sample(sample)
        session.progress.finish(STAGE)
    answered = [single for single in singles if keys[single.request_id, single.start] in folder.first_answers]
    return [
        replace(
            single,
            prompt=suite.build_second_prompt(
                suite.requests[single.request_id],
                folder.first_answers[keys[single.request_id, single.start]].completion,
            ),
        )
        for single in answered
    ]


def _split(request: Request) -> Iterator[Request]:
    """Yield a request for each of its samples."""
    for offset in range(request.count):
        yield replace(request, start=request.start + offset, count=1, seed=request.seed + offset)
