"""Programs that must fail, each in its own way: a wrong answer, a crash, an endless loop, a memory hog.

They are made from a benchmark's own problem. A benchmark that these do not fit has the method
`canaries() -> Mapping[Status, tuple[Problem, str]]`: which status what code must get on which problem.
Not promised: programs that try to forge a verdict or to break out are not among them.
"""

from __future__ import annotations

from dataclasses import replace

from .suite import Suite
from .types import Benchmark, Calls, CodeForm, Problem, Status, Trial

CPU_TIME_S = 0.1
MEMORY_BYTES = 128 << 20
MISBEHAVIOUR = {
    Status.RUNTIME_ERROR: "raise RuntimeError('canary')",
    Status.TIMEOUT: "while True: pass",
    Status.MEMORY: "held = [b'x' * (number << 20) for number in range(1, 1 << 20)]",
}
"""A statement each, for the body of a function or a place in a script."""


def canaries(suite: Suite) -> list[tuple[Status, Trial]]:
    """Programs with the status that each must get; limits are lowered, so that they are soon reached."""
    benchmark = suite.benchmark
    own = getattr(benchmark, "canaries", None)
    if own is not None:
        chosen = [(status, problem, code) for status, (problem, code) in own().items()]
    else:
        first = next((one for one in suite.problems.values() if _fits(benchmark, one)), None)
        chosen = [(status, first, code) for status, code in _made(benchmark, first)] if first else []
    return [
        (status, _limited(status, benchmark.trial(problem, code, CodeForm.SOLUTION, -1 - number)))
        for number, (status, problem, code) in enumerate(chosen)
    ]


def _fits(benchmark: Benchmark, problem: Problem) -> bool:
    """Whether a program that defines the entry point alone can be judged: some tests also want a class of it."""
    judge = benchmark.trial(problem, "", CodeForm.SOLUTION, 0).judge
    alone = isinstance(judge, Calls) or judge.exposes in ((), (problem.entry_point,))
    return bool(problem.entry_point) and alone


def _made(benchmark: Benchmark, problem: Problem) -> list[tuple[Status, str]]:
    """Functions that misbehave when the tests call them; bare statements where the tests call none."""
    name = problem.entry_point
    judge = benchmark.trial(problem, "", CodeForm.SOLUTION, 0).judge
    called = isinstance(judge, Calls) or name in judge.exposes
    head = f"def {name}(*_, **__):\n    " if called else ""
    wrong = f"{name} = lambda *_, **__: 'canary'\n"
    return [(Status.WRONG_ANSWER, wrong), *((status, f"{head}{code}\n") for status, code in MISBEHAVIOUR.items())]


def _limited(status: Status, trial: Trial) -> Trial:
    if status is Status.TIMEOUT:
        judge = trial.judge
        if isinstance(judge, Calls):
            judge = replace(judge, min_time_limit_s=CPU_TIME_S)
        return replace(trial, judge=judge, limits=replace(trial.limits, cpu_time_s=CPU_TIME_S))
    if status is Status.MEMORY:
        return replace(trial, limits=replace(trial.limits, memory_bytes=MEMORY_BYTES))
    return trial
