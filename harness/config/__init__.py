"""The configuration of a run: keys, their types and limits, TOML files, and what `harness config` shows of them."""

from .run import (
    NO_BENCHMARK,
    NO_RECIPE,
    TIME_CHECK,
    RunConfig,
    ScoreConfig,
    build_run_config,
    find_differences,
    make_locator,
    merge_settings,
    read_system,
    read_toml,
    select_ks,
    serialize_config,
    update_keys,
)

__all__ = [
    "NO_BENCHMARK",
    "NO_RECIPE",
    "TIME_CHECK",
    "RunConfig",
    "ScoreConfig",
    "build_run_config",
    "find_differences",
    "make_locator",
    "merge_settings",
    "read_system",
    "read_toml",
    "select_ks",
    "serialize_config",
    "update_keys",
]
