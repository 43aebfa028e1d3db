"""Plan the runs of a configuration: their folders and identities."""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import RunConfig
from ..digests import digest_json
from ..models.adapters import BASE, Adapter, parse_adapters
from ..store import MANIFEST
from ..tasks.selection import split_tasks
from ..tasks.suite import Suite

RESULTS = Path("results")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run: the checkpoint or one of its adapters, in one order of problems."""

    path: Path
    identity: Mapping[str, Any]
    adapter: Adapter | None = None
    order: int = 0
    """0: the benchmark's own."""


def plan_runs(config: RunConfig, suites: Sequence[Suite], sandbox: str, out: Path | None) -> list[Plan]:
    """Return the runs of a configuration, the checkpoint's own first; repetitions follow the run they repeat.

    With adapters, `out` holds a folder for each. A repetition's folder lies in that of the run it repeats.
    """
    plans = []
    for adapter in (None, *parse_adapters(config.lora)):
        name = adapter.name if adapter else BASE
        named = f"{config.model}+{name}" if adapter else config.model
        identity = build_identity(config, suites, sandbox, adapter)
        path = choose_default_folder(named, identity) if out is None else out / name if config.lora else out
        plans.append(Plan(path=path, identity=identity, adapter=adapter))
        for order in range(1, config.repeat):
            inner = {**identity, "order": order}
            plans.append(Plan(path=path / f"repeat-{order}", identity=inner, adapter=adapter, order=order))
    return plans


def build_identity(
    config: RunConfig, suites: Sequence[Suite], sandbox: str, adapter: Adapter | None = None
) -> dict[str, Any]:
    """Return what decides the results of a run, as JSON; the recipe's digest covers stop strings and templates."""
    recipes = {suite.name: suite.describe_recipe() for suite in suites}
    return {
        "kind": "run",
        "model": config.model,
        "backend": config.backend,
        "dtype": config.dtype,
        "max_model_len": config.max_model_len,
        "benchmarks": {suite.name: suite.describe_data() for suite in suites},
        "recipe": recipes,
        "extraction": {suite.name: suite.describe_extraction() for suite in suites},
        "sampling": {
            "temperature": config.temperature,
            "top_p": config.top_p,
            "max_tokens": config.max_tokens,
            "seed": config.seed,
            **_drop_unset(top_k=config.top_k, min_p=config.min_p, stop=list(config.stop), system=config.system),
        },
        "limit": config.limit,
        "sandbox": sandbox,
        "trust": config.trust,
        **_drop_unset(
            thinking=config.thinking if config.thinking != "auto" else None,
            thinking_budget=config.thinking_budget,
            chat_template_args=sorted(config.chat_template_args),
            tasks=split_tasks(config.tasks),
            quantization=config.quantization,
            engine_args=sorted(config.engine_args),
            adapter={"name": adapter.name, "digest": adapter.digest} if adapter else None,
        ),
    }


def _drop_unset(**settings: Any) -> dict[str, Any]:
    """Drop settings that were not set: older runs were identified without them."""
    return {name: value for name, value in settings.items() if value not in (None, [], {})}


def choose_default_folder(what: str, identity: Mapping[str, Any]) -> Path:
    """Return results/<what>-<digest>, below the current folder."""
    return RESULTS / f"{_build_slug(what)}-{digest_json(identity)[:8]}"


def find_default_folders(what: str) -> list[Path]:
    """Return the existing run folders that `choose_default_folder` may have named for `what`."""
    pattern = f"{glob.escape(_build_slug(what))}-{8 * '[0-9a-f]'}/{MANIFEST}"
    return sorted(manifest.parent for manifest in RESULTS.glob(pattern))


def _build_slug(what: str) -> str:
    named = re.split(r"\?|@https?://", what)[0]
    last = named.rstrip("/").rpartition("/")[2]
    return (re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.") or "run")[:60]
