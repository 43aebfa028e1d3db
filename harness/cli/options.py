"""Options that several commands take: the same name, the same words.

Where the default differs from command to command, what is shared is the option without its type.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .names import offering

Out = Annotated[Path | None, typer.Option(help="Run folder. Default: results/<what>-<digest>.")]
Recipe = Annotated[
    str | None,
    typer.Option("--recipe", "-r", help="Prompt format and extraction rule.", autocompletion=offering("recipes")),
]
SandboxName = Annotated[
    str | None,
    typer.Option(
        "--sandbox",
        help="docker or process. Default: docker where an engine answers.",
        autocompletion=offering("sandboxes"),
    ),
]
Ks = Annotated[list[int] | None, typer.Option("-k", help="Report pass@K; repeatable.")]
Split = Annotated[str | None, typer.Option(help="Another split of the benchmark, such as validation (mbpp).")]
TrustName = Annotated[
    str | None,
    typer.Option(
        "--trust", help="split (default): judged apart from the candidate; in-process: as upstream's scripts."
    ),
]
Workers = Annotated[int | None, typer.Option(help="Programs run side by side (on each node). Default: one per core.")]
ClusterAddress = Annotated[
    str | None, typer.Option("--cluster", help="Ray cluster: auto, ray://HOST:PORT or HOST:PORT. Default: none.")
]
Replicas = Annotated[int | None, typer.Option(help="Of the model on the cluster. Default: as many as fit.")]
ReplicaGpus = Annotated[int | None, typer.Option(help="GPUs of each replica. Default: what its parallelism needs.")]
AllowUnsafe = Annotated[
    bool | None, typer.Option("--allow-unsafe", help="Accept a sandbox whose programs could reach their judge.")
]
Cache = Annotated[
    bool | None, typer.Option("--cache/--no-cache", help="Take verdicts of equal programs from the cache (default).")
]
RetryTimeouts = Annotated[
    str | None,
    typer.Option(help="all: retry time-outs with four times the time and name fragile problems. Default: none."),
]
TimeCheck = Annotated[
    bool | None, typer.Option("--time-check/--no-time-check", hidden=True, help="Old name of --retry-timeouts.")
]
Page = Annotated[
    bool, typer.Option("--page/--no-page", help="Write report.html (default); `harness report` writes it later.")
]

BACKEND = typer.Option(help="auto, vllm or transformers.")
DTYPE = typer.Option(help="auto, bfloat16, float16 or float32.")
TEMPERATURE = typer.Option(help="0 is greedy.")
TOP_P = typer.Option(help="Nucleus of the distribution that is sampled.")
