"""Asks models: what the ledger knows is not asked again, what fails is retried, a budget ends it cleanly.

A model gives an error for a whole stream of requests. The replies that came before it are kept; the rest is asked
again after a pause, in halves, until the request that fails stands alone. That one is tried `retries` more times and
then recorded as failed. Where `HOPELESS` requests in a row come to that, the model itself is at fault: the run ends,
and none of them is recorded, so that the same command asks them again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from ..errors import INFRASTRUCTURE, ModelError
from ..progress import Progress
from ..types import Completion, Model, Request, SamplingParams
from .ledger import Ask, Ledger, Reply, estimated_tokens
from .prompts import Form, prompt

HOPELESS = 10


class BudgetReached(Exception):
    """No further request may be made; says which budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How much is spent, and how long a failing request is tried."""

    budget_requests: int | None = None
    budget_tokens: int | None = None
    """Prompt and completion tokens together; requests under way when it is reached still count."""
    retries: int = 3
    backoff_s: float = 1.0
    """Pause before the first retry; it doubles with each one."""


class Asker:
    """Opens models when they are first needed and closes them in the end; a context manager."""

    def __init__(
        self,
        ledger: Ledger,
        models: Mapping[str, Callable[[], Model]],
        *,
        form: Form,
        patience: Patience,
        progress: Progress,
    ) -> None:
        self._ledger, self._models, self._form = ledger, models, form
        self._patience, self._progress = patience, progress
        self._opened: dict[str, Model] = {}
        self._resources = ExitStack()
        self._hopeless: list[tuple[Ask, ModelError]] = []
        self.asked = 0
        """Requests that went out in this start of the run, those that failed included."""
        self.generating_s = 0.0

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, *exc: object) -> None:
        self._resources.close()

    def release(self) -> None:
        """Close the models for now, so that others have their memory; they are opened again when they are asked."""
        self._resources.close()
        self._opened.clear()

    def ask(self, stage: str, asks: Sequence[Ask]) -> dict[str, Reply]:
        """The reply to each request, by its id.

        Raises:
            BudgetReached: not all of them could be asked.
            ModelError: the model cannot be loaded, or every request fails.
        """
        missing = [ask for ask in asks if ask.digest not in self._ledger.replies]
        if missing:
            self._progress.start(stage, len(missing))
            start = time.monotonic()
            try:
                for params in dict.fromkeys(ask.params for ask in missing):
                    self._attempt([ask for ask in missing if ask.params == params], params, 0)
            finally:
                self.generating_s += time.monotonic() - start
            self._settle()
            self._progress.finish(stage)
        return {ask.id: self._ledger.replies[ask.digest] for ask in asks}

    def _attempt(self, asks: Sequence[Ask], params: SamplingParams, tries: int) -> None:
        error = self._stream(asks, params)
        left = [ask for ask in asks if ask.digest not in self._ledger.replies]
        if not left:
            return
        if error is None:
            self._check_budget()
            error = ModelError("no reply came", exit_code=INFRASTRUCTURE)
        again = error.exit_code == INFRASTRUCTURE and tries < self._patience.retries
        if len(left) == 1 and not again:
            self._give_up(left[0], error)
            return
        if error.exit_code == INFRASTRUCTURE:
            time.sleep(self._patience.backoff_s * 2**tries)
        middle = len(left) // 2
        for part in (left[:middle], left[middle:]):
            if part:
                self._attempt(part, params, tries + 1 if len(left) == 1 else 0)

    def _stream(self, asks: Sequence[Ask], params: SamplingParams) -> ModelError | None:
        """Ask all of them at once and keep what comes; the error that ended it early."""
        model = self._model(asks[0].model)
        by_id = {ask.id: ask for ask in asks}
        try:
            for generated in model.generate(self._requests(asks), params):
                ask = by_id[generated.request_id]
                self._settle()
                self._ledger.record(ask, _reply(ask, generated.completion))
                self._progress.advance(ask.stage, generated.completion.completion_tokens or 0)
        except ModelError as error:
            return error
        return None

    def _requests(self, asks: Sequence[Ask]) -> Iterator[Request]:
        """Those that the budget allows; models read a bounded number ahead of their replies."""
        started = self._ledger.requests
        for number, ask in enumerate(asks):
            if self._over(max(self._ledger.requests, started + number)):
                return
            self.asked += 1
            yield Request(request_id=ask.id, prompt=prompt(ask.text, self._form), seed=ask.seed)

    def _over(self, requests: int) -> str:
        """Which budget is reached with so many requests; "" where none is."""
        patience = self._patience
        if patience.budget_requests is not None and requests >= patience.budget_requests:
            return f"{patience.budget_requests} requests"
        if patience.budget_tokens is not None and self._ledger.tokens >= patience.budget_tokens:
            return f"{patience.budget_tokens} tokens"
        return ""

    def _check_budget(self) -> None:
        if reached := self._over(self._ledger.requests):
            self._settle()
            raise BudgetReached(f"the budget of {reached} is reached")

    def _give_up(self, ask: Ask, error: ModelError) -> None:
        self._hopeless.append((ask, error))
        if len(self._hopeless) >= HOPELESS:
            raise ModelError(
                f"{HOPELESS} requests in a row failed, the last one with: {error}; "
                "what was answered is kept, and the same command goes on from there",
                exit_code=error.exit_code,
            )

    def _settle(self) -> None:
        """Others were answered: the requests that failed are at fault, not the model."""
        for ask, error in self._hopeless:
            self._ledger.record(ask, Reply(text="", error=str(error)))
            self._progress.advance(ask.stage)
        self._hopeless.clear()

    def _model(self, name: str) -> Model:
        if name not in self._opened:
            self._progress.note(f"loading {name}")
            self._opened[name] = self._resources.enter_context(self._models[name]())
        return self._opened[name]


def _reply(ask: Ask, completion: Completion) -> Reply:
    prompted, completed = completion.prompt_tokens, completion.completion_tokens
    return Reply(
        text=completion.text,
        finish_reason=completion.finish_reason,
        prompt_tokens=estimated_tokens(ask.text) if prompted is None else prompted,
        completion_tokens=estimated_tokens(completion.text) if completed is None else completed,
    )
