"""The problems of a run, from the benchmark's own data where that is at hand; nothing is downloaded for a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..data import found_at
from ..errors import HarnessError
from ..optional import HasFile, recipes_of, slices_of
from ..registry import lookup
from ..tasks.recipes import RECIPES, Recipe
from ..tasks.suite import AS_IS, Suite, load_suite
from ..types import Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Texts of a problem that a report shows."""

    prompt: str
    """As it was asked: the recipe's text or messages; the instruction where the recipe is not known."""
    title: str
    """What tells it from others in a list."""
    reference: str
    slices: Mapping[str, str] = field(default_factory=dict)
    """Name -> group, for benchmarks whose problems fall into groups, such as DS-1000's libraries."""


def texts(manifest: Mapping[str, Any], benchmark: str, suites: Iterable[Suite] = ()) -> Mapping[str, Text]:
    """The run's problems of `benchmark` by task id; none where its data is not here, or of another version.

    They are read anew unless the benchmark is among `suites`.
    """
    identity = manifest["identity"]
    suite = next((one for one in suites if one.name == benchmark), None) or _read(benchmark)
    if suite is None or suite.data_digest != identity["benchmarks"][benchmark]["data_digest"]:
        return {}
    recipe = _recipe(suite, identity.get("recipe", {}).get(benchmark))
    keys = slices_of(suite.benchmark)
    return {
        task_id: Text(
            prompt=_asked(suite, task_id, recipe),
            title=problem.entry_point or " ".join(problem.prompt.split())[:60],
            reference=problem.reference,
            slices={key: str(problem.metadata[key]) for key in keys},
        )
        for task_id, problem in suite.problems.items()
    }


def _read(benchmark: str) -> Suite | None:
    try:
        known = lookup("benchmarks", benchmark)
        if isinstance(known, HasFile) and found_at(known.file) is None:
            return None
        return load_suite(benchmark)
    except HarnessError:
        return None


def _recipe(suite: Suite, recorded: Mapping[str, str] | None) -> Recipe | None:
    """The recipe that the run recorded, where this version still has it unchanged."""
    if recorded is None:
        return None
    return next((known for known in _recipes(suite) if known.digest == recorded["digest"]), None)


def _recipes(suite: Suite) -> Iterator[Recipe]:
    yield from recipes_of(suite.benchmark).values()
    yield from RECIPES.values()
    yield AS_IS


def _asked(suite: Suite, task_id: str, recipe: Recipe | None) -> str:
    problem = suite.problems[task_id]
    instruction = suite.benchmark.instruction(problem)
    return instruction if recipe is None else _told(recipe.build(problem, instruction))


def _told(prompt: Prompt) -> str:
    if prompt.text is not None:
        return prompt.text
    spoken = [f"[{role}]\n{content}" for role, content in prompt.messages]
    return "\n\n".join([*spoken, *([f"[assistant begins]\n{prompt.prefill}"] if prompt.prefill else [])])
