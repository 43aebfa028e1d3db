"""Adapters, engine settings and failures under a real vLLM engine: one program does it all, the tests look."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.checkpoints import write_adapter, write_merged, write_rope_llama
from tests.models.greedy import greedy
from tests.models.test_vllm import ROOT, needs_vllm

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A base, two adapters of it, and the base with each of them merged into its weights."""
    needs_vllm()
    root = tmp_path_factory.mktemp("lora")
    base = write_rope_llama(root / "base")
    made = {"base": base}
    for seed, name in enumerate(("first", "second"), start=1):
        made[name] = write_adapter(root / name, base, seed=seed, rank=2 * seed)
        made[f"{name} merged"] = write_merged(root / f"{name}-merged", base, made[name])
    return made


@pytest.fixture(scope="module")
def seen(folders: dict[str, Path]) -> dict[str, Any]:
    command = [
        sys.executable,
        "-m",
        "tests.models.vllm_options",
        *(str(folders[n]) for n in ("base", "first", "second")),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report


def test_an_adapter_answers_as_if_merged_and_the_base_as_ever(seen: dict[str, Any], folders: dict[str, Path]) -> None:
    """Three models in one load: each gives the text of its own weights, and the base the same before and after."""
    for name in ("first", "second"):
        assert seen[name] == greedy(str(folders[f"{name} merged"]), "transformers")
        assert seen[name] != seen["base"]
    assert seen["first"] != seen["second"]
    assert seen["base"] == seen["again"] == greedy(str(folders["base"]), "transformers")


def test_the_description_names_the_adapter(seen: dict[str, Any], folders: dict[str, Path]) -> None:
    """With its digest, beside the facts of the base."""
    facts = seen["facts"]

    assert facts["name"] == f"{folders['base']}+first"
    assert facts["adapter_weights"]["path"] == str(folders["first"])
    assert facts["adapter_weights"]["digest"] == facts["adapters"]["first"]
    assert facts["adapters"]["first"] != facts["adapters"]["second"]


@pytest.mark.parametrize(
    ("what", "message", "exit_code"),
    [
        ("architecture", "it does not know NoSuchForCausalLM; try --backend transformers", 2),
        ("engine argument", 'engine argument "max_num_sqes" is not one of the installed vLLM. Did you mean', 2),
        ("quantization", 'quantization "awk" is not one of the installed vLLM: awq', 2),
        ("not quantised", "its weights are not quantised with awq; leave --quantization out", 2),
        ("context", "--max-model-len 100000 is more than its context of", 2),
        ("memory", "lower --max-model-len or the memory share", 3),
    ],
)
def test_what_cannot_work_is_one_line(what: str, message: str, exit_code: int, seen: dict[str, Any]) -> None:
    """With what to change, and an exit code that tells the user's fault from the machine's."""
    failure = seen["failures"][what]

    assert message in failure["message"]
    assert "\n" not in failure["message"]
    assert failure["exit_code"] == exit_code
