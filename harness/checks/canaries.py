"""Programs that must fail, each in its own way: a wrong answer, a crash, an endless loop, a memory hog.

They are made for a benchmark's own problem, by its kind of judge; a benchmark that these do not fit is `HasCanaries`.
Programs that try to forge a verdict or to break out are not among them.
"""

from __future__ import annotations

from dataclasses import replace

from ..optional import HasCanaries
from ..sandboxes.judges import kind_of
from ..tasks.suite import Suite
from ..types import CodeForm, Judge, Problem, Program, Status

CPU_TIME_S = 0.1
MEMORY_BYTES = 128 << 20


def canaries(suite: Suite) -> list[tuple[Status, Program, Judge]]:
    """Return programs with the status that each must get; limits are lowered, so that they are soon reached."""
    benchmark = suite.benchmark
    if isinstance(benchmark, HasCanaries):
        chosen = [(status, problem, code) for status, (problem, code) in benchmark.canaries().items()]
    else:
        chosen = _made(suite)
    return [
        _limited(status, benchmark.program(problem, code, CodeForm.SOLUTION), benchmark.judge(problem))
        for status, problem, code in chosen
    ]


def _made(suite: Suite) -> list[tuple[Status, Problem, str]]:
    """Return code for the first problem that the kind of judge knows how to fail."""
    for problem in suite.problems.values():
        judge = suite.benchmark.judge(problem)
        if made := kind_of(judge).canaries(judge, problem.entry_point):
            return [(status, problem, code) for status, code in made.items()]
    return []


def _limited(status: Status, program: Program, judge: Judge) -> tuple[Status, Program, Judge]:
    if status is Status.TIMEOUT:
        hurried = kind_of(judge).slower(program, judge, CPU_TIME_S / program.limits.cpu_time_s)
        return (status, *hurried)
    if status is Status.MEMORY:
        return status, replace(program, limits=replace(program.limits, memory_bytes=MEMORY_BYTES)), judge
    return status, program, judge
