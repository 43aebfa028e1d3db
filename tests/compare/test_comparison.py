"""What a comparison says of runs whose outcomes are known, and which ones it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scipy import stats  # type: ignore[import-untyped]

from harness.compare import compare, tables
from harness.compare.significance import compute_bonett_price, compute_bootstrap, compute_mcnemar, correct_by_holm
from harness.errors import StoreError
from harness.types import Status
from tests.commands import harness, one_line_error
from tests.runs import FAILED, PASSED, outcomes, write_run

TABLE = """
[sources]
paper = "A paper"
[checkpoints."Known-15B"]
published = [
    { benchmark = "humaneval", percent = 59.8, how = "greedy", source = "paper" },
    { benchmark = "humaneval", percent = 12.0, part = "Easy", source = "paper" },
    { benchmark = "mbpp", percent = 51.8, source = "paper" },
]
"""


def test_greedy_runs_are_compared_by_mcnemars_exact_test(tmp_path: Path) -> None:
    """9 lost and 2 gained of 164: -4.3 points, and the binomial probability of a split so uneven."""
    first = write_run(tmp_path / "a", outcomes(range(100)), model="a")
    second = write_run(tmp_path / "b", outcomes([*range(9, 100), 120, 121]), model="b")

    (found,) = compare([first, second]).differences

    assert found.value == pytest.approx(-7 / 164)
    assert found.lost == tuple(f"HumanEval/{at}" for at in range(9))
    assert found.gained == ("HumanEval/120", "HumanEval/121")
    assert found.p_value == pytest.approx(stats.binomtest(2, 11, 0.5).pvalue)
    assert "McNemar" in found.test
    assert found.interval is not None
    assert found.interval[0] < found.value < found.interval[1]


def test_sampled_runs_are_compared_by_the_paired_bootstrap(tmp_path: Path) -> None:
    """Problems are the unit: the interval is that of the mean of their differences."""
    half = {f"T/{at}": [PASSED, FAILED] for at in range(60)}
    better = {task: [PASSED, PASSED] if at % 3 else [PASSED, FAILED] for at, task in enumerate(half)}
    first = write_run(tmp_path / "a", half, model="a", temperature=0.2)
    second = write_run(tmp_path / "b", better, model="b", temperature=0.2)

    (found,) = compare([first, second]).differences

    assert found.value == pytest.approx(1 / 3)
    assert "bootstrap" in found.test
    assert found.interval == pytest.approx((1 / 3 - 0.061, 1 / 3 + 0.061), abs=0.01)
    assert found.p_value < 0.001


def test_several_models_are_corrected_together(tmp_path: Path) -> None:
    """Holm: the smaller p-value counts twice; the method is named in the output."""
    paths = [write_run(tmp_path / "a", outcomes(range(100)), model="a")]
    paths += [write_run(tmp_path / "b", outcomes(range(90)), model="b")]
    paths += [write_run(tmp_path / "c", outcomes(range(97)), model="c")]

    found = compare(paths)

    assert [difference.run for difference in found.differences] == ["b", "c"]
    first, second = found.differences
    assert first.p_corrected == pytest.approx(2 * first.p_value)
    assert second.p_corrected == second.p_value
    assert "Holm" in tables.format_markdown(found)
    assert found.only_by["humaneval"]["a"] == ("HumanEval/97", "HumanEval/98", "HumanEval/99")


def test_the_base_part_is_a_row_of_its_own(tmp_path: Path) -> None:
    """HumanEval+ fell, HumanEval did not."""
    base = outcomes(range(100))
    first = write_run(tmp_path / "a", outcomes(range(90)), model="a", base=base)
    second = write_run(tmp_path / "b", outcomes(range(80)), model="b", base=base)

    changes = {found.metric: found.value for found in compare([first, second]).differences}

    assert changes == {"base pass@1": 0.0, "pass@1": pytest.approx(-10 / 164)}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"data_digest": "0" * 64}, "data digest is"),
        ({"recipe": "chat"}, "recipe is"),
        ({"temperature": 0.8}, "temperature is 0.0 in a and 0.8 in b"),
        ({"n": 2}, "164 samples are not generated yet"),
    ],
)
def test_what_differs_in_data_recipe_or_sampling_is_refused_unless_asked_for(
    tmp_path: Path, changed: dict[str, object], reason: str
) -> None:
    """Exit 2 with the reason; with --allow-mixed the table carries the mark."""
    first = write_run(tmp_path / "a", outcomes(range(100)), model="a")
    second = write_run(tmp_path / "b", outcomes(range(90)), model="b", **changed)  # type: ignore[arg-type]

    with pytest.raises(StoreError, match="cannot be compared") as refused:
        compare([first, second])
    assert reason in str(refused.value)

    shown = tables.format_markdown(compare([first, second], allow_mixed=True))
    assert "| humaneval (mixed) |" in shown
    assert reason in shown


def test_runs_without_a_common_task_are_named(tmp_path: Path) -> None:
    """With what each has."""
    first = write_run(tmp_path / "a", outcomes(range(3), n=5))
    second = write_run(tmp_path / "b", {"Mbpp/11": [PASSED]}, benchmark="mbpp")

    with pytest.raises(StoreError, match=r"no task in common \(5 of humaneval; 1 of mbpp\)"):
        compare([first, second], allow_mixed=True)


def test_samples_the_judge_failed_on_count_neither_way(tmp_path: Path) -> None:
    """The row is over the problems both runs have a verdict of, and says so."""
    lost = {**outcomes(range(100)), "HumanEval/0": [Status.INFRASTRUCTURE]}
    first = write_run(tmp_path / "a", outcomes(range(100)), model="a")
    second = write_run(tmp_path / "b", lost, model="b")

    found = compare([first, second], allow_mixed=True)

    assert found.differences[0].baseline.n_problems == 163
    assert found.differences[0].lost == ()
    assert any("b: the judge failed on 1 samples" in told for told in found.caveats)


def test_other_dtypes_are_told_where_both_are_known(tmp_path: Path) -> None:
    """A processor may compute in another one than the machine of the other run; replayed samples have none."""
    runs = [write_run(tmp_path / name, outcomes(range(3), n=5), model=name) for name in ("a", "b", "c")]
    for run, dtype in zip(runs, ("float32", "bfloat16", None), strict=True):
        manifest = json.loads((run / "run.json").read_text())
        (run / "run.json").write_text(json.dumps({**manifest, "model": {"dtype": dtype}}))

    assert "The runs differ in dtype: float32 (a), bfloat16 (b)." in compare(runs[:2]).caveats
    assert not any("dtype" in text for text in compare([runs[0], runs[2]]).caveats)


def test_a_damaged_file_is_named_by_its_line(tmp_path: Path) -> None:
    """Exit 2, no traceback."""
    first = write_run(tmp_path / "a", outcomes(range(3), n=5))
    second = write_run(tmp_path / "b", outcomes(range(3), n=5))
    journal = second / "verdicts.jsonl"
    journal.write_text(journal.read_text().replace('"status"', '"stat', 1))

    done = harness("compare", first, second)

    assert done.returncode == 2
    assert "verdicts.jsonl line 1 is damaged" in one_line_error(done)


def test_the_command_prints_the_table_and_writes_files(tmp_path: Path) -> None:
    """Markdown on stdout with published figures as rows; JSON with every flip."""
    first = write_run(tmp_path / "a", outcomes(range(100)), model="org/a")
    second = write_run(tmp_path / "b", outcomes(range(50, 130)), model="org/b")
    (tmp_path / "table.toml").write_text(TABLE)

    done = harness("compare", first, second, "--published", tmp_path / "table.toml", "--out", tmp_path / "out")

    assert done.returncode == 0, done.stderr
    assert done.stdout == (tmp_path / "out" / "compare.md").read_text()
    assert "| humaneval | pass@1 | Known-15B (greedy), published | 59.8 " in done.stdout
    assert "51.8" not in done.stdout
    found = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert [row["source"] for row in found["rows"]] == ["measured", "measured", "published"]
    assert [row["problems"] for row in found["rows"]] == [164, 164, None]
    assert found["flips"][0]["lost"] == [f"HumanEval/{at}" for at in range(50)]
    assert found["flips"][0]["gained"] == [f"HumanEval/{at}" for at in range(100, 130)]


def test_equal_runs_differ_by_nothing_and_p_is_1() -> None:
    """With no discordant problem there is still an interval: greedy runs are not known to be equal for ever."""
    found = compute_mcnemar(lost=0, gained=0, n=164)

    assert (found.value, found.p_value) == (0.0, 1.0)
    assert found.interval is not None
    assert found.interval[0] < 0 < found.interval[1]
    assert compute_bootstrap([0.5, 1.0], [0.5, 1.0]).p_value == 1.0


def test_holm_leaves_out_what_was_not_tested() -> None:
    """NaN is no test and does not make others stricter."""
    corrected = correct_by_holm([0.01, float("nan"), 0.04])

    assert corrected[0] == pytest.approx(0.02)
    assert corrected[2] == pytest.approx(0.04)
    assert corrected[1] != corrected[1]


def test_the_interval_of_a_paired_difference_is_bonett_and_prices() -> None:
    """By hand: (3 - 10)/166 with its adjusted spread."""
    low, high = compute_bonett_price(lost=9, gained=2, n=164)

    centre = (3 - 10) / 166
    spread = 1.959964 * ((13 / 166 - centre**2) / 166) ** 0.5
    assert (low, high) == pytest.approx((centre - spread, centre + spread), abs=1e-6)
