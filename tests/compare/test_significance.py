"""What the tests and intervals promise, measured on simulated runs whose truth is known.

`pytest tests/compare/test_significance.py -m slow -s` prints the figures. Problems differ in difficulty (a beta
distribution, as many are always or never solved), and runs of the same checkpoint differ by chance alone.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from harness.compare.power import compute_mcnemar_power
from harness.compare.significance import PairedDifference, compute_bootstrap, compute_mcnemar
from harness.metrics.pass_at_k import LEVEL, compute_pass_at_k

pytestmark = pytest.mark.slow
PROBLEMS, PAIRS, SAMPLES = 164, 1000, 10
MEAN = 0.55
"""Of problems' chances to be solved."""
ALPHA = 1 - LEVEL


def difficulties(draw: np.random.Generator) -> np.ndarray:
    """Each problem's chance to be solved."""
    return draw.beta(MEAN, 1 - MEAN, PROBLEMS)


def damaged(chances: np.ndarray, drop: float) -> np.ndarray:
    """Chances that are lower by `drop` on average over all problems, each by the same share of what it has."""
    return chances * (1 - drop / MEAN)


def greedy(draw: np.random.Generator, first: np.ndarray, second: np.ndarray) -> PairedDifference:
    """A comparison of one sample each."""
    a, b = draw.random(PROBLEMS) < first, draw.random(PROBLEMS) < second
    return compute_mcnemar(lost=int((a & ~b).sum()), gained=int((b & ~a).sum()), n=PROBLEMS)


def sampled(draw: np.random.Generator, first: np.ndarray, second: np.ndarray) -> PairedDifference:
    """A comparison of ten samples each."""
    a, b = draw.binomial(SAMPLES, first) / SAMPLES, draw.binomial(SAMPLES, second) / SAMPLES
    return compute_bootstrap(a.tolist(), b.tolist())


@pytest.mark.parametrize("pair", [greedy, sampled])
def test_false_alarms_power_and_coverage(pair: object) -> None:
    """No difference: alarms within the level. A drop of 10 points: the power. Intervals hold the true difference."""
    assert callable(pair)
    draw = np.random.default_rng(20)
    alarms = losses = covered = 0
    for _ in range(PAIRS):
        chances = difficulties(draw)
        alarms += pair(draw, chances, chances).p_value <= ALPHA
        worse = damaged(chances, 0.10)
        found = pair(draw, chances, worse)
        losses += found.p_value <= ALPHA and found.value < 0
        # Problems are drawn anew for each pair, so the interval is about the mean over all problems.
        covered += found.interval is not None and found.interval[0] <= -0.10 <= found.interval[1]
    print(  # noqa: T201
        f"\n{pair.__name__}, {PAIRS} pairs of {PROBLEMS} problems: "
        f"false alarms {alarms / PAIRS:.1%} at level {ALPHA:.0%}, "
        f"power at a drop of 10 points {losses / PAIRS:.1%}, coverage {covered / PAIRS:.1%}"
    )

    assert stats.binomtest(alarms, PAIRS, ALPHA, alternative="greater").pvalue > 0.001
    assert stats.binomtest(covered, PAIRS, LEVEL, alternative="less").pvalue > 0.001
    assert losses / PAIRS > 0.5


def test_the_intervals_of_a_score_cover_at_their_rate() -> None:
    """pass@1 of one sample, of ten, and pass@5: the mean over all problems is inside as often as stated."""
    draw = np.random.default_rng(21)
    truth = {1: MEAN, 5: _mean_pass_at_k(5)}
    cases = {"one sample": (1, 1), "ten samples": (SAMPLES, 1), "pass@5 of ten": (SAMPLES, 5)}
    for name, (n, k) in cases.items():
        covered = 0
        for at in range(PAIRS):
            passed = draw.binomial(n, difficulties(draw))
            counts = {str(task): (n, int(c)) for task, c in enumerate(passed)}
            score = compute_pass_at_k(counts, k, benchmark="b", seed=at, resamples=1000)
            assert score.interval is not None
            covered += score.interval[0] <= truth[k] <= score.interval[1]
        print(f"\n{name}: coverage {covered / PAIRS:.1%}")  # noqa: T201
        assert stats.binomtest(covered, PAIRS, LEVEL, alternative="less").pvalue > 0.001


def _mean_pass_at_k(k: int) -> float:
    """1 - E[(1 - p)^k] for p ~ Beta(MEAN, 1 - MEAN)."""
    rest = 1 - MEAN
    return 1 - math.exp(math.lgamma(rest + k) - math.lgamma(rest) - math.lgamma(1.0 + k))


def test_the_power_that_a_gate_names_is_the_measured_one() -> None:
    """For a drop of 10 points at a given churn, 1,000 simulated pairs."""
    draw = np.random.default_rng(22)
    churn, drop = 0.03, 0.10
    found = 0
    for _ in range(PAIRS):
        lost, gained, _ = draw.multinomial(PROBLEMS, [churn + drop, churn, 1 - 2 * churn - drop])
        result = compute_mcnemar(lost=int(lost), gained=int(gained), n=PROBLEMS)
        found += result.p_value <= ALPHA and result.value < 0
    named = compute_mcnemar_power(drop=drop, churn=churn, n=PROBLEMS, level=ALPHA)
    print(f"\npower named {named:.1%}, measured {found / PAIRS:.1%}")  # noqa: T201

    assert stats.binomtest(found, PAIRS, named).pvalue > 0.001
