"""The configuration of a run: keys, their types and limits, TOML files, and what `harness config` shows of them."""

from .run import (
    NO_BENCHMARK,
    NO_RECIPE,
    TIME_CHECK,
    RunConfig,
    ScoreConfig,
    as_json,
    differences,
    ks_for,
    place_in,
    read_toml,
    renamed,
    run_config,
)

__all__ = [
    "NO_BENCHMARK",
    "NO_RECIPE",
    "TIME_CHECK",
    "RunConfig",
    "ScoreConfig",
    "as_json",
    "differences",
    "ks_for",
    "place_in",
    "read_toml",
    "renamed",
    "run_config",
]
