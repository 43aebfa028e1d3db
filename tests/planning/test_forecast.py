"""A dry run: what is left to do, how long that should take by what was measured here, and nothing done."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.commands import harness, read_rows, references

FLAGS = ("-b", "humaneval", "--sandbox", "process")


def test_without_an_earlier_run_the_time_is_not_known(tmp_path: Path) -> None:
    """Nothing is invented, and nothing is written."""
    references(tmp_path / "s.jsonl")
    done = harness("run", "replay:s.jsonl", *FLAGS, "--limit", "7", "--dry-run", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "humaneval: 7 problems, 7 completions to generate (time not known), 7 to judge" in done.stdout
    assert "not known: no earlier run of this model on this machine tells" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["s.jsonl"]


def test_an_earlier_run_of_the_model_tells_the_time(tmp_path: Path) -> None:
    """Per completion and per verdict; the forecast names the run that its figures are from."""
    references(tmp_path / "s.jsonl")
    assert harness("run", "replay:s.jsonl", *FLAGS, "--limit", "5", "--no-cache", cwd=tmp_path).returncode == 0
    (folder,) = (tmp_path / "results").iterdir()
    (session,) = json.loads((folder / "run.json").read_text())["sessions"]

    done = harness("run", "replay:s.jsonl", *FLAGS, "--limit", "50", "--dry-run", "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    (work,) = found["work"]
    assert work["judge_s"] == pytest.approx(50 / session["verdicts_per_s"])
    assert found["measured_in"] == [f"results/{folder.name}"]
    stages = session["stages_s"]
    starting = stages["sandbox"] + stages["verify"] + stages["load"]
    assert found["seconds"] == pytest.approx(starting + max(work["generate_s"], work["judge_s"]))
    told = harness("run", "replay:s.jsonl", *FLAGS, "--limit", "50", "--dry-run", cwd=tmp_path).stdout
    assert re.search(r"^time +about [\d.]+ s in all$", told, re.MULTILINE)


def test_what_is_there_is_not_counted(tmp_path: Path) -> None:
    """A stopped run tells what it lacks, a whole one that nothing is left."""
    file = references(tmp_path / "s.jsonl")
    run = ("run", f"replay:{file}", *FLAGS, "--limit", "4", "--out", tmp_path / "run")
    assert harness(*run).returncode == 0
    assert "nothing is left to do" in harness(*run, "--dry-run").stdout
    verdicts = tmp_path / "run" / "verdicts.jsonl"
    rows = read_rows(verdicts)
    verdicts.write_text("".join(json.dumps(row) + "\n" for row in rows[:1]))

    assert "0 completions to generate, 3 to judge" in harness(*run, "--dry-run").stdout


def test_samples_that_the_judge_failed_on_are_left_to_judge(tmp_path: Path) -> None:
    """The run would try them again."""
    file = references(tmp_path / "s.jsonl")
    run = ("run", f"replay:{file}", *FLAGS, "--limit", "4", "--out", tmp_path / "run")
    assert harness(*run).returncode == 0
    verdicts = tmp_path / "run" / "verdicts.jsonl"
    rows = [{**row, "status": "infrastructure"} if at < 2 else row for at, row in enumerate(read_rows(verdicts))]
    verdicts.write_text("".join(json.dumps(row) + "\n" for row in rows))

    assert "0 completions to generate, 2 to judge" in harness(*run, "--dry-run").stdout


def test_a_dry_run_refuses_what_the_run_would(tmp_path: Path) -> None:
    """Before anything is loaded."""
    done = harness("run", "./no-such-folder", "-r", "chat", *FLAGS, "--dry-run", cwd=tmp_path)

    assert done.returncode == 2
    assert "no-such-folder" in done.stderr
