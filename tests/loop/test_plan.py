"""What a loop is about to do, told before anything is done; and an evolution that is done once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ModelError, StoreError
from harness.loop.config import read_config
from harness.loop.run import Loop
from harness.progress import Quiet
from harness.store.claims import lock_folder
from tests.commands import read_rows
from tests.evolve.world import write_replies, write_seeds
from tests.loop.world import write_base

for _package in ("torch", "transformers"):
    pytest.importorskip(_package, reason=f"the package {_package} is not installed")

CONFIG = """
base = "{base}"
out = "loop"

[evolve]
model = "replay:replies.jsonl"
seeds = "seeds.jsonl"
rounds = 1
decontaminate = false

[finetune]
launcher = ["no-such-launcher"]
max_steps = 1
dtype = "float32"

[run]
benchmarks = ["humaneval"]
limit = 2
backend = "transformers"
sandbox = "process"
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("base") / "base")


@pytest.fixture
def config(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_seeds(tmp_path / "seeds.jsonl", 4)
    write_replies(tmp_path / "replies.jsonl", 4)
    file = tmp_path / "loop.toml"
    file.write_text(CONFIG.format(base=base))
    return file


def loop(config: Path, tell: Callable[[str], None] = str) -> Loop:
    return Loop(read_config(config), open_progress=Quiet, tell=tell)


def states(config: Path) -> dict[str, str]:
    return {one.what: one.state for one in loop(config).plan()}


def test_what_waits_for_what_is_told(config: Path) -> None:
    """Without data nothing can be trained; the base can be run; nothing is written."""
    assert states(config) == {
        "evolve": "to do",
        "finetune": "waits for evolve",
        "base": "to do",
        "tuned": "waits for finetune",
        "gate": "waits for base and tuned",
    }
    assert not (config.parent / "loop").exists()


def test_data_of_ones_own_needs_no_evolution(config: Path) -> None:
    """The stage is not there, and what comes of the training is known to be missing."""
    head, _, rest = config.read_text().partition("[evolve]")
    config.write_text(f'data = "seeds.jsonl"\n{head}[finetune]{rest.partition("[finetune]")[2]}')
    assert states(config) == {
        "finetune": "to do",
        "base": "to do",
        "tuned": "waits for finetune",
        "gate": "waits for base and tuned",
    }


def test_an_evolution_is_done_once_and_goes_on_where_rounds_are_added(config: Path) -> None:
    """A training that cannot begin leaves it done; another round goes on in its folder, and its data is waited for."""
    told: list[str] = []
    for _ in range(2):
        with pytest.raises(ModelError, match="training cannot be started by no-such-launcher"):
            loop(config, told.append).run()
    evolving = [line.rpartition(": ")[2].split(" in ")[0] for line in told if line.startswith("evolve-")]
    assert evolving == ["started", "done", "done before, skipped"]
    assert states(config)["evolve"] == "done" and states(config)["finetune"] == "to do"

    config.write_text(config.read_text().replace("rounds = 1", "rounds = 2"))
    assert states(config)["evolve"] == "to do" and states(config)["finetune"] == "waits for evolve"
    with pytest.raises(ModelError):
        loop(config).run()
    (data,) = (config.parent / "loop").glob("evolve-*/dataset/train.jsonl")
    assert len(read_rows(data)) == 4 * 3


def test_a_folder_that_another_loop_holds_is_refused(config: Path) -> None:
    """Before anything is done."""
    with lock_folder(config.parent / "loop"), pytest.raises(StoreError):
        loop(config).run()
    assert not list((config.parent / "loop").glob("stages/*"))
