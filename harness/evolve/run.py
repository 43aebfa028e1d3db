"""`harness evolve` as a function: seeds in, rounds, files out; the same call goes on where a killed one stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from .. import __version__
from ..digests import digest_file
from ..evaluation.backend import Backend, open_backend
from ..progress import Progress, Quiet
from ..store import make_folder, provenance, write_json, write_rows, write_text
from ..tasks.suite import Suite
from ..types import Model
from .client import BudgetReached, ModelClient
from .dataset import DATA_MANIFEST, ROWS, shuffle_rows, write_dataset
from .dataset_filter import FilterResult, count_removed, filter_rows, load_suites
from .examples import ExampleRunner
from .folder import DATASET, PAGE, REJECTED, REMOVED, ROUNDS, STATISTICS, EvolveFolder
from .ledger import Ledger
from .page import render_page
from .programs import ProgramRunner
from .prompts import ANSWER_TEMPLATE, JUDGE_TEMPLATE, digest_template
from .records import EvolveConfig, InstructionRow, build_identity, explain_no_survivors
from .rounds import EvolvedData, Rounds
from .seeds import Seeds, read_seeds
from .settings import EvolveResult, NothingSurvived, Settings
from .statistics import compute_statistics
from .stopping import EvolStop, Trial, find_best_round, should_stop, strip_paths


def evolve(config: EvolveConfig, settings: Settings, progress: Progress | None = None) -> EvolveResult:
    """Evolve the seeds in the folder `settings.out`, or resume what is there.

    Raises:
        HarnessError: see the subclasses; what was asked until then is kept.
    """
    seeds = read_seeds(settings.seeds)
    suites = load_suites(settings.dataset_filter)
    inner = progress or Quiet()
    with _open_backend(config, settings, inner) as backend:
        openers = _build_openers(config, settings, backend)
        facts = {name: dict(opener().describe()) for name, opener in openers.items()}
        with (
            backend.watch_progress(inner) as shown,
            EvolveFolder(settings.out, build_identity(config, seeds, facts)) as folder,
        ):
            run = _EvolveRun(
                config, settings, seeds=seeds, suites=suites, folder=folder, progress=shown, backend=backend
            )
            run.record_start(facts)
            with Ledger(folder.path) as ledger:
                return run.run_rounds(ledger, openers)


class _EvolveRun:
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
        backend: Backend,
    ) -> None:
        self._backend = backend
        self._config, self._settings, self._seeds, self._suites = config, settings, seeds, suites
        self._folder, self._progress = folder, progress
        self._clock = provenance.StageTimer()
        self._started_at = provenance.read_clock()
        self._trials: list[Trial] = []

    def record_start(self, models: dict[str, Any]) -> None:
        """Record what is known before the first request."""
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

    def run_rounds(self, ledger: Ledger, openers: dict[str, Callable[[], Model]]) -> EvolveResult:
        """Run all rounds that the budget allows and write the files; end with an error if no attempt survives."""
        client = ModelClient(
            ledger, openers, form=self._config.form, limits=self._settings.limits, progress=self._progress
        )
        run = ProgramRunner(ledger, self._settings.dataset_filter.sandbox, self._settings.dataset_filter.workers)
        rows = [
            InstructionRow(
                id=seed.id, seed_id=seed.id, instruction=seed.instruction, input=seed.input, output=seed.output
            )
            for seed in self._seeds.seeds
        ]
        rounds = Rounds(
            self._config,
            rows,
            client,
            check=ExampleRunner(run) if self._config.examples else None,
            run=run if self._config.verify else None,
        )
        stopped, failure = "", None
        with client:
            try:
                self._run_rounds(rounds, client)
            except BudgetReached as reached:
                stopped = f"{reached} in round {rounds.data.rounds + 1}; its replies are kept for a larger budget"
            except NothingSurvived as error:
                failure = error
        outcome = self._write_files(rounds.data, ledger, client, stopped)
        if failure is not None:
            raise failure
        return outcome

    def _is_compared(self, stop: EvolStop) -> bool:
        """Tell whether rows that repeat the development set are removed."""
        return stop.benchmark in self._settings.dataset_filter.against

    def _run_rounds(self, rounds: Rounds, client: ModelClient) -> None:
        stop = self._settings.stop
        if stop and not self._is_compared(stop):
            self._progress.note(
                f"warning: the data is not compared with {stop.benchmark}: rows that repeat it will count as gains"
            )
        self._clock.touch("rounds")
        try:
            if self._config.calibrates:
                self._progress.note(rounds.calibrate_judge().format())
            rounds.answer_seeds()
            while not self._try_round(rounds.data, client) and rounds.data.rounds < self._config.rounds:
                self._progress.note(f"round {rounds.data.rounds + 1} of {self._config.rounds}")
                rounds.advance()
                self._check_survivors(rounds.data)
        finally:
            self._clock.touch("rounds")

    def _check_survivors(self, found: EvolvedData) -> None:
        """End the run after too many rounds of which nothing survived, or if none of all rounds did."""
        if not found.barren:
            return
        why = explain_no_survivors(found.rounds, [one for one in found.rejections if one.round == found.rounds])
        if found.barren >= self._settings.patience or found.barren == self._config.rounds:
            raise NothingSurvived(why)
        self._progress.note(f"warning: {why}")

    def _try_round(self, found: EvolvedData, client: ModelClient) -> bool:
        """Train on the rounds so far and evaluate, if asked for; tell whether to stop."""
        stop = self._settings.stop
        if stop is None:
            return False
        rows, filtered = self._filter_rows(found)
        folder = self._folder.path / ROUNDS / f"round-{found.rounds}"
        make_folder(folder)
        file = folder / ROWS
        write_rows(file, (row.to_json() for row in rows))
        # As beside the data set itself: whoever trains on it asks what it was compared with.
        files = {ROWS: f"sha256:{digest_file(file)}"}
        facts = {"rows": len(rows), "files": files, "contamination": filtered.contamination}
        write_json(folder / DATA_MANIFEST, facts)
        client.release()
        score, training = stop.develop(found.rounds, folder)
        self._trials.append(Trial(round=found.rounds, rows=len(rows), score=score, facts=training))
        self._progress.note(f"{stop.benchmark} {score.metric} after round {found.rounds}: {100 * score.value:.1f} %")
        return should_stop(self._scores, stop.rule)

    @property
    def _scores(self) -> list[float]:
        return [trial.score.value for trial in self._trials]

    def _filter_rows(self, found: EvolvedData, last: int | None = None) -> tuple[list[InstructionRow], FilterResult]:
        """Return the rows up to the round `last`, filtered and shuffled."""
        answered = [row for row in found.rows if row.output.strip() and (last is None or row.round <= last)]
        filtered = filter_rows(answered, self._settings.dataset_filter, self._suites, self._progress)
        return shuffle_rows(filtered.rows, self._config.seed)[: self._settings.sample], filtered

    def _describe_stop(self) -> dict[str, Any] | None:
        """Return what Evol Stop measured and kept, JSON-ready."""
        stop = self._settings.stop
        if stop is None:
            return None
        return {
            "on": stop.benchmark,
            "compared": self._is_compared(stop),
            "patience": stop.rule.patience,
            "min_gain": stop.rule.min_gain,
            "best_round": find_best_round(self._scores, stop.rule) if self._trials else None,
            "stopped": bool(self._trials) and should_stop(self._scores, stop.rule),
            "rounds": [trial.to_json() for trial in self._trials],
        }

    def _write_files(self, found: EvolvedData, ledger: Ledger, client: ModelClient, stopped: str) -> EvolveResult:
        path, stop = self._folder.path, self._describe_stop()
        kept = stop["best_round"] if stop else None
        self._clock.touch("sift")
        rows, filtered = self._filter_rows(found, kept)
        self._clock.touch("sift")
        figures = compute_statistics(found, self._settings.dataset_filter.near)
        write_rows(path / REJECTED, map(_serialize_rejection, found.rejections))
        write_rows(path / REMOVED, (one.to_json() for one in filtered.removed))
        facts = {
            **self._describe_data(found, filtered, rows, ledger),
            **({"evol_stop": strip_paths(stop)} if stop else {}),
        }
        data = write_dataset(path / DATASET, rows, facts)
        write_json(path / STATISTICS, figures)
        self._clock.settle()
        self._record_end(found, data, ledger, client, stopped)
        self._folder.update(evol_stop=stop)
        write_text(path / PAGE, render_page(self._folder.manifest, figures, found, rows, filtered))
        return EvolveResult(
            path=path,
            rows=len(rows),
            statistics=figures,
            removed=count_removed(filtered.removed),
            requests=ledger.requests,
            asked=client.requests_sent,
            tokens=ledger.tokens,
            stopped=stopped,
            rounds=found.rounds,
            trials=tuple(self._trials),
            kept=kept,
        )

    def _describe_data(
        self, found: EvolvedData, filtered: FilterResult, rows: Sequence[InstructionRow], ledger: Ledger
    ) -> dict[str, Any]:
        """Return the facts of the data's manifest; none depends on when, or in how many starts, it was made."""
        return {
            "configuration": self._folder.manifest["digest"],
            "seeds": {"name": self._seeds.name, "sha256": self._seeds.sha256, "rows": len(self._seeds.seeds)},
            "operators": {one.name: one.digest for one in self._config.operators},
            "models": {name: facts.get("weights_digest") for name, facts in self._folder.manifest["models"].items()},
            "templates": {"judge": digest_template(JUDGE_TEMPLATE), "answer": digest_template(ANSWER_TEMPLATE)},
            "ledger": {"requests": ledger.requests, "tokens": ledger.tokens, "digest": ledger.digest},
            "rounds": {str(number): count for number, count in sorted(Counter(row.round for row in rows).items())},
            "rounds_run": found.rounds,
            "removed": count_removed(filtered.removed),
            "contamination": filtered.contamination,
            **({"verified": sum(bool(row.tests) for row in rows)} if self._config.verify else {}),
        }

    def _record_end(
        self, found: EvolvedData, data: dict[str, Any], ledger: Ledger, client: ModelClient, stopped: str
    ) -> None:
        session = {
            "command": list(self._settings.command),
            "started_at": self._started_at,
            "ended_at": provenance.read_clock(),
            "asked": client.requests_sent,
            "generating_s": round(client.generating_s, 3),
            "stages_s": self._clock.measure_stages(),
            "stopped": stopped,
        }
        if (cluster := self._backend.describe()) is not None:
            session["cluster"] = dict(cluster)
        sessions = [*self._folder.manifest.get("sessions", []), session]
        totals = {"requests": ledger.requests, "tokens": ledger.tokens, "rounds": found.rounds}
        self._folder.update(sessions=sessions, dataset=data, totals=totals)


def _open_backend(config: EvolveConfig, settings: Settings, progress: Progress) -> Backend:
    """Open the backend that holds the models."""
    options = settings.options
    return open_backend(
        settings.cluster,
        progress,
        models=(config.model, config.judge_model),
        replicas=settings.replicas,
        replica_gpus=settings.replica_gpus,
        parallel=options.tensor_parallel_size * options.pipeline_parallel_size,
    )


def _build_openers(config: EvolveConfig, settings: Settings, backend: Backend) -> dict[str, Callable[[], Model]]:
    """Return a function for each needed model that opens it."""

    def make_opener(spec: str) -> Callable[[], Model]:
        return lambda: backend.open_model(spec, backend=settings.backend, options=settings.options)

    return {spec: make_opener(spec) for spec in dict.fromkeys((config.model, config.judge_model))}


def _serialize_rejection(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}
