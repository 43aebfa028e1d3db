"""The whole loop on a tiny random model: killed in every stage it ends as an undisturbed one; its page tells all."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands import harness, one_line_error, read_rows, start
from tests.loop.world import write_base, write_config

pytestmark = [pytest.mark.slow, pytest.mark.data]

for _package in ("torch", "transformers", "trl", "datasketch"):
    pytest.importorskip(_package, reason=f"the package {_package} is not installed")

STOP = """
[stop]
on = "mbpp:validation"

[stop.finetune]
max_steps = 3

[stop.run]
limit = 4
"""
PROBLEMS = 24
LIMIT_S = 120.0
Seen = Callable[[Path], bool]


def lines(out: Path, pattern: str) -> int:
    """Whole lines of the files of that name, together."""
    return sum(file.read_bytes().count(b"\n") for file in out.glob(pattern))


def records(out: Path, stage: str) -> int:
    return len(list(out.glob(f"stages/{stage}-*.json")))


def states(out: Path) -> int:
    """States that a training under way can go on from."""
    return len(list(out.glob("finetune-*/checkpoints/checkpoint-*/complete")))


def trainings_under_way(out: Path) -> bool:
    """Whether some training has read its data and is not done."""
    return len(list(out.glob("finetune-*/harness.json"))) > records(out, "finetune")


def half_run(out: Path) -> bool:
    """Whether some run has answers and is not done."""
    return any(0 < file.read_bytes().count(b"\n") < PROBLEMS for file in out.glob("run-*/samples.jsonl"))


STAGES: dict[str, tuple[Seen, Callable[[Path], int]]] = {
    "Evol Stop's training": (trainings_under_way, lambda out: records(out, "finetune")),
    "evolving": (lambda out: lines(out, "evolve-*/ledger.jsonl") >= 14, lambda out: records(out, "evolve")),
    "training": (
        lambda out: records(out, "evolve") == 1 and states(out) >= 1,
        lambda out: records(out, "finetune") - 2,
    ),
    "the base's run": (
        lambda out: records(out, "finetune") == 3 and half_run(out),
        lambda out: records(out, "run") - 2,
    ),
    "the fine-tune's run": (
        lambda out: records(out, "run") == 3 and half_run(out),
        lambda out: records(out, "run") - 3,
    ),
    "the gate": (lambda out: bool(list(out.glob("gate-*"))), lambda out: records(out, "gate")),
    "the page": (lambda out: records(out, "gate") == 1, lambda out: int((out / "loop.html").exists())),
}
"""By stage: when it is under way, and how much of it is done (nothing, when it was killed in time)."""


def kill_when(process: subprocess.Popen[str], seen: Callable[[], bool]) -> None:
    """kill -9 on the loop's own process, not on those it started."""
    limit = time.monotonic() + LIMIT_S
    while not seen():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Many threads on few cores, next to other work, take far longer than one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a world whose loop ran to its end in one go, with the comparison of rounds."""
    folder = tmp_path_factory.mktemp("loop")
    base = write_base(folder / "base")
    config = write_config(folder, base, name="straight", stop=STOP, rounds=1, epochs=2, problems=PROBLEMS)
    done = harness("loop", config, "--rounds-ablation")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^step 1/\d+, loss ", done.stderr, re.MULTILINE)
    assert "no regression" in done.stdout and re.search(r"rounds on \d+ answer tokens each:\n  0 ", done.stdout)
    return folder


def manifest(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "loop.json").read_text())
    return found


def test_a_loop_that_is_killed_in_every_stage_ends_in_the_same_digests(undisturbed: Path) -> None:
    """No stage is done twice, no request is asked twice, and what each stage made is the same to the byte."""
    config = write_config(
        undisturbed,
        undisturbed / "base",
        name="killed",
        stop=STOP,
        rounds=1,
        epochs=2,
        problems=PROBLEMS,
        delay_s=0.02,
    )
    out = undisturbed / "killed"
    for stage, (seen, done) in STAGES.items():
        kill_when(start("loop", config), lambda seen=seen: seen(out))  # type: ignore[misc]
        assert done(out) == 0, f"{stage} was over before it was killed"

    ended = harness("loop", config)

    assert ended.returncode == 0, ended.stderr
    straight, killed = manifest(undisturbed / "straight"), manifest(out)
    assert set(killed["digests"]) == {"evolve", "finetune", "base", "tuned", "gate"}
    assert killed["digests"] == straight["digests"]
    asked = [row["id"] for file in out.glob("evolve-*/ledger.jsonl") for row in read_rows(file)]
    assert len(asked) == len(set(asked)) == 36
    for file in out.glob("run-*/samples.jsonl"):
        keys = [(row["task_id"], row["index"]) for row in read_rows(file)]
        assert len(keys) == len(set(keys))


def test_the_same_command_again_does_nothing(undisturbed: Path) -> None:
    """Every stage is skipped, in seconds; the dry run says so beforehand."""
    out = undisturbed / "straight"
    before = {file: file.stat().st_mtime_ns for file in out.glob("stages/*.json")}
    planned = harness("loop", undisturbed / "straight.toml", "--dry-run").stdout
    assert [line.split()[:2] for line in planned.splitlines()] == [
        [name, "done"] for name in ("evolve", "finetune", "base", "tuned", "gate")
    ]
    again = harness("loop", undisturbed / "straight.toml")
    assert again.returncode == 0
    assert again.stderr.count("done before, skipped") == 6 and "started" not in again.stderr
    assert {file: file.stat().st_mtime_ns for file in out.glob("stages/*.json")} == before


def test_rounds_are_compared_on_equal_tokens_and_one_set_of_held_out_rows(undisturbed: Path) -> None:
    """Both checkpoints saw as many answer tokens, to within a row; no held-out row has a trained relative."""
    out = undisturbed / "straight"
    found = json.loads((out / "ablation.json").read_text())
    assert [one["last"] for one in found["rounds"]] == [0, 1]
    longest = 100
    assert all(0 <= one["trained_tokens"] - found["budget"] <= longest for one in found["rounds"])
    assert found["rounds"][0]["trained_rows"] > found["rounds"][0]["rows"]
    assert found["rounds"][1]["trained_rows"] == found["rounds"][1]["rows"]
    assert all(one["held_out_loss"] > 0 for one in found["rounds"])
    held_out = {row["seed_id"] for row in read_rows(out / "ablation" / "held-out.jsonl")}
    trained = {row["seed_id"] for row in read_rows(out / "ablation" / "rounds-0-1.jsonl")}
    assert held_out and trained and not held_out & trained


def test_the_page_has_every_figure_and_leads_to_every_stage(undisturbed: Path) -> None:
    """Gate, scores with intervals, curves as pictures of the page and as PNG, links that are there."""
    out = undisturbed / "straight"
    page = (out / "loop.html").read_text()
    for part in (
        "no regression",
        "Loss of the fine-tune",
        "Evol Stop",
        "Rounds on equal tokens",
        "Held-out loss by round",
    ):
        assert part in page
    assert re.search(r"\d\.\d \(\d+\.\d to \d+\.\d\)", page)
    links = re.findall(r'<a href="([^"]+)"', page)
    assert len(links) >= 4 and all((out / link).is_file() for link in links)
    assert {"losses.png", "evol-stop.png", "rounds-held-out-loss.png"} <= {
        file.name for file in out.glob("plots/*.png")
    }
    assert "http" not in re.sub(r'(xmlns(:\w+)?|content)="[^"]*"', "", page.partition("<body>")[2])


def plan(config: Path) -> list[str]:
    """What --dry-run says of each stage, in order."""
    shown = harness("loop", config, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    return [" ".join(line.split()[:2]) for line in shown.stdout.splitlines()]


def test_other_settings_leave_what_is_there_and_do_only_what_they_change(undisturbed: Path) -> None:
    """A stricter gate only compares, another sampling trains nothing, other data runs no base."""
    config, text = undisturbed / "other.toml", (undisturbed / "straight.toml").read_text()
    config.write_text(text.replace("max_drop = 100", "max_drop = 50"))
    assert plan(config) == ["evolve done", "finetune done", "base done", "tuned done", "gate to"]
    config.write_text(text.replace(f"limit = {PROBLEMS}", f"limit = {PROBLEMS - 1}"))
    assert plan(config) == ["evolve done", "finetune done", "base to", "tuned to", "gate waits"]
    (data,) = (undisturbed / "straight").glob("evolve-*/rounds/round-1/train.jsonl")
    head, _, rest = text.partition("[evolve]")
    config.write_text(f'data = "{data}"\n{head}[finetune]{rest.partition("[finetune]")[2]}'.replace("epochs = 2", ""))
    assert plan(config) == ["finetune to", "base done", "tuned waits", "gate waits"]


def test_the_exit_code_is_the_gates(undisturbed: Path) -> None:
    """A task that has to pass, and that a random model does not solve; nothing but the gate is done anew."""
    config, text = undisturbed / "strict.toml", (undisturbed / "straight.toml").read_text()
    config.write_text(text.replace("max_drop = 100", 'max_drop = 100\nmust_pass = ["HumanEval/0"]'))
    failed = harness("loop", config)
    assert failed.returncode == 1
    assert "**regression**" in failed.stdout and "FAILED: HumanEval/0 must pass" in failed.stdout
    begun = [line.partition("-")[0] for line in failed.stderr.splitlines() if line.endswith(": started")]
    assert begun == ["gate"]
    assert "regression" in (undisturbed / "straight" / "loop.html").read_text()


def test_quiet_reaches_the_training(undisturbed: Path) -> None:
    """It trains anew, in a process of its own, and says nothing of it."""
    config, text = undisturbed / "quiet.toml", (undisturbed / "straight.toml").read_text()
    config.write_text(text.replace("epochs = 2", "max_steps = 1").replace(f"limit = {PROBLEMS}", "limit = 1"))
    before = records(undisturbed / "straight", "finetune")
    done = harness("loop", config, "--quiet")
    assert done.returncode == 0 and done.stderr == ""
    assert records(undisturbed / "straight", "finetune") > before
    assert "no regression" in done.stdout


def test_adapters_are_merged_before_they_are_run(undisturbed: Path) -> None:
    """The comparison of rounds trains adapters: whole weights lie beside each, and were asked."""
    out = undisturbed / "straight"
    adapters = list(out.glob("finetune-*-adapter"))
    assert len(adapters) == 2
    for adapter in adapters:
        assert (adapter / "adapter_config.json").exists()
        merged = adapter.with_name(adapter.name.removesuffix("-adapter"))
        assert (merged / "model.safetensors").stat().st_size > (adapter / "adapter_model.safetensors").stat().st_size


def test_evolving_alone_stops_by_a_development_set_and_resumes(undisturbed: Path) -> None:
    """kill -9 in the training after the first round: the rest is done, nothing twice, and the scores are told."""
    out = undisturbed / "alone"
    command = ["evolve", undisturbed / "seeds.jsonl", "-m", f"replay:{undisturbed / 'replies.jsonl'}", "--rounds", "1"]
    command += ["--no-decontaminate", "--out", out, "--stop-on", "mbpp:validation", "--stop-base", undisturbed / "base"]
    for setting in ("max_length=512", "batch_size=4", "dtype=float32", "max_steps=2"):
        command += ["--finetune", setting]
    for setting in ("limit=4", "max_tokens=16", "backend=transformers", "sandbox=process", "verify=false"):
        command += ["--evaluate", setting]
    stop = out / "stop"
    kill_when(start(*command), lambda: records(stop, "finetune") == 1 and trainings_under_way(stop))
    asked = read_rows(out / "ledger.jsonl")

    ended = harness(*command)

    assert ended.returncode == 0, ended.stderr
    assert len(asked) == 36 and read_rows(out / "ledger.jsonl") == asked
    assert re.search(r"evol stop   rounds 0 to 0: mbpp-validation \d+\.\d % \(.*\) \(kept\)", ended.stdout)
    assert ended.stderr.count("done before, skipped") == 2
    found = json.loads((out / "evolve.json").read_text())["evol_stop"]
    assert (found["on"], found["stopped"], len(found["rounds"])) == ("mbpp-validation", True, 2)
    assert all(Path(one["checkpoint"]).is_dir() and Path(one["run"]).is_dir() for one in found["rounds"])
    assert {row["round"] for row in read_rows(out / "dataset" / "train.jsonl")} == {0}


def test_a_training_that_fails_ends_the_loop_in_one_line(undisturbed: Path) -> None:
    """The training's own words and exit code; what was done before stays."""
    config = undisturbed / "straight.toml"
    bad = undisturbed / "bad.toml"
    bad.write_text(config.read_text().replace("max_length = 512", "max_length = 4096"))
    failed = harness("loop", bad)
    assert failed.returncode == 2
    assert "max_length is 4096, and the context of" in one_line_error(failed)
