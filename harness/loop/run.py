"""The loop: evolve, fine-tune, run the base and the fine-tune, compare, gate; the same call goes on after a kill."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..compare import Gate
from ..compare.gate import gate as hold
from ..compare.verdict import text, write_junit
from ..compare.writing import write as write_comparison
from ..digests import digest_file, digest_json
from ..evolve.dataset import ROWS
from ..evolve.dataset_filter import load_suites
from ..evolve.folder import DATASET, ROUNDS
from ..evolve.records import build_identity
from ..evolve.run import evolve
from ..evolve.seeds import read_seeds
from ..evolve.stopping import resolve_development_set
from ..models.loading import open_model
from ..progress import Progress
from ..store import write_json, write_text
from ..store.claims import lock_folder
from ..store.provenance import read_clock
from .ablation import FOLDER, Ablation, ablation_from, ablation_stage, rounds_ablation
from .config import LoopConfig
from .develop import evol_stop
from .page import PAGE, write_page
from .stages import Done, Stage, Stages
from .workshop import Workshop

MANIFEST = "loop.json"
GATE = "gate.md"
JUNIT = "gate.xml"
ABLATION = "ablation.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """Result of a loop."""

    page: Path
    gate: Gate
    digests: dict[str, str]
    """By stage, of what was made; the same for the same configuration, however often it was stopped."""
    rounds: Ablation | None
    """The comparison of rounds, where it was asked for or is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A stage as `--dry-run` tells it."""

    what: str
    state: str
    """ "done", "to do", or what it waits for."""
    label: str = ""


class Loop:
    """One start of the loop in the folder that `config` names; `tell` gets a line per stage."""

    def __init__(
        self,
        config: LoopConfig,
        *,
        open_progress: Callable[[], Progress],
        tell: Callable[[str], None],
        command: Sequence[str] = (),
    ) -> None:
        self.config = config
        self.stages = Stages(config.out, tell)
        self._open_progress = open_progress
        self._command = tuple(command)
        self.workshop = Workshop(
            self.stages, config.base, launcher=config.launcher, open_progress=open_progress, command=command
        )

    def run(self, *, ablation: bool = False) -> Ended:
        """All stages that are not done yet, and the page.

        Raises:
            HarnessError: see the subclasses; what was done until then is kept.
        """
        with lock_folder(self.config.out):
            started = read_clock()
            evolved = self._evolve()
            data = evolved.folder / DATASET if evolved else self.config.data
            assert data is not None
            trained = self.workshop.train(data, self.config.finetune)
            base = self.workshop.evaluate_base(self.config.run)
            tuned = self.workshop.evaluate(str(trained.folder), trained.digest, self.config.run)
            gated, found = self._gate(base, tuned)
            rounds = self._ablation(evolved, data, wanted=ablation)
            by_stage = {"evolve": evolved, "finetune": trained, "base": base, "tuned": tuned, "gate": gated}
            done = {name: one for name, one in by_stage.items() if one}
            return self._end(done, found, rounds, started)

    def plan(self) -> list[Planned]:
        """Return what each stage would do, without doing it; a stage whose input is missing waits for it."""
        planned: list[Planned] = []
        data = self.config.data
        if self.config.evolve is not None:
            stage = self._evolve_stage()
            known = self._evolved(stage)
            planned.append(Planned(what="evolve", state="done" if known else "to do", label=stage.label))
            data = known.folder / DATASET if known else None
        trained = None
        if data is None:
            planned.append(Planned(what="finetune", state="waits for evolve"))
        else:
            trained = self._planned(planned, "finetune", self.workshop.training(data, self.config.finetune))
        workshop, run = self.workshop, self.config.run
        base = self._planned(planned, "base", workshop.evaluation(workshop.base, workshop.base_digest, run))
        tuned = None
        if trained is None:
            planned.append(Planned(what="tuned", state="waits for finetune"))
        else:
            tuned = self._planned(planned, "tuned", workshop.evaluation(str(trained.folder), trained.digest, run))
        if base and tuned:
            self._planned(planned, "gate", self._gate_stage(base, tuned))
        else:
            planned.append(Planned(what="gate", state="waits for base and tuned"))
        return planned

    def _planned(self, planned: list[Planned], what: str, stage: Stage) -> Done | None:
        known = self.stages.known(stage)
        planned.append(Planned(what=what, state="done" if known else "to do", label=stage.label))
        return known

    def _evolve_stage(self) -> Stage:
        options = self.config.evolve
        assert options is not None
        dataset_filter = options.make_filter()
        return Stage(
            name="evolve",
            key={
                **self._evolve_identity(),
                "rounds": options.rounds,
                "sample": options.sample,
                "budget": [options.budget_requests, options.budget_tokens],
                "near": dataset_filter.near,
                "execute": dataset_filter.execute,
                "ngram_share": dataset_filter.thresholds.ngram_share,
                "similarity": dataset_filter.thresholds.similarity,
                "against": {suite.name: suite.data_digest for suite in load_suites(dataset_filter)},
                "stop": self._stop_key(),
            },
        )

    def _stop_key(self) -> dict[str, Any] | None:
        """Return what decides where rounds end."""
        stop, workshop = self.config.stop, self.workshop
        if stop is None:
            return None
        benchmark = resolve_development_set(stop.on, self.config.benchmarks)
        running = workshop.evaluation(workshop.base, workshop.base_digest, {**stop.run, "benchmarks": [benchmark]})
        return {
            "on": benchmark,
            "patience": stop.patience,
            "min_gain": stop.min_gain,
            "finetune": workshop.settings(stop.finetune),
            "run": running.digest,
        }

    def _evolve_identity(self) -> dict[str, Any]:
        options = self.config.evolve
        assert options is not None
        config = options.make_config()
        settings = options.make_settings(self.config.out)
        facts = {
            spec: dict(open_model(spec, backend=settings.backend, options=settings.options).describe())
            for spec in dict.fromkeys((config.model, config.judge_model))
        }
        return build_identity(config, read_seeds(settings.seeds), facts)

    def _evolve_folder(self) -> Path:
        """The same for more rounds, which go on with its ledger."""
        return self.config.out / Stage(name="evolve", key=self._evolve_identity()).label

    def _evolved(self, stage: Stage) -> Done | None:
        """Return what was evolved earlier; None where more or fewer rounds were written there since."""
        known = self.stages.known(stage, self._evolve_folder())
        file = self._evolve_folder() / DATASET / ROWS
        return known if known and file.is_file() and known.digest == f"sha256:{digest_file(file)}" else None

    def _evolve(self) -> Done | None:
        options = self.config.evolve
        if options is None:
            return None
        stage = self._evolve_stage()
        if self._evolved(stage) is None:
            self.stages.forget(stage)
        stop = self.config.stop
        how = evol_stop(stop, self.workshop, self.config.benchmarks) if stop else None

        def work(folder: Path) -> dict[str, Any]:
            settings = replace(options.make_settings(folder, self._command), stop=how)
            outcome = evolve(options.make_config(), settings, self._open_progress())
            trials = [trial.to_json() for trial in outcome.trials]
            return {
                "digest": f"sha256:{digest_file(folder / DATASET / ROWS)}",
                "rows": outcome.rows,
                "rounds": outcome.rounds,
                "requests": outcome.requests,
                "tokens": outcome.tokens,
                "stopped": outcome.stopped,
                "kept": outcome.kept,
                "trials": trials,
            }

        return self.stages.perform(stage, work, self._evolve_folder())

    def _ablation(self, evolved: Done | None, data: Path, *, wanted: bool) -> Ablation | None:
        """Over all rounds, those that Evol Stop left out as well; without being wanted, what is known of it."""
        trials = evolved.outcome["trials"] if evolved else []
        if evolved and trials:
            data = evolved.folder / ROUNDS / f"round-{trials[-1]['round']}"
        options, root = self.config.ablation, self.config.out
        stage, folder = ablation_stage(self.workshop, data, options), root / FOLDER
        if not wanted and self.stages.known(stage, folder) is None:
            return None

        def work(_: Path) -> dict[str, Any]:
            told = rounds_ablation(self.workshop, data, options).as_json(root)
            return {"digest": f"sha256:{digest_json(told)}", **told}

        done = self.stages.perform(stage, work, folder)
        return ablation_from(done.outcome, root)

    def _gate_stage(self, base: Done, tuned: Done) -> Stage:
        sides = {name: [one.stage.label, one.digest] for name, one in (("base", base), ("tuned", tuned))}
        return Stage(name="gate", key={**sides, "rules": dict(self.config.gate)})

    def _gate(self, base: Done, tuned: Done) -> tuple[Done, Gate]:
        # It takes a moment, and the page wants all of it, so only its files are kept from one start to the next.
        found = hold(base.folder, tuned.folder, self.config.rules)

        def work(folder: Path) -> dict[str, Any]:
            write_comparison(found.comparison, folder)
            write_text(folder / GATE, text(found))
            write_junit(found, folder / JUNIT)
            rows = [(one.difference.benchmark, one.difference.metric, one.regressed) for one in found.findings]
            return {"digest": f"sha256:{digest_json(rows)}", "exit_code": found.exit_code}

        return self.stages.perform(self._gate_stage(base, tuned), work), found

    def _end(self, done: dict[str, Done], found: Gate, rounds: Ablation | None, started: str) -> Ended:
        out = self.config.out
        if rounds is not None:
            write_json(out / ABLATION, rounds.as_json(out))
        digests = {name: one.digest for name, one in done.items()}
        write_json(
            out / MANIFEST,
            {
                "config": self.config.path.name,
                "command": list(self._command),
                "started": started,
                "ended": read_clock(),
                "stages": {name: {"label": one.stage.label, "seconds": one.seconds} for name, one in done.items()},
                "digests": digests,
                "exit_code": found.exit_code,
            },
        )
        write_page(self.config, done, self.stages.done, found, rounds)
        return Ended(page=out / PAGE, gate=found, digests=digests, rounds=rounds)
