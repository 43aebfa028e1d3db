"""Settings of an evolution, in plain values: the command line's flags and the keys of a TOML table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config.checking import NonNegativeFloat, NonNegativeInt, PositiveInt, Share, check_fields
from ..errors import UsageError
from ..models.options import ModelOptions
from .asker import Patience
from .contamination import Thresholds
from .operators import choose
from .prompts import Form
from .records import EvolveConfig
from .run import Settings
from .sieve import Sieve, all_benchmarks


@dataclass(frozen=True, slots=True, kw_only=True)
class SieveOptions:
    """Settings of the filter at the end."""

    near: Share = 0.9
    """Jaccard index from which two rows are near-duplicates."""
    near_duplicates: bool = True
    """Remove them."""
    decontaminate: bool = True
    """Compare with benchmarks."""
    against: tuple[str, ...] = ()
    """These benchmarks; none: all that the harness knows."""
    ngram_share: Share = 0.5
    similarity: Share = 0.8
    execute: bool = False
    """Run the rows' functions against the benchmarks' tests."""
    sandbox: str | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        check_fields(self)

    def sieve(self) -> Sieve:
        """Return the filter.

        Raises:
            UsageError: two settings do not go together.
        """
        if not self.decontaminate and (self.against or self.execute):
            raise UsageError("--against and --execute do not go with --no-decontaminate")
        named = tuple(dict.fromkeys(self.against)) or all_benchmarks()
        return Sieve(
            near=self.near if self.near_duplicates else None,
            against=named if self.decontaminate else (),
            thresholds=Thresholds(ngram_share=self.ngram_share, similarity=self.similarity),
            execute=self.execute,
            sandbox=self.sandbox,
            workers=self.workers,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EvolveOptions(SieveOptions):
    """Options of `harness evolve`, but where its folder is."""

    model: str
    seeds: Path | None = None
    """None: our own."""
    rounds: PositiveInt = 4
    preset: str = "wizardcoder"
    operators: tuple[str, ...] = ()
    """NAME or NAME=WEIGHT: only these."""
    operator_file: Path | None = None
    judge: str | None = None
    strict_judge: bool = False
    form: Form = "chat"
    seed: NonNegativeInt = 0
    temperature: NonNegativeFloat = 1.0
    top_p: Share = 0.9
    max_tokens: PositiveInt = 2048
    run_examples: bool = False
    budget_requests: PositiveInt | None = None
    budget_tokens: PositiveInt | None = None
    retries: NonNegativeInt = 3
    backoff_s: NonNegativeFloat = 1.0
    backend: str = "auto"
    dtype: str = "auto"
    max_model_len: int | None = None
    batch_size: int | None = None
    cluster: str | None = None
    """A Ray cluster whose replicas are asked."""
    replicas: int | None = None
    replica_gpus: int | None = None
    sample: PositiveInt | None = None
    """Only so many rows of the shuffled whole."""

    def config(self) -> EvolveConfig:
        """Return what decides the evolved data.

        Raises:
            UsageError: a value does not fit.
        """
        names, weights = weighted(self.operators)
        return EvolveConfig(
            model=self.model,
            operators=choose(self.preset, names, self.operator_file, weights),
            rounds=self.rounds,
            judge=self.judge,
            strict_judge=self.strict_judge,
            form=self.form,
            seed=self.seed,
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            examples=self.run_examples,
        )

    def settings(self, out: Path, command: Sequence[str] = ()) -> Settings:
        """How a run in the folder `out` goes about it.

        Raises:
            UsageError: as `sieve`.
        """
        return Settings(
            out=out,
            seeds=self.seeds,
            backend=self.backend,
            cluster=self.cluster,
            replicas=self.replicas,
            replica_gpus=self.replica_gpus,
            options=ModelOptions(
                dtype=self.dtype,
                max_model_len=self.max_model_len,
                batch_size=self.batch_size,
                seed=self.seed,
                log_file=out / "model.log",
            ),
            patience=Patience(
                budget_requests=self.budget_requests,
                budget_tokens=self.budget_tokens,
                retries=self.retries,
                backoff_s=self.backoff_s,
            ),
            sieve=self.sieve(),
            sample=self.sample,
            command=command,
        )


def weighted(operators: Sequence[str]) -> tuple[list[str], dict[str, float]]:
    """The names in ("deepen=2", "breadth") and the weights that are said.

    Raises:
        UsageError: a weight is no number.
    """
    names: list[str] = []
    weights: dict[str, float] = {}
    for part in operators:
        name, mark, weight = part.strip().partition("=")
        names.append(name)
        if mark:
            try:
                weights[name] = float(weight)
            except ValueError:
                raise UsageError(f'--operators: the weight of {name} is "{weight}", expected a number') from None
    return names, weights
