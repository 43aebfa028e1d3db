"""Lessons from verdicts: sample the fine-tune's answers, select among them, train on preferences, reinforce.

sample      answers to problems for training, judged as in any run
select      rows of verified answers, as `harness data from-runs` makes them
prefer      the fine-tune, trained further on these rows
reinforce   that checkpoint, trained further by GRPO on problems for training

Each is a stage of its own, by what decides it. The checkpoints are evaluated by the loop.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..curation.datasets import build_dataset
from ..digests import digest_file
from ..finetune.examples import export_examples
from .config import LoopConfig
from .stages import FinishedStage, Stage
from .workshop import Workshop

ROWS = "rows.jsonl"
PROBLEMS = "problems"
PlanStage = Callable[[str, Stage | None, str], FinishedStage | None]
"""Plans a stage by its name and what it waits for, and returns it if it is done."""


class Lessons:
    """The stages after the fine-tune, of those that `config` has."""

    def __init__(self, config: LoopConfig, workshop: Workshop) -> None:
        self._config, self._workshop = config, workshop

    def run(self, tuned: FinishedStage) -> dict[str, FinishedStage]:
        """Run the stages that are not done yet, and return all by their names.

        Raises:
            HarnessError: see the subclasses; finished stages are kept.
        """
        done: dict[str, FinishedStage] = {}
        student, config = tuned, self._config
        if config.prefer is not None:
            done["sample"] = self._workshop.evaluate(str(student.folder), student.digest, self._get_sampling())
            done["select"] = self._select(done["sample"])
            rows = done["select"].folder / ROWS
            student = done["prefer"] = self._workshop.continue_from(student.folder).train(rows, config.prefer, "prefer")
        if config.reinforce is not None:
            further = self._workshop.continue_from(student.folder)
            done["reinforce"] = further.train(self._prepare_problems(), config.reinforce, "reinforce")
        return done

    def plan(self, tuned: FinishedStage | None, plan_stage: PlanStage) -> dict[str, FinishedStage | None]:
        """Plan the stages, and return the checkpoints of those that are done, by the stage that trains them."""
        config, workshop, student, before = self._config, self._workshop, tuned, "finetune"
        students: dict[str, FinishedStage | None] = {}
        if config.prefer is not None:
            asked = self._get_sampling()
            stage = workshop.build_run_stage(str(student.folder), student.digest, asked) if student else None
            sampled = plan_stage("sample", stage, before)
            selected = plan_stage("select", self._build_selection(sampled) if sampled else None, "sample")
            training = None
            if student and selected:
                further = workshop.continue_from(student.folder)
                training = further.build_training_stage(selected.folder / ROWS, config.prefer, "prefer")
            student = students["prefer"] = plan_stage("prefer", training, "select")
            before = "prefer"
        if config.reinforce is not None:
            training = None
            if student:
                further = workshop.continue_from(student.folder)
                training = further.build_training_stage(self._prepare_problems(), config.reinforce, "reinforce")
            students["reinforce"] = plan_stage("reinforce", training, before)
        return students

    def _get_sampling(self) -> Mapping[str, Any]:
        assert self._config.sample is not None
        return self._config.sample

    def _build_selection(self, sampled: FinishedStage) -> Stage:
        return Stage(name="select", key={"run": sampled.digest, **self._config.select.describe()})

    def _select(self, sampled: FinishedStage) -> FinishedStage:
        select = self._config.select

        def work(folder: Path) -> Mapping[str, Any]:
            shutil.rmtree(folder, ignore_errors=True)  # what a start left that was killed while it wrote
            made = build_dataset(
                [sampled.folder],
                folder / ROWS,
                form=select.form,
                pick=select.pick,
                per_problem=select.per_problem,
                against=select.against,
            )
            counts = {key: made[key] for key in ("prompts", "prompts_with_rows", "left_out")}
            return {"digest": f"sha256:{digest_file(folder / ROWS)}", "rows": len(made["rows"]), **counts}

        return self._workshop.stages.perform(self._build_selection(sampled), work)

    def _prepare_problems(self) -> Path:
        """Return the file of prompts to reinforce on; a benchmark's are written when they are first needed."""
        values = self._config.reinforce
        assert values is not None
        if "data" in values:
            return Path(values["data"])
        file = self._workshop.stages.root / PROBLEMS / f"{values['problems']}-{values['recipe']}.jsonl"
        if not file.exists():
            export_examples(values["problems"], file, recipe=values["recipe"])
        return file
