"""Find problems whose verdicts depend on the time limit: time-outs, and those that pass with four times the time.

A problem is time-fragile if a sample of it that timed out passes with more time; a faster machine would score it
differently. Time-outs are retried only on request, because they cost more than all other programs together. At most two
samples of a problem are retried, and none whose new limit would be more than two minutes (DS-1000's is two minutes
already). The verdicts of the run stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from ..sandboxes.judges import kind_of
from ..store import RunFolder
from ..tasks.suite import Suite
from ..types import Outcome, Sample, Sandbox, Status, Work

FACTOR = 4.0
SAMPLES_PER_PROBLEM = 2
MAX_CPU_TIME_S = 120.0
"""CPU time limit of a retry."""
FIELD = "time_check"
"""Manifest field: benchmark -> number of time-outs, number of retried samples, and the time-fragile problems."""


def find_timeouts(folder: RunFolder, suite: Suite) -> list[Sample]:
    """Return the samples that timed out, at most two of each problem."""
    chosen: Counter[str] = Counter()
    samples = []
    for key, verdict in folder.verdicts.items():
        if verdict.benchmark != suite.name or verdict.status is not Status.TIMEOUT or key not in folder.samples:
            continue
        chosen[verdict.task_id] += 1
        if chosen[verdict.task_id] <= SAMPLES_PER_PROBLEM:
            samples.append(folder.samples[key])
    return samples


def record_timeouts(
    folder: RunFolder, suite: Suite, sandbox: Sandbox, advance: Callable[[], None], *, retry: bool
) -> None:
    """Record in the manifest how many samples timed out; with `retry`, run them again and record the result.

    `advance` is called for each retried sample.
    """
    timeouts = sum(
        verdict.benchmark == suite.name and verdict.status is Status.TIMEOUT for verdict in folder.verdicts.values()
    )
    record: dict[str, Any] = {"timeouts": timeouts}
    if retry:
        record |= _retry_timeouts(folder, suite, sandbox, advance)
    folder.update_manifest(**{FIELD: {**folder.manifest.get(FIELD, {}), suite.name: record}})


def read_fragile(manifest: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the time-fragile problems by benchmark, if time-outs were retried."""
    return {name: list(record["fragile"]) for name, record in manifest.get(FIELD, {}).items() if "fragile" in record}


def read_timeouts(manifest: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """Return how many samples timed out and how many of these were retried, for benchmarks with time-outs."""
    counts = {
        name: (record.get("timeouts", record.get("samples", 0)), record.get("samples", 0))
        for name, record in manifest.get(FIELD, {}).items()
    }
    return {name: count for name, count in counts.items() if count[0]}


def _retry_timeouts(folder: RunFolder, suite: Suite, sandbox: Sandbox, advance: Callable[[], None]) -> dict[str, Any]:
    work = [_extend_limits(suite.build_work(sample)) for sample in find_timeouts(folder, suite)]
    again = [item for item in work if item[1].limits.cpu_time_s <= MAX_CPU_TIME_S]
    fragile = set()
    for key, outcome in sandbox.run(again):
        advance()
        benchmark, task_id, index = key
        if _passes_more(folder.verdicts[benchmark, task_id, index], outcome):
            fragile.add(task_id)
    return {"samples": len(again), "fragile": [task_id for task_id in suite.problems if task_id in fragile]}


def _extend_limits(item: Work) -> Work:
    key, program, judge = item
    return (key, *kind_of(judge).slower(program, judge, FACTOR))


def _passes_more(before: Outcome, now: Outcome) -> bool:
    def list_passes(outcome: Outcome) -> list[bool]:
        return [status is Status.PASSED for status in (outcome.base_status, outcome.status)]

    return any(new and not old for old, new in zip(list_passes(before), list_passes(now), strict=True))
