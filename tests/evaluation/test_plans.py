"""Which run folders one command fills."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config import RunConfig, find_differences
from harness.evaluation.plans import plan_runs
from harness.models.options import ModelOptions
from harness.models.vllm_engine import EngineSettings
from harness.tasks.suite import load_suite
from tests.checkpoints import write_adapter, write_bare

pytest.importorskip("torch", reason="the package torch is not installed")


def test_the_base_and_each_adapter_have_a_folder_and_an_identity(tiny_llama: Path, tmp_path: Path) -> None:
    """They differ in the adapter alone; repetitions lie in the folder of what they repeat."""
    specs = tuple(f"{name}={write_adapter(tmp_path / name, tiny_llama, seed=ord(name))}" for name in "ab")
    config = RunConfig(model="m/base-model", benchmarks=("humaneval",), lora=specs, repeat=2)
    suites = [load_suite("humaneval", 1).with_recipe("completion")]

    planned = plan_runs(config, suites, "process", tmp_path / "out")

    assert [plan.path.relative_to(tmp_path / "out").as_posix() for plan in planned] == [
        "base",
        "base/repeat-1",
        "a",
        "a/repeat-1",
        "b",
        "b/repeat-1",
    ]
    base, repeated, first, *_ = planned
    assert find_differences(base.identity, repeated.identity) == ["order is null there and 1 now"]
    (differing,) = find_differences(base.identity, first.identity)
    assert differing.startswith('adapter is null there and {"name": "a"')
    named = [plan.path.name for plan in plan_runs(config, suites, "process", None) if not plan.order]
    assert [name.rpartition("-")[0] for name in named] == ["base-model", "base-model-a", "base-model-b"]


def test_without_adapters_the_folder_is_the_one_that_is_named(tmp_path: Path) -> None:
    """And its identity is that of runs from before there were adapters."""
    suites = [load_suite("humaneval", 1).with_recipe("completion")]
    (plan,) = plan_runs(RunConfig(model="m", benchmarks=("humaneval",)), suites, "process", tmp_path)

    assert plan.path == tmp_path
    assert not {"adapter", "order", "quantization", "engine_args"} & set(plan.identity)


@pytest.mark.parametrize(
    ("asked", "needed", "length"),
    [(None, 40, 40), (None, 1000, 64), (32, 40, 32), (None, None, None)],
)
def test_the_context_is_what_is_needed_and_what_there_is(
    asked: int | None, needed: int | None, length: int | None, tmp_path: Path
) -> None:
    """The user's word first; else the longest prompt and answer, within the checkpoint's 64 tokens."""
    options = ModelOptions(max_model_len=asked)
    settings = EngineSettings(path=write_bare(tmp_path), options=options, needed_tokens=needed)

    assert settings.length == length
