"""Runs that are logged while they go, read back by each tracker's own library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.metadata import SESSION_START_INFO_TAG
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from harness.store import RunFolder, read_manifest
from harness.tracking import RunTracker
from harness.types import Status, Verdict
from tests.commands import harness, one_line_error, read_rows, references, write_rows
from tests.runs import outcomes, write_run
from tests.tracking.records import read_records

SECRET = "sk-4f1c0b"
STEP = "_step"


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two answers to each problem of HumanEval; every fourth is wrong."""
    file = tmp_path_factory.mktemp("samples") / "s.jsonl"
    rows = read_rows(references(file, 2))
    for row in rows[::4]:
        row["completion"] = "    return 'no'\n"
    return write_rows(file, rows)


@pytest.fixture(scope="module")
def run(samples: Path) -> Path:
    """A run that was logged to two trackers, with a secret in the environment."""
    out = samples.parent / "run"
    flags = ("-b", "humaneval", "--sandbox", "process", "--no-page", "--out", out)
    environment = {**os.environ, "OPENAI_API_KEY": SECRET}
    done = harness("score", samples, *flags, "--log-to", "tensorboard", "--log-to", "wandb", environment=environment)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    return out


def read_score(run: Path) -> float:
    return float(json.loads((run / "scores.json").read_text())["scores"][0]["value"])


def read_events(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def test_tensorboard_has_curves_scores_and_parameters(run: Path) -> None:
    events = read_events(run / "tensorboard")

    done = events.Scalars("humaneval/done")
    assert [event.value for event in done] == sorted(event.value for event in done)
    assert (done[-1].step, done[-1].value) == (328, 328)
    assert len(done) > 100
    assert events.Scalars("humaneval/pass_at_1")[-1].value == pytest.approx(read_score(run))
    about = HParamsPluginData.FromString(events.SummaryMetadata(SESSION_START_INFO_TAG).plugin_data.content)
    params = {key: value.string_value for key, value in about.session_start_info.hparams.items()}
    assert params["model"] == "s.jsonl"
    assert params["configuration"] == read_manifest(run)["digest"]
    assert params["humaneval/problems"].startswith("164 problems, data ")


def test_wandb_has_curves_scores_and_parameters(run: Path) -> None:
    (file,) = (run / "wandb").glob("offline-run-*/run-*.wandb")
    records = list(read_records(file))

    (about,) = [record.run for record in records if record.WhichOneof("record_type") == "run"]
    config = {item.key: item.value_json for item in about.config.update}
    assert (about.project, about.display_name, about.host) == ("evol-harness", "run", "")
    assert json.loads(config["configuration"]) == read_manifest(run)["digest"]
    rows = [
        {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        for record in records
        if record.WhichOneof("record_type") == "history"
    ]
    assert [row[STEP] for row in rows] == sorted(row[STEP] for row in rows)
    assert len(rows) > 100
    assert (rows[-1][STEP], rows[-1]["humaneval/done"]) == (328, 328)
    assert rows[-1]["humaneval/pass_at_1"] == pytest.approx(read_score(run))
    assert [record.exit.exit_code for record in records if record.WhichOneof("record_type") == "exit"] == [0]


def test_no_secret_is_logged(run: Path, samples: Path) -> None:
    """Nor the command: the sample file's folder is in it."""
    files = [path for name in ("wandb", "tensorboard") for path in (run / name).rglob("*") if path.is_file()]
    assert len(files) > 1
    for path in files:
        data = path.read_bytes()
        assert SECRET.encode() not in data
        if path.suffix == ".wandb":
            assert str(samples.parent).encode() not in data


def test_a_tracker_that_fails_ends_with_a_warning_and_the_run_goes_on(samples: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "tensorboard").write_text("not a folder")

    flags = ("-b", "humaneval", "--sandbox", "process", "--no-page", "--out", tmp_path / "run")
    done = harness("score", samples, *flags, "--log-to", "tensorboard")

    assert done.returncode == 0, done.stderr
    assert done.stderr.count("warning: nothing more is logged to tensorboard: ") == 1
    assert len(read_rows(tmp_path / "run" / "verdicts.jsonl")) == 328


def test_a_run_that_goes_on_has_the_steps_after_those_it_has(tmp_path: Path) -> None:
    """Trouble of the judge is no step."""
    path, notes = write_run(tmp_path / "run", outcomes(range(2), 5)), list[str]()
    key = {"benchmark": "humaneval", "task_id": "HumanEval/9"}
    with (
        RunFolder(path, read_manifest(path)["identity"]) as folder,
        RunTracker(["tensorboard"], path, notes.append) as tracker,
    ):
        tracker.start(folder, 2)
        tracker.record_verdict(Verdict(**key, index=0, status=Status.INFRASTRUCTURE))
        tracker.record_verdict(Verdict(**key, index=1, status=Status.PASSED))

    events = read_events(path / "tensorboard")
    assert {event.step for event in events.Scalars("humaneval/done")} == {6}
    assert {event.value for event in events.Scalars("humaneval/passed_share")} == {0.5}
    assert notes == []


def test_a_run_with_nothing_left_to_do_says_how_it_is_logged(tmp_path: Path) -> None:
    notes: list[str] = []
    with RunTracker(["tensorboard"], tmp_path, notes.append):
        pass
    assert notes == [f"nothing was left to judge or to log; `harness export {tmp_path}` can log the run as it is"]


def test_what_does_not_fit_is_said_before_anything_is_done(samples: Path, tmp_path: Path) -> None:
    unknown = harness("score", samples, "-b", "humaneval", "--out", tmp_path / "run", "--log-to", "wanb")
    program = "import sys; sys.modules['wandb'] = None; from harness.cli import main; main(sys.argv[1:])"
    arguments = ["score", samples, "-b", "humaneval", "--out", tmp_path / "run", "--log-to", "wandb"]
    missing = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )

    assert unknown.returncode == missing.returncode == 2
    assert 'tracker "wanb" is not known. Did you mean "wandb"?' in one_line_error(unknown)
    assert "logging to wandb needs the package wandb: pip install '.[wandb]'" in one_line_error(missing)
    assert not (tmp_path / "run").exists()
