"""Compute unbiased pass@k with a 95 % interval over problems.

Estimator: Chen et al. 2021 (arXiv 2107.03374), the mean over problems of 1 - C(n-c, k) / C(n, k).
Intervals treat the problems as drawn from a larger set, so they hold what drawing samples adds to a problem's
own value, and `Score.note` names the method:

- one sample per problem and k = 1, or every value 0 or every value 1: Wilson's score interval (Wilson 1927);
- more samples and k = 1: normal, from the spread of the problems' means, clipped to [0, 1];
- k > 1: percentiles of a seeded bootstrap over problems (Efron 1979).

With few problems (below about 30) the normal and the bootstrap intervals are too narrow. No interval says anything
about another benchmark or about contamination.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import NormalDist, fmean, stdev

from ..errors import UsageError
from ..types import Score

LEVEL = 0.95
Z = NormalDist().inv_cdf((1 + LEVEL) / 2)
Interval = tuple[float, float]


def estimate_pass_at_k(n: int, c: int, k: int) -> float:
    """Estimate the chance that at least one of `k` samples passes if `c` of `n` did; NaN if n < k.

    Integers are exact up to the last division, so the result is correctly rounded for every n.

    Raises:
        ValueError: k is below 1, or c is not within 0..n.
    """
    if k < 1 or not 0 <= c <= n:
        raise ValueError(f"pass@k needs k >= 1 and 0 <= c <= n, got n={n}, c={c}, k={k}")
    if n < k:
        return math.nan
    ways = math.comb(n, k)
    return (ways - math.comb(n - c, k)) / ways


def compute_pass_at_k(
    counts: Mapping[str, tuple[int, int]],
    k: int,
    *,
    benchmark: str,
    seed: int = 0,
    resamples: int = 10_000,
) -> Score:
    """Compute pass@k over all problems of `counts`, which maps a task id to (samples, passed).

    If a problem has fewer than k samples, `value` is NaN, `interval` is None and `note` has the reason.

    Raises:
        UsageError: k is below 1.
    """
    if k < 1:
        raise UsageError(f"pass@k: k is {k}; it must be 1 or more")
    value, interval, note = math.nan, None, _explain_shortage(counts, k)
    if not note:
        values = [estimate_pass_at_k(n, c, k) for n, c in counts.values()]
        value = fmean(values)
        interval, note = _compute_interval(values, k, [n for n, _ in counts.values()], seed, resamples)
    return Score(
        benchmark=benchmark,
        metric=f"pass@{k}",
        k=k,
        value=value,
        interval=interval,
        n_problems=len(counts),
        n_samples=sum(n for n, _ in counts.values()),
        note=note,
    )


def _explain_shortage(counts: Mapping[str, tuple[int, int]], k: int) -> str:
    """Explain why pass@k cannot be computed; "" if it can."""
    if not counts:
        return "no problems"
    short = {task: n for task, (n, _) in counts.items() if n < k}
    if not short:
        return ""
    least = min(short, key=lambda task: short[task])
    verb = "has" if len(short) == 1 else "have"
    return f"{len(short)} of {len(counts)} tasks {verb} fewer than {k} samples (least: {least} with {short[least]})"


def _compute_interval(
    values: Sequence[float], k: int, samples: Sequence[int], seed: int, resamples: int
) -> tuple[Interval | None, str]:
    level = f"{LEVEL:.0%}"
    if (k == 1 and set(samples) == {1}) or set(values) in ({0.0}, {1.0}):
        # If all values are 0 or all are 1, the spread is 0 and the other two would claim certainty.
        return compute_wilson(round(sum(values)), len(values)), f"interval: Wilson, {level}, over problems"
    if len(values) == 1:
        return None, "no interval: it is over problems, and there is one"
    if k == 1:
        return _compute_normal(values), f"interval: normal, {level}, over problems"
    method = f"interval: bootstrap percentile, {level}, over problems, {resamples} resamples, seed {seed}"
    return compute_bootstrap(values, seed=seed, resamples=resamples), method


def compute_wilson(passed: float, n: int) -> Interval:
    """Compute Wilson's score interval for `passed` of `n`; `passed` may be a sum of shares."""
    share, weight = passed / n, Z * Z / n
    centre = (share + weight / 2) / (1 + weight)
    half = Z * math.sqrt(share * (1 - share) / n + weight / (4 * n)) / (1 + weight)
    # At the ends the formula gives exactly 0 and 1; rounding alone must not step past the value.
    low = 0.0 if passed == 0 else centre - half
    high = 1.0 if passed == n else centre + half
    return low, high


def compute_bootstrap(values: Sequence[float], *, seed: int, resamples: int) -> Interval:
    """Compute the percentile interval of the mean of resampled `values`; deterministic in `seed`."""
    import numpy as np

    # Problems with equal values are exchangeable, so drawing how often each value occurs is the same draw.
    tally = sorted(Counter(values).items())
    distinct = np.array([value for value, _ in tally])
    shares = np.array([count for _, count in tally], dtype=float) / len(values)
    draws = np.random.default_rng(seed).multinomial(len(values), shares, size=resamples)
    low, high = np.quantile(draws @ distinct / len(values), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _compute_normal(values: Sequence[float]) -> Interval:
    centre, half = fmean(values), Z * stdev(values) / math.sqrt(len(values))
    return max(0.0, centre - half), min(1.0, centre + half)
