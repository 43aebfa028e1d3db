"""Every verb of the command line as a Python function; `import harness` offers all of them by name, lazily.

Paths may be texts. Errors are the `HarnessError`s of `harness.errors`. Functions that take a while accept a
`progress`, such as `harness.progress.open_progress()`; without one they say nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..report.dataframes import Runs, load_runs
from .comparing import compare_runs, gate_runs, leaderboard, reproduce
from .evaluating import ask_model, dry_run, export_run, import_results, plan_run, run, score, write_report
from .installation import (
    build_sandbox,
    check_machine,
    config_example,
    config_schema,
    data_files,
    export_rows,
    fetch_data,
    list_names,
    verify_sandbox,
)
from .training import decontaminate, evolve_data, finetune_model, merge_adapter, run_loop, untouched

VERBS: Mapping[str, str] = {
    "run": "run",
    "run --dry-run": "dry_run",
    "plan": "plan_run",
    "score": "score",
    "ask": "ask_model",
    "report": "write_report",
    "compare": "compare_runs",
    "gate": "gate_runs",
    "loop": "run_loop",
    "leaderboard": "leaderboard",
    "reproduce": "reproduce",
    "import": "import_results",
    "export": "export_run",
    "list": "list_names",
    "verify": "verify_sandbox",
    "doctor": "check_machine",
    "evolve": "evolve_data",
    "decontaminate": "decontaminate",
    "untouched": "untouched",
    "finetune": "finetune_model",
    "merge": "merge_adapter",
    "config schema": "config_schema",
    "config example": "config_example",
    "data list": "data_files",
    "data fetch": "fetch_data",
    "data verify": "data_files",
    "data export": "export_rows",
    "sandbox build": "build_sandbox",
}
"""Verb of the command line -> function of this package."""

__all__ = [
    "Runs",
    "ask_model",
    "build_sandbox",
    "check_machine",
    "compare_runs",
    "config_example",
    "config_schema",
    "data_files",
    "decontaminate",
    "dry_run",
    "evolve_data",
    "export_rows",
    "export_run",
    "fetch_data",
    "finetune_model",
    "gate_runs",
    "import_results",
    "leaderboard",
    "list_names",
    "load_runs",
    "merge_adapter",
    "plan_run",
    "reproduce",
    "run",
    "run_loop",
    "score",
    "untouched",
    "verify_sandbox",
    "write_report",
]
