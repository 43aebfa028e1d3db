"""Judge samples in one start of a run, store everything at once, and time each stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .. import __version__
from ..checks.verify import verify_quickly
from ..metrics import time_limits
from ..metrics.cost import measure_cost, serialize_cost
from ..progress import Progress
from ..sandboxes.cache import OutcomeStore, judge_all, outcome_store
from ..store import RunFolder, provenance
from ..tasks.suite import Suite
from ..tracking import RunTracker
from ..types import Generated, Key, Outcome, Sample, Sandbox, Trust, Verdict, Work
from .backend import Backend, LocalBackend
from .feed import Feed


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxOptions:
    """Options for running and judging programs."""

    trust: Trust = Trust.SPLIT
    workers: int | None = None
    """Programs run side by side. None: one per core."""
    allow_unsafe: bool = False
    """Run programs even if nothing isolates them from their judge."""
    cache: bool = True
    """Take verdicts of equal programs from the cache."""
    retry_timeouts: bool = False
    """Retry time-outs with four times the time, to find problems that depend on the limit."""


class Session:
    """One start of a run: its clock, its counts, and its record in the manifest."""

    def __init__(
        self,
        folder: RunFolder,
        progress: Progress,
        command: Sequence[str],
        clock: provenance.StageTimer,
        backend: Backend | None = None,
        *,
        tracker: RunTracker | None = None,
    ) -> None:
        self.backend: Backend = backend or LocalBackend()
        self.tracker = tracker or RunTracker()
        self.folder = folder
        self.progress = progress
        self.clock = clock
        self.generated = self.judged = self.tokens = self.reasoning_tokens = self.prompt_tokens = self.cached = 0
        self.first_s: float | None = None
        self.last_s: float | None = None
        """Seconds from the first request to the first and to the last completion."""
        self._asked_at: float | None = None
        self._prompts: set[str] = set()
        self.verified: dict[str, Any] = {}
        """By benchmark: how the sandbox was checked, or "skipped"."""
        self._command = list(command)
        self._started_at = provenance.read_clock()
        self._complete = False

    def __enter__(self) -> Session:
        self._earlier = list(self.folder.manifest.get("sessions", []))
        self.folder.update_manifest(
            harness_version=__version__,
            command=self._command,
            git_revision=provenance.read_git_revision(),
            versions=provenance.collect_versions(),
            hardware=provenance.describe_hardware(),
        )
        return self

    def record_request(self) -> None:
        """Start the clock of the first completion."""
        if self._asked_at is None:
            self._asked_at = time.monotonic()

    def record_completion(self, generated: Generated) -> None:
        """Count a completion; its prompt counts once, however many samples it has."""
        assert self._asked_at is not None
        self.last_s = time.monotonic() - self._asked_at
        self.first_s = self.last_s if self.first_s is None else self.first_s
        self.generated += 1
        self.tokens += generated.completion.completion_tokens or 0
        self.reasoning_tokens += generated.completion.reasoning_tokens or 0
        if generated.request_id not in self._prompts:
            self._prompts.add(generated.request_id)
            self.prompt_tokens += generated.completion.prompt_tokens or 0

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        self.clock.settle()
        stages = self.clock.measure_stages()
        record: dict[str, Any] = {
            "command": self._command,
            "started_at": self._started_at,
            "ended_at": provenance.read_clock(),
            "complete": kind is None,
            "stages_s": stages,
            "generated": self.generated,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.tokens,
            **({"reasoning_tokens": self.reasoning_tokens} if self.reasoning_tokens else {}),
            "judged": self.judged,
            "cached": self.cached,
            "verified": self.verified,
            "versions": self.folder.manifest["versions"],
        }
        if (cluster := self.backend.describe()) is not None:
            record["cluster"] = dict(cluster)
        if self.tokens and stages.get("generate"):
            record["tokens_per_s"] = round(self.tokens / stages["generate"], 1)
            record["prompt_tokens_per_s"] = round(self.prompt_tokens / stages["generate"], 1)
        if self.judged and stages.get("score"):
            record["verdicts_per_s"] = round(self.judged / stages["score"], 1)
        if self.first_s is not None and self.last_s is not None:
            record |= {"first_completion_s": round(self.first_s, 3), "last_completion_s": round(self.last_s, 3)}
        cost = measure_cost(self.folder.manifest, self.folder.list_answers())
        self.folder.update_manifest(
            sessions=[*self._earlier, record], **({} if cost is None else {"cost": serialize_cost(cost)})
        )


def evaluate(
    session: Session, suite: Suite, sandbox: Sandbox, arrivals: Iterator[Sample], *, options: SandboxOptions, total: int
) -> None:
    """Judge the pending samples, then those that arrive; store every sample and verdict at once."""
    session.tracker.start(session.folder, total)
    session.progress.start("score", total)
    with outcome_store(use=options.cache, warn=session.progress.note) as store:
        _judge_samples(session, suite, sandbox, store, arrivals)
    session.progress.finish("score")
    _check_timeouts(session, suite, sandbox, options)


def _check_timeouts(session: Session, suite: Suite, sandbox: Sandbox, options: SandboxOptions) -> None:
    stage = "retry time-outs"
    total = len(time_limits.find_timeouts(session.folder, suite)) if options.retry_timeouts else 0
    if total:
        session.progress.start(stage, total)
        session.clock.touch("time_check")
    time_limits.record_timeouts(
        session.folder, suite, sandbox, lambda: session.progress.advance(stage), retry=options.retry_timeouts
    )
    if total:
        session.clock.touch("time_check")
        session.clock.settle()
        session.progress.finish(stage)


def _judge_samples(
    session: Session, suite: Suite, sandbox: Sandbox, store: OutcomeStore | None, arrivals: Iterator[Sample]
) -> None:
    folder, clock = session.folder, session.clock
    feed = Feed(_build_work(session, suite, arrivals))

    def settle(key: Key, outcome: Outcome) -> None:
        benchmark, task_id, index = key
        verdict = Verdict.on(benchmark, task_id, index, outcome)
        folder.append_verdict(verdict)
        session.tracker.record_verdict(verdict)
        session.judged += 1
        clock.touch("score")
        session.progress.advance("score")

    try:
        session.cached += judge_all(sandbox, feed, store, settle)
    finally:
        # The sandbox has released the feed, which is closed before the workers are.
        feed.close()
        clock.settle()


@contextmanager
def prepare_sandbox(
    backend: Backend, name: str, environment: str, options: SandboxOptions
) -> Iterator[Callable[[], Sandbox]]:
    """Start the sandbox called `name` in a thread and yield a function that returns it once it is ready.

    The function waits, and raises what the start raised.
    """
    sandbox = backend.open_sandbox(
        name,
        environment=environment,
        workers=options.workers,
        trust=options.trust,
        allow_unsafe=options.allow_unsafe,
    )
    with ThreadPoolExecutor(1) as beside:
        coming = beside.submit(sandbox.__enter__)
        try:
            yield coming.result
        finally:
            if coming.exception() is None:
                sandbox.__exit__(None, None, None)


@contextmanager
def start_sandbox(session: Session, suite: Suite, name: str, options: SandboxOptions) -> Iterator[Sandbox]:
    """Start the sandbox called `name` for the programs of `suite`, and record what it enforces."""
    with prepare_sandbox(session.backend, name, suite.benchmark.environment, options) as ready:
        yield record_sandbox(session, suite, ready)


def record_sandbox(session: Session, suite: Suite, ready: Callable[[], Sandbox]) -> Sandbox:
    """Wait for the sandbox of `prepare_sandbox` and record what it enforces."""
    session.clock.touch("sandbox")
    sandbox = ready()
    session.clock.touch("sandbox")
    facts = session.folder.manifest.get("sandbox", {})
    session.folder.update_manifest(sandbox={**facts, suite.benchmark.environment: dict(sandbox.describe())})
    return sandbox


def check_sandbox(session: Session, suite: Suite, sandbox: Sandbox) -> None:
    """Refuse a sandbox that judges known programs wrongly; record how it was checked.

    Raises:
        SandboxUnavailable: it does.
    """
    session.clock.touch("verify")
    found = verify_quickly(suite, sandbox)
    session.clock.touch("verify")
    session.verified[suite.name] = {
        "canaries": f"{found.canaries.passed}/{found.canaries.total}",
        "references": f"{found.references.passed}/{found.references.total}",
        "seconds": round(found.seconds, 3),
    }


def _build_work(session: Session, suite: Suite, arrivals: Iterator[Sample]) -> Iterator[Work]:
    for key in session.folder.list_pending(suite.name):
        session.clock.touch("score")
        yield suite.build_work(session.folder.samples[key])
    for sample in arrivals:
        session.folder.append_sample(sample)
        session.clock.touch("score")
        yield suite.build_work(sample)
