"""Finished runs as runs of trackers."""

from __future__ import annotations

from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from harness.errors import StoreError
from harness.tracking import log_run
from harness.types import Status
from tests.commands import harness, one_line_error
from tests.runs import outcomes, write_run

KEPT = Path(__file__).parent.parent.parent / "results" / "baselines" / "quickstart"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")  # mlflow's, of sqlalchemy 2.1
def test_mlflow_reads_the_runs_of_its_database(tmp_path: Path) -> None:
    """Two runs in one experiment, under names that MLflow takes, and nothing beside the database."""
    from mlflow import MlflowClient

    other = write_run(tmp_path / "other", outcomes(range(2), 5), benchmark="humaneval@set=a,b")
    (tmp_path / "board").mkdir()
    database = tmp_path / "board" / "runs.db"
    done = harness("export", KEPT, database, "--format", "mlflow", cwd=tmp_path)
    log_run(other, "mlflow", database)

    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert [line for line in done.stderr.splitlines() if "INFO" in line] == []
    client = MlflowClient(tracking_uri=f"sqlite:///{database}")
    experiment = client.get_experiment_by_name("evol-harness")
    assert experiment is not None
    second, first = client.search_runs([experiment.experiment_id], order_by=["start_time DESC"])
    assert (first.info.run_name, first.info.status) == ("quickstart", "FINISHED")
    assert first.data.metrics["humaneval/pass_at_1"] == pytest.approx(11 / 164)
    assert first.data.params["model"] == "smollm2-135m-instruct"
    assert first.data.params["sampling/max_tokens"] == "512"
    assert [point.step for point in client.get_metric_history(first.info.run_id, "humaneval/done")][:3] == [1, 2, 3]
    assert second.data.metrics["humaneval_set_a_b/pass_at_1"] == pytest.approx(2 / 5)
    assert [path.name for path in (tmp_path / "board").iterdir()] == ["runs.db"]


def test_a_long_run_is_a_few_hundred_points(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", {f"T/{at}": [Status.PASSED] * 25 for at in range(40)})

    assert log_run(run, "tensorboard", tmp_path / "events") == 1000

    events = EventAccumulator(str(tmp_path / "events"))
    events.Reload()
    assert [event.step for event in events.Scalars("humaneval/done")] == [*range(5, 1001, 5), 1000]


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"tensorboard cannot write to .*file: "):
        log_run(KEPT, "tensorboard", tmp_path / "file")
    nowhere = harness("export", KEPT, "--format", "wandb")
    assert (nowhere.returncode, "wandb needs a file or folder" in one_line_error(nowhere)) == (2, True)
