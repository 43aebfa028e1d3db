"""Find rows that solve a benchmark's problem: their functions are run in the sandbox against its tests.

Texts do not find a solution that was rewritten (Yang et al. 2023, arXiv 2311.04850); its tests do. Two steps keep it
cheap: a screening program calls every function of a batch of rows with every problem's tests and tells which pairs
look right; the benchmark's own judge then decides about these.

Problems that a function without any thought solves (it returns a constant or its argument) tell nothing and are left
out, and so are benchmarks whose tests call no function of the candidate's.
Not promised: that code written to deceive is found out, or functions that need more than `CALL_S` seconds, files, or
packages that the environment lacks; a function is called by the position of its arguments alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import SandboxUnavailable
from ..progress import Progress
from ..sandboxes import open_sandbox
from ..sandboxes.judges import kind_of, program_tests
from ..tasks.suite import Suite
from ..types import CodeForm, Limits, Program, Sandbox, Status, Work
from .callables import Function, extract_functions
from .contamination import Hit
from .records import InstructionRow
from .screening import CALL_S, NAIVE, Probe, build_probe, build_screening, parse_pairs

BATCH = 50
"""Functions in one screening program."""
PROBES = 400
"""Problems in one screening program."""

Piece = tuple[tuple[int, ...], tuple[int, ...]]
"""Functions and problems of one screening program, by number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionResult:
    """Findings of running the code."""

    hits: list[Hit]
    functions: int
    problems: int
    """Problems that functions were run against."""
    left_out: Mapping[str, int]
    """Problems that tell nothing, by benchmark."""
    lost: int
    """Calls that could not be screened: their program did not come to its end, even alone."""

    def describe(self) -> dict[str, Any]:
        """Return the figures for the manifest, JSON-ready."""
        return {
            "functions": self.functions,
            "problems": self.problems,
            "problems_left_out": dict(self.left_out),
            "calls_not_screened": self.lost,
            "call_limit_s": CALL_S,
        }


@dataclass(frozen=True, slots=True)
class ScreeningTarget:
    """A problem with its screening tests."""

    suite: Suite
    task_id: str
    probe: Probe

    @property
    def problem(self) -> str:
        """Implement `Hit.problem`."""
        return f"{self.suite.name} {self.task_id}"


def find_solved_problems(
    rows: Sequence[InstructionRow],
    suites: Sequence[Suite],
    *,
    sandbox: str | None,
    workers: int | None,
    progress: Progress,
) -> ExecutionResult:
    """Return the problems that functions in the rows' code solve.

    Raises:
        SandboxUnavailable: there is no sandbox.
    """
    by_environment: dict[str, list[Suite]] = {}
    left_out: dict[str, int] = {}
    for suite in suites:
        by_environment.setdefault(suite.benchmark.environment, []).append(suite)
    functions = [one for row in rows for one in extract_functions(row)]
    hits: list[Hit] = []
    lost = problems = 0
    for environment, environment_suites in by_environment.items():
        targets = _build_targets(environment_suites, left_out)
        if not targets or not functions:
            continue
        with open_sandbox(sandbox, environment=environment, workers=workers) as opened:
            screener = _Screener(opened, targets, progress)
            trivial = _confirm_pairs(opened, NAIVE, targets, screener.find_pairs(NAIVE), progress)
            solved = {hit.problem for hit in trivial}
            naive = {number for number, target in enumerate(targets) if target.problem in solved}
            for number in naive:
                name = targets[number].suite.name
                left_out[name] = left_out.get(name, 0) + 1
            problems += len(targets) - len(naive)
            pairs = [pair for pair in screener.find_pairs(functions) if pair[1] not in naive]
            lost += screener.lost
            hits += _confirm_pairs(opened, functions, targets, pairs, progress)
    return ExecutionResult(hits=hits, functions=len(functions), problems=problems, left_out=left_out, lost=lost)


def _build_targets(suites: Sequence[Suite], left_out: dict[str, int]) -> list[ScreeningTarget]:
    targets = []
    for suite in suites:
        for problem in suite.problems.values():
            judge = suite.benchmark.judge(problem)
            tests = kind_of(judge).build_screening(judge, problem.entry_point)
            made = build_probe(tests) if tests else None
            if made is None:
                left_out[suite.name] = left_out.get(suite.name, 0) + 1
            else:
                targets.append(ScreeningTarget(suite, problem.task_id, made))
    return targets


class _Screener:
    """Calls functions with the tests of problems, many pairs in one program."""

    def __init__(self, sandbox: Sandbox, targets: Sequence[ScreeningTarget], progress: Progress) -> None:
        self._sandbox, self._targets, self._progress = sandbox, targets, progress
        self.lost = 0

    def find_pairs(self, functions: Sequence[Function]) -> list[tuple[int, int]]:
        """Return the pairs that look right, as (function, target)."""
        batches, probes_of = _split_range(len(functions), BATCH), _split_range(len(self._targets), PROBES)
        pieces = [(batch, probes) for batch in batches for probes in probes_of]
        right: list[tuple[int, int]] = []
        self._progress.start("screen", len(pieces))
        first = True
        while pieces:
            again: list[Piece] = []
            for key, outcome in self._sandbox.run(self._build_work(functions, pieces)):
                batch, probes = piece = key
                reported = parse_pairs(outcome)
                if reported is None:
                    smaller = _split_piece(piece)
                    again += smaller
                    self.lost += not smaller
                else:
                    right += [(batch[one], probes[other]) for one, other in reported]
                if first:
                    self._progress.advance("screen")
            pieces, first = again, False
        self._progress.finish("screen")
        return sorted(set(right))

    def _build_work(self, functions: Sequence[Function], pieces: Sequence[Piece]) -> Iterator[Work]:
        judge = program_tests("\nfound = solved()\nassert not found, found\n", exposes=("solved",))
        for piece in pieces:
            batch, probes = piece
            program = Program(
                source=build_screening(
                    [functions[one] for one in batch], [self._targets[other].probe for other in probes]
                ),
                environment=self._targets[0].suite.benchmark.environment,
                limits=Limits(cpu_time_s=600.0, wall_time_s=1200.0, memory_bytes=2 << 30),
            )
            yield piece, program, judge


def _split_piece(piece: Piece) -> list[Piece]:
    """Split a piece whose program did not finish; return no pieces if it cannot be split."""
    batch, probes = piece
    if len(batch) > 1:
        return [((one,), probes) for one in batch]
    middle = len(probes) // 2
    return [(batch, probes[:middle]), (batch, probes[middle:])] if middle else []


def _split_range(count: int, size: int) -> list[tuple[int, ...]]:
    """Split the numbers below `count` into runs of at most `size`."""
    return [tuple(range(start, min(start + size, count))) for start in range(0, count, size)]


def _confirm_pairs(
    sandbox: Sandbox,
    found: Sequence[Function],
    targets: Sequence[ScreeningTarget],
    pairs: Sequence[tuple[int, int]],
    progress: Progress,
) -> list[Hit]:
    """Return the pairs that pass the benchmark's own judge."""

    def build_work() -> Iterator[Work]:
        for pair in pairs:
            suite, task_id = targets[pair[1]].suite, targets[pair[1]].task_id
            problem = suite.problems[task_id]
            code = found[pair[0]].bind_name(problem.entry_point)
            yield pair, suite.benchmark.program(problem, code, CodeForm.SOLUTION), suite.benchmark.judge(problem)

    progress.start("confirm", len(pairs))
    hits = []
    for key, outcome in sandbox.run(build_work()):
        progress.advance("confirm")
        if outcome.status is Status.INFRASTRUCTURE:
            raise SandboxUnavailable(
                f"the sandbox failed on a row's code: {outcome.detail}; the same command runs it again"
            )
        if outcome.status is Status.PASSED:
            one, other = key
            target = targets[other]
            hits.append(
                Hit(
                    row_id=found[one].row_id,
                    layer="execution",
                    benchmark=target.suite.name,
                    task_id=target.task_id,
                )
            )
    progress.finish("confirm")
    return sorted(set(hits), key=lambda hit: (hit.row_id, hit.benchmark, hit.task_id))
