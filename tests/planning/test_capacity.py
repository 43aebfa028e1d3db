"""`harness plan`: what was measured, scaled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.planning.capacity import forecast_capacity, read_figures, read_shipped_figures
from harness.store import SAMPLES, VERDICTS
from harness.types import Status
from tests.commands import harness, one_line_error
from tests.runs import FAILED, PASSED, write_run

BASELINE = Path(__file__).parents[2] / "results" / "baselines" / "quickstart"
MODEL = "smollm2-135m-instruct"


def test_a_whole_run_predicts_itself() -> None:
    """Its own tokens, hours and bytes."""
    session = json.loads((BASELINE / "run.json").read_text())["sessions"][0]
    (part,) = forecast_capacity(MODEL, ["humaneval"], n=1, gpus=0, runs=[BASELINE]).parts

    assert part.samples == 164
    assert part.completion_tokens == pytest.approx(session["completion_tokens"])
    assert part.engine_hours == pytest.approx(session["stages_s"]["generate"] / 3600, rel=1e-3)
    assert part.disk_bytes == sum((BASELINE / name).stat().st_size for name in (SAMPLES, VERDICTS))
    assert part.gpu_hours == 0


def test_samples_multiply_all_but_the_prompts() -> None:
    """A prompt is computed once for all of its samples."""
    one, ten = (forecast_capacity(MODEL, ["humaneval"], n=n, gpus=0, runs=[BASELINE]).parts[0] for n in (1, 10))

    assert ten.prompt_tokens == one.prompt_tokens > 0
    for name in ("completion_tokens", "engine_hours", "scoring_cpu_hours", "disk_bytes"):
        assert getattr(ten, name) == pytest.approx(10 * getattr(one, name))
        assert getattr(one, name) > 0


def scored(path: Path, long: int) -> Path:
    """A run of 40 programs of 10 ms each, but so many that took 3 s; every other of them swallowed its time-out."""
    statuses = {f"HumanEval/{at}": [Status.TIMEOUT if at < long and at % 2 else FAILED] for at in range(40)}
    run = write_run(path, statuses, model="big")
    rows = [json.loads(line) for line in (run / VERDICTS).read_text().splitlines()]
    for row in rows:
        row["cpu_time_s"] = 3.0 if int(row["task_id"].partition("/")[2]) < long else 0.01
    (run / VERDICTS).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return run


def test_long_programs_are_counted_apart(tmp_path: Path) -> None:
    """None of 40 leaves a wide interval; four of 40 are what most of the time goes to."""
    none, four = (
        forecast_capacity("big", ["humaneval"], n=10, gpus=0, runs=[scored(tmp_path / str(long), long)]).parts[0]
        for long in (0, 4)
    )

    assert none.long_share == 0
    assert four.long_share == pytest.approx(0.1)
    assert four.scoring_cpu_hours - none.scoring_cpu_hours == pytest.approx(1640 * 0.1 * (3.0 - 0.01) / 3600)
    assert none.scoring_cpu_hours_interval[0] == pytest.approx(none.scoring_cpu_hours)
    # Wilson's upper bound of 0 of 40 is 8.76 %.
    assert none.scoring_cpu_hours_interval[1] == pytest.approx(
        none.scoring_cpu_hours + 1640 * 0.0876 * 2.99 / 3600, rel=0.01
    )
    assert four.scoring_cpu_hours_interval[0] < four.scoring_cpu_hours < four.scoring_cpu_hours_interval[1]


@pytest.mark.parametrize(
    ("cached", "program_s"),
    [
        pytest.param(0, 0.01 + 0.025, id="a machine's own cost of a program: 40 x 10 ms, and 1 s beside that"),
        pytest.param(5, 0.01 + 0.0067, id="verdicts from the cache took no time, so the table's is used"),
    ],
)
def test_a_start_that_only_scored_tells_what_a_program_costs(tmp_path: Path, cached: int, program_s: float) -> None:
    """Two workers scored for 0.7 s."""
    run = scored(tmp_path / "run", 0)
    manifest = json.loads((run / "run.json").read_text())
    session = {"stages_s": {"score": 0.7}, "generated": 0, "judged": 40, "cached": cached, "completion_tokens": 0}
    manifest |= {"sessions": [session], "sandbox": {"core": {"workers": 2}}}
    (run / "run.json").write_text(json.dumps(manifest))

    (figures,) = read_figures(run)

    assert figures.scoring.program_s == pytest.approx(program_s)


def test_the_long_programs_are_told(tmp_path: Path) -> None:
    """With what they leave open."""
    done = harness("plan", "big", "-b", "humaneval", "--n", "10", "--from", scored(tmp_path / "run", 4))

    assert done.returncode == 0, done.stderr
    assert "humaneval: 10.0 % took a second or more (time-outs, mostly); that leaves scoring between" in done.stdout


def gpu_run(path: Path) -> Path:
    """A run on one of two GPUs that share a replica: 164 answers of 5 tokens in 82 seconds."""
    run = write_run(path, {f"HumanEval/{at}": [PASSED if at % 2 else FAILED] for at in range(164)}, model="big")
    manifest = json.loads((run / "run.json").read_text())
    stages = {"generate": 82.0, "score": 1.0}
    session = {"stages_s": stages, "generated": 164, "judged": 164, "completion_tokens": 820}
    manifest |= {"sessions": [session], "model": {"device": "cuda", "tensor_parallel_size": 2}}
    (run / "run.json").write_text(json.dumps(manifest))
    return run


def test_gpu_hours_count_every_gpu_of_a_replica(tmp_path: Path) -> None:
    """Eight GPUs are four replicas of two: 82 s of two GPUs each for a sample of every problem."""
    whole = forecast_capacity("big", ["humaneval"], n=100, gpus=8, cores=10, runs=[gpu_run(tmp_path / "run")])

    assert whole.replicas == 4
    assert whole.parts[0].gpu_hours == pytest.approx(100 * 82 * 2 / 3600)
    assert whole.generating_hours == pytest.approx(100 * 82 / 4 / 3600)
    assert whole.scoring_hours == pytest.approx(whole.parts[0].scoring_cpu_hours / 10)


def test_too_few_gpus_for_a_replica(tmp_path: Path) -> None:
    """With how many it had when it was measured."""
    with pytest.raises(UsageError, match="--gpus is 1, and the replica that was measured had 2"):
        forecast_capacity("big", ["humaneval"], n=1, gpus=1, runs=[gpu_run(tmp_path / "run")])


def test_figures_that_come_with_the_harness_say_their_source() -> None:
    """And can be used without any run."""
    assert {(one.model, one.benchmark) for one in read_shipped_figures()} >= {(MODEL, "humaneval")}
    assert all(one.source and one.tokens_per_s > 0 and one.scoring.program_s > 0 for one in read_shipped_figures())
    assert forecast_capacity(MODEL, ["humaneval"], n=1, gpus=0).parts[0].source == read_shipped_figures()[0].source


def test_what_was_never_measured_is_refused_with_what_to_do() -> None:
    """No figure is made up."""
    done = harness("plan", "some-34b", "-b", "humaneval", "--n", "200", "--gpus", "8")

    assert done.returncode == 2
    assert "nothing was measured of some-34b on humaneval: run a part (`harness run some-34b" in one_line_error(done)


def test_figures_of_another_model_are_said_to_be_so() -> None:
    """They may be wanted: a model of the same size."""
    done = harness("plan", "other", "-b", "humaneval", "--n", "2", "--from", BASELINE, "--cores", "4")

    assert done.returncode == 0, done.stderr
    assert f"of {MODEL}" in done.stdout
    assert "328" in done.stdout
    assert "hours on 4 cores" in done.stdout


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    """Said by its name."""
    done = harness("plan", MODEL, "-b", "humaneval", "--from", tmp_path)

    assert done.returncode == 2
    assert f"{tmp_path} is not a run folder" in one_line_error(done)


def test_prompt_tokens_grow_with_the_prompts() -> None:
    """Measured on some problems, scaled by the characters of all."""
    (figures,) = read_figures(BASELINE)

    assert 0.1 < figures.prompt_tokens_per_character < 1
