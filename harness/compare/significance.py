"""Paired tests and intervals for two runs over the same problems.

One sample of each problem (greedy): McNemar's exact test (McNemar 1947; statsmodels), interval of the difference by
Bonett and Price (2012, doi 10.3102/1076998611411915), an adjusted Wald interval that also holds if few problems
differ. More samples: the paired percentile bootstrap over problems (Efron 1979; scipy), interval and p-value from
the same resamples, so the interval leaves out 0 where p is below 0.05. Several tests: Holm's correction (Holm 1979;
statsmodels). The bootstrap's intervals are too narrow below about 30 problems; `tests/compare/test_significance.py`
measures both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..metrics.pass_at_k import LEVEL, Interval, Z

RESAMPLES = 9_999
MCNEMAR = "McNemar's exact test (statsmodels), interval: Bonett-Price"
BOOTSTRAP = f"paired percentile bootstrap over problems (scipy, {RESAMPLES} resamples, seed 0)"
HOLM = "Holm's correction (statsmodels)"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDifference:
    """The difference second minus first, as a fraction of 1, with interval and p-value."""

    value: float
    interval: Interval | None
    p_value: float
    """Two-sided, of "no difference"."""
    test: str


def compute_mcnemar(*, lost: int, gained: int, n: int) -> PairedDifference:
    """Test `n` problems with one sample each; `lost` passed only in the first run, `gained` only in the second.

    Raises:
        ValueError: more problems differ than there are.
    """
    if n < 1 or lost + gained > n:
        raise ValueError(f"{lost} lost and {gained} gained of {n} problems")
    return PairedDifference(
        value=(gained - lost) / n,
        interval=compute_bonett_price(lost=lost, gained=gained, n=n),
        p_value=_compute_mcnemar_p(lost, gained),
        test=MCNEMAR,
    )


def compute_bonett_price(*, lost: int, gained: int, n: int) -> Interval:
    """Compute the adjusted Wald interval of a difference of paired proportions."""
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    half = Z * math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    return max(-1.0, up - down - half), min(1.0, up - down + half)


def compute_bootstrap(first: Sequence[float], second: Sequence[float]) -> PairedDifference:
    """Resample each problem's value (its pass@k) in both runs; the order of problems is the same.

    Raises:
        ValueError: the lengths differ, or there is nothing.
    """
    import numpy as np
    from scipy import stats

    if len(first) != len(second) or not first:
        raise ValueError(f"{len(first)} values cannot be paired with {len(second)}")
    differences = np.asarray(second, dtype=float) - np.asarray(first, dtype=float)
    value = float(differences.mean())
    if np.ptp(differences) == 0.0:  # nothing to resample
        return PairedDifference(value=value, interval=None, p_value=1.0 if value == 0 else math.nan, test=BOOTSTRAP)
    resampled = stats.bootstrap(
        (differences,),
        np.mean,
        confidence_level=LEVEL,
        method="percentile",
        n_resamples=RESAMPLES,
        rng=np.random.default_rng(0),
    )
    means = resampled.bootstrap_distribution
    tail = min(int((means <= 0).sum()), int((means >= 0).sum()))
    return PairedDifference(
        value=value,
        interval=(float(resampled.confidence_interval.low), float(resampled.confidence_interval.high)),
        p_value=min(1.0, 2 * (tail + 1) / (RESAMPLES + 1)),
        test=BOOTSTRAP,
    )


def correct_by_holm(p_values: Sequence[float]) -> list[float]:
    """Correct `p_values` for multiple tests; NaN stays NaN and does not count."""
    from statsmodels.stats.multitest import multipletests  # type: ignore[import-untyped]

    known = [p for p in p_values if not math.isnan(p)]
    if not known:
        return list(p_values)
    corrected = iter(multipletests(known, method="holm")[1])
    return [p if math.isnan(p) else float(next(corrected)) for p in p_values]


def _compute_mcnemar_p(lost: int, gained: int) -> float:
    from statsmodels.stats.contingency_tables import mcnemar as exact  # type: ignore[import-untyped]

    if lost + gained == 0:
        return 1.0
    return float(exact([[0, lost], [gained, 0]], exact=True).pvalue)
