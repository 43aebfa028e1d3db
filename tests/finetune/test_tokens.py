"""What a model is trained on, byte by byte and token by token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError, ModelError
from harness.finetune.examples import export_examples
from harness.finetune.rows import TrainingRow, read_training_rows
from harness.finetune.tokens import encode_rows
from harness.models.rendering import render_prompt
from harness.tasks.recipes import recipe
from harness.tasks.suite import load_suite
from tests.checkpoints import trained_tokenizer, word_tokenizer

ANSWER = "```python\ndef f(x):\n    return x\n```"
PLAIN = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n"
    "\n"
    "### Instruction:\n"
    "Write f.\n"
    "\n"
    "### Response:```python\n"
    "def f(x):\n"
    "    return x\n"
    "```<|endoftext|>"
)
WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.\n"
    "\n"
    "### Instruction:\n"
    "Write f.\n"
    "\n"
    "### Input:\n"
    "x = 1\n"
    "\n"
    "### Response:```python\n"
    "def f(x):\n"
    "    return x\n"
    "```<|endoftext|>"
)


def row(given: str = "", answer: str = ANSWER) -> TrainingRow:
    return TrainingRow(instruction="Write f.", input=given, output=answer, where="line 1")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    pytest.importorskip("transformers", reason="the package transformers is not installed")
    return trained_tokenizer(metaspace=False)


@pytest.mark.parametrize(("given", "expected"), [("", PLAIN), ("x = 1", WITH_INPUT)])
def test_the_trained_text_is_alpacas(given: str, expected: str, tokenizer: Any) -> None:
    """As the published training script writes it: the answer follows the marker at once, and ends with EOS."""
    encoded = encode_rows([row(given)], recipe("wizardcoder"), tokenizer, name="m", max_length=2048)
    assert tokenizer.decode(encoded.input_ids[0]) == expected


def test_only_the_answer_and_its_end_carry_the_loss(tokenizer: Any) -> None:
    """The mask is 1 on the answer's tokens and on the EOS id, 0 on the prompt's."""
    encoded = encode_rows([row()], recipe("wizardcoder"), tokenizer, name="m", max_length=2048)
    ids, mask = encoded.input_ids[0], encoded.completion_mask[0]

    answer = [token for token, one in zip(ids, mask, strict=True) if one]

    assert tokenizer.decode(answer) == ANSWER + "<|endoftext|>"
    assert answer[-1] == tokenizer.eos_token_id and answer.count(tokenizer.eos_token_id) == 1
    assert encoded.answer_tokens == [len(answer)]


def test_an_answer_that_has_its_end_already_gets_no_second_one(tokenizer: Any) -> None:
    """Some data sets write the EOS token into the text."""
    rows = [row(), row(answer=ANSWER + "<|endoftext|>")]
    encoded = encode_rows(rows, recipe("wizardcoder"), tokenizer, name="m", max_length=2048)
    assert encoded.input_ids[0] == encoded.input_ids[1]


@pytest.mark.parametrize("metaspace", [False, True])
@pytest.mark.parametrize("answer", [ANSWER, ":x", " def", "\n\nf", "x"])
def test_the_prompts_ids_are_those_a_model_is_asked_with(answer: str, metaspace: bool) -> None:
    """Whatever the answer begins with: no token reaches over the boundary, and the text stays the same."""
    tokenizer = trained_tokenizer(metaspace=metaspace)
    asked = render_prompt(recipe("wizardcoder").ask("Write f."), tokenizer, "m")

    encoded = encode_rows([row(answer=answer)], recipe("wizardcoder"), tokenizer, name="m", max_length=2048)

    assert tuple(encoded.input_ids[0][: -encoded.answer_tokens[0]]) == asked.token_ids
    whole = tokenizer.decode(encoded.input_ids[0][:-1], skip_special_tokens=True)
    assert whole == asked.text + answer


def test_a_row_that_would_lose_its_end_is_left_out_or_kept_and_counted(tokenizer: Any) -> None:
    """Dropped by default; kept without its EOS where that is asked for; never where no answer token is left."""
    rows = [row(), row(answer="x = 1\n" * 200)]
    chosen = recipe("wizardcoder")

    dropped = encode_rows(rows, chosen, tokenizer, name="m", max_length=300)
    kept = encode_rows(rows, chosen, tokenizer, name="m", max_length=300, truncated="keep")

    assert (len(dropped), dropped.too_long, dropped.left_out) == (1, 1, 1)
    assert (len(kept), kept.too_long, kept.left_out) == (2, 1, 0)
    assert len(kept.input_ids[1]) == 300 and tokenizer.eos_token_id not in kept.input_ids[1]
    with pytest.raises(DataError, match=r"none of the 2 rows fits in 20 tokens"):
        encode_rows(rows, chosen, tokenizer, name="m", max_length=20, truncated="keep")


def test_a_tokenizer_without_an_end_is_refused() -> None:
    """A model would be trained never to stop."""
    tokenizer = word_tokenizer()
    tokenizer.eos_token = None
    with pytest.raises(ModelError, match="has no EOS token"):
        encode_rows([row()], recipe("wizardcoder"), tokenizer, name="m", max_length=2048)


@pytest.mark.parametrize("name", ["mbpp-train", "mbpp-validation"])
@pytest.mark.data
def test_mbpps_rows_are_asked_as_the_benchmark_asks_them(name: str, tmp_path: Path) -> None:
    """Trained prompt and evaluated prompt are the same bytes, and the extraction gives the reference back."""
    suite = load_suite(name).with_recipe("wizardcoder")
    assert suite.recipe is not None

    assert export_examples(name, tmp_path / "rows.jsonl") == len(suite.problems) == {"mbpp-train": 374}.get(name, 90)

    for problem, made in zip(suite.problems.values(), read_training_rows(tmp_path / "rows.jsonl"), strict=True):
        assert recipe("wizardcoder").ask(made.instruction, made.input) == suite.build_prompt(problem)
        code = suite.recipe.extract(made.output, problem).code
        assert code == problem.reference.replace("\r\n", "\n").replace("\t", "    ").strip()
