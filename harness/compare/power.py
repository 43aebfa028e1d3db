"""Compute the smallest drop that a comparison could have detected.

Greedy: the power of McNemar's exact test, summed over the numbers of lost and gained problems, at the churn that the
runs themselves show (the smaller of lost and gained, which a drop does not explain). Sampled: the usual formula
(z_level/2 + z_power) * s / sqrt(problems) with the spread s of the problems' differences. Churn is taken from one pair
of runs; another pair has another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, stdev

POWER = 0.8


def compute_smallest_drop(*, lost: int, gained: int, n: int, level: float) -> float | None:
    """Return the drop as a fraction of 1, for `n` problems with one sample each; None if no drop could be detected."""
    churn = min(lost, gained) / n
    for problems in range(1, n + 1):
        drop = problems / n
        if drop + 2 * churn > 1:
            return None
        if compute_mcnemar_power(drop=drop, churn=churn, n=n, level=level) >= POWER:
            return drop
    return None


def compute_mcnemar_power(*, drop: float, churn: float, n: int, level: float) -> float:
    """Compute the power to find a loss if problems are lost with probability `churn + drop` and gained with `churn`."""
    import numpy as np
    from scipy import stats

    differing = drop + 2 * churn
    if differing <= 0:
        return 0.0
    m = np.arange(1, n + 1)
    # The largest number of gains among m that differ at which the two-sided exact test still finds a loss.
    most_gained = stats.binom.ppf(level / 2, m, 0.5)
    most_gained = np.where(stats.binom.cdf(most_gained, m, 0.5) <= level / 2, most_gained, most_gained - 1)
    detected = np.where(most_gained >= 0, stats.binom.cdf(most_gained, m, churn / differing), 0.0)
    return float((stats.binom.pmf(m, n, differing) * detected).sum())


def compute_smallest_sampled_drop(differences: Sequence[float], *, level: float) -> float | None:
    """Return the drop as a fraction of 1, from each problem's difference; None if nothing differs."""
    spread = stdev(differences) if len(differences) > 1 else 0.0
    if spread == 0.0:
        return None
    z = NormalDist().inv_cdf(1 - level / 2) + NormalDist().inv_cdf(POWER)
    return z * spread / math.sqrt(len(differences))
