"""Runs from Python: a replayed model, the process sandbox, a folder that fills once."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from harness import report
from harness.config import RunConfig, ScoreConfig
from harness.errors import ModelError, StoreError, UsageError
from harness.evaluation import pipeline, scoring
from harness.tasks.suite import load_suite
from tests.commands import read_rows, references, write_rows
from tests.runs import FAILED, PASSED, write_run

KEYS = ("benchmark", "task_id", "index")
BODY = "    return 1\n"


def config(file: Path, **changes: object) -> RunConfig:
    base = RunConfig(model=f"replay:{file}", benchmarks=("humaneval",), sandbox="process", limit=4)
    return replace(base, **changes)  # type: ignore[arg-type]


def keys(file: Path) -> Counter[tuple[str, str, int]]:
    return Counter(tuple(row[key] for key in KEYS) for row in read_rows(file))


def test_a_run_leaves_samples_verdicts_scores_and_a_report(tmp_path: Path) -> None:
    """One row of each per sample, in the fields that scripts read."""
    summary = pipeline.run(config(references(tmp_path / "s.jsonl")), out=tmp_path / "run", command=["harness", "run"])

    assert [(score.metric, score.value) for score in summary.scores] == [("pass@1", 1.0)]
    expected = {("humaneval", f"HumanEval/{number}", 0): 1 for number in range(4)}
    assert keys(tmp_path / "run" / "samples.jsonl") == expected
    assert keys(tmp_path / "run" / "verdicts.jsonl") == expected
    verdict = read_rows(tmp_path / "run" / "verdicts.jsonl")[0]
    assert verdict["status"] == "passed"
    assert verdict["trust"] == "split"
    assert "base_status" not in verdict
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())
    assert scores["scores"][0]["value"] == 1.0
    assert "4 of 4 problems" in (tmp_path / "run" / "report.md").read_text()


def test_upstreams_way_of_judging_is_a_choice_of_the_run(tmp_path: Path) -> None:
    """One folder holds one way; another is refused, an unknown one as well."""
    file = references(tmp_path / "s.jsonl")

    def trusts(trust: str, folder: str) -> set[str]:
        pipeline.run(config(file, trust=trust), out=tmp_path / folder)
        return {row["trust"] for row in read_rows(tmp_path / folder / "verdicts.jsonl")}

    assert trusts("split", "apart") == {"split"}
    assert trusts("in-process", "together") == {"in-process"}
    with pytest.raises(StoreError, match="trust is"):
        trusts("in-process", "apart")
    with pytest.raises(UsageError, match='trust is "none"'):
        trusts("none", "other")


def test_a_sample_that_fails_for_what_cannot_be_carried_is_named(tmp_path: Path) -> None:
    """With the value that was in the way, on the card and in the report, without another run in-process."""
    odd = (
        "    class Text:\n        def __init__(self, text):\n            self.text = text\n"
        "        def __eq__(self, other):\n            return self.text == other\n"
        "    return Text(min(strings, key=lambda s: -len(s))) if strings else None\n"
    )
    write_rows(tmp_path / "s.jsonl", [{"task_id": "HumanEval/12", "completion": odd}])
    chosen = ScoreConfig(samples=tmp_path / "s.jsonl", benchmark="humaneval", sandbox="process")
    summary = scoring.score(chosen, out=tmp_path / "run")

    assert [verdict.uncarried for verdict in summary.uncarried] == ["a Text"]
    (failed,) = read_rows(tmp_path / "run" / "verdicts.jsonl")
    assert (failed["status"], failed["trust"], failed["uncarried"]) == ("wrong_answer", "split", "a Text")
    told = "HumanEval/12 sample 0 (humaneval): a Text cannot be carried; a base value could be"
    assert told in report.format_card(summary)
    assert told.replace("a Text", "`a Text`") in (tmp_path / "run" / "report.md").read_text()


def test_groups_of_problems_have_scores_of_their_own(tmp_path: Path) -> None:
    """Where a benchmark tells its problems by library, say: in scores.json and the report, from the folder alone."""
    path = write_run(tmp_path / "run", {f"T/{at}": [PASSED if at else FAILED] for at in range(4)}, benchmark="toy")
    manifest = json.loads((path / "run.json").read_text())
    manifest["slices"] = {"toy": {"library": {"Numpy": ["T/0", "T/1"], "Pandas": ["T/2", "T/3"]}}}
    (path / "run.json").write_text(json.dumps(manifest))
    report.write(path)

    slices = json.loads((path / "scores.json").read_text())["slices"]
    assert [(one["by"], one["group"], one["value"], one["n_problems"]) for one in slices] == [
        ("library", "Numpy", 0.5, 2),
        ("library", "Pandas", 1.0, 2),
    ]
    told = (path / "report.md").read_text()
    assert "## toy by library" in told
    assert "| Numpy | 50.0 % (9.5 to 90.5) | 1 of 2 problems |" in told


@pytest.mark.data
def test_ds1000_is_told_by_library_and_by_perturbation() -> None:
    """Every problem is in one group of each."""
    slices = load_suite("ds1000").group_problems()

    assert sorted(slices) == ["library", "perturbation_type"]
    assert {group: len(found) for group, found in slices["library"].items()} == {
        "Pandas": 291,
        "Numpy": 220,
        "Matplotlib": 155,
        "Sklearn": 115,
        "Scipy": 106,
        "Pytorch": 68,
        "Tensorflow": 45,
    }
    assert sum(map(len, slices["perturbation_type"].values())) == 1000


def test_the_manifest_says_with_what_the_run_was_made(tmp_path: Path) -> None:
    """Everything another run is compared by."""
    file = references(tmp_path / "s.jsonl")
    pipeline.run(config(file), out=tmp_path / "run", command=["harness", "run", "x"])
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())

    assert manifest["command"] == ["harness", "run", "x"]
    assert manifest["config"]["model"] == f"replay:{file}"
    assert len(manifest["benchmarks"]["humaneval"]["data_digest"]) == 64
    assert manifest["recipes"]["humaneval"]["name"] == "as-is"
    assert manifest["model"]["adapter"] == "replay"
    assert manifest["sandbox"]["core"]["enforced"] or manifest["sandbox"]["core"]["not_enforced"]
    assert manifest["versions"]["python"]
    assert manifest["hardware"]["cores"] >= 1
    (session,) = manifest["sessions"]
    assert session["complete"]
    assert (session["generated"], session["judged"]) == (4, 4)
    assert {"sandbox", "load", "generate", "score", "total"} <= session["stages_s"].keys()


def test_the_same_configuration_does_nothing_twice(tmp_path: Path) -> None:
    """The model is not even opened: its file may be gone."""
    file = references(tmp_path / "s.jsonl")
    first = pipeline.run(config(file), out=tmp_path / "run")
    before = (tmp_path / "run" / "verdicts.jsonl").read_bytes()
    file.unlink()

    again = pipeline.run(config(file), out=tmp_path / "run")

    assert again.scores == first.scores
    assert (tmp_path / "run" / "verdicts.jsonl").read_bytes() == before
    assert again.manifest["sessions"][-1]["generated"] == 0


def test_more_samples_are_added_to_those_that_are_there(tmp_path: Path) -> None:
    """n 2 and then n 5: three more of each, the first two untouched, and pass@k over all."""
    file = references(tmp_path / "s.jsonl", samples=5)
    pipeline.run(config(file, n=2), out=tmp_path / "run")
    before = (tmp_path / "run" / "samples.jsonl").read_bytes()

    summary = pipeline.run(config(file, n=5, k=(1, 5)), out=tmp_path / "run")

    assert (tmp_path / "run" / "samples.jsonl").read_bytes().startswith(before)
    expected = {("humaneval", f"HumanEval/{number}", index): 1 for number in range(4) for index in range(5)}
    assert keys(tmp_path / "run" / "samples.jsonl") == expected
    assert keys(tmp_path / "run" / "verdicts.jsonl") == expected
    assert summary.manifest["sessions"][-1]["generated"] == 12
    assert [(score.metric, score.n_samples) for score in summary.scores] == [("pass@1", 20), ("pass@5", 20)]


def test_two_hundred_samples_keep_the_twenty_that_are_there(tmp_path: Path) -> None:
    """180 more of each problem, and pass@1, 10 and 100 from all of them, without being asked for."""
    file = references(tmp_path / "s.jsonl", samples=200)
    first = pipeline.run(config(file, n=20, temperature=0.2, limit=2, verify=False), out=tmp_path / "run")
    before = (tmp_path / "run" / "samples.jsonl").read_bytes()

    summary = pipeline.run(config(file, n=200, temperature=0.2, limit=2, verify=False), out=tmp_path / "run")

    assert (tmp_path / "run" / "samples.jsonl").read_bytes().startswith(before)
    assert set(keys(tmp_path / "run" / "samples.jsonl").values()) == {1}
    assert [session["generated"] for session in summary.manifest["sessions"]] == [40, 360]
    assert [score.metric for score in first.scores] == ["pass@1", "pass@10"]
    assert [(score.metric, score.n_samples) for score in summary.scores] == [
        ("pass@1", 400),
        ("pass@10", 400),
        ("pass@100", 400),
    ]


def test_what_the_judge_failed_on_is_judged_again(tmp_path: Path) -> None:
    """An infrastructure verdict is no outcome: it makes pass@1 unknown until the same run mends it."""
    file = references(tmp_path / "s.jsonl")
    pipeline.run(config(file), out=tmp_path / "run")
    journal = tmp_path / "run" / "verdicts.jsonl"
    first = read_rows(journal)[0]
    with journal.open("a") as lines:
        lines.write(json.dumps({**first, "status": "infrastructure"}) + "\n")

    broken = report.write(tmp_path / "run")
    assert len(broken.infrastructure) == 1
    assert "1 of 4 tasks has fewer than 1 samples" in broken.scores[0].note
    mended = pipeline.run(config(file), out=tmp_path / "run")
    assert mended.infrastructure == ()
    assert mended.scores[0].value == 1.0
    assert mended.manifest["sessions"][-1]["judged"] == 1


def test_samples_without_verdicts_are_judged_and_not_asked_for_again(tmp_path: Path) -> None:
    """As after a death between the two; a torn row counts as not written."""
    file = references(tmp_path / "s.jsonl")
    undisturbed = pipeline.run(config(file), out=tmp_path / "run")
    journal = tmp_path / "run" / "verdicts.jsonl"
    journal.write_bytes(journal.read_bytes()[:-30])

    summary = pipeline.run(config(file), out=tmp_path / "run")

    assert summary.scores == undisturbed.scores
    assert summary.manifest["sessions"][-1]["generated"] == 0
    assert summary.manifest["sessions"][-1]["judged"] == 1
    assert set(keys(journal).values()) == {1}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature": 0.5}, "sampling.temperature is 0.0 there and 0.5 now"),
        ({"seed": 3}, "sampling.seed is 0 there and 3 now"),
        ({"recipe": "completion"}, 'recipe.humaneval.name is "as-is" there and "completion" now'),
        ({"limit": 5}, "limit is 4 there and 5 now"),
        ({"top_k": 40}, "sampling.top_k is null there and 40 now"),
        ({"min_p": 0.05}, "sampling.min_p is null there and 0.05 now"),
        ({"stop": ("END",)}, 'sampling.stop is null there and ["END"] now'),
    ],
)
def test_another_configuration_does_not_get_the_folder(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    """Whatever decides results is named with both values."""
    file = references(tmp_path / "s.jsonl")
    pipeline.run(config(file), out=tmp_path / "run")

    with pytest.raises(StoreError) as refused:
        pipeline.run(config(file, **changes), out=tmp_path / "run")
    assert message in str(refused.value)


def test_other_weights_do_not_get_the_folder(tmp_path: Path) -> None:
    """A checkpoint that was exchanged under its name is noticed before it adds a sample."""
    file = references(tmp_path / "s.jsonl", samples=2)
    pipeline.run(config(file), out=tmp_path / "run")
    write_rows(file, [*read_rows(file), {"task_id": "HumanEval/0", "completion": BODY}])

    with pytest.raises(StoreError, match="other weights"):
        pipeline.run(config(file, n=2), out=tmp_path / "run")
    assert len(read_rows(tmp_path / "run" / "samples.jsonl")) == 4


def test_a_model_that_is_missing_leaves_no_folder(tmp_path: Path) -> None:
    """A slip of the pen does not litter results/."""
    with pytest.raises((ModelError, UsageError)):
        pipeline.run(replace(config(tmp_path), model="smollm2-135m-instrct", recipe="chat"), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_model_without_a_recipe_of_its_own_needs_one(tmp_path: Path) -> None:
    """The message says how to name it."""
    with pytest.raises(UsageError, match="has no recipe of its own; name one with --recipe"):
        pipeline.run(replace(config(tmp_path), model=str(tmp_path)))


def test_a_failing_model_keeps_what_came_before(tmp_path: Path) -> None:
    """Answers given before the error are kept and not asked for again."""
    file = references(tmp_path / "s.jsonl")
    rows = read_rows(file)
    write_rows(file, rows[:2])
    with pytest.raises(ModelError, match="HumanEval/2"):
        pipeline.run(config(file), out=tmp_path / "run")

    assert len(read_rows(tmp_path / "run" / "samples.jsonl")) == 2
    manifest = json.loads((tmp_path / "run" / "run.json").read_text())
    assert [session["complete"] for session in manifest["sessions"]] == [False]


def test_a_preview_shows_the_exact_prompt(tmp_path: Path) -> None:
    """Of the first problem, in the benchmark's own bytes; nothing is written."""
    shown = pipeline.preview(config(references(tmp_path / "s.jsonl"), recipe="wizardcoder"))

    assert (shown.task_id, shown.recipe) == ("HumanEval/0", "wizardcoder-humaneval")
    assert shown.rendered.text.endswith("\n\n### Response:")
    assert shown.rendered.token_ids is None


def test_someone_elses_samples_are_scored_as_given(tmp_path: Path) -> None:
    """A completion after the prompt, a solution alone; tasks without samples make pass@1 unknown, with the reason."""
    solution = "from typing import List\n\n\ndef intersperse(numbers, delimeter):\n    return None\n"
    good = next(row for row in read_rows(references(tmp_path / "r.jsonl")) if row["task_id"] == "HumanEval/2")
    file = write_rows(tmp_path / "s.jsonl", [good, {"task_id": "HumanEval/5", "solution": solution}])

    summary = scoring.score(ScoreConfig(samples=file, benchmark="humaneval", sandbox="process"), out=tmp_path / "run")

    statuses = {row["task_id"]: row["status"] for row in read_rows(tmp_path / "run" / "verdicts.jsonl")}
    assert statuses == {"HumanEval/2": "passed", "HumanEval/5": "wrong_answer"}
    assert summary.scores[0].note.startswith("162 of 164 tasks have fewer than 1 samples")
    assert json.loads((tmp_path / "run" / "scores.json").read_text())["scores"][0]["value"] is None


def test_too_few_samples_for_an_asked_k_are_an_error_before_anything_starts(tmp_path: Path) -> None:
    """The task that lacks them is named."""
    file = references(tmp_path / "s.jsonl", samples=2)
    write_rows(file, read_rows(file)[:-1])

    with pytest.raises(UsageError, match=r"pass@2 needs at least 2 .* has 1 of HumanEval/163"):
        scoring.score(ScoreConfig(samples=file, benchmark="humaneval", k=(2,)), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_code_is_taken_out_again_from_the_raw_texts(tmp_path: Path) -> None:
    """Only samples whose code changed are judged anew; the raw texts and the prompt's recipe stay."""
    rows = read_rows(references(tmp_path / "r.jsonl"))[:4]
    rows[1]["completion"] = f"Sure:\n```python\n{rows[1]['completion']}```\nDone."
    file = write_rows(tmp_path / "s.jsonl", rows)
    wrong = pipeline.run(config(file), out=tmp_path / "run")
    raw = [row["raw"] for row in read_rows(tmp_path / "run" / "samples.jsonl")]

    summary = scoring.reextract(tmp_path / "run", recipe="chat")

    assert [score.value for score in (*wrong.scores, *summary.scores)] == [0.75, 1.0]
    assert [row["raw"] for row in read_rows(tmp_path / "run" / "samples.jsonl")] == raw
    assert set(keys(tmp_path / "run" / "verdicts.jsonl").values()) == {1}
    identity = summary.manifest["identity"]
    assert identity["recipe"]["humaneval"]["name"] == "as-is"
    assert identity["extraction"]["humaneval"]["name"] == "chat"
