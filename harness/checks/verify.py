"""Does the sandbox judge rightly here? Reference solutions, canaries and golden samples, each with a known verdict.

References that fail through no fault of the sandbox (`HasKnownFailures`) are told and do not count. A benchmark
without reference solutions is checked by canaries alone, and the result says so. Programs that try to forge a verdict
or to break out are not among those that are run here.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..data.sample_files import read
from ..errors import SamplesError, SandboxUnavailable, reason
from ..optional import known_failures_of
from ..progress import Progress, Quiet
from ..sandboxes import open_sandbox
from ..sandboxes.judges import kind_of
from ..tasks.suite import Suite, load_suite
from ..types import CodeForm, Judge, Key, Outcome, Problem, Program, Sandbox, Status, Trust, Work
from .canaries import canaries

QUICK_REFERENCES = 10
QUICK_INPUTS = 5
"""Of each part, where a function is called: some references take seconds on all of theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One program that got another verdict than the one it must get."""

    what: str
    """A task id, or the canary's name."""
    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Programs of one kind: how many there were, and which differ."""

    total: int = 0
    differences: tuple[Difference, ...] = ()
    known: tuple[Difference, ...] = ()
    """Differences that the benchmark names and explains; they do not count."""

    @property
    def passed(self) -> int:
        """How many got the verdict they must get."""
        return self.total - len(self.differences) - len(self.known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Result of checking one benchmark in one sandbox."""

    benchmark: str
    sandbox: str
    references: Part
    canaries: Part
    golden: Part = field(default_factory=Part)
    seconds: float
    peak_memory_bytes: int
    """The most that one program used."""
    pool_memory_bytes: int | None = None
    """The most that all containers used together; None where the sandbox cannot tell."""
    trust: Mapping[str, int] = field(default_factory=dict)
    """Where the verdicts on the references were computed -> how many."""
    note: str = ""
    """What could not be checked, for lack of references or canaries."""

    @property
    def differences(self) -> tuple[Difference, ...]:
        """All that count."""
        return (*self.canaries.differences, *self.references.differences, *self.golden.differences)


def verify(
    name: str,
    *,
    sandbox: str | None = None,
    workers: int | None = None,
    trust: Trust = Trust.SPLIT,
    allow_unsafe: bool = False,
    golden: Path | None = None,
    truth: Path | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Run all references, the canaries, and the samples of `golden`, whose verdicts `truth` has.

    Raises:
        HarnessError: unknown name, missing data, no sandbox, or a file of samples that does not fit.
    """
    suite = load_suite(name)
    known = _golden(suite, golden, truth) if golden and truth else []
    start = time.monotonic()
    environment = suite.benchmark.environment
    asked = open_sandbox(sandbox, environment=environment, workers=workers, trust=trust, allow_unsafe=allow_unsafe)
    with progress or Quiet() as shown, asked as opened:
        count = sum(bool(problem.reference) for problem in suite.problems.values())
        runner = _Runner(opened, shown, f"verify {name}", suite, count + len(known))
        canary = runner.canaries()
        references = runner.references(suite.problems.values())
        judged = runner.judge((one.key, one.program, one.judge) for one in known)
        runner.close()
        pool_memory_bytes = opened.describe().get("peak_memory_bytes")
    return Verification(
        benchmark=name,
        sandbox=opened.name,
        references=references,
        canaries=canary,
        golden=Part(
            total=len(known),
            differences=tuple(filter(None, (_from_truth(one, judged.get(one.key)) for one in known))),
        ),
        seconds=time.monotonic() - start,
        peak_memory_bytes=runner.peak_memory_bytes,
        pool_memory_bytes=pool_memory_bytes,
        trust=runner.trust,
        note=_note(len(suite.problems), references, canary),
    )


def _note(problems: int, references: Part, canary: Part) -> str:
    """Say what could not be checked; "" if every problem has a reference and there are canaries."""
    missing = problems - references.total
    if not canary.total:
        return "no canaries fit" if references.total else "no references, and no canaries fit; nothing was checked"
    if not references.total:
        return "no references; canaries only"
    return f"{missing} of {problems} problems have no reference" if missing else ""


def quick(suite: Suite, sandbox: Sandbox) -> Verification:
    """The canaries, and ten references spread over the problems of `suite`, in a sandbox that is started.

    Raises:
        SandboxUnavailable: a verdict is not the one it must be; what the sandbox says cannot be trusted.
    """
    start = time.monotonic()
    runner = _Runner(sandbox, Quiet(), "", suite, 0)
    found = Verification(
        benchmark=suite.name,
        sandbox=sandbox.name,
        canaries=runner.canaries(),
        references=runner.references(_spread(suite), inputs=QUICK_INPUTS),
        seconds=time.monotonic() - start,
        peak_memory_bytes=runner.peak_memory_bytes,
    )
    if found.differences:
        first, more = found.differences[0], len(found.differences) - 1
        raise SandboxUnavailable(
            f'sandbox "{sandbox.name}" judges {suite.name} wrongly: {first.what} must be {first.expected} and is '
            f"{' '.join(first.found.split())}{f' ({more} more)' if more else ''}; nothing was generated. "
            f"`harness verify {suite.name} --sandbox {sandbox.name}` shows all, --no-verify runs all the same"
        )
    return found


class _Runner:
    """Programs of one suite on their way through one sandbox."""

    def __init__(self, sandbox: Sandbox, progress: Progress, stage: str, suite: Suite, total: int) -> None:
        self.peak_memory_bytes = 0
        self.trust: Counter[str] = Counter()
        self._sandbox, self._suite = sandbox, suite
        self._progress, self._stage = progress, stage
        self._canaries = canaries(suite)
        progress.start(stage, total + len(self._canaries))

    def judge(self, work: Iterable[Work]) -> dict[Key, Outcome]:
        """Return the outcomes by key."""
        outcomes = {}
        for key, outcome in self._sandbox.run(work):
            outcomes[key] = outcome
            self.peak_memory_bytes = max(self.peak_memory_bytes, outcome.peak_memory_bytes)
            self._progress.advance(self._stage)
        return outcomes

    def canaries(self) -> Part:
        """Run the canaries; each must get its status."""
        outcomes = self.judge((number, program, judge) for number, (_, program, judge) in enumerate(self._canaries))
        found = (
            _difference(f"canary {status}", status, outcomes.get(number))
            for number, (status, _, _) in enumerate(self._canaries)
        )
        return Part(total=len(self._canaries), differences=tuple(filter(None, found)))

    def references(self, problems: Iterable[Problem], inputs: int | None = None) -> Part:
        """Run the references; each must pass, but for those that the benchmark excuses.

        `inputs` cuts what they are called with. Problems without a reference are left out.
        """
        chosen = [problem for problem in problems if problem.reference]
        outcomes = self.judge(self._reference(problem, inputs) for problem in chosen)
        self.trust.update(outcome.trust.value for outcome in outcomes.values())
        excused = known_failures_of(self._suite.benchmark)
        found = [
            _difference(one.task_id, Status.PASSED, outcomes.get(one.task_id), excused.get(one.task_id))
            for one in chosen
        ]
        failing = list(filter(None, found))
        return Part(
            total=len(chosen),
            differences=tuple(one for one in failing if one.what not in excused),
            known=tuple(one for one in failing if one.what in excused),
        )

    def _reference(self, problem: Problem, inputs: int | None) -> Work:
        benchmark = self._suite.benchmark
        program = replace(benchmark.program(problem, problem.reference, CodeForm.COMPLETION), trusted=True)
        judge = benchmark.judge(problem)
        return problem.task_id, program, judge if inputs is None else kind_of(judge).shortened(judge, inputs)

    def close(self) -> None:
        """No more programs will come."""
        self._progress.finish(self._stage)


def _spread(suite: Suite) -> Sequence[Problem]:
    """Return problems with a reference at even distances, none of which is known to fail."""
    excused = known_failures_of(suite.benchmark)
    problems = [one for one in suite.problems.values() if one.reference and one.task_id not in excused]
    count = min(QUICK_REFERENCES, len(problems))
    return [problems[(2 * number + 1) * len(problems) // (2 * count)] for number in range(count)]


def _difference(what: str, expected: Status, outcome: Outcome | None, reason: str | None = None) -> Difference | None:
    if outcome is None:
        return Difference(what=what, expected=expected, found="no verdict")
    if outcome.status is expected:
        return None
    told = f"{outcome.status}: {reason or outcome.detail or 'no detail'}"
    return Difference(what=what, expected=expected, found=told)


@dataclass(frozen=True, slots=True)
class _Golden:
    """A sample whose verdict is known: {"base": "pass" or "fail", "plus": likewise}."""

    key: Key
    task_id: str
    program: Program
    judge: Judge
    truth: Mapping[str, str]


def _golden(suite: Suite, samples: Path, truth: Path) -> list[_Golden]:
    """Return the samples of a file with their true verdicts."""
    try:
        verdicts = json.loads(truth.read_text(encoding="utf-8"))["verdicts"]
        rows = read(samples, benchmark=suite.name, task_ids=list(suite.problems)).samples
        pairs = [(row, {part: str(verdicts[row.task_id][part]) for part in ("base", "plus")}) for row in rows]
    except (OSError, ValueError, TypeError) as error:
        raise SamplesError(f"truth file {truth} cannot be read: {reason(error)}") from error
    except KeyError as error:
        raise SamplesError(f"truth file {truth} has no verdict {error}; it must know every sample") from error
    benchmark = suite.benchmark
    return [
        _Golden(
            ("golden", number),
            row.task_id,
            benchmark.program(suite.problems[row.task_id], row.text, row.form or CodeForm.COMPLETION),
            benchmark.judge(suite.problems[row.task_id]),
            verdict,
        )
        for number, (row, verdict) in enumerate(pairs)
    ]


def _from_truth(golden: _Golden, outcome: Outcome | None) -> Difference | None:
    """Return where an outcome is not the true one; a benchmark of one part has only the base to compare."""
    if outcome is None:
        return Difference(what=golden.task_id, expected="a verdict", found="none")
    found = {"base": outcome.base_status or outcome.status}
    if outcome.base_status is not None:
        found["plus"] = outcome.status
    truth = golden.truth
    wrong = [part for part, status in found.items() if (truth[part] == "pass") is not (status is Status.PASSED)]
    if not wrong:
        return None
    return Difference(
        what=f"golden {golden.task_id}",
        expected=", ".join(f"{part} {truth[part]}" for part in wrong),
        found=", ".join(f"{part} {found[part]}" for part in wrong) + f": {outcome.detail}",
    )
