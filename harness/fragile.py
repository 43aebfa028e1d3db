"""Which problems' verdicts hang on the time limit: time-outs run again with four times the time.

A problem is time-fragile when a sample of it that timed out passes then: a faster machine would score it
otherwise. Only time-outs are run again, at most two samples of a problem, and none that would be given minutes
(DS-1000's limit is two as it is). The verdicts of the run stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .store import RunFolder
from .suite import Suite
from .types import Calls, Sample, Sandbox, Status, Trial, Verdict

FACTOR = 4.0
SAMPLES_PER_PROBLEM = 2
MAX_CPU_TIME_S = 120.0
"""That a program is given the second time."""
FIELD = "time_check"
"""In the manifest: benchmark -> how many samples were run again, and the problems that are fragile."""


def timed_out(folder: RunFolder, suite: Suite) -> list[Sample]:
    """The samples to run again."""
    chosen: Counter[str] = Counter()
    found = []
    for key, verdict in folder.verdicts.items():
        if verdict.benchmark != suite.name or verdict.status is not Status.TIMEOUT or key not in folder.samples:
            continue
        chosen[verdict.task_id] += 1
        if chosen[verdict.task_id] <= SAMPLES_PER_PROBLEM:
            found.append(folder.samples[key])
    return found


def check(folder: RunFolder, suite: Suite, sandbox: Sandbox, advance: Callable[[], None]) -> None:
    """Run the time-outs again and put into the manifest what came of it; `advance` is called for each."""
    trials = [_patient(suite.trial(sample)) for sample in timed_out(folder, suite)]
    again = [trial for trial in trials if trial.limits.cpu_time_s <= MAX_CPU_TIME_S]
    fragile = set()
    for verdict in sandbox.run(again):
        advance()
        if _passes_more(folder.verdicts[verdict.benchmark, verdict.task_id, verdict.index], verdict):
            fragile.add(verdict.task_id)
    found = {"samples": len(again), "fragile": [task_id for task_id in suite.problems if task_id in fragile]}
    folder.update_manifest(**{FIELD: {**folder.manifest.get(FIELD, {}), suite.name: found}})


def fragile_of(manifest: Mapping[str, Any]) -> dict[str, list[str]]:
    """Benchmark -> time-fragile problems, for those that were checked."""
    return {name: list(found["fragile"]) for name, found in manifest.get(FIELD, {}).items()}


def _patient(trial: Trial) -> Trial:
    limits = replace(
        trial.limits, cpu_time_s=FACTOR * trial.limits.cpu_time_s, wall_time_s=FACTOR * trial.limits.wall_time_s
    )
    judge = trial.judge
    if isinstance(judge, Calls):
        judge = replace(judge, min_time_limit_s=FACTOR * judge.min_time_limit_s, time_factor=FACTOR * judge.time_factor)
    return replace(trial, limits=limits, judge=judge)


def _passes_more(before: Verdict, now: Verdict) -> bool:
    def passed(verdict: Verdict) -> list[bool]:
        return [status is Status.PASSED for status in (verdict.base_status, verdict.status)]

    return any(new and not old for old, new in zip(passed(before), passed(now), strict=True))
