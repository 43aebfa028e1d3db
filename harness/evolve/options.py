"""Settings of an evolution, in plain values: the command line's flags and the keys of a TOML table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..config.checking import NonNegativeFloat, NonNegativeInt, PositiveInt, Share, check_fields
from ..errors import UsageError
from ..models.options import ModelOptions
from .client import RequestLimits
from .contamination import ContaminationThresholds
from .dataset_filter import DatasetFilter, list_benchmarks
from .operators import choose_operators
from .prompts import Form
from .records import EvolveConfig
from .settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterOptions:
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

    def make_filter(self) -> DatasetFilter:
        """Return the filter.

        Raises:
            UsageError: two settings do not go together.
        """
        if not self.decontaminate and (self.against or self.execute):
            raise UsageError("--against and --execute do not go with --no-decontaminate")
        named = tuple(dict.fromkeys(self.against)) or list_benchmarks()
        return DatasetFilter(
            near=self.near if self.near_duplicates else None,
            against=named if self.decontaminate else (),
            thresholds=ContaminationThresholds(ngram_share=self.ngram_share, similarity=self.similarity),
            execute=self.execute,
            sandbox=self.sandbox,
            workers=self.workers,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EvolveOptions(FilterOptions):
    """Options of `harness evolve`, but where its folder is."""

    model: str
    seeds: Path | None = None
    """None: the bundled seeds."""
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
    verify: bool = False
    calibrate_judge: bool = False
    patience: PositiveInt = 3
    """Rounds in a row of which nothing survives that end the run."""
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
    """Number of rows to keep of the shuffled data; None: all."""

    def make_config(self) -> EvolveConfig:
        """Return what decides the evolved data.

        Raises:
            UsageError: a value does not fit.
        """
        names, weights = parse_weights(self.operators)
        return EvolveConfig(
            model=self.model,
            operators=choose_operators(self.preset, names, self.operator_file, weights),
            rounds=self.rounds,
            judge=self.judge,
            strict_judge=self.strict_judge,
            form=self.form,
            seed=self.seed,
            temperature=self.temperature,
            top_p=self.top_p,
            max_tokens=self.max_tokens,
            examples=self.run_examples,
            verify=self.verify,
            calibrate_judge=self.calibrate_judge,
        )

    def make_settings(self, out: Path, command: Sequence[str] = ()) -> Settings:
        """Return the settings of a run in the folder `out`.

        Raises:
            UsageError: as `make_filter`.
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
            limits=RequestLimits(
                budget_requests=self.budget_requests,
                budget_tokens=self.budget_tokens,
                retries=self.retries,
                backoff_s=self.backoff_s,
            ),
            dataset_filter=self.make_filter(),
            sample=self.sample,
            patience=self.patience,
            command=command,
        )


def parse_weights(operators: Sequence[str]) -> tuple[list[str], dict[str, float]]:
    """Return the names in ("deepen=2", "breadth") and the weights that are given.

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
