"""Turn requests into programs and judges, have them judged, and add up the verdicts.

The same as `harness score` does it: a benchmark's program and judge, the sandbox's pool, the cache of verdicts.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ..errors import SandboxUnavailable, UsageError, suggest
from ..sandboxes import default_name, open_sandbox
from ..sandboxes.environments import environment as environment_named
from ..sandboxes.judges import kind_of, own
from ..sandboxes.outcomes import REFERENCE_FAILS
from ..store.cleaning import format_line
from ..tasks.suite import Suite, load_suite
from ..types import CodeForm, Judge, Limits, Outcome, Program, Status, Trust
from .dispatcher import Dispatcher, judge_now
from .requests import Item, OwnCalls, OwnCases, OwnTests, Task, VerdictRow, VerdictsRequest

WALL = 4
"""Wall time of a program, in times of its CPU time."""
BUILDERS: Mapping[type, Callable[..., Judge]] = {
    OwnTests: own.build_tests,
    OwnCalls: own.build_calls,
    OwnCases: own.build_cases,
}
COMMON = {"kind", "environment", "limits"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLimits:
    """The most that a request may ask for."""

    programs: int = 10_000
    """Programs of a request."""
    queue: int = 20_000
    """Programs that wait, of all requests."""
    body_bytes: int = 64 << 20
    cpu_time_s: float = 60.0
    """CPU time of a program of one's own problem."""
    memory_bytes: int = 4 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedProgram:
    """A program of a request with what it is judged by: the whole judge, or each of its questions."""

    item: int
    program: int
    work: Sequence[tuple[Program, Judge]]


class JudgeService:
    """Sandboxes that stay up, one for each environment; a context manager.

    `workers` run side by side in each; `show_detail` lets verdicts carry what failed. `tell` is given a line when a
    sandbox breaks.

    Raises (entering):
        UsageError: an unknown environment or sandbox.
        SandboxUnavailable: a sandbox does not start.
    """

    def __init__(
        self,
        environments: Sequence[str] = ("core",),
        *,
        sandbox: str | None = None,
        workers: int | None = None,
        allow_unsafe: bool = False,
        cache: bool = True,
        show_detail: bool = False,
        limits: ServiceLimits | None = None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.limits = limits or ServiceLimits()
        self.show_detail = show_detail
        self.workers = workers or len(os.sched_getaffinity(0))
        self.sandbox = sandbox or default_name()
        self.dispatchers = {
            name: Dispatcher(
                self._make_opener(environment_named(name).name, allow_unsafe),
                workers=self.workers,
                capacity=self.limits.queue,
                cache=cache,
                tell=tell,
            )
            for name in dict.fromkeys(environments)
        }
        self._suites: dict[str, Suite] = {}
        self._lock = threading.Lock()
        self._started = ExitStack()

    def __enter__(self) -> JudgeService:
        with ExitStack() as stack:
            for dispatcher in self.dispatchers.values():
                dispatcher.start()
                stack.callback(dispatcher.close)
            self._started = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._started.close()

    @property
    def is_ready(self) -> bool:
        """Tell whether programs are taken."""
        return all(dispatcher.is_ready for dispatcher in self.dispatchers.values())

    def find_dispatcher(self, environment: str) -> Dispatcher:
        """Return the dispatcher of an environment.

        Raises:
            UsageError: there is none.
        """
        if environment not in self.dispatchers:
            served = ", ".join(self.dispatchers)
            raise UsageError(f'environment "{environment}" is not served here; choose {served}')
        return self.dispatchers[environment]

    def load(self, benchmark: str) -> Suite:
        """Return a benchmark's problems, which are read once.

        Raises:
            UsageError, DataError: as `load_suite`.
        """
        with self._lock:
            if benchmark not in self._suites:
                self._suites[benchmark] = load_suite(benchmark)
            return self._suites[benchmark]

    def plan(self, request: VerdictsRequest) -> tuple[Dispatcher, list[PlannedProgram]]:
        """Return what a request's programs are judged by, and where.

        Raises:
            UsageError: a name or a limit that does not fit; the references of one's own problems are not yet checked.
            DataError: a benchmark's data is missing.
        """
        count = sum(len(item.programs) for item in request.items)
        if count > self.limits.programs:
            raise UsageError(f"items hold {count} programs; at most {self.limits.programs} may come in one request")
        planned, environments = [], set()
        for number, item in enumerate(request.items):
            with _locate(f"items.{number}.problem"):
                environment, build, judge = self._read_problem(item)
            environments.add(environment)
            judges = [judge] if request.score == "all" else kind_of(judge).questions(judge)
            planned += [
                PlannedProgram(item=number, program=index, work=[(build(source), one) for one in judges])
                for index, source in enumerate(item.programs)
            ]
        if len(environments) > 1:
            named = ", ".join(sorted(environments))
            raise UsageError(f"items are of the environments {named}; send one request for each")
        return self.find_dispatcher(environments.pop()), planned

    def list_references(self, request: VerdictsRequest) -> list[tuple[int, tuple[Program, Judge]]]:
        """Return the references of one's own problems, each as a program with its judge, by the item's index."""
        references = []
        for number, item in enumerate(request.items):
            if isinstance(item.problem, OwnTests | OwnCalls) and item.problem.reference:
                _, build, judge = self._read_problem(item)
                program = replace(build(item.problem.reference), trusted=True)
                references.append((number, (program, judge)))
        return references

    def judge(self, request: VerdictsRequest) -> list[VerdictRow]:
        """Judge a request here and now, in this thread.

        Raises:
            UsageError: as `plan`, or a reference fails its own tests.
            SandboxUnavailable: the sandbox is broken.
        """
        dispatcher, planned = self.plan(request)
        references = self.list_references(request)
        outcomes = judge_now(dispatcher, [work for _, work in references])
        check_references(zip((number for number, _ in references), outcomes, strict=True))
        outcomes = judge_now(dispatcher, [work for plan in planned for work in plan.work])
        rows, at = [], 0
        for plan in planned:
            rows.append(self.build_row(plan, outcomes[at : at + len(plan.work)]))
            at += len(plan.work)
        return rows

    def build_row(self, planned: PlannedProgram, outcomes: Sequence[Outcome]) -> VerdictRow:
        """Return the verdict on a program from the outcomes of its work; trouble of the judge's own decides first."""
        lost = [one for one in outcomes if one.status is Status.INFRASTRUCTURE]
        failed = [one for one in outcomes if one.status is not Status.PASSED]
        decisive = (lost or failed or list(outcomes))[0]
        share = 1 - len(failed) / len(outcomes)
        return VerdictRow(
            item=planned.item,
            program=planned.program,
            status=decisive.status.value,
            score=None if lost else share,
            trust=(Trust.IN_PROCESS if any(one.trust is Trust.IN_PROCESS for one in outcomes) else Trust.SPLIT).value,
            cpu_time_s=round(sum(one.cpu_time_s for one in outcomes), 6),
            wall_time_s=round(sum(one.wall_time_s for one in outcomes), 6),
            peak_memory_bytes=max(one.peak_memory_bytes for one in outcomes),
            base_status=decisive.base_status.value if decisive.base_status and len(outcomes) == 1 else None,
            detail=decisive.detail if self.show_detail else None,
        )

    def make_limits(self, cpu_time_s: float, memory_bytes: int) -> Limits:
        """Return the limits of a program of one's own.

        Raises:
            UsageError: they are beyond the server's.
        """
        if cpu_time_s > self.limits.cpu_time_s:
            raise UsageError(f"limits.cpu_time_s is {cpu_time_s:g}; at most {self.limits.cpu_time_s:g} is allowed here")
        if memory_bytes > self.limits.memory_bytes:
            given, most = memory_bytes >> 20, self.limits.memory_bytes >> 20
            raise UsageError(f"limits.memory_mb is {given}; at most {most} is allowed here")
        return Limits(cpu_time_s=cpu_time_s, wall_time_s=WALL * cpu_time_s, memory_bytes=memory_bytes)

    def _make_opener(self, environment: str, allow_unsafe: bool) -> Callable[[], Any]:
        return lambda: open_sandbox(
            self.sandbox, environment=environment, workers=self.workers, allow_unsafe=allow_unsafe
        )

    def _read_problem(self, item: Item) -> tuple[str, Callable[[str], Program], Judge]:
        """Return the environment of an item's problem, what makes its programs, and its judge."""
        problem = item.problem
        if isinstance(problem, Task):
            suite = self.load(problem.benchmark)
            if problem.task_id not in suite.problems:
                hint = suggest(problem.task_id, suite.problems, "")
                raise UsageError(f'task_id: benchmark "{suite.name}" has no "{problem.task_id}".{hint}')
            benchmark, asked, form = suite.benchmark, suite.problems[problem.task_id], CodeForm(item.form)
            self.find_dispatcher(benchmark.environment)
            return benchmark.environment, lambda code: benchmark.program(asked, code, form), benchmark.judge(asked)
        if item.form == "completion":
            raise UsageError('form is "completion"; a problem of one\'s own has no prompt: send whole programs')
        self.find_dispatcher(problem.environment)
        limits = self.make_limits(problem.limits.cpu_time_s, problem.limits.memory_mb << 20)
        judge = BUILDERS[type(problem)](**problem.model_dump(exclude=COMMON))
        environment = problem.environment
        return environment, lambda code: Program(source=code, environment=environment, limits=limits), judge


def check_references(outcomes: Iterable[tuple[int, Outcome]]) -> None:
    """Refuse problems whose reference fails its own tests; `outcomes` are pairs of an item's index and an outcome.

    Raises:
        UsageError: one does; programs would fail for what is no fault of theirs.
        SandboxUnavailable: the judge itself failed on one.
    """
    for number, outcome in outcomes:
        if outcome.status is Status.INFRASTRUCTURE and not outcome.detail.startswith(REFERENCE_FAILS):
            raise SandboxUnavailable(f"the judge failed on a reference: {outcome.detail}; try again")
        if outcome.status is not Status.PASSED:
            why = format_line(outcome.detail.removeprefix(f"{REFERENCE_FAILS}: ") or outcome.status.value)
            raise UsageError(f"items.{number}.problem: the reference fails its own tests ({why}); correct one of them")


@contextmanager
def _locate(place: str) -> Iterator[None]:
    """Put a place in front of the message of a UsageError."""
    try:
        yield
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from error
