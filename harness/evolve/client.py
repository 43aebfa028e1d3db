"""Ask models: requests in the ledger are not repeated, failed ones are retried, a budget ends the run cleanly.

A model gives an error for a whole stream of requests. The replies that came before it are kept; the rest is asked
again after a pause, in halves, until the request that fails stands alone. That one is tried `retries` more times and
then recorded as failed. Where `HOPELESS` requests in a row come to that, the model itself is at fault: the run ends,
and none of them is recorded, so that the same command asks them again.

A reasoning model's reply is its answer alone. A judge that was cut within its reasoning, because its limit is made for
a word, is asked again with room for reasoning.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from ..errors import INFRASTRUCTURE, ModelError
from ..extraction.reasoning import lacks_answer, split_reasoning
from ..optional import get_remarks
from ..progress import Progress
from ..tasks.thinking import REASONING_TOKENS, complete
from ..types import Completion, Model, Request, SamplingParams
from .elimination import UNCLOSED
from .ledger import Ledger, Query, QueryReply, estimate_tokens
from .prompts import Form, format_prompt

HOPELESS = 10


class BudgetReached(Exception):
    """No further request may be made; says which budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimits:
    """Budgets of a run, and retries of a failing request."""

    budget_requests: int | None = None
    budget_tokens: int | None = None
    """Prompt and completion tokens together; requests under way when it is reached still count."""
    retries: int = 3
    backoff_s: float = 1.0
    """Pause before the first retry; it doubles with each one."""


class ModelClient:
    """Client of the models: opens each when it is first needed and closes all at the end; a context manager."""

    def __init__(
        self,
        ledger: Ledger,
        models: Mapping[str, Callable[[], Model]],
        *,
        form: Form,
        limits: RequestLimits,
        progress: Progress,
    ) -> None:
        self._ledger, self._models, self._form = ledger, models, form
        self._limits, self._progress = limits, progress
        self._opened: dict[str, Model] = {}
        self._resources = ExitStack()
        self._hopeless: list[tuple[Query, ModelError]] = []
        self.requests_sent = 0
        """Requests that went out in this start of the run, those that failed included."""
        self.generating_s = 0.0
        self._told: set[str] = set()
        """Remarks of the models that were shown."""

    def __enter__(self) -> ModelClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self._resources.close()

    def release(self) -> None:
        """Close the models for now, so that others have their memory; they are opened again when they are asked."""
        self._resources.close()
        self._opened.clear()

    def fetch_replies(self, stage: str, queries: Sequence[Query]) -> dict[str, QueryReply]:
        """Return the reply to each request, by its id.

        Raises:
            BudgetReached: not all of them could be asked.
            ModelError: the model cannot be loaded, or every request fails.
        """
        missing = [query for query in queries if query.digest not in self._ledger.replies]
        if missing:
            self._progress.start(stage, len(missing))
            start = time.monotonic()
            try:
                for params in dict.fromkeys(query.params for query in missing):
                    self._attempt([query for query in missing if query.params == params], params, 0)
            finally:
                self.generating_s += time.monotonic() - start
            self._settle()
            self._progress.finish(stage)
        return {query.id: self._ledger.replies[query.digest] for query in queries}

    def _attempt(self, queries: Sequence[Query], params: SamplingParams, tries: int) -> None:
        error = self._stream(queries, params)
        left = [query for query in queries if query.digest not in self._ledger.replies]
        if not left:
            return
        if error is None:
            self._check_budget()
            error = ModelError("no reply came", exit_code=INFRASTRUCTURE)
        again = error.exit_code == INFRASTRUCTURE and tries < self._limits.retries
        if len(left) == 1 and not again:
            self._give_up(left[0], error)
            return
        if error.exit_code == INFRASTRUCTURE:
            time.sleep(self._limits.backoff_s * 2**tries)
        middle = len(left) // 2
        for part in (left[:middle], left[middle:]):
            if part:
                self._attempt(part, params, tries + 1 if len(left) == 1 else 0)

    def _stream(self, queries: Sequence[Query], params: SamplingParams) -> ModelError | None:
        """Send all requests at once and record the replies; return the error that ended it early."""
        model = self._open_model(queries[0].model)
        by_id = {query.id: query for query in queries}
        longer: list[Query] = []
        try:
            for generated in complete(model, self._build_requests(queries), params):
                query, completion = by_id[generated.request_id], generated.completion
                if query.stage == "judge" and completion.finish_reason == "length" and lacks_answer(completion):
                    longer.append(query)
                else:
                    self._record(query, completion)
            more = replace(params, max_tokens=params.max_tokens + REASONING_TOKENS)
            for generated in complete(model, self._build_requests(longer), more):
                self._record(by_id[generated.request_id], generated.completion)
        except ModelError as error:
            return error
        finally:
            for remark in get_remarks(model):
                if remark not in self._told:
                    self._told.add(remark)
                    self._progress.note(remark)
        return None

    def _record(self, query: Query, completion: Completion) -> None:
        self._settle()
        self._ledger.record(query, _build_reply(query, completion))
        self._progress.advance(query.stage, completion.completion_tokens or 0)

    def _build_requests(self, queries: Sequence[Query]) -> Iterator[Request]:
        """Yield the requests that the budget allows; models read a bounded number ahead of their replies."""
        started = self._ledger.requests
        for number, query in enumerate(queries):
            if self._find_spent_budget(max(self._ledger.requests, started + number)):
                return
            self.requests_sent += 1
            yield Request(request_id=query.id, prompt=format_prompt(query.text, self._form), seed=query.seed)

    def _find_spent_budget(self, requests: int) -> str:
        """Return which budget is spent after `requests` requests; "" if none is."""
        limits = self._limits
        if limits.budget_requests is not None and requests >= limits.budget_requests:
            return f"{limits.budget_requests} requests"
        if limits.budget_tokens is not None and self._ledger.tokens >= limits.budget_tokens:
            return f"{limits.budget_tokens} tokens"
        return ""

    def _check_budget(self) -> None:
        if reached := self._find_spent_budget(self._ledger.requests):
            self._settle()
            raise BudgetReached(f"the budget of {reached} is reached")

    def _give_up(self, query: Query, error: ModelError) -> None:
        self._hopeless.append((query, error))
        if len(self._hopeless) >= HOPELESS:
            raise ModelError(
                f"{HOPELESS} requests in a row failed, the last one with: {error}; "
                "what was answered is kept, and the same command goes on from there",
                exit_code=error.exit_code,
            )

    def _settle(self) -> None:
        """Record the failed requests as failed: others were answered, so the model is not at fault."""
        for query, error in self._hopeless:
            self._ledger.record(query, QueryReply(text="", error=str(error)))
            self._progress.advance(query.stage)
        self._hopeless.clear()

    def _open_model(self, name: str) -> Model:
        if name not in self._opened:
            self._progress.note(f"loading {name}")
            self._opened[name] = self._resources.enter_context(self._models[name]())
        return self._opened[name]


def _build_reply(query: Query, completion: Completion) -> QueryReply:
    prompted, completed = completion.prompt_tokens, completion.completion_tokens
    parted = split_reasoning(completion.text)
    unclosed = lacks_answer(completion)
    return QueryReply(
        text="" if unclosed else parted.answer,
        finish_reason=UNCLOSED if unclosed else completion.finish_reason,
        prompt_tokens=estimate_tokens(query.text) if prompted is None else prompted,
        completion_tokens=estimate_tokens(completion.reasoning + completion.text) if completed is None else completed,
    )
