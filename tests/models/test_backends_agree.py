"""The two architectures of WizardCoder's family in small, through every backend: one text."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ModelError
from harness.models.checkpoint import read_configuration
from harness.models.loading import open_model
from harness.models.options import ModelOptions
from harness.types import Generated, Prompt, Request, SamplingParams
from tests.checkpoints import write_gpt_bigcode, write_rope_llama
from tests.models.greedy import CONTEXT, PROMPTS, greedy
from tests.models.vllm_server import vllm_serve

for package in ("torch", "transformers", "openai"):
    pytest.importorskip(package, reason=f"the package {package} is not installed")
if importlib.util.find_spec("vllm") is None:
    pytest.skip("the package vllm is not installed", allow_module_level=True)

ROOT = Path(__file__).parent.parent.parent
MAKERS = {"gpt_bigcode": write_gpt_bigcode, "llama with linear rope scaling": write_rope_llama}


@pytest.fixture(scope="module", params=MAKERS)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of the two architectures, with random weights and a tokenizer trained on the spot."""
    return MAKERS[request.param](tmp_path_factory.mktemp("family"))


@pytest.fixture(scope="module")
def server(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A `vllm serve` of it."""
    log = tmp_path_factory.mktemp("server") / "log"
    with vllm_serve(checkpoint, log, "--max-model-len", str(CONTEXT)) as url:
        yield f"openai:served@{url}"


def in_a_process(folder: Path, backend: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.models.greedy", str(folder), backend],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answers: list[str] = json.loads(done.stdout.splitlines()[-1])
    return answers


def test_transformers_reads_both(checkpoint: Path) -> None:
    """The answers are no accident of one loader: each of the prompts gets another."""
    answers = greedy(str(checkpoint), "transformers")

    assert len(set(answers)) == len(PROMPTS)
    assert all(answers)


@pytest.mark.slow
def test_vllm_and_its_server_answer_as_transformers(checkpoint: Path, server: str) -> None:
    """Greedy in float32: the same text from all three adapters."""
    expected = greedy(str(checkpoint), "transformers")

    assert in_a_process(checkpoint, "vllm") == expected
    assert greedy(server) == expected


@pytest.mark.slow
def test_a_real_server_draws_by_seed_stops_and_has_a_context(server: str) -> None:
    """As the other adapters: samples differ and repeat, a stop string ends, a full context answers nothing."""
    drawn = SamplingParams(temperature=1.0, top_p=0.95, max_tokens=12)
    request = Request(request_id="r", prompt=Prompt(text=PROMPTS[0]), count=4, seed=3)
    with open_model(server, options=ModelOptions(batch_size=4)) as model:

        def ask(asked: Request, params: SamplingParams) -> list[Generated]:
            return sorted(model.generate([asked], params), key=lambda found: found.index)

        first, again = ask(request, drawn), ask(request, drawn)
        alone = ask(Request(request_id="r", prompt=request.prompt, start=2, seed=5), drawn)
        plain = ask(Request(request_id="r", prompt=request.prompt), SamplingParams(max_tokens=12))[0].completion
        mark = plain.text[len(plain.text) // 2 :][:3]
        stopped = ask(Request(request_id="r", prompt=request.prompt), SamplingParams(max_tokens=12, stop=(mark,)))
        full = ask(Request(request_id="r", prompt=Prompt(text="x y\n" * CONTEXT)), SamplingParams(max_tokens=12))
        facts = model.describe()

    assert len({found.completion.text for found in first}) == 4
    assert first == again
    assert alone[0].completion == first[2].completion
    assert (plain.completion_tokens, plain.finish_reason) == (12, "length")
    assert stopped[0].completion.text == plain.text[: plain.text.index(mark)]
    assert (full[0].completion.text, full[0].completion.finish_reason) == ("", "length")
    assert facts["served"]["max_model_len"] == CONTEXT


@pytest.mark.slow
def test_a_server_without_a_chat_template_is_one_line(server: str) -> None:
    """It says which recipes will do."""
    chat = Request(request_id="r", prompt=Prompt(messages=(("user", "Add."),)))
    with (
        pytest.raises(ModelError, match="no chat template for it; choose a recipe with a text prompt"),
        open_model(server) as model,
    ):
        list(model.generate([chat], SamplingParams(max_tokens=4)))


def test_rope_scaling_is_read_from_the_configuration(tmp_path: Path) -> None:
    """The form of the published 33B: another factor, with the same weights, is another model."""
    scaled, plain = write_rope_llama(tmp_path / "scaled"), write_rope_llama(tmp_path / "plain", factor=1.0)
    settings: dict[str, Any] = read_configuration(scaled)

    assert settings["rope_scaling"] == {"type": "linear", "factor": 4.0}
    assert (scaled / "model.safetensors").read_bytes() == (plain / "model.safetensors").read_bytes()
    assert greedy(str(scaled), "transformers") != greedy(str(plain), "transformers")
