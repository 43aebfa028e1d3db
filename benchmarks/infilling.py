"""HumanEval infilling: a line, several lines or a random span of HumanEval's solutions are to be filled in.

Paper: Bavarian et al. 2022, arXiv 2207.14255. Data and semantics: github.com/openai/human-eval-infilling, MIT. The
program is that of its execution.py: prompt + completion + suffix + tests + check(entry_point). Nothing is stripped or
added: most random spans begin and end within a line, and single lines bring their own line break.

Published figures differ in how a completion is trimmed. The recipe `fim` trims nothing, as olmo-eval; `fim-lines` keeps
as many lines as the gap has, as InCoder's evaluation (Fried et al. 2022, arXiv 2204.05999); `lm-eval` puts the suffix
before the prompt, without infilling tokens, and ends a single line at its line break, which its program then lacks.
Chat models are asked for the whole code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ..data import DataFile, read_rows
from ..extraction.rules import EXTRACTIONS
from ..recipes import ALPACA, CHAT, FIM, FIM_LINES, WIZARDCODER, Recipe
from ..types import Asserts, BenchmarkFacts, CodeForm, Limits, Problem, Program

WHOLE = replace(EXTRACTIONS["fenced"], name="infilling-fenced", form=CodeForm.SOLUTION)
"""The filled code as a whole, out of its block."""


def _build_recipes(stop: tuple[str, ...] = ()) -> Mapping[str, Recipe]:
    """Return the recipes of a set; `stop` are the stop strings that its gaps allow."""
    lm_eval = replace(
        FIM,
        name="lm-eval-infilling",
        description="lm-eval 0.4.13's humaneval_infilling: suffix, blank line, prompt; no infilling tokens",
        template="{suffix}\n\n{prompt}",
        suffix="",
        stop=stop,
        max_tokens=1024,
    )
    about = "asks for the whole code with the gap filled"
    chat = replace(CHAT, template="{instruction}", strip_problem=False, description=about, extraction=WHOLE)
    tabless = replace(WIZARDCODER, indent_to_tab=False, description=about, extraction=WHOLE)
    return {
        "completion": FIM,
        "fim-lines": replace(FIM_LINES, name="infilling-line", stop=stop) if stop else FIM_LINES,
        "lm-eval": lm_eval,
        "chat": replace(chat, name="infilling-chat"),
        "alpaca": replace(ALPACA, name="infilling-alpaca", description=about, extraction=WHOLE),
        "wizardcoder": replace(tabless, name="infilling-wizardcoder"),
    }


def _state_facts(problems: str) -> BenchmarkFacts:
    return BenchmarkFacts(
        problems=problems,
        judge="Asserts",
        trust="split",
        licence="MIT",
        published="pass@1; rules of trimming differ",
    )


def _describe_file(name: str, sha256: str) -> DataFile:
    return DataFile(
        name=f"human-eval-infilling/{name}",
        sha256=sha256,
        digest_of="rows",
        origin=f"github.com/openai/human-eval-infilling, data/{name}",
        url=f"https://raw.githubusercontent.com/openai/human-eval-infilling/master/data/{name}",
    )


class Infilling:
    """One of the four sets; `data` is an explicit path of the data file."""

    name: str
    file: DataFile
    environment = "core"
    restates = "humaneval"
    recipes = _build_recipes()

    def __init__(self, data: Path | None = None) -> None:
        self._data = data

    def problems(self) -> Sequence[Problem]:
        """Return all problems of the set in the file's order."""
        return [
            Problem(
                task_id=row["task_id"],
                prompt=row["prompt"],
                entry_point=row["entry_point"],
                reference=row["canonical_solution"],
                tests=row["test"],
                metadata={"suffix": row["suffix"]},
            )
            for row in read_rows(self.file, self._data)
        ]

    def instruction(self, problem: Problem) -> str:
        """Return the code with a mark for the gap, and what to answer."""
        return (
            "Fill in the missing part of this Python code, which is marked <FILL_ME>. Answer with the complete code in "
            f"one markdown code block.\n\n```python\n{problem.prompt}<FILL_ME>{problem.metadata['suffix']}\n```"
        )

    def judge(self, problem: Problem) -> Asserts:
        """Return HumanEval's tests of the function."""
        reference = f"{problem.prompt}{problem.reference}{problem.metadata['suffix']}"
        return Asserts(
            tests=f"\n{problem.tests}\ncheck({problem.entry_point})",
            exposes=(problem.entry_point,),
            preamble=reference,
            reference=reference,
        )

    def program(self, problem: Problem, code: str, form: CodeForm) -> Program:
        """Return prompt + completion + suffix, or the solution alone."""
        filled = f"{problem.prompt}{code}{problem.metadata['suffix']}"
        source = filled if form is CodeForm.COMPLETION else code
        return Program(source=source, environment=self.environment, limits=Limits(cpu_time_s=3.0))


class SingleLineInfilling(Infilling):
    """1,033 single lines."""

    name = "humaneval-infilling-single-line"
    facts = _state_facts("1033")
    recipes = _build_recipes(("\n",))
    file = _describe_file(
        "HumanEval-SingleLineInfilling.jsonl.gz", "d6e5319212fe3e8935ca9ef59688ac1d2b413d173f3793416f6163fb558e0cb0"
    )


class MultiLineInfilling(Infilling):
    """5,815 runs of lines."""

    name = "humaneval-infilling-multi-line"
    facts = _state_facts("5815")
    file = _describe_file(
        "HumanEval-MultiLineInfilling.jsonl.gz", "f83652660b1811662390996eb5d58a9fd62afad54121dc22bc7d38596931cfaf"
    )


class RandomSpanInfilling(Infilling):
    """1,640 random spans, ten of each problem; 14 are empty, which `harness verify` counts as without reference."""

    name = "humaneval-infilling-random-span"
    facts = _state_facts("1640")
    file = _describe_file(
        "HumanEval-RandomSpanInfilling.jsonl.gz", "cbd7d4204a9717383d98ec56a9f28830db1c62f891aaf292da3b220a319e1b3e"
    )


class RandomSpanInfillingLight(Infilling):
    """164 random spans, one of each problem."""

    name = "humaneval-infilling-random-span-light"
    facts = _state_facts("164")
    file = _describe_file(
        "HumanEval-RandomSpanInfillingLight.jsonl.gz",
        "4780e6f015975b2c0bc9eb9bf24d14fe80f6eae1a82cf4c119c5cdcf2650f11c",
    )
