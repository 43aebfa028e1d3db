"""Collect what a tracker is told of a run: parameters, a point of its curves now and then, and its scores.

The parameters are a fixed choice from the manifest, which holds no secret, and a model's name has no server's address.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from ..report import Summary, headline
from ..types import Status, Verdict

POINTS = 200
"""Points of a curve over a whole run."""
SAMPLING = ("temperature", "top_p", "top_k", "min_p", "max_tokens", "seed", "stop", "thinking", "thinking_budget")
REFUSED = re.compile(r"[^\w.:/ -]+")
"""What MLflow's names may not hold."""


class VerdictCurves:
    """Counts verdicts as they come, and makes a point of their benchmark's curves from every `total` / `POINTS`."""

    def __init__(self, total: int = 0) -> None:
        self.step = 0
        """Verdicts until now."""
        self._every = max(1, total // POINTS)
        self._done: Counter[str] = Counter()
        self._passed: Counter[str] = Counter()

    def add(self, verdict: Verdict) -> Mapping[str, float] | None:
        """Count a verdict; return the new point of its benchmark's curves, if it is time for one."""
        if verdict.status is Status.INFRASTRUCTURE:
            return None
        name = verdict.benchmark
        self.step += 1
        self._done[name] += 1
        self._passed[name] += verdict.status is Status.PASSED
        return None if self.step % self._every else self._make_point(name)

    def finish(self) -> dict[str, float]:
        """Return the last point of all curves."""
        return {key: value for name in self._done for key, value in self._make_point(name).items()}

    def _make_point(self, name: str) -> dict[str, float]:
        done, passed = self._done[name], self._passed[name]
        return _join(name, {"done": done, "passed": passed, "passed_share": passed / done})


def collect_params(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return model, recipe, sampling, benchmarks and versions of a run by name."""
    identity = manifest["identity"]
    sampling: Mapping[str, Any] = identity.get("sampling") or {}
    params = {
        "model": headline.name_model(manifest),
        "weights": headline.shorten_weights_digest(manifest),
        "configuration": manifest["digest"],
        "samples_per_problem": manifest["config"].get("n", 1),
        **{key: identity.get(key) for key in ("sandbox", "trust")},
        **{f"sampling/{key}": sampling.get(key) for key in SAMPLING},
        **{f"versions/{name}": version for name, version in manifest.get("versions", {}).items()},
    }
    for name in manifest["tasks"]:
        params |= _join(
            name,
            {
                "problems": headline.describe_problems(manifest, name),
                "recipe": headline.describe_recipe(manifest, name),
            },
        )
    return {key: str(value) for key, value in params.items() if value not in (None, "", [], ())}


def collect_scores(summary: Summary) -> dict[str, float]:
    """Return scores with intervals, statuses, tokens and seconds of a run by name; what is not known is left out."""
    found: dict[str, float] = {}
    for score in summary.scores:
        name, (low, high) = name_metric(score.metric), score.interval or (math.nan, math.nan)
        found |= _join(score.benchmark, {name: score.value, f"{name}_low": low, f"{name}_high": high})
    for benchmark, statuses in summary.statuses.items():
        found |= _join(benchmark, {f"status/{status}": count for status, count in statuses.items()})
    found |= {f"seconds/{stage}": seconds for stage, seconds in summary.stages_s.items()}
    if summary.tokens_per_s:
        found["tokens_per_s"] = summary.tokens_per_s
    return {key: value for key, value in found.items() if not math.isnan(value)}


def name_metric(metric: str) -> str:
    """Return the name of a metric without what others refuse: "base_pass_at_1" for "base pass@1"."""
    return metric.replace("@", "_at_").replace(" ", "_")


def _join(benchmark: str, values: Mapping[str, Any]) -> dict[str, Any]:
    group = REFUSED.sub("_", benchmark)
    return {f"{group}/{key}": value for key, value in values.items()}
