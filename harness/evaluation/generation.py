"""Generate a run's completions with one engine, loaded once, that may answer for several runs."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config import RunConfig
from ..errors import StoreError
from ..models.adapters import Adapter, parse_adapters
from ..models.options import ModelOptions
from ..models.thinking import TemplateSettings
from ..optional import CanFit, get_remarks
from ..progress import Progress
from ..store import RunFolder
from ..store.provenance import StageTimer
from ..store.records import SampleKey
from ..tasks.suite import Suite
from ..tasks.thinking import SEAM_TOKENS, complete, find_token_limit
from ..types import Generated, Model, Request, Sample
from .backend import Backend, LocalBackend
from .budget import Budget
from .first_questions import ask_first
from .session import Session
from .sharing import SharedQuestions

LOG = "engine.log"
"""File for the output of the model's engine, in the folder of the first run that needs it."""


def build_model_options(config: RunConfig, log_file: Path | None) -> ModelOptions:
    """Build the options that the model is loaded with.

    Raises:
        HarnessError: an adapter is missing or damaged.
    """
    return ModelOptions(
        dtype=config.dtype or "auto",
        quantization=config.quantization,
        tensor_parallel_size=config.tensor_parallel_size or 1,
        pipeline_parallel_size=config.pipeline_parallel_size or 1,
        max_model_len=config.max_model_len,
        gpu_memory_utilization=config.gpu_memory_utilization,
        batch_size=config.batch_size,
        engine_args=config.engine_args,
        adapters=parse_adapters(config.lora),
        template=TemplateSettings(thinking=config.thinking, args=config.chat_template_args),
        log_file=log_file,
        seed=config.seed,
        trust_remote_code=config.trust_remote_code,
        allow_pickle=config.allow_pickle,
    )


def settle_token_limit(config: RunConfig, suites: Sequence[Suite], backend: Backend) -> RunConfig:
    """Return the configuration with room for reasoning, if the model may reason and no limit was given.

    The limit is part of a run's identity, so it is settled before the run is planned.

    Raises:
        HarnessError: the model cannot be opened, or its chat template cannot do what is asked of it.
    """
    chats = [suite for suite in suites if suite.recipe is not None and suite.recipe.kind == "chat"]
    asked = config.thinking != "auto" or config.chat_template_args
    if not chats or (config.max_tokens is not None and not asked):
        return config
    model = backend.open_model(config.model, backend=config.backend, options=build_model_options(config, None))
    prompt = chats[0].build_prompt(next(iter(chats[0].problems.values())))
    if asked:
        # A template without the switch is refused before anything is begun.
        model.render(prompt)
    if config.max_tokens is not None:
        return config
    longest = max(suite.build_params(config).max_tokens for suite in chats)
    limit = find_token_limit(model, prompt, longest, config.thinking_budget)
    return config if limit is None else replace(config, max_tokens=limit)


class Engine:
    """The model of a configuration: opened on first use, loaded for its first completion."""

    def __init__(
        self, config: RunConfig, suites: Sequence[Suite], stack: ExitStack, backend: Backend | None = None
    ) -> None:
        self.config = config
        self.backend: Backend = backend or LocalBackend()
        self.suites = suites
        self._stack = stack
        self._model: Model | None = None
        self._loaded = False
        self._questions: SharedQuestions | None = None

    def find_model(self, log_file: Path) -> Model:
        """Return the model without loading its weights."""
        if self._model is None:
            options = build_model_options(self.config, log_file)
            self._model = self.backend.open_model(self.config.model, backend=self.config.backend, options=options)
        return self._model

    def find_questions(self, log_file: Path) -> SharedQuestions:
        """Return the questions that the benchmarks share; the weights are not loaded."""
        if self._questions is None:
            self._questions = SharedQuestions(self.config, self.suites, self.find_model(log_file).render)
        return self._questions

    def load(self, log_file: Path) -> bool:
        """Load the weights until the stack is closed; return False if they were loaded already."""
        if self._loaded:
            return False
        model = self.find_model(log_file)
        if self.config.max_model_len is None and isinstance(model, CanFit):
            seam = SEAM_TOKENS if self.config.thinking_budget else 0
            model.fit(self._count_needed_tokens(model) + seam)
        self._stack.enter_context(model)
        self._loaded = True
        return True

    def _count_needed_tokens(self, model: Model) -> int:
        """Count the tokens of the longest prompt and its answers together."""
        return max(
            len(model.render(suite.build_prompt(problem)).token_ids or ())
            # the second prompt has the first answer in place of the code that it is about
            + suite.build_params(self.config).max_tokens * (2 if suite.asks_twice else 1)
            for suite in self.suites
            for problem in suite.problems.values()
        )


class Source:
    """The completions of one run, from an engine that other runs may share."""

    def __init__(
        self, engine: Engine, path: Path, progress: Progress, *, adapter: Adapter | None = None, order: int = 0
    ) -> None:
        self.config = engine.config
        self.clock = StageTimer()
        self._engine = engine
        self._log = path / LOG
        self._progress = progress
        self._adapter = adapter
        self._order = order
        self._facts: Mapping[str, Any] = {}
        self._checked = False
        self._told = 0
        """Remarks of the model that were shown."""
        self._budget: Budget | None = None

    def open(self) -> Model:
        """Return the model without loading its weights."""
        if not self._facts:
            self._progress.start("load")
            self.clock.touch("load")
            self._facts = self._get_model().describe()
            # Work before the weights, such as the sandbox's check, is not loading.
            self.clock.touch("load")
            self.clock.settle()
        return self._get_model()

    def load(self, folder: RunFolder) -> None:
        """Load the weights; refuse weights that differ from those of an earlier start."""
        if self._checked:
            return
        model = self.open()
        self.clock.touch("load")
        there, here = folder.manifest.get("model", {}).get("weights_digest"), self._facts.get("weights_digest")
        if there not in (None, here):
            raise StoreError(
                f"{folder.path} was made with other weights: {there} there and {here} now; choose another --out"
            )
        self._engine.load(self._log)
        self._checked = True
        self.clock.touch("load")
        self._progress.finish("load")
        # Described again, because an engine knows its dtype and its context only once it is loaded.
        facts = dict(model.describe())
        folder.update_manifest(model=facts)
        if reason := facts.get("backend_reason"):
            self._progress.note(f"backend: {facts['adapter']} ({reason})")
        if note := facts.get("prompt_note"):
            self._progress.note(f"note: {note}")

    def find_sources(self, suite: Suite, present: Container[SampleKey]) -> dict[SampleKey, SampleKey]:
        """Return the missing samples of `suite` that need not be asked for; see `SharedQuestions.find_sources`."""
        return self._engine.find_questions(self._log).find_sources(suite, present)

    def open_budget(self, folder: RunFolder) -> Budget | None:
        """Return what the run in `folder` may spend; None if it has no limit."""
        if self._budget is None and self.config.max_cost is not None:
            self._budget = Budget(self.config, self.open().describe(), folder.list_answers())
        return self._budget

    def generate_samples(self, session: Session, suite: Suite, requests: Sequence[Request]) -> Iterator[Sample]:
        """Yield the answers to `requests` with their code as they finish, as far as the budget goes."""
        if not requests:
            return
        budget = self.open_budget(session.folder)
        model, config = self.open(), self.config
        params = suite.build_params(config)

        def answer(asked: Iterable[Request]) -> Iterator[Generated]:
            return complete(model, asked, params, budget=config.thinking_budget)

        ordered = self._order_requests(requests)
        if suite.asks_twice:
            ordered = ask_first(session, suite, ordered, answer, budget)
        asked = ordered if budget is None else budget.limit_requests(ordered)
        self._progress.start("generate", sum(request.count for request in ordered))
        self.clock.touch("generate")
        session.record_request()
        for generated in answer(asked):
            self.clock.touch("generate")
            self._tell_remarks(model, session.folder)
            session.record_completion(generated)
            self._progress.advance("generate", generated.completion.completion_tokens or 0)
            sample = suite.build_sample(generated)
            yield sample
            if budget is not None:
                budget.record_sample(sample)
                if budget.stops_at_once:
                    break
        self._progress.finish("generate")

    def _tell_remarks(self, model: Model, folder: RunFolder) -> None:
        """Show the model's new remarks, and record the facts that they are about."""
        if new := get_remarks(model)[self._told :]:
            self._told += len(new)
            for remark in new:
                self._progress.note(remark)
            folder.update_manifest(model=dict(model.describe()))

    def _get_model(self) -> Model:
        base = self._engine.find_model(self._log)
        # Only models with `adapted` accept adapters at all.
        model: Model = base if self._adapter is None else base.adapted(self._adapter)  # type: ignore[attr-defined]
        return model

    def _order_requests(self, requests: Sequence[Request]) -> Sequence[Request]:
        """Return the requests in an order of their own for every `order` but 0."""
        if not self._order:
            return requests
        return sorted(
            requests,
            key=lambda request: hashlib.sha256(f"{self._order}\0{request.request_id}".encode()).digest(),
        )
