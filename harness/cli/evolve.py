"""`harness evolve` and `harness decontaminate`: from flags to configurations, and the summary at the end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError

if TYPE_CHECKING:
    from ..evolve.records import EvolveConfig
    from ..evolve.run import Outcome
    from ..evolve.seeds import Seeds
    from ..evolve.sieve import Sieve

Against = Annotated[
    list[str] | None, typer.Option(help="Benchmark to compare with; repeatable. Default: all that the harness knows.")
]
Share = Annotated[float, typer.Option(help="Share of a text's runs of 13 words from which a row repeats it.")]
Likeness = Annotated[float, typer.Option(help="Jaccard index from which a function repeats a solution.")]
Near = Annotated[float, typer.Option(help="Jaccard index from which two rows are near-duplicates.")]
NearWanted = Annotated[bool, typer.Option("--near-duplicates/--no-near-duplicates", help="Remove them (default).")]
Execute = Annotated[bool, typer.Option("--execute", help="Run the rows' functions against the benchmarks' tests.")]
SandboxName = Annotated[str | None, typer.Option("--sandbox", help="docker or process.")]
Workers = Annotated[int | None, typer.Option(help="Programs run side by side. Default: one per core.")]


def evolve(
    context: typer.Context,
    seeds: Annotated[Path | None, typer.Argument(help="JSON lines, JSON or text. Default: our own set.")] = None,
    *,
    model: Annotated[str, typer.Option("--model", "-m", help="Builtin, checkpoint folder, hub name, replay:FILE...")],
    out: Annotated[Path, typer.Option(help="Folder of the ledger and the data; the same one goes on.")],
    rounds: Annotated[int, typer.Option(help="Rounds of evolution.")] = 4,
    preset: Annotated[str, typer.Option(help="wizardlm (six operators) or wizardcoder (five).")] = "wizardcoder",
    operator_file: Annotated[Path | None, typer.Option(help="TOML file of operators, in place of a preset.")] = None,
    operators: Annotated[str | None, typer.Option(help="NAME[=WEIGHT],... Only these.")] = None,
    judge: Annotated[str | None, typer.Option(help="The model that judges. Default: the model itself.")] = None,
    strict_judge: Annotated[
        bool, typer.Option("--strict-judge", help="Throw away what the judge gives no clear word on.")
    ] = False,
    form: Annotated[str, typer.Option(help="chat, alpaca or plain: how a text is put to the model.")] = "chat",
    seed: Annotated[int, typer.Option(help="Decides all that is drawn.")] = 0,
    temperature: Annotated[float, typer.Option(help="0 is greedy.")] = 1.0,
    top_p: Annotated[float, typer.Option(help="Nucleus of the distribution that is sampled.")] = 0.9,
    max_tokens: Annotated[int, typer.Option(help="Per reply.")] = 2048,
    run_examples: Annotated[
        bool, typer.Option("--run-examples", help="Run the examples beside an answer; ask again where they fail.")
    ] = False,
    budget_requests: Annotated[int | None, typer.Option(help="Stop after so many requests.")] = None,
    budget_tokens: Annotated[int | None, typer.Option(help="Stop after so many tokens, prompts included.")] = None,
    retries: Annotated[int, typer.Option(help="How often a request that fails is tried again.")] = 3,
    backoff_s: Annotated[float, typer.Option(help="Pause before the first retry; it doubles.")] = 1.0,
    backend: Annotated[str, typer.Option(help="auto, vllm or transformers.")] = "auto",
    dtype: Annotated[str, typer.Option(help="auto, bfloat16, float16 or float32.")] = "auto",
    max_model_len: Annotated[int | None, typer.Option(help="Tokens of prompt and reply together.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Replies generated at a time.")] = None,
    near: Near = 0.9,
    near_duplicates: NearWanted = True,
    decontaminate: Annotated[
        bool, typer.Option("--decontaminate/--no-decontaminate", help="Compare with benchmarks (default).")
    ] = True,
    against: Against = None,
    ngram_share: Share = 0.5,
    similarity: Likeness = 0.8,
    execute: Execute = False,
    sandbox: SandboxName = None,
    workers: Workers = None,
    sample: Annotated[int | None, typer.Option(help="Only so many rows of the shuffled whole.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost, and stop.")] = False,
    tokens_per_s: Annotated[float | None, typer.Option(help="For --dry-run: how fast the model generates.")] = None,
    price_in: Annotated[float | None, typer.Option(help="For --dry-run: price of a million prompt tokens.")] = None,
    price_out: Annotated[float | None, typer.Option(help="For --dry-run: of a million generated tokens.")] = None,
) -> None:
    """Make harder training data out of simple data (Evol-Instruct); the same command completes a stopped run."""
    from ..evolve.asker import Patience
    from ..evolve.operators import choose
    from ..evolve.prompts import FORMS
    from ..evolve.records import EvolveConfig
    from ..evolve.run import Settings
    from ..evolve.run import evolve as run
    from ..evolve.seeds import read_seeds
    from ..models.options import ModelOptions
    from ..progress import open_progress

    names, weights = _weighted(operators)
    chosen_form = next((one for one in FORMS if one == form), None)
    if chosen_form is None:
        raise UsageError(f'form "{form}" is not known; choose one of {", ".join(FORMS)}')
    config = EvolveConfig(
        model=model,
        operators=choose(preset, names, operator_file, weights),
        rounds=rounds,
        judge=judge,
        strict_judge=strict_judge,
        form=chosen_form,
        seed=seed,
        temperature=temperature,
        top_p=top_p,
        max_tokens=max_tokens,
        examples=run_examples,
    )
    if dry_run:
        _print_estimate(config, read_seeds(seeds), tokens_per_s, price_in, price_out)
        return
    sieve = _sieve(
        near if near_duplicates else None,
        decontaminate=decontaminate,
        against=against,
        ngram_share=ngram_share,
        similarity=similarity,
        execute=execute,
        sandbox=sandbox,
        workers=workers,
    )
    patience = Patience(
        budget_requests=budget_requests, budget_tokens=budget_tokens, retries=retries, backoff_s=backoff_s
    )
    settings = Settings(
        out=out,
        seeds=seeds,
        backend=backend,
        options=ModelOptions(
            dtype=dtype, max_model_len=max_model_len, batch_size=batch_size, seed=seed, log_file=out / "model.log"
        ),
        patience=patience,
        sieve=sieve,
        sample=sample,
        command=context.obj,
    )
    _print_outcome(run(config, settings, open_progress()))


def decontaminate(
    data: Annotated[Path, typer.Argument(help="Alpaca rows: JSON lines or JSON.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder for the clean data; it must not hold data yet.")],
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
    from ..evolve.decontaminate import decontaminate as run
    from ..progress import open_progress

    sieve = _sieve(
        near if near_duplicates else None,
        decontaminate=True,
        against=against,
        ngram_share=ngram_share,
        similarity=similarity,
        execute=execute,
        sandbox=sandbox,
        workers=workers,
    )
    manifest = run(data, out, sieve, open_progress())
    found = manifest["contamination"]
    layers = ", ".join(f"{layer} {count}" for layer, count in found["rows_by_layer"].items())
    typer.echo(f"rows          {manifest['rows']} of {manifest['rows_before']} left")
    typer.echo("removed       " + (", ".join(f"{count} {why}" for why, count in manifest["removed"].items()) or "none"))
    typer.echo(f"contaminated  {found['rows_removed']} rows ({layers})")
    for name, tasks in found["touched"].items():
        typer.echo(f"  {name:<18}{len(tasks)} of {found['benchmarks'][name]['problems']} problems touched")
    typer.echo(f"data          {out / 'train.jsonl'}")


def untouched(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    data: Annotated[Path, typer.Argument(help="Folder of the training data, or its manifest.json.")],
) -> None:
    """Print a run's scores on the problems that its training data never touched, beside the full ones."""
    from ..evolve.untouched import untouched as compare
    from ..report.wording import percent

    for one in compare(run, data):
        typer.echo(f"{one.full.benchmark} {one.full.metric}")
        typer.echo(f"  all {one.full.n_problems} problems: {percent(one.full)}")
        left = percent(one.untouched) if one.untouched.n_problems else "none left"
        typer.echo(f"  {one.untouched.n_problems} that the data never touched: {left}")


def _weighted(text: str | None) -> tuple[list[str], dict[str, float]]:
    """The names in "deepen=2,breadth" and their weights."""
    names: list[str] = []
    weights: dict[str, float] = {}
    for part in (text or "").split(","):
        name, mark, weight = part.strip().partition("=")
        if not name:
            continue
        names.append(name)
        if mark:
            try:
                weights[name] = float(weight)
            except ValueError:
                raise UsageError(f'--operators: the weight of {name} is "{weight}", expected a number') from None
    if text is not None and not names:
        raise UsageError("--operators names no operator")
    return names, weights


def _sieve(
    near: float | None,
    *,
    decontaminate: bool,
    against: list[str] | None,
    ngram_share: float,
    similarity: float,
    execute: bool,
    sandbox: str | None,
    workers: int | None,
) -> Sieve:
    from ..evolve.contamination import Thresholds
    from ..evolve.sieve import Sieve, all_benchmarks

    for name, value in (("--near", near), ("--ngram-share", ngram_share), ("--similarity", similarity)):
        if value is not None and not 0 < value <= 1:
            raise UsageError(f"{name} is {value}; it must be above 0 and at most 1")
    if not decontaminate and (against or execute):
        raise UsageError("--against and --execute do not go with --no-decontaminate")
    return Sieve(
        near=near,
        against=(tuple(dict.fromkeys(against)) if against else all_benchmarks()) if decontaminate else (),
        thresholds=Thresholds(ngram_share=ngram_share, similarity=similarity),
        execute=execute,
        sandbox=sandbox,
        workers=workers,
    )


def _print_estimate(
    config: EvolveConfig, seeds: Seeds, tokens_per_s: float | None, price_in: float | None, price_out: float | None
) -> None:
    from ..evolve.estimate import estimate

    found = estimate(config, seeds)
    typer.echo(f"seeds        {len(seeds.seeds)}, {config.rounds} rounds, operators: {len(config.operators)}")
    typer.echo(f"requests     at most {found.requests}")
    typer.echo(f"tokens       about {found.prompt_tokens} in prompts, {found.completion_tokens} generated")
    if tokens_per_s is not None:
        if not tokens_per_s > 0:
            raise UsageError(f"--tokens-per-s is {tokens_per_s}; it must be above 0")
        typer.echo(f"time         about {found.seconds(tokens_per_s) / 60:.1f} min at {tokens_per_s:g} tokens/s")
    else:
        typer.echo("time         say --tokens-per-s (`harness run` shows a model's)")
    if price_in is not None or price_out is not None:
        typer.echo(f"cost         about {found.cost(price_in or 0.0, price_out or 0.0):.2f}")
    else:
        typer.echo("cost         say --price-in and --price-out, per million tokens")


def _print_outcome(outcome: Outcome) -> None:
    for one in outcome.statistics["attempts"]:
        told = ", ".join(f"{reason} {count}" for reason, count in one["rejected"].items())
        kept = f"{one['kept']} of {one['attempts']} kept"
        typer.echo(f"round {one['round']}  {one['operator']:<20}{kept:<18}{told}".rstrip())
    typer.echo("sifted out  " + (", ".join(f"{count} {why}" for why, count in outcome.removed.items()) or "nothing"))
    typer.echo(f"requests    {outcome.requests} ({outcome.asked} in this start), {outcome.tokens} tokens")
    typer.echo(f"rows        {outcome.rows}, {outcome.path / 'dataset'}")
    typer.echo(f"report      {outcome.path / 'report.html'}")
    if outcome.stopped:
        typer.echo(f"stopped     {outcome.stopped}")
