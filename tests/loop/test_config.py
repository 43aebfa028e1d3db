"""The loop's configuration: the example works, and whatever does not fit is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.loop.config import LoopConfig, read_config, read_example
from harness.store.claims import lock_folder
from tests.commands import harness, one_line_error

SMALL = """base = "smollm2-135m-instruct"
out = "loop"

[evolve]
rounds = 2

[stop]
on = "mbpp:validation"

[stop.run]
limit = 4

[finetune]
epochs = 2

[run]
benchmarks = ["humaneval"]

[gate]
max_drop = 1.0
"""


def read(tmp_path: Path, text: str = SMALL) -> LoopConfig:
    file = tmp_path / "loop.toml"
    file.write_text(text, encoding="utf-8")
    return read_config(file)


def test_the_example_is_a_configuration(tmp_path: Path) -> None:
    """As it is, and with what it has in comments."""
    found = read(tmp_path, read_example())
    assert found.evolve is not None and found.stop is not None
    assert (found.base, found.benchmarks, found.evolve.rounds) == ("smollm2-135m-instruct", ("humaneval", "mbpp"), 3)
    assert (found.stop.on, found.stop.finetune["epochs"], found.stop.run["max_tokens"]) == ("mbpp:validation", 3, 512)
    lines = [line.removeprefix("# ") for line in read_example().splitlines() if "=" in line and "data =" not in line]
    assert len(lines) > 20
    whole = (
        read_example().replace('# lora = "', 'lora = "').replace("# launcher", "launcher").replace("# tokens", "tokens")
    )
    found = read(tmp_path, whole)
    assert found.launcher[:2] == ("accelerate", "launch")
    assert (found.finetune["lora"], found.ablation.tokens) == ("16,32,all-linear", 200000)
    assert "launcher" not in found.finetune


def test_what_is_not_said_is_taken_from_elsewhere(tmp_path: Path) -> None:
    """The base evolves, the training's recipe asks, Evol Stop trains and runs as the loop does but for its own keys."""
    found = read(tmp_path, SMALL.replace("epochs = 2", 'preset = "small"\nbatch_size = 4'))
    assert (found.finetune["batch_size"], found.finetune["max_length"]) == (4, 1024)
    found = read(tmp_path, SMALL.replace("epochs = 2", 'epochs = 2\nrecipe = "alpaca"'))
    assert found.evolve is not None and found.stop is not None
    assert found.evolve.model == found.base
    assert found.run["recipe"] == "alpaca"
    assert dict(found.stop.finetune) == {"epochs": 2, "recipe": "alpaca"}
    assert dict(found.stop.run) == {"recipe": "alpaca", "limit": 4}
    assert found.rules.select_thresholds("humaneval").max_drop == 1.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rounds = 2", "rouds = 2", 'loop.toml line 5: [evolve] key "rouds" is not known. Did you mean "rounds"?'),
        ("epochs = 2", "epoch = 2", 'line 14: [finetune] key "epoch" is not known. Did you mean "epochs"?'),
        ("epochs = 2", "base = 'x'", 'line 14: [finetune] key "base" is not known'),
        ("epochs = 2", "epochs = 0", "line 14: [finetune] epochs is 0; it must be greater than 0"),
        ("epochs = 2", 'preset = "smal"', 'line 14: [finetune] preset "smal" is not known. Did you mean "small"?'),
        ("limit = 4", "limt = 4", 'line 11: [stop.run] key "limt" is not known. Did you mean "limit"?'),
        ("limit = 4", 'benchmarks = ["mbpp"]', "line 11: [stop.run] runs the development set; leave it out"),
        ("on = ", "patience = 0\non = ", "line 8: [stop] patience is 0"),
        ("[gate]", "n = 0\n\n[gate]", "line 19: [run] n is 0; it must be greater than or equal to 1"),
        ("max_drop = 1.0", "max_dorp = 1.0", 'line 20: [gate] key "max_dorp" is not known. Did you mean "max_drop"?'),
        ("[gate]", "[gtae]", 'line 19: key "gtae" is not known. Did you mean "gate"?'),
        ("rounds = 2", 'preset = "wizard"', 'line 5: [evolve] preset "wizard" is not known'),
        ('out = "loop"', "", "out is missing (`harness loop --example` shows a whole file)"),
        ('out = "loop"', 'out = "loop"\ndata = "rows.jsonl"', "names data and has [evolve]"),
        ('benchmarks = ["humaneval"]', "", "[run] no benchmark is named"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(tmp_path, SMALL.replace(old, new, 1))
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_data_takes_the_place_of_rounds(tmp_path: Path) -> None:
    """And has none to stop."""
    text = SMALL.replace("[evolve]\nrounds = 2\n", "").replace('out = "loop"', 'out = "loop"\ndata = "rows.jsonl"')
    with pytest.raises(UsageError, match=r"\[stop\] ends rounds of \[evolve\], and there are none"):
        read(tmp_path, text)
    found = read(tmp_path, text.partition("[stop]")[0] + "[finetune]" + text.partition("[finetune]")[2])
    assert (found.data, found.evolve, found.stop) == (Path("rows.jsonl"), None, None)


def test_the_command_prints_an_example_and_wants_a_file() -> None:
    shown = harness("loop", "--example")
    assert (shown.returncode, shown.stdout) == (0, read_example())
    refused = harness("loop")
    assert refused.returncode == 2 and "harness loop --example" in one_line_error(refused)
    missing = harness("loop", "none.toml")
    assert missing.returncode == 2 and "configuration file none.toml cannot be read" in one_line_error(missing)


def test_a_folder_is_one_loops_at_a_time(tmp_path: Path) -> None:
    """The second one says so and does nothing."""
    file = tmp_path / "loop.toml"
    file.write_text(SMALL.replace('out = "loop"', f'out = "{tmp_path / "loop"}"'))
    with lock_folder(tmp_path / "loop"):
        refused = harness("loop", file)
    assert refused.returncode == 2 and "is in use by another process" in one_line_error(refused)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--stop-on", "mbpp:validation"], "name its base with --stop-base"),
        (["--stop-on", "mbpp:validation", "--stop-base", "x", "--patience", "0"], "patience is 0"),
        (["--stop-on", "mbpp:validation", "--stop-base", "x", "--finetune", "epoch=1"], 'key "epoch" is not known'),
        (["--stop-on", "mbpp:validation", "--stop-base", "x", "--finetune", "out=a"], "sets out itself"),
        (["--stop-on", "mbpp:validation", "--stop-base", "x", "--evaluate", "limt=1"], 'key "limt" is not known'),
        (["--stop-on", "humaneval", "--stop-base", "x"], "development set humaneval is a test set"),
        (["--stop-on", "mbpp:dev", "--stop-base", "x"], 'benchmark "mbpp" has no split "dev"'),
    ],
)
def test_evol_stop_is_checked_before_anything_is_asked(tmp_path: Path, flags: list[str], message: str) -> None:
    """In one line, and no folder is left behind."""
    refused = harness("evolve", "-m", "replay:none", "--rounds", "1", "--out", tmp_path / "out", *flags)
    assert refused.returncode == 2
    assert message in one_line_error(refused)
    assert not (tmp_path / "out").exists()
