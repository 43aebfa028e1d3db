"""`harness evolve` as a function: seeds in, rounds, files out; the same call goes on where a killed one stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import __version__
from ..digests import file_digest
from ..evaluation.backend import Backend, open_backend
from ..models.options import ModelOptions
from ..progress import Progress, Quiet
from ..store import make_folder, provenance, write_json, write_rows, write_text
from ..tasks.suite import Suite
from ..types import Model
from .asker import Asker, BudgetReached, Patience
from .dataset import DATA_MANIFEST, ROWS, write_dataset
from .examples import ExampleRunner
from .folder import DATASET, PAGE, REJECTED, REMOVED, ROUNDS, STATISTICS, EvolveFolder
from .ledger import Ledger
from .page import page
from .prompts import ANSWER_TEMPLATE, JUDGE_TEMPLATE, digest
from .records import EvolveConfig, Row, identity
from .rounds import Evolved, NothingSurvived, Rounds, merged
from .seeds import Seeds, read_seeds
from .sieve import Sieve, Sifted, counted, load, sift
from .statistics import statistics
from .stopping import EvolStop, Trial, best, over, told


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a run goes about it; none of this changes what is asked."""

    out: Path
    seeds: Path | None = None
    """None: our own."""
    backend: str = "auto"
    options: ModelOptions = field(default_factory=ModelOptions)
    cluster: str | None = None
    """A Ray cluster whose replicas are asked. None: this machine."""
    replicas: int | None = None
    replica_gpus: int | None = None
    patience: Patience = field(default_factory=Patience)
    sieve: Sieve = field(default_factory=Sieve)
    sample: int | None = None
    """Only so many rows of the shuffled whole."""
    stop: EvolStop | None = None
    """Train and evaluate after each round, and stop where it no longer helps; None: run all rounds."""
    command: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Result of a run."""

    path: Path
    rows: int
    statistics: dict[str, Any]
    removed: dict[str, int]
    requests: int
    """In the ledger, those of earlier starts included."""
    asked: int
    """In this start."""
    tokens: int
    stopped: str = ""
    """Why it ended early: a budget; "" where all rounds were run."""
    rounds: int = 0
    trials: tuple[Trial, ...] = ()
    """Evol Stop's, from the seeds on."""
    kept: int | None = None
    """The last round whose rows are kept; None: all."""


def evolve(config: EvolveConfig, settings: Settings, progress: Progress | None = None) -> Outcome:
    """Evolve the seeds in the folder `settings.out`, or go on with what is there.

    Raises:
        HarnessError: see the subclasses; what was asked until then is kept.
    """
    seeds = read_seeds(settings.seeds)
    suites = load(settings.sieve)
    told = progress or Quiet()
    with _place(config, settings, told) as there:
        openers = _openers(config, settings, there)
        facts = {name: dict(opener().describe()) for name, opener in openers.items()}
        with there.watch_progress(told) as shown, EvolveFolder(settings.out, identity(config, seeds, facts)) as folder:
            run = _Run(config, settings, seeds=seeds, suites=suites, folder=folder, progress=shown, place=there)
            run.begin(facts)
            with Ledger(folder.path) as ledger:
                return run.through(ledger, openers)


class _Run:
    """One start of a run."""

    def __init__(
        self,
        config: EvolveConfig,
        settings: Settings,
        *,
        seeds: Seeds,
        suites: Sequence[Suite],
        folder: EvolveFolder,
        progress: Progress,
        place: Backend,
    ) -> None:
        self._place = place
        self._config, self._settings, self._seeds, self._suites = config, settings, seeds, suites
        self._folder, self._progress = folder, progress
        self._clock = provenance.StageTimer()
        self._started_at = provenance.read_clock()
        self._trials: list[Trial] = []

    def begin(self, models: dict[str, Any]) -> None:
        """Write what is known before anything is asked."""
        operators = [{"name": one.name, "kind": one.kind, "digest": one.digest} for one in self._config.operators]
        self._folder.update(
            harness_version=__version__,
            git_revision=provenance.read_git_revision(),
            command=list(self._settings.command),
            versions=provenance.collect_versions(),
            hardware=provenance.describe_hardware(),
            models=models,
            operators=operators,
            rounds=self._config.rounds,
        )

    def through(self, ledger: Ledger, openers: dict[str, Callable[[], Model]]) -> Outcome:
        """All rounds that the budget allows, then the files; a round without survivors ends it with an error."""
        asker = Asker(
            ledger, openers, form=self._config.form, patience=self._settings.patience, progress=self._progress
        )
        check = ExampleRunner(ledger, self._settings.sieve.sandbox, self._settings.sieve.workers)
        rows = [
            Row(id=seed.id, seed_id=seed.id, instruction=seed.instruction, input=seed.input, output=seed.output)
            for seed in self._seeds.seeds
        ]
        rounds = Rounds(self._config, rows, asker, check if self._config.examples else None)
        stopped, failure = "", None
        with asker:
            try:
                self._advance(rounds, asker)
            except BudgetReached as reached:
                stopped = f"{reached} in round {rounds.found.rounds + 1}; its replies are kept for a larger budget"
            except NothingSurvived as error:
                failure = error
        outcome = self._write(rounds.found, ledger, asker, stopped)
        if failure is not None:
            raise failure
        return outcome

    def _compared(self, stop: EvolStop) -> bool:
        """Whether rows that repeat the development set are sifted out."""
        return stop.benchmark in self._settings.sieve.against

    def _advance(self, rounds: Rounds, asker: Asker) -> None:
        stop = self._settings.stop
        if stop and not self._compared(stop):
            self._progress.note(
                f"warning: the data is not compared with {stop.benchmark}: rows that repeat it will count as gains"
            )
        self._clock.touch("rounds")
        try:
            rounds.answer_seeds()
            while not self._tried(rounds.found, asker) and rounds.found.rounds < self._config.rounds:
                self._progress.note(f"round {rounds.found.rounds + 1} of {self._config.rounds}")
                rounds.advance()
        finally:
            self._clock.touch("rounds")

    def _tried(self, found: Evolved, asker: Asker) -> bool:
        """Train on the rounds so far and evaluate, where that is asked for; whether that says to stop."""
        stop = self._settings.stop
        if stop is None:
            return False
        rows, sifted = self._sifted(found)
        folder = self._folder.path / ROUNDS / f"round-{found.rounds}"
        make_folder(folder)
        file = folder / ROWS
        write_rows(file, (row.as_json() for row in rows))
        # As beside the data set itself: whoever trains on it asks what it was compared with.
        files = {ROWS: f"sha256:{file_digest(file)}"}
        facts = {"rows": len(rows), "files": files, "contamination": sifted.contamination}
        write_json(folder / DATA_MANIFEST, facts)
        asker.release()
        score, told_of_it = stop.develop(found.rounds, folder)
        self._trials.append(Trial(round=found.rounds, rows=len(rows), score=score, facts=told_of_it))
        self._progress.note(f"{stop.benchmark} {score.metric} after round {found.rounds}: {100 * score.value:.1f} %")
        return over(self._scores, stop.rule)

    @property
    def _scores(self) -> list[float]:
        return [trial.score.value for trial in self._trials]

    def _sifted(self, found: Evolved, last: int | None = None) -> tuple[list[Row], Sifted]:
        """The rows up to the round `last`, sifted and shuffled."""
        answered = [row for row in found.rows if row.output.strip() and (last is None or row.round <= last)]
        sifted = sift(answered, self._settings.sieve, self._suites, self._progress)
        return merged(sifted.rows, self._config.seed)[: self._settings.sample], sifted

    def _stop_facts(self) -> dict[str, Any] | None:
        """Return what Evol Stop saw and kept, JSON-ready."""
        stop = self._settings.stop
        if stop is None:
            return None
        return {
            "on": stop.benchmark,
            "compared": self._compared(stop),
            "patience": stop.rule.patience,
            "min_gain": stop.rule.min_gain,
            "best_round": best(self._scores, stop.rule) if self._trials else None,
            "stopped": bool(self._trials) and over(self._scores, stop.rule),
            "rounds": [trial.as_json() for trial in self._trials],
        }

    def _write(self, found: Evolved, ledger: Ledger, asker: Asker, stopped: str) -> Outcome:
        path, stop = self._folder.path, self._stop_facts()
        kept = stop["best_round"] if stop else None
        self._clock.touch("sift")
        rows, sifted = self._sifted(found, kept)
        self._clock.touch("sift")
        figures = statistics(found, self._settings.sieve.near)
        write_rows(path / REJECTED, map(_rejection_row, found.rejections))
        write_rows(path / REMOVED, (one.as_json() for one in sifted.removed))
        facts = {**self._facts(found, sifted, rows, ledger), **({"evol_stop": told(stop)} if stop else {})}
        data = write_dataset(path / DATASET, rows, facts)
        write_json(path / STATISTICS, figures)
        self._clock.settle()
        self._end(found, data, ledger, asker, stopped)
        self._folder.update(evol_stop=stop)
        write_text(path / PAGE, page(self._folder.manifest, figures, found, rows, sifted))
        return Outcome(
            path=path,
            rows=len(rows),
            statistics=figures,
            removed=counted(sifted.removed),
            requests=ledger.requests,
            asked=asker.asked,
            tokens=ledger.tokens,
            stopped=stopped,
            rounds=found.rounds,
            trials=tuple(self._trials),
            kept=kept,
        )

    def _facts(self, found: Evolved, sifted: Sifted, rows: Sequence[Row], ledger: Ledger) -> dict[str, Any]:
        """Return what the data's manifest says; nothing in it depends on when, or in how many starts, it was made."""
        return {
            "configuration": self._folder.manifest["digest"],
            "seeds": {"name": self._seeds.name, "sha256": self._seeds.sha256, "rows": len(self._seeds.seeds)},
            "operators": {one.name: one.digest for one in self._config.operators},
            "models": {name: facts.get("weights_digest") for name, facts in self._folder.manifest["models"].items()},
            "templates": {"judge": digest(JUDGE_TEMPLATE), "answer": digest(ANSWER_TEMPLATE)},
            "ledger": {"requests": ledger.requests, "tokens": ledger.tokens, "digest": ledger.digest},
            "rounds": {str(number): count for number, count in sorted(Counter(row.round for row in rows).items())},
            "rounds_run": found.rounds,
            "removed": counted(sifted.removed),
            "contamination": sifted.contamination,
        }

    def _end(self, found: Evolved, data: dict[str, Any], ledger: Ledger, asker: Asker, stopped: str) -> None:
        session = {
            "command": list(self._settings.command),
            "started_at": self._started_at,
            "ended_at": provenance.read_clock(),
            "asked": asker.asked,
            "generating_s": round(asker.generating_s, 3),
            "stages_s": self._clock.measure_stages(),
            "stopped": stopped,
        }
        if (cluster := self._place.describe()) is not None:
            session["cluster"] = dict(cluster)
        sessions = [*self._folder.manifest.get("sessions", []), session]
        totals = {"requests": ledger.requests, "tokens": ledger.tokens, "rounds": found.rounds}
        self._folder.update(sessions=sessions, dataset=data, totals=totals)


def _place(config: EvolveConfig, settings: Settings, progress: Progress) -> Backend:
    """Where the models are."""
    options = settings.options
    return open_backend(
        settings.cluster,
        progress,
        models=(config.model, config.judging),
        replicas=settings.replicas,
        replica_gpus=settings.replica_gpus,
        parallel=options.tensor_parallel_size * options.pipeline_parallel_size,
    )


def _openers(config: EvolveConfig, settings: Settings, there: Backend) -> dict[str, Callable[[], Model]]:
    """How each model that is needed is opened."""

    def opener(spec: str) -> Callable[[], Model]:
        return lambda: there.open_model(spec, backend=settings.backend, options=settings.options)

    return {spec: opener(spec) for spec in dict.fromkeys((config.model, config.judging))}


def _rejection_row(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}
