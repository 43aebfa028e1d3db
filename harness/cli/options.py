"""Options that several commands take: the same name, the same words.

Where the default differs from command to command, what is shared is the option without its type.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import UsageError
from .names import make_completion

Out = Annotated[Path | None, typer.Option(help="Run folder. Default: results/<what>-<digest>.")]
Recipe = Annotated[
    str | None,
    typer.Option(
        "--recipe", "-r", help="Prompt format and extraction rule.", autocompletion=make_completion("recipes")
    ),
]
RecipeFile = Annotated[
    Path | None,
    typer.Option("--recipe-file", help="Recipe of your own: a TOML file, or the folder of a run made with one."),
]
System = Annotated[
    str | None,
    typer.Option("--system", metavar="TEXT|@FILE", help="System message of a chat recipe, in place of its own."),
]
Extractor = Annotated[
    str | None,
    typer.Option(
        "--extractor",
        help="Extraction rule in place of the recipe's (`harness list extractors`).",
        autocompletion=make_completion("extractors"),
    ),
]
SandboxName = Annotated[
    str | None,
    typer.Option(
        "--sandbox",
        help="docker or process. Default: docker if an engine answers.",
        autocompletion=make_completion("sandboxes"),
    ),
]
Ks = Annotated[list[int] | None, typer.Option("-k", help="Report pass@K; repeatable.")]
Split = Annotated[str | None, typer.Option(help="Split of the benchmark, such as validation (mbpp).")]
Release = Annotated[str | None, typer.Option(help="Release of the benchmark's data, such as v6 (livecodebench).")]
FirstDay = Annotated[
    str | None, typer.Option("--from", metavar="DATE", help="Only problems of contests from this day on, YYYY-MM-DD.")
]
LastDay = Annotated[
    str | None, typer.Option("--to", metavar="DATE", help="Only problems of contests up to this day, YYYY-MM-DD.")
]
Variant = Annotated[
    str | None, typer.Option(help="Form of the benchmark's prompts: complete or instruct (bigcodebench).")
]
Cot = Annotated[bool | None, typer.Option("--cot", help="Ask for reasoning before the answer (cruxeval).")]
RuleSet = Annotated[
    str | None, typer.Option(help="Judging rules of the benchmark, by the name of who published with them.")
]
Question = Annotated[
    str | None, typer.Option(help="What the benchmark asks for: synthesize, fix or explain (humanevalpack).")
]
TrustName = Annotated[
    str | None,
    typer.Option(
        "--trust", help="split (default): judge outside the program's process; in-process: like the upstream scripts."
    ),
]
Workers = Annotated[int | None, typer.Option(help="Programs to run in parallel (on each node). Default: one per core.")]
ClusterAddress = Annotated[
    str | None, typer.Option("--cluster", help="Ray cluster: auto, ray://HOST:PORT or HOST:PORT. Default: none.")
]
Replicas = Annotated[
    int | None,
    typer.Option(help="Model replicas, on this machine or a cluster. Default: one, or as many as fit the cluster."),
]
ReplicaGpus = Annotated[int | None, typer.Option(help="GPUs per replica. Default: what its parallelism needs.")]
AllowUnsafe = Annotated[
    bool | None,
    typer.Option("--allow-unsafe", help="Accept a sandbox without namespaces, where a program could reach its judge."),
]
Cache = Annotated[
    bool | None, typer.Option("--cache/--no-cache", help="Reuse cached verdicts of identical programs (default).")
]
RetryTimeouts = Annotated[
    str | None,
    typer.Option(help="all: retry timeouts with four times the limit and report fragile problems. Default: none."),
]
TimeCheck = Annotated[
    bool | None, typer.Option("--time-check/--no-time-check", hidden=True, help="Old name of --retry-timeouts.")
]
LogTo = Annotated[
    list[str] | None,
    typer.Option("--log-to", help="Log to wandb, mlflow or tensorboard while the run goes; repeatable."),
]
Page = Annotated[
    bool, typer.Option("--page/--no-page", help="Write report.html (default); `harness report` writes it later.")
]

Thinking = Annotated[
    str | None,
    typer.Option(help="Switch reasoning by the chat template: on, off or auto. Default: auto, as the template has it."),
]
ThinkingBudget = Annotated[
    int | None, typer.Option(help="Maximum tokens of reasoning per completion; the answer follows.")
]
ChatTemplateArg = Annotated[
    list[str] | None,
    typer.Option(help="Argument KEY=VALUE of the chat template, the value as JSON or text; repeatable."),
]
PriceText = Annotated[
    str | None,
    typer.Option("--price", metavar="IN,OUT", help="Price per million prompt tokens and per million answer tokens."),
]
MaxCost = Annotated[
    float | None, typer.Option(help="Stop asking for samples once the run has cost this much (needs --price).")
]

BACKEND = typer.Option(help="Backend: auto, vllm or transformers.")
DTYPE = typer.Option(help="Data type: auto, bfloat16, float16 or float32.")
TEMPERATURE = typer.Option(help="Sampling temperature; 0 is greedy.")
TOP_P = typer.Option(help="Nucleus sampling: probability mass to sample from.")


BENCHMARK_OPTIONS = {
    "release": "release",
    "first_day": "from",
    "last_day": "to",
    "variant": "variant",
    "cot": "cot",
    "rule_set": "rule-set",
    "question": "question",
}
"""Parameter of a command -> the option of benchmarks that it sets."""


def collect_benchmark_options(flags: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the options of benchmarks among `flags`; None if there are none."""
    given = {option: flags[name] for name, option in BENCHMARK_OPTIONS.items() if flags[name] is not None}
    return {option: "yes" if value is True else value for option, value in given.items()} or None


def parse_price(text: str | None) -> tuple[float, float] | None:
    """Parse "IN,OUT".

    Raises:
        UsageError: it is not two prices.
    """
    if text is None:
        return None
    with suppress(ValueError):
        prompts, completions = map(float, text.split(","))
        if 0 <= prompts < inf and 0 <= completions < inf:
            return prompts, completions
    raise UsageError(
        f'--price is "{text}"; it must be IN,OUT, the price per million prompt and answer tokens, such as 0.15,0.6'
    )


def select_given(flags: Mapping[str, Any], *, but: Collection[str] = ()) -> dict[str, Any]:
    """Return the flags that were used, without those named in `but`."""
    return {key: value for key, value in flags.items() if key not in but and value is not None and value != []}
