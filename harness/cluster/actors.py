"""Actors that run on the nodes: a sandbox that scores, a replica of the model that generates.

Their classes travel by name: every node has the same harness installed.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from .. import __version__
from ..models.adapters import Adapter
from ..models.loading import open_model
from ..models.options import ModelOptions
from ..optional import CanFit, CanReason, HasBatchSize, Idles
from ..sandboxes import open_sandbox
from ..types import (
    Generated,
    Judge,
    Key,
    Model,
    Outcome,
    Program,
    Prompt,
    RenderedPrompt,
    Request,
    SamplingParams,
    Sandbox,
    Trust,
    Work,
)
from .conveyor import Conveyor, Conveyors, Empty
from .gauges import make_counter

POLL_S = 0.2
"""How long a call waits for a first result before it returns without one."""
WORK_S = 0.6
"""How long a sandbox should be busy with what it has been given."""
FEWEST, MOST = 2, 256
"""Programs a sandbox is given at a time, for each that it runs side by side."""
BATCH = 64
"""Samples asked of a model at a time that names no figure of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Programs on their way to a node, and the judges that it was not sent before."""

    programs: Sequence[tuple[int, Program, str]]
    """Each with its number and the name of its judge."""
    judges: Mapping[str, Judge]


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSetup:
    """How each node's sandbox is opened; its number of workers is the seat's."""

    name: str
    environment: str
    trust: Trust
    allow_unsafe: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSetup:
    """How each replica is opened."""

    spec: str
    backend: str
    options: ModelOptions


class Scorer:
    """A sandbox on a node, driven from afar."""

    def __init__(self, setup: SandboxSetup, workers: int, node: str) -> None:
        self._setup, self._workers = setup, workers
        self._judged = make_counter("harness_trials_judged", "Programs judged.", node)
        self._resources = ExitStack()
        self._sandbox: Sandbox | None = None
        self._judges: dict[str, Judge] = {}
        self._conveyors: Conveyors[Work, tuple[Key, Outcome]] = Conveyors()
        self._rate = FEWEST * workers / WORK_S
        self._asked_at = 0.0

    def report_pid(self) -> int:
        """Return the process's id."""
        return os.getpid()

    def open(self) -> Mapping[str, Any]:
        """Start the sandbox; return its description.

        Raises:
            SandboxUnavailable: as `Sandbox`.
        """
        setup = self._setup
        opened = open_sandbox(
            setup.name,
            environment=setup.environment,
            workers=self._workers,
            trust=setup.trust,
            allow_unsafe=setup.allow_unsafe,
        )
        self._sandbox = self._resources.enter_context(opened)
        return {"versions": list_versions(), "sandbox": dict(self._sandbox.describe()), "workers": self._workers}

    def describe(self) -> Mapping[str, Any]:
        """Return what the sandbox says of itself by now."""
        assert self._sandbox is not None
        return dict(self._sandbox.describe())

    def exchange(
        self,
        stream: int,
        order: None,  # noqa: ARG002
        bundle: Bundle,
        count: int,
    ) -> tuple[int, list[tuple[Key, Outcome]]]:
        """Take new programs; return how many the actor may hold from now on, and the finished outcomes."""
        conveyor = self._conveyors.select(stream, self._begin)
        self._judges.update(bundle.judges)
        conveyor.give(((number, program, self._judges[name]) for number, program, name in bundle.programs), count)
        outcomes = conveyor.take(POLL_S)
        now = time.monotonic()
        self._rate += 0.3 * (len(outcomes) / (now - self._asked_at) - self._rate)
        self._asked_at = now
        if outcomes:
            self._judged.inc(len(outcomes))
        most = max(FEWEST, min(MOST, int(WORK_S * self._rate / self._workers)))
        return most * self._workers, outcomes

    def stop(self) -> None:
        """Drop the programs that are under way."""
        self._conveyors.close()

    def close(self) -> None:
        """End the sandbox."""
        self.stop()
        self._resources.close()

    def _begin(self) -> Conveyor[Work, tuple[Key, Outcome]]:
        assert self._sandbox is not None
        self._asked_at = time.monotonic()
        return Conveyor(self._sandbox.run, Empty.WAIT)


class Replica:
    """A model on a node, driven from afar."""

    def __init__(self, setup: ModelSetup, share: tuple[int, int] | None, node: str) -> None:
        # Ray sets it to the CPUs that it reserves; an engine uses those it finds.
        os.environ.pop("OMP_NUM_THREADS", None)
        if share is not None:
            number, of = share
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, cores[number % len(cores) :: of] or cores[-1:])
        self._setup = setup
        self._completions = make_counter("harness_completions", "Completions generated.", node)
        self._tokens = make_counter("harness_completion_tokens", "Tokens generated.", node)
        self._model: Model | None = None
        self._loaded = False
        self._resources = ExitStack()
        self._conveyors: Conveyors[Request, Generated] = Conveyors()
        self._capacity = setup.options.batch_size or BATCH

    def report_pid(self) -> int:
        """Return the process's id."""
        return os.getpid()

    def describe(self) -> tuple[str, Mapping[str, Any], bool]:
        """Return the model's name, its description, and whether it can be fitted to a length."""
        model = self._find_model()
        return model.name, dict(model.describe()), isinstance(model, CanFit)

    def render(self, prompts: Sequence[Prompt]) -> list[RenderedPrompt]:
        """Render each prompt as `Model.render` does."""
        return [self._find_model().render(prompt) for prompt in prompts]

    def may_reason(self, prompt: Prompt) -> bool:
        """Tell whether the model may reason before it answers `prompt`."""
        model = self._find_model()
        return isinstance(model, CanReason) and model.may_reason(prompt)

    def get_context_length(self) -> int | None:
        """Return the tokens of a prompt and its answer together, if the model knows them."""
        model = self._find_model()
        return model.context_length if isinstance(model, CanReason) else None

    def open(self, needed_tokens: int | None) -> Mapping[str, Any]:
        """Load the weights, with a context of `needed_tokens` if the model can be fitted to that.

        Raises:
            ModelError: as `Model`.
        """
        model: Any = self._find_model()
        if not self._loaded:
            if needed_tokens is not None and isinstance(model, CanFit):
                model.fit(needed_tokens)
            self._resources.enter_context(model)
            self._loaded = True
            self._capacity = model.side_by_side if isinstance(model, HasBatchSize) else self._capacity
        return {"versions": list_versions(), "model": dict(model.describe()), "capacity": self._capacity}

    def exchange(
        self, stream: int, order: tuple[SamplingParams, Adapter | None], requests: Sequence[Request], count: int
    ) -> tuple[int, list[Generated]]:
        """Take new requests for `count` samples; return how many the actor may hold, and the finished answers."""
        conveyor = self._conveyors.select(stream, lambda: self._begin(*order))
        conveyor.give(requests, count)
        generated = conveyor.take(POLL_S)
        if generated:
            self._completions.inc(len(generated))
        if tokens := sum(one.completion.completion_tokens or 0 for one in generated):
            self._tokens.inc(tokens)
        return self._capacity, generated

    def stop(self) -> None:
        """Drop the requests that are under way."""
        self._conveyors.close()

    def close(self) -> None:
        """Release the weights."""
        self.stop()
        self._resources.close()
        self._loaded = False

    def _begin(self, params: SamplingParams, adapter: Adapter | None) -> Conveyor[Request, Generated]:
        model: Any = self._find_model()
        chosen: Model = model if adapter is None else model.adapted(adapter)

        def run_model(feed: Iterable[Request]) -> Iterator[Generated]:
            return chosen.generate(feed, params)

        return Conveyor(run_model, Empty.NOTHING if isinstance(model, Idles) and model.idles else Empty.END)

    def _find_model(self) -> Model:
        if self._model is None:
            setup = self._setup
            self._model = open_model(setup.spec, backend=setup.backend, options=setup.options)
        return self._model


def list_versions() -> dict[str, str]:
    """Return the versions that must be the same on all nodes."""
    return {"harness": __version__, "python": platform.python_version()}
