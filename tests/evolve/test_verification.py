"""Tests that a replayed teacher writes beside its answers, run in a real sandbox; and a judge that is tried first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ModelError
from harness.evolve.calibration import calibrate, read_pairs
from harness.evolve.dataset_filter import DatasetFilter
from harness.evolve.operators import choose_operators
from harness.evolve.records import EvolveConfig
from harness.evolve.run import evolve
from harness.evolve.settings import EvolveResult, Settings
from harness.evolve.verification import describe_interface, extract_tests
from harness.rewards import Verdicts
from tests.commands import read_rows
from tests.evolve.world import write_replies, write_seeds

SEEDS = 4
ANSWER = '```python\nimport math\n\n\ndef area(r, unit="m"):\n    return math.pi * r\n\n\nprint(area(1))\n```'
SAID = {one.id: "Equal" if one.equal else "Not equal" for one in read_pairs()}


def run(tmp_path: Path, other: dict[str, Any] | None = None, said: dict[str, str] = SAID) -> EvolveResult:
    """A verified round of four seeds; `said` are the judge's words on the known pairs."""
    told = {f"{key}/judge": word for key, word in said.items()}
    replies = write_replies(tmp_path / "replies.jsonl", SEEDS, other={**told, **(other or {})})
    config = EvolveConfig(model=f"replay:{replies}", operators=choose_operators("wizardcoder"), rounds=1, verify=True)
    sifting = DatasetFilter(against=(), sandbox="process", workers=1)
    seeds = write_seeds(tmp_path / "seeds.jsonl", SEEDS)
    return evolve(config, Settings(out=tmp_path / "out", seeds=seeds, dataset_filter=sifting))


def test_tests_stay_with_their_rows_as_reward_material(tmp_path: Path) -> None:
    """What the data set says of problems is what the rewards take: 1 for the row's answer, 0 for another."""
    outcome = run(tmp_path)

    found = {row["id"]: row for row in read_rows(outcome.path / "dataset" / "train.jsonl")}
    assert len(found) == 2 * SEEDS and "tests" not in found["s000000"]
    assert found["s000001.r1"]["tests"].startswith("assert oslo1r1(1, 6) == 1\nassert")
    manifest = json.loads((outcome.path / "dataset" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["verified"] == SEEDS and "problems.jsonl" in manifest["files"]
    reward = Verdicts(problems=outcome.path / "dataset" / "problems.jsonl", sandbox="process", workers=1, column="id")
    try:
        answers = [found["s000001.r1"]["output"], found["s000002.r1"]["output"]]
        assert reward(completions=answers, id=["s000001.r1"] * 2) == [1.0, 0.0]
    finally:
        reward.close()
    assert run(tmp_path).asked == 0  # neither the model nor the sandbox


@pytest.mark.parametrize(
    ("stage", "said", "reason"),
    [
        ("tests", "```python\nassert oslo1r1(1, 6) == 7\n```", "fails-its-tests"),
        ("tests", "```python\nassert oslo1r1(1, 6) != 7\n```", "tests-pass-nothing"),
        ("tests", "```python\nassert True\n```", "no-tests"),
        ("tests", "Tests are hard.", "no-tests"),
        ("answer", "```python\nclass Oslo:\n    size = 1\n```", "no-tests"),
        ("answer", "```python\nimport os\n\n\ndef oslo1r1(x, y):\n    os._exit(0)\n```", "fails-its-tests"),
    ],
)
def test_a_row_that_its_tests_do_not_bear_out_goes_with_a_reason(
    tmp_path: Path, stage: str, said: str, reason: str
) -> None:
    """Also where the program ends before its tests could fail; the other rows stay."""
    outcome = run(tmp_path, {f"s000001.r1/{stage}": said})
    (thrown,) = read_rows(outcome.path / "rejected.jsonl")
    assert (thrown["id"], thrown["reason"]) == ("s000001.r1", reason)
    assert outcome.rows == 2 * SEEDS - 1


def test_a_judge_that_finds_everything_equal_is_not_believed(tmp_path: Path) -> None:
    """It would throw every attempt away; it is not asked, and the statistics, the rows and the page say so."""
    equal = {f"s{number:06d}.r1/judge": "Equal" for number in range(SEEDS)}
    outcome = run(tmp_path, equal, said=dict.fromkeys(SAID, "Equal"))

    judged = outcome.statistics["judge"]
    assert (judged["accuracy"], judged["believed"], judged["equal_told_equal"]) == (0.5, False, [20, 20])
    rows = read_rows(outcome.path / "dataset" / "train.jsonl")
    assert {row["judged"] for row in rows} == {None, "not believed"} and len(rows) == 2 * SEEDS
    assert "It was not believed" in (outcome.path / "report.html").read_text(encoding="utf-8")
    with pytest.raises(ModelError, match="the judge says equal"):
        run_into(tmp_path / "believed", equal)


def run_into(folder: Path, other: dict[str, Any]) -> EvolveResult:
    folder.mkdir()
    return run(folder, other)


def test_known_pairs_are_as_many_of_both_kinds() -> None:
    """A judge that guesses or says one word is not believed; one that errs now and then is."""
    pairs = read_pairs()
    known = [one.equal for one in pairs]
    assert len(pairs) == 40 and sum(known) == 20 and len({(one.first, one.second) for one in pairs}) == 40
    assert not calibrate(pairs, [False] * 40).is_believed and not calibrate(pairs, [None] * 40).is_believed
    assert calibrate(pairs, [*known[:30], *(not one for one in known[30:])]).is_believed
    assert (
        "warning" in calibrate(pairs, [True] * 40).format()
        and "75 %" in calibrate(pairs, [*known[:30], *[None] * 10]).format()
    )


def test_tests_are_what_a_reply_asserts_of_the_answers_functions() -> None:
    """The teacher is told heads, not code; a repeated solution and its import are left out, test functions called."""
    assert describe_interface(ANSWER) == "def area(r, unit='m')"
    reply = (
        "Here:\n```python\nfrom solution import area\nimport math\n\ndef area(r):\n    return 3\n\n"
        "def test_one():\n    assert area(1) == math.pi\n\nif __name__ == '__main__':\n    test_one()\n```"
    )
    assert extract_tests(reply, ANSWER) == "import math\ndef test_one():\n    assert area(1) == math.pi\ntest_one()"
    assert extract_tests("```python\nassert perimeter(1) == 6\n```", ANSWER) == ""
    assert extract_tests("```python\nassert area(\n```", ANSWER) == ""
