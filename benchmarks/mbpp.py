"""MBPP: short problems with three asserts each; the 500 of the test split, and the two others.

Paper: Austin et al. 2021, arXiv 2108.07732. Data: github.com/google-research/google-research, mbpp/mbpp.jsonl
(CC BY 4.0). Ids 11-510 are the test split that published "MBPP" figures use, 511-600 validation, 601-974
train. Not EvalPlus's MBPP, which keeps 378 or 399 of all, rewritten.

Limit: the challenge tests of 11 problems are not run; no published figure uses them.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..data import DataFile, read_rows
from ..recipes import CHAT, COMPLETION, DEEPSEEK_CODER_MBPP, LM_EVAL_INSTRUCT_MBPP, WIZARDCODER_MBPP, Recipe
from ..types import Asserts, CodeForm, Limits, Problem, Program

CPU_TIME_S = 6.0
"""Twice the usual 3 s of wall time: Mbpp/123's reference takes 1 to 2 s, and a core shared with a busy neighbour
counts up to twice as many seconds for the same work."""
LONG_TESTS = 4000
"""If the asserts have more characters, an instruction names only the signature (Mbpp/493, as WizardCoder does)."""

RECIPES: Mapping[str, Recipe] = {
    "wizardcoder": WIZARDCODER_MBPP,
    "deepseek-coder": DEEPSEEK_CODER_MBPP,
    "lm-eval-instruct": LM_EVAL_INSTRUCT_MBPP,
    "chat": replace(
        CHAT,
        name="chat-mbpp",
        template=(
            "Write a self-contained Python solution to the following problem. "
            "Answer with the complete code in one markdown code block.\n\n{instruction}"
        ),
    ),
    # bigcode-evaluation-harness's stop words: a solution may define helpers and import, so "\ndef" is not one
    "completion": replace(
        COMPLETION,
        name="completion-mbpp",
        stop=("\nclass", "\nassert", '\n"""', "\nprint", "\nif", "\n<|/", "\n```"),
        extraction=replace(
            COMPLETION.extraction,
            name="completion-mbpp",
            cut_at=("\nclass", "\nassert", '\n"""', "\nprint", "\nif", "\n<|/", "\n```"),
        ),
    ),
}


class Mbpp:
    """The test split of MBPP; `data` is an explicit path of the data file."""

    name = "mbpp"
    environment = "core"
    hub_dataset = "google-research-datasets/mbpp"
    ids = range(11, 511)
    splits: Mapping[str, str] = {"test": "mbpp", "validation": "mbpp-validation", "train": "mbpp-train"}
    recipes = RECIPES
    file = DataFile(
        name="mbpp.jsonl",
        sha256="fced498a1dce4c8c4af612558116a1be14be8415432a1765784f8ae1d7ad5349",
        digest_of="rows",
        pinned=range(11, 511),
        origin="github.com/google-research/google-research, mbpp/mbpp.jsonl",
        url="https://raw.githubusercontent.com/google-research/google-research/master/mbpp/mbpp.jsonl",
    )

    def __init__(self, data: Path | None = None) -> None:
        self._data = data

    def problems(self) -> Sequence[Problem]:
        """Return all problems of the split in the file's order."""
        return [_parse_problem(row) for row in read_rows(self.file, self._data) if row["task_id"] in self.ids]

    def instruction(self, problem: Problem) -> str:
        """Return the text and the asserts in the layout of WizardCoder's mbpp_gen.py."""
        tests = problem.metadata["asserts"]
        shown = tests if len(tests) <= LONG_TESTS else problem.metadata["signature"]
        return f"{problem.metadata['text']}\nTest examples:\n{shown}"

    def judge(self, problem: Problem) -> Asserts:
        """Return the tests; three problems (Mbpp/367 in test) use the candidate's classes, so they are not split."""
        return Asserts(
            tests=f"\n{problem.tests}\n",
            exposes=tuple(problem.metadata["exposes"]),
            preamble=problem.reference,
            reference=problem.reference,
            split=not problem.metadata["has_classes"],
        )

    def program(self, problem: Problem, code: str, form: CodeForm) -> Program:
        """Return the code alone; a completion follows the prompt, which is a docstring."""
        source = problem.prompt + code if form is CodeForm.COMPLETION else code
        limits = Limits(cpu_time_s=CPU_TIME_S, wall_time_s=3 * CPU_TIME_S)
        return Program(source=source, environment=self.environment, limits=limits)


class MbppValidation(Mbpp):
    """The validation split: ids 511-600."""

    name = "mbpp-validation"
    for_training = True
    ids = range(511, 601)


class MbppTrain(Mbpp):
    """The training split: ids 601-974."""

    name = "mbpp-train"
    for_training = True
    ids = range(601, 975)


def _parse_problem(row: dict[str, Any]) -> Problem:
    asserts = "\n".join(row["test_list"])
    # the set-up of Mbpp/367 uses the candidate's class, so set-up follows the candidate
    tests = "\n".join(filter(None, [row["test_setup_code"], asserts]))
    exposes, signature, has_classes = _find_exposed_names(row["code"], tests)
    return Problem(
        task_id=f"Mbpp/{row['task_id']}",
        prompt=f'"""\n{row["text"]}\n{row["test_list"][0]}\n"""\n',
        entry_point=exposes[-1] if exposes else "",
        reference=row["code"],
        tests=tests,
        metadata={
            "text": row["text"],
            "asserts": asserts,
            "exposes": exposes,
            "signature": signature,
            "has_classes": has_classes,
        },
    )


def _find_exposed_names(code: str, tests: str) -> tuple[list[str], str, bool]:
    """Return the reference's names that the tests use, the last function's signature, and if one is a class."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old string escapes in the data
        body, test_tree = ast.parse(code.replace("\r", "")).body, ast.parse(tests)
    used = {node.id for node in ast.walk(test_tree) if isinstance(node, ast.Name)}
    names, signature, has_classes = [], "", False
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in used:
            names.append(node.name)
            has_classes |= isinstance(node, ast.ClassDef)
            if isinstance(node, ast.FunctionDef):
                signature = f"{node.name}({', '.join(argument.arg for argument in node.args.args)})"
    return names, signature, has_classes
