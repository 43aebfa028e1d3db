"""The loop: evolve, fine-tune, learn from verdicts, run all checkpoints, compare, gate; the same call resumes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..compare import Gate
from ..compare.gate import check_regression
from ..compare.verdict import format_verdict, write_junit
from ..compare.writing import write_comparison
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
from .ablation import FOLDER, Ablation, build_ablation_stage, measure_rounds, parse_ablation
from .config import LoopConfig
from .develop import build_evol_stop
from .lessons import Lessons
from .page import PAGE, write_page
from .stages import FinishedStage, Stage, Stages
from .workshop import Workshop

MANIFEST = "loop.json"
GATE = "gate.md"
JUNIT = "gate.xml"
ABLATION = "ablation.json"
STUDENTS = {"prefer": "preferred", "reinforce": "reinforced"}
"""Stages that train the fine-tune further, and those that evaluate what they made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopResult:
    """Result of a loop."""

    page: Path
    gate: Gate
    digests: dict[str, str]
    """Digests of outcomes by stage; the same for the same configuration, however often it was stopped."""
    rounds: Ablation | None
    """The comparison of rounds, if it was requested now or earlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """A stage as `--dry-run` shows it."""

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
        self.lessons = Lessons(config, self.workshop)

    def run(self, *, ablation: bool = False) -> LoopResult:
        """Run all stages that are not done yet, and write the page.

        Raises:
            HarnessError: see the subclasses; finished stages are kept.
        """
        with lock_folder(self.config.out):
            started = read_clock()
            evolved = self._run_evolve()
            data = evolved.folder / DATASET if evolved else self.config.data
            assert data is not None
            trained = self.workshop.train(data, self.config.finetune)
            lessons = self.lessons.run(trained)
            base = self.workshop.evaluate_base(self.config.run)
            students = {"tuned": trained, **{STUDENTS[name]: lessons[name] for name in STUDENTS if name in lessons}}
            evaluated = {
                name: self.workshop.evaluate(str(student.folder), student.digest, self.config.run)
                for name, student in students.items()
            }
            gated, gate = self._run_gate(base, list(evaluated.values())[-1])
            rounds = self._run_ablation(evolved, data, wanted=ablation)
            by_stage = {"evolve": evolved, "finetune": trained, **lessons, "base": base, **evaluated, "gate": gated}
            done = {name: stage for name, stage in by_stage.items() if stage}
            return self._write_result(done, gate, rounds, started)

    def plan(self) -> list[PlannedStage]:
        """Plan each stage without running it; a stage whose input is missing waits for it."""
        planned: list[PlannedStage] = []
        workshop, run, data = self.workshop, self.config.run, self.config.data
        if self.config.evolve is not None:
            stage = self._build_evolve_stage()
            known = self._find_evolved(stage)
            planned.append(PlannedStage(what="evolve", state="done" if known else "to do", label=stage.label))
            data = known.folder / DATASET if known else None

        def plan_stage(what: str, stage: Stage | None, needs: str = "") -> FinishedStage | None:
            known = self.stages.find_finished(stage) if stage else None
            state = "done" if known else "to do" if stage else f"waits for {needs}"
            planned.append(PlannedStage(what=what, state=state, label=stage.label if stage else ""))
            return known

        training = workshop.build_training_stage(data, self.config.finetune) if data else None
        trained = plan_stage("finetune", training, "evolve")
        lessons = self.lessons.plan(trained, plan_stage)
        base = plan_stage("base", workshop.build_run_stage(workshop.base, workshop.base_digest, run))
        last = None
        for training_stage, student in {"finetune": trained, **lessons}.items():
            evaluation = workshop.build_run_stage(str(student.folder), student.digest, run) if student else None
            name = STUDENTS.get(training_stage, "tuned")
            last = plan_stage(name, evaluation, training_stage)
        plan_stage("gate", self._build_gate_stage(base, last) if base and last else None, f"base and {name}")
        return planned

    def _build_evolve_stage(self) -> Stage:
        options = self.config.evolve
        assert options is not None
        dataset_filter = options.make_filter()
        return Stage(
            name="evolve",
            key={
                **self._build_evolve_identity(),
                "rounds": options.rounds,
                "patience": options.patience,
                "sample": options.sample,
                "budget": [options.budget_requests, options.budget_tokens],
                "near": dataset_filter.near,
                "execute": dataset_filter.execute,
                "ngram_share": dataset_filter.thresholds.ngram_share,
                "similarity": dataset_filter.thresholds.similarity,
                "against": {suite.name: suite.data_digest for suite in load_suites(dataset_filter)},
                "stop": self._build_stop_key(),
            },
        )

    def _build_stop_key(self) -> dict[str, Any] | None:
        """Return what decides when rounds end."""
        stop, workshop = self.config.stop, self.workshop
        if stop is None:
            return None
        benchmark = resolve_development_set(stop.on, self.config.benchmarks)
        values = {**stop.run, "benchmarks": [benchmark]}
        running = workshop.build_run_stage(workshop.base, workshop.base_digest, values)
        return {
            "on": benchmark,
            "patience": stop.patience,
            "min_gain": stop.min_gain,
            "finetune": workshop.build_training_key(stop.finetune),
            "run": running.digest,
        }

    def _build_evolve_identity(self) -> dict[str, Any]:
        options = self.config.evolve
        assert options is not None
        config = options.make_config()
        settings = options.make_settings(self.config.out)
        facts = {
            spec: dict(open_model(spec, backend=settings.backend, options=settings.options).describe())
            for spec in dict.fromkeys((config.model, config.judge_model))
        }
        return build_identity(config, read_seeds(settings.seeds), facts)

    def _get_evolve_folder(self) -> Path:
        """Return the folder, which is the same for more rounds, because they resume its ledger."""
        return self.config.out / Stage(name="evolve", key=self._build_evolve_identity()).label

    def _find_evolved(self, stage: Stage) -> FinishedStage | None:
        """Return what was evolved earlier; None if another number of rounds was written there since."""
        known = self.stages.find_finished(stage, self._get_evolve_folder())
        file = self._get_evolve_folder() / DATASET / ROWS
        return known if known and file.is_file() and known.digest == f"sha256:{digest_file(file)}" else None

    def _run_evolve(self) -> FinishedStage | None:
        options = self.config.evolve
        if options is None:
            return None
        stage = self._build_evolve_stage()
        if self._find_evolved(stage) is None:
            self.stages.forget(stage)
        stop = self.config.stop
        how = build_evol_stop(stop, self.workshop, self.config.benchmarks) if stop else None

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

        return self.stages.perform(stage, work, self._get_evolve_folder())

    def _run_ablation(self, evolved: FinishedStage | None, data: Path, *, wanted: bool) -> Ablation | None:
        """Compare all rounds, also those that Evol Stop left out; if not `wanted`, return an earlier comparison."""
        trials = evolved.outcome["trials"] if evolved else []
        if evolved and trials:
            data = evolved.folder / ROUNDS / f"round-{trials[-1]['round']}"
        options, root = self.config.ablation, self.config.out
        stage, folder = build_ablation_stage(self.workshop, data, options), root / FOLDER
        if not wanted and self.stages.find_finished(stage, folder) is None:
            return None

        def work(_: Path) -> dict[str, Any]:
            values = measure_rounds(self.workshop, data, options).serialize(root)
            return {"digest": f"sha256:{digest_json(values)}", **values}

        done = self.stages.perform(stage, work, folder)
        return parse_ablation(done.outcome, root)

    def _build_gate_stage(self, base: FinishedStage, tuned: FinishedStage) -> Stage:
        sides = {name: [stage.stage.label, stage.digest] for name, stage in (("base", base), ("tuned", tuned))}
        return Stage(name="gate", key={**sides, "rules": dict(self.config.gate)})

    def _run_gate(self, base: FinishedStage, tuned: FinishedStage) -> tuple[FinishedStage, Gate]:
        # The check is fast and the page needs all of it, so each start repeats it; only the files are a stage.
        gate = check_regression(base.folder, tuned.folder, self.config.rules)

        def work(folder: Path) -> dict[str, Any]:
            write_comparison(gate.comparison, folder)
            write_text(folder / GATE, format_verdict(gate))
            write_junit(gate, folder / JUNIT)
            tested = [(finding.difference, finding.regressed) for finding in gate.findings]
            rows = [(difference.benchmark, difference.metric, regressed) for difference, regressed in tested]
            return {"digest": f"sha256:{digest_json(rows)}", "exit_code": gate.exit_code}

        return self.stages.perform(self._build_gate_stage(base, tuned), work), gate

    def _write_result(
        self, done: dict[str, FinishedStage], gate: Gate, rounds: Ablation | None, started: str
    ) -> LoopResult:
        out = self.config.out
        if rounds is not None:
            write_json(out / ABLATION, rounds.serialize(out))
        digests = {name: stage.digest for name, stage in done.items()}
        stages = {name: {"label": stage.stage.label, "seconds": stage.seconds} for name, stage in done.items()}
        write_json(
            out / MANIFEST,
            {
                "config": self.config.path.name,
                "command": list(self._command),
                "started": started,
                "ended": read_clock(),
                "stages": stages,
                "digests": digests,
                "exit_code": gate.exit_code,
            },
        )
        write_page(self.config, done, self.stages.done, gate, rounds)
        return LoopResult(page=out / PAGE, gate=gate, digests=digests, rounds=rounds)
