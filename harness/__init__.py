"""Benchmarks code models: completions under vLLM, verdicts from sandboxes, pass@k in reports.

    import harness

    harness.run("./my-checkpoint", "humaneval", recipe="wizardcoder")
    runs = harness.load_runs("results/")
    runs.scores
    runs.plot()

Every verb of the command line has its function here (`harness.api` documents them); nothing is imported before one
is asked for.
"""

import importlib
from typing import Any

__version__ = "0.1.0"

_API = "harness.api"
_OFFERED = (
    *("Runs", "load_runs", "run", "dry_run", "plan_run", "score", "ask_model", "write_report", "compare_runs"),
    *("gate_runs", "run_loop", "leaderboard", "reproduce", "import_results", "export_run", "list_names"),
    *("verify_sandbox", "check_machine", "evolve_data", "decontaminate", "untouched", "finetune_model"),
    *("merge_adapter", "config_schema", "config_example", "data_files", "fetch_data", "export_rows", "build_sandbox"),
)


def __getattr__(name: str) -> Any:
    if name in _OFFERED:
        return getattr(importlib.import_module(_API), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_OFFERED])
