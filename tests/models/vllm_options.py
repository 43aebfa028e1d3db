"""A program that loads checkpoints under vLLM with options that are seldom used, and prints what came of it.

`python -m tests.models.vllm_options FOLDER ADAPTER ADAPTER`; a process of its own, as vLLM changes the one it is in.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.models.adapters import parse_adapters
from harness.models.loading import open_model
from harness.models.options import ModelOptions
from harness.models.vllm import VllmModel
from harness.types import Model, Prompt, Request, SamplingParams
from tests.models.greedy import PROMPTS

CACHE = "kv_cache_memory_bytes=268435456"


def answers(model: Model) -> list[str]:
    requests = [Request(request_id=text, prompt=Prompt(text=text)) for text in PROMPTS]
    found = {one.request_id: one.completion.text for one in model.generate(requests, SamplingParams(max_tokens=24))}
    return [found[text] for text in PROMPTS]


def ask_with_adapters(folder: str, specs: list[str]) -> dict[str, Any]:
    """Ask the base and its adapters, in one load, and the base again after them."""
    loaded = parse_adapters(specs)
    options = ModelOptions(dtype="float32", adapters=loaded, engine_args=(CACHE, "max_num_seqs=3"))
    with open_model(folder, backend="vllm", options=options) as model:
        assert isinstance(model, VllmModel)
        model_facts = model.describe()
        report: dict[str, Any] = {"base": answers(model), "max_model_len": model_facts["max_model_len"]}
        for adapter in loaded:
            report[adapter.name] = answers(model.adapted(adapter))
        report["again"] = answers(model)
        report["facts"] = dict(model.adapted(loaded[0]).describe())
    return report


def failure(folder: str | Path, **options: Any) -> dict[str, Any]:
    try:
        with open_model(str(folder), backend="vllm", options=ModelOptions(dtype="float32", **options)):
            return {"message": "it loaded", "exit_code": 0}
    except HarnessError as error:
        return {"message": str(error), "exit_code": error.exit_code}


def collect_failures(folder: str) -> dict[str, Any]:
    """Collect what is said of settings that cannot work."""
    with tempfile.TemporaryDirectory() as scratch:
        unknown = Path(scratch) / "unknown"
        shutil.copytree(folder, unknown)
        settings = json.loads((unknown / "config.json").read_text(encoding="utf-8"))
        changed = json.dumps(settings | {"architectures": ["NoSuchForCausalLM"]})
        (unknown / "config.json").write_text(changed, encoding="utf-8")
        return {
            "architecture": failure(unknown),
            "engine argument": failure(folder, engine_args=("max_num_sqes=3",)),
            "quantization": failure(folder, quantization="awk"),
            "not quantised": failure(folder, quantization="awq"),
            "context": failure(folder, max_model_len=100_000),
            "memory": failure(folder, engine_args=("kv_cache_memory_bytes=9000000000000",)),
        }


def main(folder: str, first: str, second: str) -> None:
    seen = {**ask_with_adapters(folder, [f"first={first}", f"second={second}"]), "failures": collect_failures(folder)}
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
