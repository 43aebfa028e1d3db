"""Configurations of callers' settings, and the pages of what came of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .paths import Name, to_path

if TYPE_CHECKING:
    from ..config import RunConfig
    from ..report import Summary


def resolve_run_config(
    model: Name | None,
    benchmarks: str | Sequence[str],
    *,
    config: Name | None = None,
    split: str | None = None,
    benchmark_options: Mapping[str, str] | None = None,
    tell: Callable[[str], None] | None = None,
    **settings: Any,
) -> RunConfig:
    """Return the configuration of a run; `config` is a TOML file, which all else overrides.

    `benchmark_options` hold for those of the benchmarks that have them, such as {"release": "v5"}.

    `tell` is given a line for each old name of a key, and for each checkpoint that was trained with another recipe.

    Raises:
        UsageError: a name or a setting does not fit.
    """
    from ..config import build_run_config, make_locator, merge_settings, read_toml
    from ..evaluation.pipeline import choose_recipe
    from ..tasks.lineage import find_recipe_warnings
    from ..tasks.prompt_format import Recipe
    from ..tasks.variants import resolve_benchmarks

    file = to_path(config)
    given = rename_settings(settings, tell)
    if model is not None:
        given["model"] = str(model)
    if benchmarks:
        given["benchmarks"] = [benchmarks] if isinstance(benchmarks, str) else list(benchmarks)
    if isinstance(given.get("tasks"), str):
        given["tasks"] = [given["tasks"]]
    values = rename_settings(read_toml(file), tell) if file else {}
    merged = merge_settings(values, given)
    if isinstance(names := merged.get("benchmarks"), list) and all(isinstance(name, str) for name in names):
        merged["benchmarks"] = resolve_benchmarks(
            names, split if benchmarks else None, benchmark_options, merged.get("sandbox")
        )
    chosen = build_run_config(merged, make_locator(file, given))
    if tell is not None:
        asked = choose_recipe(chosen)
        for warning in find_recipe_warnings(chosen, asked.name if isinstance(asked, Recipe) else asked):
            tell(f"warning: {warning}")
    return chosen


def rename_settings(settings: Mapping[str, Any], tell: Callable[[str], None] | None) -> dict[str, Any]:
    """Return settings under their present names; `tell` is given a line for each old one."""
    from ..config import update_keys

    values, notices = update_keys(settings)
    if tell is not None:
        for notice in notices:
            tell(f"note: {notice}")
    return values


def drop_repetitions(summaries: Iterable[Summary]) -> list[Summary]:
    """Return the summaries of runs that are not repetitions: repetitions measure the noise."""
    return [summary for summary in summaries if "order" not in summary.manifest["identity"]]


def write_pages(summaries: Iterable[Summary]) -> None:
    """Write report.html of each run that is no repetition."""
    from ..report import write_page

    for summary in drop_repetitions(summaries):
        write_page(summary.path, suites=summary.suites)
