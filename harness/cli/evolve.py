"""`harness evolve` and `harness decontaminate`: from flags to configurations, and the summary at the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import api
from ..api import estimate_evolution, evolve_data
from ..errors import UsageError
from ..store.jsonable import to_plain
from . import output
from .options import BACKEND, DTYPE, TEMPERATURE, TOP_P, ClusterAddress, ReplicaGpus, Replicas, select_given

if TYPE_CHECKING:
    from ..evolve.estimate import Estimate
    from ..evolve.settings import EvolveResult

NOT_OPTIONS = {
    *("context", "out", "operators", "dry_run", "tokens_per_s", "price_in", "price_out"),
    *("stop_on", "stop_base", "stop_config", "min_gain", "reported", "finetune", "evaluate"),
}
"""Flags that say something else than how to evolve, or say it in another form."""

Against = Annotated[
    list[str] | None, typer.Option(help="Benchmark to decontaminate against; repeatable. Default: all.")
]
Share = Annotated[
    float, typer.Option(help="Fraction of a benchmark text's 13-word n-grams from which a row counts as contaminated.")
]
Likeness = Annotated[
    float, typer.Option(help="Jaccard similarity from which a function counts as a copy of a solution.")
]
Near = Annotated[float, typer.Option(help="Jaccard similarity from which two rows are near-duplicates.")]
NearWanted = Annotated[
    bool, typer.Option("--near-duplicates/--no-near-duplicates", help="Remove near-duplicates (default).")
]
Execute = Annotated[bool, typer.Option("--execute", help="Run the rows' functions against the benchmarks' tests.")]
SandboxName = Annotated[str | None, typer.Option("--sandbox", help="docker or process.")]
Workers = Annotated[int | None, typer.Option(help="Programs to run in parallel. Default: one per core.")]


def evolve(
    context: typer.Context,
    seeds: Annotated[
        Path | None, typer.Argument(help="Seed instructions: JSON lines, JSON or text. Default: the bundled set.")
    ] = None,
    *,
    model: Annotated[
        str, typer.Option("--model", "-m", help="Built-in name, checkpoint folder, hub name or replay:FILE.")
    ],
    out: Annotated[Path, typer.Option(help="Output folder; an existing one is resumed.")],
    rounds: Annotated[int, typer.Option(help="Number of evolution rounds.")] = 4,
    preset: Annotated[
        str, typer.Option(help="Operator preset: wizardlm (six operators) or wizardcoder (five).")
    ] = "wizardcoder",
    operator_file: Annotated[Path | None, typer.Option(help="TOML file of operators; replaces the preset.")] = None,
    operators: Annotated[str | None, typer.Option(help="Use only these operators: NAME[=WEIGHT],...")] = None,
    judge: Annotated[
        str | None, typer.Option(help="Model that judges evolved instructions. Default: the same model.")
    ] = None,
    strict_judge: Annotated[
        bool, typer.Option("--strict-judge", help="Discard instructions on which the judge gives no clear verdict.")
    ] = False,
    form: Annotated[str, typer.Option(help="Prompt format: chat, alpaca or to_plain.")] = "chat",
    seed: Annotated[int, typer.Option(help="Random seed.")] = 0,
    temperature: Annotated[float, TEMPERATURE] = 1.0,
    top_p: Annotated[float, TOP_P] = 0.9,
    max_tokens: Annotated[int, typer.Option(help="Maximum tokens per reply.")] = 2048,
    run_examples: Annotated[
        bool, typer.Option("--run-examples", help="Run the examples in an answer and ask again if they fail.")
    ] = False,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Have tests written for each answer; keep rows that pass tests that can fail."),
    ] = False,
    calibrate_judge: Annotated[
        bool,
        typer.Option("--calibrate-judge", help="Try the judge on known pairs first; --verify does too."),
    ] = False,
    budget_requests: Annotated[int | None, typer.Option(help="Stop after this many requests.")] = None,
    budget_tokens: Annotated[int | None, typer.Option(help="Stop after this many tokens, prompts included.")] = None,
    retries: Annotated[int, typer.Option(help="Retries of a failed request.")] = 3,
    backoff_s: Annotated[float, typer.Option(help="Seconds before the first retry; doubles each time.")] = 1.0,
    backend: Annotated[str, BACKEND] = "auto",
    dtype: Annotated[str, DTYPE] = "auto",
    max_model_len: Annotated[
        int | None, typer.Option(help="Maximum context length in tokens, prompt and reply together.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Replies generated in one batch.")] = None,
    cluster: ClusterAddress = None,
    replicas: Replicas = None,
    replica_gpus: ReplicaGpus = None,
    near: Near = 0.9,
    near_duplicates: NearWanted = True,
    decontaminate: Annotated[
        bool,
        typer.Option("--decontaminate/--no-decontaminate", help="Remove rows that overlap with benchmarks (default)."),
    ] = True,
    against: Against = None,
    ngram_share: Share = 0.5,
    similarity: Likeness = 0.8,
    execute: Execute = False,
    sandbox: SandboxName = None,
    workers: Workers = None,
    sample: Annotated[int | None, typer.Option(help="Keep a random sample of this many rows.")] = None,
    stop_on: Annotated[
        str | None, typer.Option(help="Evol Stop: development set that decides when to stop, such as mbpp:validation.")
    ] = None,
    stop_base: Annotated[str | None, typer.Option(help="Evol Stop: checkpoint to fine-tune after each round.")] = None,
    stop_config: Annotated[
        Path | None, typer.Option(help="Evol Stop: TOML file with the tables [finetune] and [run].")
    ] = None,
    finetune: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Evol Stop: training setting; repeatable.")
    ] = None,
    evaluate: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Evol Stop: evaluation setting; repeatable.")
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Rounds without a survivor (default 3), or Evol Stop: without a gain (1), before stopping."),
    ] = None,
    min_gain: Annotated[float, typer.Option(help="Evol Stop: gain in pass@1 to exceed, in percentage points.")] = 0.0,
    reported: Annotated[
        list[str] | None,
        typer.Option(help="Evol Stop: benchmark that will be reported and so may not decide; repeatable."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the estimated cost, then exit.")] = False,
    tokens_per_s: Annotated[
        float | None, typer.Option(help="For --dry-run: generation throughput in tokens per second.")
    ] = None,
    price_in: Annotated[float | None, typer.Option(help="For --dry-run: price per million prompt tokens.")] = None,
    price_out: Annotated[float | None, typer.Option(help="For --dry-run: price per million generated tokens.")] = None,
) -> None:
    """Make harder training data out of simple data (Evol-Instruct); the same command completes a stopped run."""
    flags = dict(locals())
    options = {**select_given(flags, but=NOT_OPTIONS), "operators": _parse_operators(operators)}
    if dry_run:
        _show_estimate(estimate_evolution(**options), rounds, tokens_per_s, price_in, price_out)
        return
    outcome = evolve_data(
        **options, out=out, stop=_build_stop(flags), command=context.obj, progress=output.make_progress()
    )
    output.print_result(outcome, lambda: "\n".join(_format_result(outcome)))


def decontaminate(
    data: Annotated[Path, typer.Argument(help="Rows in Alpaca format: JSON lines or JSON.")],
    *,
    out: Annotated[Path, typer.Option(help="Output folder for the clean data; it must not hold data.")],
    near: Near = 0.9,
    near_duplicates: NearWanted = True,
    against: Against = None,
    ngram_share: Share = 0.5,
    similarity: Likeness = 0.8,
    execute: Execute = False,
    sandbox: SandboxName = None,
    workers: Workers = None,
) -> None:
    """Remove duplicates, and rows that repeat a benchmark's problem, from any Alpaca file."""
    manifest = api.decontaminate(**select_given(locals()), progress=output.make_progress())
    output.print_result({**manifest, "data": out / "train.jsonl"}, lambda: "\n".join(_format_removed(manifest, out)))


def _format_removed(manifest: Mapping[str, Any], out: Path) -> Iterator[str]:
    found = manifest["contamination"]
    layers = ", ".join(f"{layer} {count}" for layer, count in found["rows_by_layer"].items())
    yield f"rows          {manifest['rows']} of {manifest['rows_before']} left"
    yield "removed       " + (", ".join(f"{count} {why}" for why, count in manifest["removed"].items()) or "none")
    yield f"contaminated  {found['rows_removed']} rows ({layers})"
    for name, tasks in found["touched"].items():
        yield f"  {name:<17} {len(tasks)} of {found['benchmarks'][name]['problems']} problems touched"
    yield f"data          {out / 'train.jsonl'}"


def untouched(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    data: Annotated[Path, typer.Argument(help="Folder of the training data, or its manifest.json.")],
) -> None:
    """Print a run's scores on the problems that its training data never touched, beside the full ones."""
    from ..report.wording import format_percent

    found = api.untouched(run, data)
    lines = []
    for one in found:
        left = format_percent(one.untouched) if one.untouched.n_problems else "none left"
        lines.append(f"{one.full.benchmark} {one.full.metric}")
        lines.append(f"  all {one.full.n_problems} problems: {format_percent(one.full)}")
        lines.append(f"  {one.untouched.n_problems} that the data never touched: {left}")
    output.print_result(found, "\n".join(lines))


def _build_stop(flags: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the flags of Evol Stop by the parameters of `harness.loop.alone.alone`; None without --stop-on."""
    from ..config.tables import parse_pairs

    if flags["stop_on"] is None:
        return None
    return {
        "on": flags["stop_on"],
        "base": flags["stop_base"],
        "file": flags["stop_config"],
        "finetune": parse_pairs(flags["finetune"] or (), "--finetune"),
        "run": parse_pairs(flags["evaluate"] or (), "--evaluate"),
        "patience": 1 if flags["patience"] is None else flags["patience"],
        "min_gain": flags["min_gain"],
        "reported": tuple(flags["reported"] or ()),
        "open_progress": output.make_progress,
    }


def _parse_operators(text: str | None) -> tuple[str, ...]:
    """Return the parts of "deepen=2,breadth"."""
    found = tuple(part.strip() for part in (text or "").split(",") if part.strip())
    if text is not None and not found:
        raise UsageError("--operators names no operator")
    return found


def _show_estimate(
    estimate: Estimate, rounds: int, tokens_per_s: float | None, price_in: float | None, price_out: float | None
) -> None:
    if tokens_per_s is not None and not tokens_per_s > 0:
        raise UsageError(f"--tokens-per-s is {tokens_per_s}; it must be above 0")
    seconds = None if tokens_per_s is None else estimate.compute_seconds(tokens_per_s)
    cost = None if price_in is None and price_out is None else estimate.compute_cost(price_in or 0.0, price_out or 0.0)
    lines = [
        f"seeds        {estimate.seeds}, {rounds} rounds, operators: {estimate.operators}",
        f"requests     at most {estimate.requests}",
        f"tokens       about {estimate.prompt_tokens} in prompts, {estimate.completion_tokens} generated",
        f"time         about {seconds / 60:.1f} min at {tokens_per_s:g} tokens/s"
        if seconds is not None
        else "time         say --tokens-per-s (`harness run` shows a model's)",
        f"cost         about {cost:.2f}"
        if cost is not None
        else "cost         say --price-in and --price-out, per million tokens",
    ]
    output.print_result({**to_plain(estimate), "seconds": seconds, "cost": cost}, "\n".join(lines))


def _format_result(outcome: EvolveResult) -> Iterator[str]:
    from ..report.wording import format_percent

    for one in outcome.statistics["attempts"]:
        reasons = ", ".join(f"{reason} {count}" for reason, count in one["rejected"].items())
        kept = f"{one['kept']} of {one['attempts']} kept"
        yield f"round {one['round']}  {one['operator']:<20}{kept:<18}{reasons}".rstrip()
    yield "sifted out  " + (", ".join(f"{count} {why}" for why, count in outcome.removed.items()) or "nothing")
    yield f"requests    {outcome.requests} ({outcome.asked} in this start), {outcome.tokens} tokens"
    yield f"rows        {outcome.rows}, {outcome.path / 'dataset'}"
    yield f"report      {outcome.path / 'report.html'}"
    for trial in outcome.trials:
        mark = " (kept)" if trial.round == outcome.kept else ""
        yield f"evol stop   rounds 0 to {trial.round}: {trial.score.benchmark} {format_percent(trial.score)}{mark}"
    if outcome.stopped:
        yield f"stopped     {outcome.stopped}"
