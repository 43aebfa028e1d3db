"""Load the problems of a run from local benchmark data; nothing is downloaded for a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..data import find_file
from ..errors import HarnessError
from ..optional import get_files, get_language, get_recipes, get_slices
from ..registry import make_benchmark
from ..tasks.prompt_format import Recipe
from ..tasks.recipe_files import recall_recipe
from ..tasks.recipes import RECIPES
from ..tasks.suite import AS_IS, Suite, load_suite
from ..types import Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemText:
    """Texts of a problem that a report shows."""

    prompt: str
    """The recipe's text or messages; the instruction if the recipe is not known."""
    title: str
    """Distinguishes the problem in a list."""
    reference: str
    slices: Mapping[str, str] = field(default_factory=dict)
    """Name -> group, for benchmarks whose problems fall into groups, such as DS-1000's libraries."""
    language: str = "python"
    """Language of its programs, as pygments names it."""


def load_texts(manifest: Mapping[str, Any], benchmark: str, suites: Iterable[Suite] = ()) -> Mapping[str, ProblemText]:
    """Load the run's problems of `benchmark` by task id; none if its data is missing or of another version.

    The data is read again unless the benchmark is among `suites`.
    """
    identity = manifest["identity"]
    suite = next((one for one in suites if one.name == benchmark), None) or _load_problems(benchmark)
    if suite is None or suite.data_digest != identity["benchmarks"][benchmark]["data_digest"]:
        return {}
    recipe = _find_recipe(manifest, suite, identity.get("recipe", {}).get(benchmark))
    if recipe and (system := identity.get("sampling", {}).get("system")):
        recipe = replace(recipe, system=system)
    keys = get_slices(suite.benchmark)
    return {
        task_id: ProblemText(
            prompt=_format_prompt(suite, task_id, recipe),
            title=problem.entry_point or " ".join(problem.prompt.split())[:60],
            reference=problem.reference,
            slices={key: str(problem.metadata[key]) for key in keys},
            language=get_language(suite.benchmark),
        )
        for task_id, problem in suite.problems.items()
    }


def _load_problems(benchmark: str) -> Suite | None:
    try:
        if any(find_file(file) is None for file in get_files(make_benchmark(benchmark))):
            return None
        return load_suite(benchmark)
    except HarnessError:
        return None


def _find_recipe(manifest: Mapping[str, Any], suite: Suite, recorded: Mapping[str, str] | None) -> Recipe | None:
    """Return the recorded recipe if the manifest keeps it, or this version still has it unchanged."""
    if recorded is None:
        return None
    if isinstance(kept := recall_recipe(manifest, recorded), Recipe):
        return kept
    return next((known for known in _list_recipes(suite) if known.digest == recorded["digest"]), None)


def _list_recipes(suite: Suite) -> Iterator[Recipe]:
    yield from get_recipes(suite.benchmark).values()
    yield from RECIPES.values()
    yield AS_IS


def _format_prompt(suite: Suite, task_id: str, recipe: Recipe | None) -> str:
    problem = suite.problems[task_id]
    if recipe is None:
        return suite.benchmark.instruction(problem)
    return _format_messages(replace(suite, recipe=recipe).build_prompt(problem))


def _format_messages(prompt: Prompt) -> str:
    if prompt.text is not None:
        return prompt.text
    spoken = [f"[{role}]\n{content}" for role, content in prompt.messages]
    return "\n\n".join([*spoken, *([f"[assistant begins]\n{prompt.prefill}"] if prompt.prefill else [])])
