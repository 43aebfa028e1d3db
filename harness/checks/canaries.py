"""Programs that must fail, each in its own way: a wrong answer, a crash, an endless loop, a memory hog.

The kind of judge makes them for one of the benchmark's problems; a benchmark that they do not fit implements
`HasCanaries`. Programs that try to forge a verdict or to break out are not among them.
"""

from __future__ import annotations

from dataclasses import replace

from ..optional import HasCanaries
from ..sandboxes.judges import kind_of
from ..tasks.suite import Suite
from ..types import CodeForm, Judge, Problem, Program, Status

CPU_TIME_S = 0.1
MEMORY_BYTES = 128 << 20


def build_canaries(suite: Suite) -> list[tuple[Status, Program, Judge]]:
    """Return programs with the status that each must get; lowered limits make them fail quickly."""
    benchmark = suite.benchmark
    if isinstance(benchmark, HasCanaries):
        chosen = [(status, problem, code) for status, (problem, code) in benchmark.canaries().items()]
    else:
        chosen = _build_for_kind(suite)
    return [
        _lower_limits(status, benchmark.program(problem, code, CodeForm.SOLUTION), benchmark.judge(problem))
        for status, problem, code in chosen
    ]


def _build_for_kind(suite: Suite) -> list[tuple[Status, Problem, str]]:
    """Return failing code for the first problem that the kind of judge has canaries for."""
    for problem in suite.problems.values():
        judge = suite.benchmark.judge(problem)
        if made := kind_of(judge).canaries(judge, problem.entry_point):
            return [(status, problem, code) for status, code in made.items()]
    return []


def _lower_limits(status: Status, program: Program, judge: Judge) -> tuple[Status, Program, Judge]:
    if status is Status.TIMEOUT:
        hurried = kind_of(judge).slower(program, judge, CPU_TIME_S / program.limits.cpu_time_s)
        return (status, *hurried)
    if status is Status.MEMORY:
        return status, replace(program, limits=replace(program.limits, memory_bytes=MEMORY_BYTES)), judge
    return status, program, judge
