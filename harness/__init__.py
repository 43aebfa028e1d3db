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
from collections.abc import Mapping
from typing import Any, NamedTuple

__version__ = "0.1.0"


class Verb(NamedTuple):
    """Faces of a verb: in Python and on the command line."""

    function: str
    """Name in `harness.api`."""
    command: str = ""
    """MODULE.FUNCTION of `harness.cli`; "" for an option of another verb."""
    about: str = ""
    """Line in the list of commands; "" for the first one of the docstring."""
    resumable: bool = False
    """Whether the same command goes on where a stopped one ended."""


VERBS: Mapping[str, Verb] = {
    "run": Verb("run", "evaluate.run", "Evaluate a model on benchmarks.", resumable=True),
    "run --lora": Verb("run_all"),
    "run --preview": Verb("preview_run"),
    "run --dry-run": Verb("dry_run"),
    "score": Verb("score", "evaluate.score", "Judge samples that are there already.", resumable=True),
    "serve": Verb("serve_verdicts", "serve.serve", "Judge programs for trainers, by HTTP."),
    "ask": Verb("ask_model", "ask.ask", "Put one instruction to a checkpoint."),
    "ask --file": Verb("ask_questions"),
    "report": Verb("write_report", "inspect.report", "Write a run's report anew."),
    "show": Verb("show_run", "inspect.show", "Everything that is recorded about a run."),
    "compare": Verb("compare_runs", "compare.compare", "Compare runs with a baseline."),
    "gate": Verb("gate_runs", "compare.gate", "Exit 1 where a candidate has regressed."),
    "loop": Verb("run_loop", "loop.loop", "Evolve, fine-tune, run, compare and gate.", resumable=True),
    "loop --dry-run": Verb("plan_loop"),
    "loop --example": Verb("loop_example"),
    "leaderboard": Verb("leaderboard", "publish.leaderboard", "All runs of a folder in one table."),
    "view": Verb("view_results", "view.view", "Browse a folder of runs in a web browser."),
    "reproduce": Verb("reproduce", "publish.reproduce", "Published and measured figures side by side."),
    "import": Verb("import_results", "publish.import_results", "Make a run of another harness's results."),
    "export": Verb("export_run", "publish.export", "Write a run in another harness's format."),
    "list": Verb("list_names", "inspect.names", "The names that other commands take."),
    "verify": Verb("verify_sandbox", "verify.verify", "Check that a sandbox judges rightly."),
    "doctor": Verb("check_machine", "inspect.doctor", "What is installed, what is missing, what to do."),
    "plan": Verb("plan_run", "plan.plan", "Tokens, hours and disk of a larger run."),
    "evolve": Verb("evolve_data", "evolve.evolve", "Make harder training data (Evol-Instruct).", resumable=True),
    "evolve --dry-run": Verb("estimate_evolution"),
    "decontaminate": Verb("decontaminate", "evolve.decontaminate", "Remove rows that repeat a benchmark."),
    "untouched": Verb("untouched", "evolve.untouched", "Scores on problems the training data never touched."),
    "finetune": Verb("finetune_model", "finetune.finetune", "Fine-tune a checkpoint.", resumable=True),
    "merge": Verb("merge_adapter", "finetune.merge", "Add a LoRA adapter to its base."),
    "config schema": Verb("config_schema", "configure.schema"),
    "config example": Verb("config_example", "configure.example"),
    "data list": Verb("data_files", "data.list_files", "Each file: where it is, and whether it is the official one."),
    "data fetch": Verb("fetch_data", "data.fetch", "Download what is missing."),
    "data verify": Verb("data_files", "data.verify", "Read all files again and compare their digests."),
    "data export": Verb("export_rows", "data.export", "Write a training split as instructions and answers."),
    "data from-runs": Verb("build_dataset", "data.from_runs", "Make training data of runs' verified answers."),
    "sandbox build": Verb("build_sandbox", "inspect.build"),
}
"""Every verb, and every option that makes another one of it."""

_OFFERED = {"Runs", "load_runs", *(verb.function for verb in VERBS.values())}


def __getattr__(name: str) -> Any:
    if name in _OFFERED:
        return getattr(importlib.import_module("harness.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_OFFERED])
