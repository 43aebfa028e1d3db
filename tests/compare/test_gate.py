"""The gate's contract: exit codes, thresholds, words, JUnit XML, annotations, power."""

from __future__ import annotations

import random
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.compare import GateThresholds, Rules, check_regression
from harness.compare.gate import read_rules
from harness.compare.power import compute_mcnemar_power, compute_smallest_drop
from harness.compare.significance import compute_mcnemar
from harness.errors import UsageError
from harness.types import Status
from tests.commands import harness, one_line_error
from tests.runs import FAILED, PASSED, outcomes, write_run


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return write_run(tmp_path / "base", outcomes(range(100)), model="base")


@pytest.fixture
def worse(tmp_path: Path) -> Path:
    """11 points below the base."""
    return write_run(tmp_path / "worse", outcomes([*range(20, 100), 120, 121]), model="worse")


def test_a_run_passes_against_itself(base: Path) -> None:
    """Exit 0."""
    done = harness("gate", base, base)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("**no regression**")


def test_a_regression_exits_1_in_words_a_person_understands(base: Path, worse: Path) -> None:
    """By how much, how sure, which problems, and what could have been seen."""
    done = harness("gate", base, worse)

    assert done.returncode == 1
    assert done.stdout.startswith("**regression**: worse against base\n")
    assert (
        "humaneval pass@1 fell by 11.0 points, 95 % interval -16.4 to -5.3; 20 problems lost, 2 gained" in done.stdout
    )
    assert "would find a drop of" in done.stdout
    assert "lost: HumanEval/0, HumanEval/1, " in done.stdout


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        ({"max_drop": 10.9}, 1),
        ({"max_drop": 11}, 0),
        ({"noise_floor": 11}, 0),
        ({"level": 0.0001}, 0),
        ({"must_pass": ["HumanEval/30"], "max_drop": 50}, 0),
        ({"must_pass": ["HumanEval/3"], "max_drop": 50}, 1),
    ],
)
def test_what_passes(base: Path, worse: Path, flags: dict[str, object], code: int) -> None:
    """A drop that is accepted, in the noise, or not significant; a lost must-pass task never does."""
    assert check_regression(base, worse, read_rules(None, flags)).exit_code == code


def test_thresholds_by_flags(base: Path, worse: Path) -> None:
    """They win over the file's top level."""
    (base / "gate.toml").write_text("max_drop = 5")

    done = harness(
        "gate", base, worse, "--rules", base / "gate.toml", "--max-drop", "20", "--must-pass", "HumanEval/99"
    )

    assert done.returncode == 0, done.stderr
    assert "accepted: 20.0 points" in done.stdout
    assert "ok: HumanEval/99 must pass" in done.stdout


def test_a_drop_that_is_not_significant_fails_where_no_significance_is_asked_for(tmp_path: Path, base: Path) -> None:
    """Level 1: one lost problem is a regression."""
    slightly = write_run(tmp_path / "slightly", outcomes(range(1, 100)), model="slightly")

    assert check_regression(base, slightly, Rules()).exit_code == 0
    assert check_regression(base, slightly, Rules(default=GateThresholds(level=1))).exit_code == 1


def test_rules_from_a_file_are_per_benchmark(tmp_path: Path, base: Path, worse: Path) -> None:
    """The table of a benchmark wins over the top level, a flag over the top level too."""
    rules = tmp_path / "gate.toml"
    rules.write_text('max_drop = 0\n[benchmarks.humaneval]\nmax_drop = 20\nmust_pass = ["HumanEval/99"]\n')

    found = check_regression(base, worse, read_rules(rules, {}))

    assert found.exit_code == 0
    assert [task.task_id for task in found.must_pass if task.passed] == ["HumanEval/99"]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("max_dorp = 1", 'gate.toml: key "max_dorp" is not known. Did you mean "max_drop"?'),
        ("max_drop = true", "max_drop is true; it must be a valid number"),
        ("level = 0", "level is 0.0; it must be greater than 0"),
        ("must_pass = 'x'", 'must_pass is "x"; it must be'),
        ("must_pass = ['HumanEval/164']", 'task_id "HumanEval/164" is not in humaneval as it was run'),
        ("[benchmarks.mbpp]", 'the rules name benchmark "mbpp"; the runs have humaneval'),
        ("benchmarks = 3", "benchmarks must be tables"),
    ],
)
def test_wrong_rules_are_refused(tmp_path: Path, base: Path, rules: str, message: str) -> None:
    """Naming the key and the value."""
    (tmp_path / "gate.toml").write_text(rules)

    with pytest.raises(UsageError) as refused:
        check_regression(base, base, read_rules(tmp_path / "gate.toml", {}))

    assert message in str(refused.value)


def test_what_is_not_comparable_exits_2(tmp_path: Path, base: Path) -> None:
    """Another recipe; a run without a benchmark that the baseline has is no pass either."""
    other = write_run(tmp_path / "other", outcomes(range(100)), recipe="chat")

    done = harness("gate", base, other)

    assert done.returncode == 2
    assert "recipe is" in one_line_error(done)


def test_samples_that_could_not_be_judged_exit_3(tmp_path: Path, base: Path) -> None:
    """Neither a pass nor a regression."""
    found = {**outcomes(range(50)), "HumanEval/0": [Status.INFRASTRUCTURE]}
    unjudged = write_run(tmp_path / "unjudged", found, model="unjudged")

    done = harness("gate", base, unjudged)

    assert done.returncode == 3
    assert done.stdout.startswith("**not decided: the judge failed on 1 samples")


def test_junit_and_annotations(tmp_path: Path, base: Path, worse: Path) -> None:
    """One case per metric and per task that must pass; a notice or an error for each benchmark."""
    junit = tmp_path / "gate.xml"
    done = harness("gate", base, worse, "--junit", junit, "--must-pass", "HumanEval/3", "--github")

    (suite,) = ElementTree.parse(junit).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "2")
    messages = [failure.get("message") or "" for failure in suite.iter("failure")]
    assert "fell by 11.0 points" in messages[0]
    assert "expected 2, got 3" in messages[1]
    commands = [line for line in done.stdout.splitlines() if line.startswith("::")]
    assert [command.split("::")[1] for command in commands] == ["error title=humaneval"] * 2
    assert "95 %25 interval" in commands[0]


def test_a_programs_output_cannot_break_the_xml(tmp_path: Path, base: Path) -> None:
    """Control characters and markup in a detail."""
    found = write_run(tmp_path / "odd", {task: [FAILED] for task in outcomes([])}, model="odd")
    journal = found / "verdicts.jsonl"
    journal.write_text(journal.read_text().replace("expected 2", "]]>\\u0000\\u001b[31m<&\\ud800"))

    done = harness("gate", base, found, "--junit", tmp_path / "x.xml", "--must-pass", "HumanEval/3")

    assert done.returncode == 1, done.stderr
    assert "<&" in "".join(e.get("message") or "" for e in ElementTree.parse(tmp_path / "x.xml").iter("failure"))


def test_the_power_is_that_of_simulated_comparisons() -> None:
    """The smallest drop named for 164 problems is found in about 8 of 10 simulated pairs."""
    drop, churn = compute_smallest_drop(lost=9, gained=5, n=164, level=0.05), 5 / 164
    assert drop is not None
    draw = random.Random(1)
    found = 0
    for _ in range(400):
        moves = [draw.random() for _ in range(164)]
        lost = sum(move < churn + drop for move in moves)
        gained = sum(move > 1 - churn for move in moves)
        found += lost > gained and compute_mcnemar(lost=lost, gained=gained, n=164).p_value <= 0.05

    assert found / 400 == pytest.approx(compute_mcnemar_power(drop=drop, churn=churn, n=164, level=0.05), abs=0.06)
    assert 0.8 <= compute_mcnemar_power(drop=drop, churn=churn, n=164, level=0.05) < 0.85


def test_thresholds_out_of_range_are_refused() -> None:
    """Points are of 100."""
    with pytest.raises(UsageError, match="max_drop is -1"):
        GateThresholds(max_drop=-1)


def test_sampled_runs_have_a_power_note_too(tmp_path: Path) -> None:
    """From the spread of the problems' differences."""
    half = {f"T/{at}": [PASSED, FAILED] for at in range(60)}
    mixed = {task: [PASSED, PASSED] if at % 2 else [FAILED, FAILED] for at, task in enumerate(half)}
    first = write_run(tmp_path / "a", half, model="a", temperature=0.2)
    second = write_run(tmp_path / "b", mixed, model="b", temperature=0.2)

    (found,) = check_regression(first, second, Rules()).findings

    assert not found.regressed
    assert found.smallest_drop == pytest.approx(2.80 * 0.504 / 60**0.5, abs=0.002)
