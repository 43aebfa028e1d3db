"""Export a benchmark's problems and reference solutions as training rows with the prompts of evaluation.

An instruction is exactly what the recipe puts between "### Instruction:" and the response marker, so the trained
prompt is, byte for byte, the evaluated one. An answer is the reference in a ```python fence with "\\n" as line ends
and four spaces for tabs; the recipe's extraction returns it unchanged. Only benchmarks for training (`for_training`)
can be exported: training on the others would spoil their figures.
"""

from __future__ import annotations

from pathlib import Path

from ..errors import UsageError
from ..optional import is_for_training
from ..registry import list_registered, lookup
from ..store import make_folder, write_rows
from ..tasks.prompt_format import Recipe
from ..tasks.suite import Suite, load_suite
from ..types import Problem, Prompt

SECTION = "### Instruction:\n"


def export_examples(benchmark: str, out: Path, *, recipe: str = "wizardcoder") -> int:
    """Write the rows of `benchmark` as JSON lines, and return how many.

    Raises:
        UsageError: the benchmark is not for training, the recipe cannot be trained in that form, or `out` exists.
        DataError: the benchmark's data is missing.
    """
    check_for_training(benchmark)
    if out.exists():
        raise UsageError(f"{out} exists; choose another --out, or remove it")
    rows = build_training_examples(load_suite(benchmark).with_recipe(recipe))
    make_folder(out.parent)
    write_rows(out, rows)
    return len(rows)


def check_for_training(benchmark: str) -> None:
    """Refuse a benchmark whose figures are reported.

    Raises:
        UsageError: it is one, or no benchmark has that name.
    """
    if not is_for_training(lookup("benchmarks", benchmark)):
        fitting = [name for name in list_registered("benchmarks") if is_for_training(lookup("benchmarks", name))]
        raise UsageError(
            f'benchmark "{benchmark}" is for evaluation; training on it would spoil its figures. '
            f"For training: {', '.join(fitting)}"
        )


def build_training_examples(suite: Suite) -> list[dict[str, str]]:
    """Return the suite's problems as Alpaca rows, with the task id.

    Raises:
        UsageError: a row trained with the recipe would not be the prompt that is evaluated.
    """
    assert suite.recipe is not None
    return [_build_example(suite, suite.recipe, problem) for problem in suite.problems.values()]


def _build_example(suite: Suite, recipe: Recipe, problem: Problem) -> dict[str, str]:
    answer = _fence_code(problem.reference)
    instruction = build_instruction(suite, recipe, problem)
    return {"instruction": instruction, "input": "", "output": answer, "task_id": problem.task_id}


def build_instruction(suite: Suite, recipe: Recipe, problem: Problem) -> str:
    """Return the instruction that makes a row's prompt the one that is evaluated.

    Raises:
        UsageError: there is none.
    """
    instruction = find_instruction(suite.build_prompt(problem), recipe)
    if instruction is None:
        raise UsageError(
            f'recipe "{recipe.name}" asks {suite.name} in a form that no row of instruction and answer gives; '
            "choose wizardcoder, alpaca or chat"
        )
    return instruction


def find_instruction(prompt: Prompt, recipe: Recipe) -> str | None:
    """Return the instruction that the recipe asks with this very prompt; None if there is none."""
    if prompt.messages:
        instruction = prompt.messages[-1][1]
    else:
        instruction = (prompt.text or "").partition(SECTION)[2].removesuffix(f"\n\n{recipe.response_marker}")
    return None if recipe.prefill or recipe.ask(instruction) != prompt else instruction


def _fence_code(code: str) -> str:
    tidy = code.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ").strip("\n").rstrip()
    return f"```python\n{tidy}\n```"
