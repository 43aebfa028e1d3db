"""Does the sandbox judge rightly here? Reference solutions, canaries and golden samples, each with a known verdict.

A benchmark may have the attribute `known_failures`, task id -> reason, for references that fail through no fault
of the sandbox: they are told and do not count.
Not promised: programs that try to forge a verdict or to break out are not among them.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from .canaries import canaries
from .errors import SamplesError, SandboxUnavailable, reason
from .progress import Progress, Quiet
from .samples import read
from .sandboxes import open_sandbox
from .suite import Suite, load_suite
from .types import Benchmark, Calls, CodeForm, Problem, Sandbox, Status, Trial, Trust, Verdict

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
    """What one benchmark's check in one sandbox found."""

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
        runner = _Runner(opened, shown, f"verify {name}", suite, len(suite.problems) + len(known))
        canary = runner.canaries()
        references = runner.references(suite.problems.values())
        judged = runner.judge(trial for trial, _ in known)
        runner.close()
        pool_memory_bytes = opened.describe().get("peak_memory_bytes")
    return Verification(
        benchmark=name,
        sandbox=opened.name,
        references=references,
        canaries=canary,
        golden=Part(
            total=len(known),
            differences=tuple(filter(None, (_from_truth(*pair, judged) for pair in known))),
        ),
        seconds=time.monotonic() - start,
        peak_memory_bytes=runner.peak_memory_bytes,
        pool_memory_bytes=pool_memory_bytes,
        trust=runner.trust,
    )


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

    def judge(self, trials: Iterable[Trial]) -> dict[tuple[str, int], Verdict]:
        """The verdicts by task id and index."""
        verdicts = {}
        for verdict in self._sandbox.run(trials):
            verdicts[verdict.task_id, verdict.index] = verdict
            self.peak_memory_bytes = max(self.peak_memory_bytes, verdict.peak_memory_bytes)
            self._progress.advance(self._stage)
        return verdicts

    def canaries(self) -> Part:
        """Each must get its status."""
        verdicts = self.judge(trial for _, trial in self._canaries)
        found = (
            _difference(f"canary {status}", status, verdicts.get((trial.task_id, trial.index)))
            for status, trial in self._canaries
        )
        return Part(total=len(self._canaries), differences=tuple(filter(None, found)))

    def references(self, problems: Iterable[Problem], inputs: int | None = None) -> Part:
        """Each must pass, but for those that the benchmark excuses; `inputs` cuts what it is called with."""
        chosen = list(problems)
        benchmark = self._suite.benchmark
        trials = (benchmark.trial(one, one.reference, CodeForm.COMPLETION, 0) for one in chosen)
        verdicts = self.judge(trial if inputs is None else _shortened(trial, inputs) for trial in trials)
        self.trust.update(verdict.trust.value for verdict in verdicts.values())
        excused = excuses(benchmark)
        found = [
            _difference(one.task_id, Status.PASSED, verdicts.get((one.task_id, 0)), excused.get(one.task_id))
            for one in chosen
        ]
        failing = list(filter(None, found))
        return Part(
            total=len(chosen),
            differences=tuple(one for one in failing if one.what not in excused),
            known=tuple(one for one in failing if one.what in excused),
        )

    def close(self) -> None:
        """No more programs will come."""
        self._progress.finish(self._stage)


def excuses(benchmark: Benchmark) -> Mapping[str, str]:
    """References that are known to fail, with the reason."""
    reasons: Mapping[str, str] = getattr(benchmark, "known_failures", {})
    return reasons


def _spread(suite: Suite) -> Sequence[Problem]:
    """Problems at even distances, none of which is known to fail."""
    excused = excuses(suite.benchmark)
    problems = [problem for problem in suite.problems.values() if problem.task_id not in excused]
    count = min(QUICK_REFERENCES, len(problems))
    return [problems[(2 * number + 1) * len(problems) // (2 * count)] for number in range(count)]


def _shortened(trial: Trial, inputs: int) -> Trial:
    """The same program with the first inputs of each part alone, under a key of its own."""
    judge = trial.judge
    if not isinstance(judge, Calls):
        return trial
    parts = tuple(replace(part, inputs=part.inputs[:inputs]) for part in judge.parts)
    return replace(trial, judge=replace(judge, key=f"{judge.key}:first {inputs}", parts=parts))


def _difference(what: str, expected: Status, verdict: Verdict | None, reason: str | None = None) -> Difference | None:
    if verdict is None:
        return Difference(what=what, expected=expected, found="no verdict")
    if verdict.status is expected:
        return None
    told = f"{verdict.status}: {reason or verdict.detail or 'no detail'}"
    return Difference(what=what, expected=expected, found=told)


def _golden(suite: Suite, samples: Path, truth: Path) -> list[tuple[Trial, Mapping[str, str]]]:
    """The samples of a file as programs, each with its true verdict: {"base": "pass" or "fail", "plus": likewise}."""
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
        (benchmark.trial(suite.problems[row.task_id], row.text, row.form or CodeForm.COMPLETION, row.index), verdict)
        for row, verdict in pairs
    ]


def _from_truth(
    trial: Trial, truth: Mapping[str, str], verdicts: Mapping[tuple[str, int], Verdict]
) -> Difference | None:
    """Where a verdict is not the true one; a benchmark of one part has only the base to compare."""
    verdict = verdicts.get((trial.task_id, trial.index))
    if verdict is None:
        return Difference(what=trial.task_id, expected="a verdict", found="none")
    found = {"base": verdict.base_status or verdict.status}
    if verdict.base_status is not None:
        found["plus"] = verdict.status
    wrong = [part for part, status in found.items() if (truth[part] == "pass") is not (status is Status.PASSED)]
    if not wrong:
        return None
    return Difference(
        what=f"golden {trial.task_id}",
        expected=", ".join(f"{part} {truth[part]}" for part in wrong),
        found=", ".join(f"{part} {found[part]}" for part in wrong) + f": {verdict.detail}",
    )
