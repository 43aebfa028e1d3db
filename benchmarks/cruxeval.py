"""CRUXEval: predict the output of 800 short Python functions, or an input that leads to a given output.

Paper: Gu et al. 2024, arXiv 2401.03065. Data and semantics: github.com/facebookresearch/cruxeval, MIT. A sample's code
is a prediction: the value (output), or a call of `f` (input). Its authors run `assert OUTPUT == PREDICTION` after the
function, and do not run a prediction of the output that repeats the call, or one of the input without a call.

Split, the candidate's process evaluates the prediction and the judge compares its value, so text that leaves the
comparison (`17 == 17`, `0 or True`, `17 or f(0)`) fails. In-process, the authors' program runs to the letter.
Limit: both accept an output that is computed (`f(15) + 1`), and equal values of another type (`17.0` for `17`). The
output that an input has to lead to is in its prompt, so that no judge can keep it from a program that returns it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from ..data import DataFile, read_rows
from ..errors import UsageError
from ..extraction.rules import Extraction
from ..recipes import ALPACA, CHAT, COMPLETION, WIZARDCODER, Recipe
from ..registry import format_variant
from ..types import Asserts, BenchmarkFacts, CodeForm, Limits, Problem, Program, Status
from .cruxeval_prompts import INPUT, INPUT_COT, OUTPUT, OUTPUT_COT, SYSTEM

VALUE = """
_rest = []

def prediction():
    import ast
    parsed = ast.parse({claim!r})
    test = parsed.body.pop(0).test
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1):
        raise ValueError("the prediction is not one value")
    value = eval(compile(ast.Expression(test.comparators[0]), "<prediction>", "eval"), globals())
    _rest.append(compile(parsed, "<prediction>", "exec"))
    return value

def run_rest():
    exec(_rest.pop(), globals())
"""
"""What a candidate's process answers: the value that is compared, then what follows the assertion."""
EXPOSES = ("prediction", "run_rest")
"""Two, so that no function of a training set is tried in the place of a prediction."""
TESTS = "\nassert {output} == prediction()\nrun_rest()\n"
PASSED = "\ndef prediction():\n    return {output}\n\ndef run_rest():\n    pass\n"
"""Follows the authors' program where it has come to its end."""
MISBEHAVIOUR = {
    Status.WRONG_ANSWER: "'canary'",
    Status.RUNTIME_ERROR: "1 / 0",
    Status.TIMEOUT: "any(iter(int, 1))",
    Status.MEMORY: "[b'x' * (number << 20) for number in range(1, 1 << 20)]",
}


def _build_recipes(name: str, text: str, side: Literal["call", "value"], max_tokens: int) -> Mapping[str, Recipe]:
    """Return the authors' prompt for base and for chat models, and as an instruction."""
    opening = "[ANSWER]" if text.endswith("[THOUGHT]\n") else ""
    cut = Extraction(name=name, style="assertion", side=side, fence_open=opening, cut_at=("[/ANSWER]",))
    # a model that does not continue the prompt writes the opening tag itself
    tagged = replace(cut, name=f"{name}-tagged", fence_open="[ANSWER]")
    stop = ("[/ANSWER]",)
    known = {
        "completion": replace(COMPLETION, template=text, stop=stop, extraction=cut),
        "chat": replace(CHAT, template=text, strip_problem=False, system=SYSTEM, stop=stop, extraction=tagged),
        "alpaca": replace(ALPACA, template=ALPACA.template.replace("{instruction}", text), extraction=tagged),
        "wizardcoder": replace(
            WIZARDCODER, template=ALPACA.template.replace("{instruction}", text), indent_to_tab=False, extraction=tagged
        ),
    }
    about = "the prompt of CRUXEval's authors"
    return {
        general: replace(recipe, name=f"{name}-{general}", description=about, max_tokens=max_tokens)
        for general, recipe in known.items()
    }


class CruxEval:
    """One half of CRUXEval; `data` is an explicit path of the data file."""

    name: str
    recipes: Mapping[str, Recipe]
    cot_recipes: Mapping[str, Recipe]
    options: Mapping[str, str] = {"cot": "yes: prompts ask for reasoning before the answer; no (default)"}
    environment = "core"
    hub_dataset = "cruxeval-org/cruxeval"
    facts = BenchmarkFacts(
        problems="800",
        judge="Asserts",
        trust="split",
        licence="MIT",
        published="pass@1 and 5, of ten samples at 0.2 and 0.8",
    )
    file = DataFile(
        name="cruxeval/cruxeval.jsonl",
        sha256="1353e8fc089863f5c48ce8648ed9e1486155965e66d773880ae4be5ea71366ea",
        digest_of="rows",
        origin="github.com/facebookresearch/cruxeval, data/cruxeval.jsonl",
        url="https://raw.githubusercontent.com/facebookresearch/cruxeval/main/data/cruxeval.jsonl",
    )

    def __init__(self, data: Path | None = None, *, options: Mapping[str, str] | None = None) -> None:
        self._data = data
        cot = (options or {}).get("cot", "no")
        if cot not in ("yes", "no"):
            raise UsageError(f'option cot of {self.name} is "{cot}"; it must be yes or no')
        if cot == "yes":
            self.name = format_variant(self.name, {"cot": cot})
            self.recipes = self.cot_recipes

    def problems(self) -> Sequence[Problem]:
        """Return all 800 problems in the file's order; the prompt is the function."""
        return [self._parse_problem(row) for row in read_rows(self.file, self._data)]

    def instruction(self, problem: Problem) -> str:
        """Return the function and the assertion with `??` in place of what is asked for."""
        return f"{problem.prompt}assert {problem.metadata['question']}"

    def judge(self, problem: Problem) -> Asserts:
        """Return the comparison with the output; what follows the prediction must raise nothing."""
        # without a reference: noting its answers would cost more than the one comparison that they serve
        return Asserts(tests=problem.tests, exposes=EXPOSES)

    def program(self, problem: Problem, code: str, form: CodeForm) -> Program:
        """Return the function and what evaluates the prediction `code`; in one interpreter the authors' program."""
        del form
        output = problem.metadata["output"]
        refusal = self._find_refusal(problem, code)
        refused = f"raise ValueError({refusal!r})\n"
        whole = f"{problem.prompt}assert {output} == {code}\n{PASSED.format(output=output)}"
        return Program(
            source=refused if refusal else self._build_source(problem, code),
            environment=self.environment,
            limits=Limits(cpu_time_s=3.0),
            in_process=refused if refusal else whole,
        )

    def canaries(self) -> Mapping[Status, tuple[Problem, str]]:
        """Return predictions for the first problem that must fail."""
        problem = self.problems()[0]
        return {status: (problem, f"[{value}, {problem.reference}]") for status, value in MISBEHAVIOUR.items()}

    def _parse_problem(self, row: Mapping[str, str]) -> Problem:
        question, answer = self._ask(row)
        return Problem(
            task_id=row["id"],
            prompt=f"{row['code']}\n",
            entry_point="",  # no function is asked for
            reference=answer,
            tests=TESTS.format(output=row["output"]),
            metadata={"input": row["input"], "output": row["output"], "question": question},
        )

    def _build_source(self, problem: Problem, prediction: str) -> str:
        return problem.prompt + VALUE.format(claim=f"assert None == {prediction}")

    def _ask(self, row: Mapping[str, str]) -> tuple[str, str]:
        """Return the open assertion, and what completes it."""
        raise NotImplementedError

    def _find_refusal(self, problem: Problem, prediction: str) -> str:
        """Say why the authors do not run a prediction; "" if they do."""
        raise NotImplementedError


class CruxEvalInput(CruxEval):
    """CRUXEval-I: find an input that leads to the output."""

    name = "cruxeval-input"
    recipes = _build_recipes("cruxeval-input", INPUT, "call", 256)
    cot_recipes = _build_recipes("cruxeval-input-cot", INPUT_COT, "call", 1024)

    def _ask(self, row: Mapping[str, str]) -> tuple[str, str]:
        return f"f(??) == {row['output']}", f"f({row['input']})"

    def _find_refusal(self, problem: Problem, prediction: str) -> str:  # noqa: ARG002
        return "" if "f(" in prediction else "the prediction has no call of f"


class CruxEvalOutput(CruxEval):
    """CRUXEval-O: predict the output."""

    name = "cruxeval-output"
    restates = "cruxeval-input"
    recipes = _build_recipes("cruxeval-output", OUTPUT, "value", 256)
    cot_recipes = _build_recipes("cruxeval-output-cot", OUTPUT_COT, "value", 1024)

    def _ask(self, row: Mapping[str, str]) -> tuple[str, str]:
        return f"f({row['input']}) == ??", row["output"]

    def _find_refusal(self, problem: Problem, prediction: str) -> str:
        repeated = f"f({problem.metadata['input']})" in prediction
        return "the prediction repeats the call instead of its value" if repeated else ""
