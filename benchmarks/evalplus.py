"""HumanEval+ and MBPP+: the function benchmarks with 80 and 35 times the tests.

Paper: Liu et al. 2023, arXiv 2305.01210. Data: github.com/evalplus/humanevalplus_release and
mbppplus_release (Apache-2.0; MBPP: CC BY 4.0). Semantics: evalplus 0.3.1. A sample passes if it agrees with
the reference on the base and on the plus inputs; `base_status` is for the base part alone.

`mbpp-plus` (v0.2.0, 378 problems) and `mbpp-plus-v0.1.0` (399; the numbers published until early 2024) are
two benchmarks; neither is MBPP-500.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ..data import DataFile, find_user_file, read_rows
from ..errors import DataError
from ..recipes import WIZARDCODER_HUMANEVAL, WIZARDCODER_MBPP_PLUS, Recipe
from ..types import Calls, CodeForm, Limits, Part, Problem, Program

Inputs = list[list[Any]]

MEMORY_BYTES = 4 << 30
"""EvalPlus's own cap; Mbpp/255 returns 1.7 million tuples."""
PUBLISHED_INSTRUCTIONS = "mbppplus.json"

ORACLES = {
    "HumanEval/32": "root_of_polynomial",
    "Mbpp/164": "anything",
    "Mbpp/295": "equal_or_zero",
    "Mbpp/558": "digit_distance",
    "Mbpp/581": "surface_of_pyramid",
}
SAME_SET = (2, 7, 111, 140, 232, 249, 579, 769)
"""MBPP tasks whose answer is a collection in any order."""
NOT_NONE = ("check_str", "text_match_three", "text_starta_endb")
"""MBPP functions that only have to return something other than None."""


class EvalPlus:
    """One release of HumanEval+ or MBPP+; `data` is an explicit path of the data file."""

    name: str
    file: DataFile
    recipes: Mapping[str, Recipe]
    environment = "core"

    def __init__(self, data: Path | None = None) -> None:
        self._data = data

    def problems(self) -> Sequence[Problem]:
        """Return all problems of the release in the file's order."""
        return [self._parse_problem(row) for row in read_rows(self.file, self._data)]

    def instruction(self, problem: Problem) -> str:
        """Return the task in words; for HumanEval+ it is the prompt itself, whose docstring is the task."""
        instruction: str = problem.metadata["instruction"]
        return instruction

    def _build_instruction(self, row: dict[str, Any]) -> str:
        instruction: str = row["prompt"]
        return instruction

    def judge(self, problem: Problem) -> Calls:
        """Return the inputs that the function is called with and the reference that it must agree with."""
        calls: Calls = problem.metadata["calls"]
        return calls

    def program(self, problem: Problem, code: str, form: CodeForm) -> Program:
        """Return prompt + completion, or the solution alone."""
        source = problem.prompt + code if form is CodeForm.COMPLETION else code
        return Program(source=source, environment=self.environment, limits=Limits(memory_bytes=MEMORY_BYTES))

    def _parse_problem(self, row: dict[str, Any]) -> Problem:
        task_id, entry_point = row["task_id"], row["entry_point"]
        decode = select_decoder(task_id)
        calls = Calls(
            key=f"{self.file.sha256}:{task_id}",
            entry_point=entry_point,
            reference=row["prompt"] + row["canonical_solution"],
            parts=(
                Part(name="base", inputs=decode(row["base_input"])),
                Part(name="plus", inputs=decode(row["plus_input"])),
            ),
            oracle=select_oracle(task_id, entry_point),
            atol=float(row["atol"]),
        )
        return Problem(
            task_id=task_id,
            prompt=row["prompt"],
            entry_point=entry_point,
            reference=row["canonical_solution"],
            tests=row.get("test", row.get("assertion", "")),
            metadata={"calls": calls, "instruction": self._build_instruction(row)},
        )


class HumanEvalPlus(EvalPlus):
    """HumanEval+ v0.1.10: 164 problems."""

    name = "humaneval-plus"
    hub_dataset = "evalplus/humanevalplus"
    recipes = {"wizardcoder": WIZARDCODER_HUMANEVAL}  # noqa: RUF012 - read only
    file = DataFile(
        name="HumanEvalPlus.jsonl.gz",
        sha256="42526ec0e7d5f3ee0b06d6ced98f8c8bae3d76519151bfb3d36f79010645bd7f",
        digest_of="content",
        origin="github.com/evalplus/humanevalplus_release, v0.1.10",
        url="https://github.com/evalplus/humanevalplus_release/releases/download/v0.1.10/HumanEvalPlus.jsonl.gz",
    )


class MbppPlus(EvalPlus):
    """MBPP+ v0.2.0: 378 problems.

    WizardCoder's own instructions (`mbppplus.json`) are not ours to ship. They are read if the user's data folder has
    them; otherwise the same wording is built from the prompt.
    """

    name = "mbpp-plus"
    hub_dataset = "evalplus/mbppplus"
    recipes = {"wizardcoder": WIZARDCODER_MBPP_PLUS}  # noqa: RUF012 - read only
    file = DataFile(
        name="MbppPlus.jsonl.gz",
        sha256="b54e762755248ca411b523c917fa9f93c07b5ff2966bf60b3917b853926a3dad",
        digest_of="content",
        origin="github.com/evalplus/mbppplus_release, v0.2.0",
        url="https://github.com/evalplus/mbppplus_release/releases/download/v0.2.0/MbppPlus.jsonl.gz",
    )

    def _build_instruction(self, row: dict[str, Any]) -> str:
        return self._published_instructions.get(row["task_id"]) or format_instruction(row["prompt"])

    @cached_property
    def _published_instructions(self) -> Mapping[str, str]:
        path = find_user_file(PUBLISHED_INSTRUCTIONS)
        if path is None:
            return {}
        try:
            texts: Mapping[str, str] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(f"{path} is not WizardCoder's table of instructions: {error}") from error
        return texts


class MbppPlusV010(MbppPlus):
    """MBPP+ v0.1.0: 399 problems."""

    name = "mbpp-plus-v0.1.0"
    file = DataFile(
        name="MbppPlus-v0.1.0.jsonl.gz",
        sha256="a855b9de667baea8e2f8aa61f898767a7336872208a85222b35622545e819fe9",
        digest_of="content",
        origin="github.com/evalplus/mbppplus_release, v0.1.0",
        url="https://github.com/evalplus/mbppplus_release/releases/download/v0.1.0/MbppPlus.jsonl.gz",
    )


def format_instruction(prompt: str) -> str:
    """Reword an MBPP+ prompt (a docstring of a text and an assert) as WizardCoder's instructions do."""
    text, _, assertion = prompt.strip().strip('"').strip().partition("\nassert")
    stop = "" if text.endswith(".") else "."
    return f"{text}{stop} Your code should satisfy the following assertion:\n```python\nassert{assertion}\n```"


def select_oracle(task_id: str, entry_point: str) -> str:
    """Return the name of the rule that compares this task's values."""
    family, _, number = task_id.partition("/")
    if family == "Mbpp" and int(number) in SAME_SET:
        return "same_set"
    if family == "Mbpp" and entry_point in NOT_NONE:
        return "not_none"
    return ORACLES.get(task_id, "equal")


def _convert_to_tuples(value: Any) -> Any:
    """Convert lists to tuples at every depth."""
    return tuple(map(_convert_to_tuples, value)) if isinstance(value, list) else value


def _convert_arguments(change: Callable[[Any], Any]) -> Callable[[list[Any]], list[Any]]:
    return lambda arguments: [change(argument) for argument in arguments]


def _convert_first_argument(change: Callable[[Any], Any]) -> Callable[[list[Any]], list[Any]]:
    return lambda arguments: [change(arguments[0]), *arguments[1:]]


def _convert_to_sets(items: list[Any]) -> list[Any]:
    return [set(item) if isinstance(item, list) and item else {} for item in items]


def _convert_items_to_tuples(items: list[Any]) -> tuple[Any, ...]:
    return tuple(tuple(item) for item in items)


# JSON has no tuples, sets or complex numbers; only the task tells which argument is one. The keys are the numbers
# of "Mbpp/N" (evalplus 0.3.1, data/mbpp.py).
_DECODERS: dict[tuple[int, ...], Callable[[list[Any]], list[Any]]] = {
    (
        *(2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616, 630, 726, 740, 744),
        809,
    ): _convert_arguments(tuple),
    (63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780): _convert_arguments(
        lambda argument: [tuple(item) for item in argument]
    ),
    (75, 413, 444, 753): lambda arguments: [[tuple(item) for item in arguments[0]], arguments[1]],
    (106, 750): lambda arguments: [arguments[0], tuple(arguments[1])],
    (115,): lambda arguments: [_convert_to_sets(arguments[0])],
    (124,): lambda arguments: [float(arguments[0]), complex(arguments[1])],
    (250, 405, 446, 617, 720, 763, 808): lambda arguments: [tuple(arguments[0]), arguments[1]],
    (259, 401, 445): _convert_arguments(_convert_items_to_tuples),
    (278,): lambda arguments: [
        tuple(tuple(item) if isinstance(item, list) else item for item in arguments[0]),
    ],
    (307,): lambda arguments: [tuple(arguments[0]), arguments[1], arguments[2]],
    (722,): _convert_first_argument(lambda table: {key: tuple(value) for key, value in table.items()}),
    (252,): lambda arguments: [complex(arguments[0])],
    (580, 615, 791): lambda arguments: list(_convert_to_tuples(arguments)),
}


def select_decoder(task_id: str) -> Callable[[Inputs], Inputs]:
    """Return the function that converts a task's inputs from JSON to the types that its function takes."""
    family, _, number = task_id.partition("/")
    if family == "Mbpp":
        for numbers, decode in _DECODERS.items():
            if int(number) in numbers:
                return lambda inputs: [decode(arguments) for arguments in inputs]
    return lambda inputs: inputs
