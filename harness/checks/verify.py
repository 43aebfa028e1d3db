"""Check that a sandbox judges correctly, with reference solutions, canaries and golden samples of known verdicts.

References that fail through no fault of the sandbox (`HasKnownFailures`) are reported and do not count. A benchmark
without reference solutions is checked by canaries alone, and the result says so. Programs that try to forge a verdict
or to break out are not run here.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..data.sample_files import read_samples_file
from ..errors import SamplesError, SandboxUnavailable, reason
from ..optional import get_known_failures
from ..progress import Progress, Quiet
from ..sandboxes import open_sandbox
from ..sandboxes.judges import kind_of
from ..tasks.suite import Suite, load_suite
from ..types import CodeForm, Judge, Key, Outcome, Problem, Program, Sandbox, Status, Trust, Work
from .canaries import build_canaries

QUICK_REFERENCES = 10
QUICK_INPUTS = 5
"""Inputs of each part if a function is called: some references take seconds for all inputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongVerdict:
    """A program whose verdict is not the expected one."""

    what: str
    """A task id, or the canary's name."""
    expected: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedPrograms:
    """Programs of one kind: how many were run, and which got a wrong verdict."""

    total: int = 0
    differences: tuple[WrongVerdict, ...] = ()
    known: tuple[WrongVerdict, ...] = ()
    """Wrong verdicts that the benchmark names and explains; they do not count."""

    @property
    def passed(self) -> int:
        """Count the programs with the expected verdict."""
        return self.total - len(self.differences) - len(self.known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Result of checking one benchmark in one sandbox."""

    benchmark: str
    sandbox: str
    references: CheckedPrograms
    canaries: CheckedPrograms
    golden: CheckedPrograms = field(default_factory=CheckedPrograms)
    seconds: float
    peak_memory_bytes: int
    """Peak memory of the largest program."""
    pool_memory_bytes: int | None = None
    """Peak memory of all containers together; None if the sandbox cannot tell."""
    trust: Mapping[str, int] = field(default_factory=dict)
    """Where the verdicts on the references were computed -> how many."""
    note: str = ""
    """What could not be checked without references or canaries."""

    @property
    def differences(self) -> tuple[WrongVerdict, ...]:
        """All wrong verdicts that count."""
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
    """Run all references, the canaries, and the samples of `golden`, whose true verdicts are in `truth`.

    Raises:
        HarnessError: unknown name, missing data, no sandbox, or a file of samples that does not fit.
    """
    suite = load_suite(name)
    known = _read_golden(suite, golden, truth) if golden and truth else []
    start = time.monotonic()
    environment = suite.benchmark.environment
    asked = open_sandbox(sandbox, environment=environment, workers=workers, trust=trust, allow_unsafe=allow_unsafe)
    with progress or Quiet() as shown, asked as opened:
        count = sum(bool(problem.reference) for problem in suite.problems.values())
        runner = _Runner(opened, shown, f"verify {name}", suite, count + len(known))
        canary = runner.run_canaries()
        references = runner.run_references(suite.problems.values())
        judged = runner.judge((one.key, one.program, one.judge) for one in known)
        runner.close()
        pool_memory_bytes = opened.describe().get("peak_memory_bytes")
    return Verification(
        benchmark=name,
        sandbox=opened.name,
        references=references,
        canaries=canary,
        golden=CheckedPrograms(
            total=len(known),
            differences=tuple(filter(None, (_compare_with_truth(one, judged.get(one.key)) for one in known))),
        ),
        seconds=time.monotonic() - start,
        peak_memory_bytes=runner.peak_memory_bytes,
        pool_memory_bytes=pool_memory_bytes,
        trust=runner.trust,
        note=_describe_gaps(len(suite.problems), references, canary),
    )


def _describe_gaps(problems: int, references: CheckedPrograms, canary: CheckedPrograms) -> str:
    """Say what could not be checked; "" if every problem has a reference and there are canaries."""
    missing = problems - references.total
    if not canary.total:
        return "no canaries fit" if references.total else "no references, and no canaries fit; nothing was checked"
    if not references.total:
        return "no references; canaries only"
    return f"{missing} of {problems} problems have no reference" if missing else ""


def verify_quickly(suite: Suite, sandbox: Sandbox) -> Verification:
    """Run the canaries and ten references spread over the problems of `suite` in a started sandbox.

    Raises:
        SandboxUnavailable: a verdict is not the one it must be; what the sandbox says cannot be trusted.
    """
    start = time.monotonic()
    runner = _Runner(sandbox, Quiet(), "", suite, 0)
    verification = Verification(
        benchmark=suite.name,
        sandbox=sandbox.name,
        canaries=runner.run_canaries(),
        references=runner.run_references(_select_references(suite), inputs=QUICK_INPUTS),
        seconds=time.monotonic() - start,
        peak_memory_bytes=runner.peak_memory_bytes,
    )
    if verification.differences:
        first, more = verification.differences[0], len(verification.differences) - 1
        raise SandboxUnavailable(
            f'sandbox "{sandbox.name}" judges {suite.name} wrongly: {first.what} must be {first.expected} and is '
            f"{' '.join(first.found.split())}{f' ({more} more)' if more else ''}; nothing was generated. "
            f"`harness verify {suite.name} --sandbox {sandbox.name}` shows all, --no-verify runs all the same"
        )
    return verification


class _Runner:
    """Runs programs of one suite in one sandbox."""

    def __init__(self, sandbox: Sandbox, progress: Progress, stage: str, suite: Suite, total: int) -> None:
        self.peak_memory_bytes = 0
        self.trust: Counter[str] = Counter()
        self._sandbox, self._suite = sandbox, suite
        self._progress, self._stage = progress, stage
        self._canaries = build_canaries(suite)
        progress.start(stage, total + len(self._canaries))

    def judge(self, work: Iterable[Work]) -> dict[Key, Outcome]:
        """Judge the programs and return their outcomes by key."""
        outcomes = {}
        for key, outcome in self._sandbox.run(work):
            outcomes[key] = outcome
            self.peak_memory_bytes = max(self.peak_memory_bytes, outcome.peak_memory_bytes)
            self._progress.advance(self._stage)
        return outcomes

    def run_canaries(self) -> CheckedPrograms:
        """Run the canaries; each must get its expected status."""
        outcomes = self.judge((number, program, judge) for number, (_, program, judge) in enumerate(self._canaries))
        differences = (
            _compare_status(f"canary {status}", status, outcomes.get(number))
            for number, (status, _, _) in enumerate(self._canaries)
        )
        return CheckedPrograms(total=len(self._canaries), differences=tuple(filter(None, differences)))

    def run_references(self, problems: Iterable[Problem], inputs: int | None = None) -> CheckedPrograms:
        """Run the references; each must pass unless the benchmark excuses it.

        `inputs` limits the number of inputs of each part. Problems without a reference are left out.
        """
        chosen = [problem for problem in problems if problem.reference]
        outcomes = self.judge(self._build_reference(problem, inputs) for problem in chosen)
        self.trust.update(outcome.trust.value for outcome in outcomes.values())
        excused = get_known_failures(self._suite.benchmark)
        differences = [
            _compare_status(one.task_id, Status.PASSED, outcomes.get(one.task_id), excused.get(one.task_id))
            for one in chosen
        ]
        failing = list(filter(None, differences))
        return CheckedPrograms(
            total=len(chosen),
            differences=tuple(one for one in failing if one.what not in excused),
            known=tuple(one for one in failing if one.what in excused),
        )

    def _build_reference(self, problem: Problem, inputs: int | None) -> Work:
        benchmark = self._suite.benchmark
        program = replace(benchmark.program(problem, problem.reference, CodeForm.COMPLETION), trusted=True)
        judge = benchmark.judge(problem)
        return problem.task_id, program, judge if inputs is None else kind_of(judge).shorten(judge, inputs)

    def close(self) -> None:
        """Finish the progress display."""
        self._progress.finish(self._stage)


def _select_references(suite: Suite) -> Sequence[Problem]:
    """Return problems with a reference at even distances; leave out those that are known to fail."""
    excused = get_known_failures(suite.benchmark)
    problems = [one for one in suite.problems.values() if one.reference and one.task_id not in excused]
    count = min(QUICK_REFERENCES, len(problems))
    return [problems[(2 * number + 1) * len(problems) // (2 * count)] for number in range(count)]


def _compare_status(
    what: str, expected: Status, outcome: Outcome | None, reason: str | None = None
) -> WrongVerdict | None:
    if outcome is None:
        return WrongVerdict(what=what, expected=expected, found="no verdict")
    if outcome.status is expected:
        return None
    status = f"{outcome.status}: {reason or outcome.detail or 'no detail'}"
    return WrongVerdict(what=what, expected=expected, found=status)


@dataclass(frozen=True, slots=True)
class _Golden:
    """A sample with its true verdict: {"base": "pass" or "fail", "plus": likewise}."""

    key: Key
    task_id: str
    program: Program
    judge: Judge
    truth: Mapping[str, str]


def _read_golden(suite: Suite, samples: Path, truth: Path) -> list[_Golden]:
    """Read the samples of a file with their true verdicts."""
    try:
        verdicts = json.loads(truth.read_text(encoding="utf-8"))["verdicts"]
        rows = read_samples_file(samples, benchmark=suite.name, task_ids=list(suite.problems)).samples
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


def _compare_with_truth(golden: _Golden, outcome: Outcome | None) -> WrongVerdict | None:
    """Return how an outcome differs from the truth; a benchmark with one part is compared by `base` only."""
    if outcome is None:
        return WrongVerdict(what=golden.task_id, expected="a verdict", found="none")
    statuses = {"base": outcome.base_status or outcome.status}
    if outcome.base_status is not None:
        statuses["plus"] = outcome.status
    truth = golden.truth
    wrong = [part for part, status in statuses.items() if (truth[part] == "pass") is not (status is Status.PASSED)]
    if not wrong:
        return None
    return WrongVerdict(
        what=f"golden {golden.task_id}",
        expected=", ".join(f"{part} {truth[part]}" for part in wrong),
        found=", ".join(f"{part} {statuses[part]}" for part in wrong) + f": {outcome.detail}",
    )
