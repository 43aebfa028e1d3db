"""The configuration of a run: keys, their types and limits, TOML files, and what `harness config` shows of them."""

from .run import (
    NO_BENCHMARK,
    NO_RECIPE,
    RETRIES,
    TIME_CHECK,
    RunConfig,
    ScoreConfig,
    as_json,
    at_least,
    check_sampling,
    check_trust,
    differences,
    ks_for,
    read_toml,
    renamed,
    run_config,
)

__all__ = [
    "NO_BENCHMARK",
    "NO_RECIPE",
    "RETRIES",
    "TIME_CHECK",
    "RunConfig",
    "ScoreConfig",
    "as_json",
    "at_least",
    "check_sampling",
    "check_trust",
    "differences",
    "ks_for",
    "read_toml",
    "renamed",
    "run_config",
]
