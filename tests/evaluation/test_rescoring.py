"""The same completions under every extraction rule."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness import report
from harness.benchmarks.humaneval import HumanEval
from harness.config import RunConfig
from harness.errors import StoreError
from harness.evaluation import pipeline
from harness.evaluation.rescoring import compare_rules
from harness.extraction.rules import EXTRACTIONS
from tests.commands import harness, read_rows, references, write_rows

FENCED, BARE, CHATTY, WRONG = (f"HumanEval/{number}" for number in range(4))


def answers(path: Path, n: int = 1) -> Path:
    """In a fence; bare; bare and followed by a statement that fails; wrong."""
    problems = HumanEval().problems()
    texts = [
        f"Sure:\n```python\n{problems[0].prompt}{problems[0].reference}\n```\n",
        problems[1].reference,
        f"{problems[2].reference}\nprint(no_such_name)\n",
        "    return None\n",
    ]
    return write_rows(
        path,
        [{"task_id": f"HumanEval/{at}", "completion": text} for at, text in enumerate(texts) for _ in range(n)],
    )


def run(tmp_path: Path, n: int = 1) -> Path:
    """Answered through the chat recipe, whose rule is "fenced"."""
    config = RunConfig(
        model=f"replay:{answers(tmp_path / 's.jsonl', 2)}",
        benchmarks=("humaneval",),
        recipe="chat",
        sandbox="process",
        limit=4,
        n=n,
        verify=False,
    )
    return pipeline.run(config, out=tmp_path / "run").path


def test_each_rule_is_scored_and_held_against_the_runs_own(tmp_path: Path) -> None:
    """Problems gained and lost are named; nothing of the run itself changes."""
    path = run(tmp_path)
    before = [(path / name).read_bytes() for name in ("samples.jsonl", "verdicts.jsonl")]

    found = {row.rule: row for row in compare_rules(path).rules}

    assert set(EXTRACTIONS) <= set(found)
    assert [row.rule for row in found.values() if row.own] == ["fenced"]
    own, cut, whole = found["fenced"], found["completion"], found["as-is"]
    assert (own.score.value, own.changed, own.gained, own.lost) == (0.5, 0, (), ())
    assert (cut.score.value, cut.gained, cut.lost) == (0.5, (CHATTY,), (FENCED,))
    assert (whole.score.value, whole.gained, whole.lost) == (0.25, (), (FENCED,))
    assert WRONG not in {task_id for row in found.values() for task_id in row.gained}
    assert [(path / name).read_bytes() for name in ("samples.jsonl", "verdicts.jsonl")] == before


def test_the_scores_stand_in_every_report_until_the_samples_change(tmp_path: Path) -> None:
    """Rows of other samples would be of another run."""
    path = run(tmp_path)
    compare_rules(path)
    report.write_page(path)

    row = "humaneval | completion | 50.0 % (15.0 to 85.0) | 4 | 1 | 1"
    assert row in (path / "report.md").read_text()
    assert "<td>fenced (the run&#39;s)</td>" in (path / "report.html").read_text()
    (told,) = [row for row in json.loads((path / "scores.json").read_text())["extractors"] if row["own"]]
    assert (told["rule"], told["score"]["value"]) == ("fenced", 0.5)

    run(tmp_path, n=2)

    assert "Extraction rules" not in (path / "report.md").read_text()
    assert json.loads((path / "scores.json").read_text())["extractors"] == []


def test_a_run_that_is_not_judged_is_refused(tmp_path: Path) -> None:
    """Its own score is not known yet."""
    path = run(tmp_path)
    (path / "verdicts.jsonl").write_text("")

    with pytest.raises(StoreError, match="4 samples of humaneval without verdict; complete the run first"):
        compare_rules(path)


def test_the_command_takes_a_samples_file(tmp_path: Path) -> None:
    """It scores it, then prints the table and how far the rule alone moves the score."""
    others = read_rows(references(tmp_path / "references.jsonl"))[4:]
    file = write_rows(tmp_path / "all.jsonl", [*read_rows(answers(tmp_path / "s.jsonl")), *others])
    flags = ["-b", "humaneval", "--recipe", "chat", "--sandbox", "process", "--extractors", "all"]

    done = harness("score", file, *flags, "--out", tmp_path / "out")

    assert done.returncode == 0, done.stderr
    table = done.stdout[done.stdout.index("extraction rule") :]
    assert "fenced (the run's)" in table
    assert "the extraction rule alone moves pass@1 by up to" in table
