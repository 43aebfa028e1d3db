"""Trainings and evaluations of one base model in one folder; each is done once.

Evol Stop's training of the round it keeps is the loop's own; the base's run serves every comparison.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from .. import report
from ..config import RunConfig, build_run_config
from ..digests import digest_file, digest_files, digest_json
from ..errors import INFRASTRUCTURE, ModelError
from ..evaluation.pipeline import prepare_suites, run
from ..evaluation.plans import build_identity
from ..finetune.config import TrainingConfig, build_training_config
from ..finetune.rows import digest_source
from ..models.checkpoint import WEIGHTS, digest_weights
from ..models.loading import find_checkpoint
from ..models.options import ModelOptions
from ..models.trained import read_training
from ..progress import Progress
from ..store import make_folder, read_samples, read_verdicts
from ..tasks.recipes import recipe
from ..types import Score
from .stages import FinishedStage, Stage, Stages
from .training_process import train_in_subprocess

JOBS = "jobs"
SCRATCH = ".merging-"
"""Prefix of folders that `merge` is filling."""
ELSEWHERE = ("model", "sandbox")
"""Keys of a run's identity that the checkpoint's digest covers, or the machine chooses."""


class Workshop:
    """Trains `base`, and evaluates the base and its fine-tunes."""

    def __init__(
        self,
        stages: Stages,
        base: str,
        *,
        launcher: Sequence[str] = (),
        open_progress: Callable[[], Progress],
        command: Sequence[str] = (),
    ) -> None:
        self.stages = stages
        self.base = base
        self._launcher = tuple(launcher)
        self._open_progress = open_progress
        self._command = tuple(command)

    @cached_property
    def base_digest(self) -> str:
        """Return the digest of the base's weights, configuration and tokenizer.

        Raises:
            ModelError: the base is missing or damaged.
        """
        return digest_weights(find_checkpoint(self.base, ModelOptions()).path)

    def continue_from(self, checkpoint: Path) -> Workshop:
        """Return a workshop in the same folder whose base is a checkpoint that was trained here."""
        return Workshop(
            self.stages,
            str(checkpoint),
            launcher=self._launcher,
            open_progress=self._open_progress,
            command=self._command,
        )

    def build_training_stage(self, data: Path, values: Mapping[str, Any], name: str = "finetune") -> Stage:
        """Build the stage `name` that trains on `data` with `values` (keys of `TrainingConfig`).

        Raises:
            UsageError: a value does not fit.
            DataError: a file is missing.
        """
        return Stage(name=name, key={"data": digest_source(data), **self.build_training_key(values)})

    def build_training_key(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return what decides a training besides its data, JSON-ready.

        Raises:
            UsageError, DataError: as `build_training_stage`.
        """
        config = self._build_config(Path(), values, self.stages.root)
        return {
            "base": self.base_digest,
            "held_out": digest_source(config.held_out) if isinstance(config.held_out, Path) else None,
            "recipe": recipe(config.recipe).digest,
            "settings": {key: value for key, value in config.collect_settings().items() if key != "base"},
            **({"problems": digest_file(config.problems_file)} if config.problems_file else {}),
        }

    def train(self, data: Path, values: Mapping[str, Any], name: str = "finetune") -> FinishedStage:
        """Train a checkpoint on `data`; adapters are merged into whole weights.

        Raises:
            HarnessError: as `build_training_stage`, or the training failed.
        """
        stage = self.build_training_stage(data, values, name)

        def work(folder: Path) -> Mapping[str, Any]:
            config = self._build_config(data, values, folder)
            adapter = config.lora is not None
            out = get_adapter_folder(folder) if adapter else folder
            self._run_training({**values, "base": self.base, "data": str(data), "out": str(out)}, stage)
            if adapter:
                self._merge_adapter(out, folder)
            return {"digest": digest_checkpoint(folder), **read_training_facts(out)}

        return self.stages.perform(stage, work)

    def build_run_stage(self, model: str, digest: str, values: Mapping[str, Any]) -> Stage:
        """Build the stage that runs the benchmarks of `values` (keys of `RunConfig`) on the checkpoint of `digest`.

        Raises:
            HarnessError: a name or a value does not fit, or a benchmark's data is missing.
        """
        config = build_run_config({"model": model, **values})
        identity = build_identity(config, prepare_suites(config), config.sandbox or "")
        kept = {key: value for key, value in identity.items() if key not in ELSEWHERE}
        return Stage(name="run", key={"checkpoint": digest, "n": config.n, "k": list(config.k), "run": kept})

    def evaluate(self, model: str, digest: str, values: Mapping[str, Any]) -> FinishedStage:
        """Evaluate a checkpoint.

        Raises:
            ModelError: the judge failed on samples; the same call retries them.
            HarnessError: as `build_run_stage`, or as `pipeline.run`.
        """
        config = build_run_config({"model": model, **values})
        return self.stages.perform(
            self.build_run_stage(model, digest, values), lambda folder: self._run_evaluation(config, folder)
        )

    def evaluate_base(self, values: Mapping[str, Any]) -> FinishedStage:
        """Evaluate the base."""
        return self.evaluate(self.base, self.base_digest, values)

    def _run_evaluation(self, config: RunConfig, folder: Path) -> Mapping[str, Any]:
        summary = run(config, out=folder, command=self._command, progress=self._open_progress())
        report.write_page(folder)
        if summary.infrastructure:
            raise ModelError(
                f"{folder}: the judge failed on {len(summary.infrastructure)} samples; the same command tries them "
                "again",
                exit_code=INFRASTRUCTURE,
            )
        return {"digest": digest_outcome(folder), "scores": [asdict(score) for score in summary.scores]}

    def _run_training(self, values: Mapping[str, Any], stage: Stage) -> None:
        jobs = self.stages.root / JOBS
        make_folder(jobs)
        train_in_subprocess(values, jobs / f"{stage.label}.json", self._launcher, tell=self.stages.tell)

    def _merge_adapter(self, adapter: Path, folder: Path) -> None:
        from ..finetune.merge import merge

        for scratch in folder.parent.glob(f"{SCRATCH}*"):  # left by a start that was killed while it merged
            shutil.rmtree(scratch)
        # It appears whole: an existing one was merged by a start that was killed right after.
        if not folder.exists():
            merge(adapter, folder)

    def _build_config(self, data: Path, values: Mapping[str, Any], out: Path) -> TrainingConfig:
        return build_training_config({**values, "base": self.base, "data": str(data), "out": str(out)})


def get_adapter_folder(folder: Path) -> Path:
    """Return the folder of the adapter that was merged into the checkpoint in `folder`."""
    return folder.with_name(f"{folder.name}-adapter")


def read_training_facts(folder: Path) -> dict[str, Any]:
    """Read a checkpoint's manifest for its losses and the number of answer tokens that it was trained on.

    Raises:
        ModelError: it has no manifest.
    """
    manifest = read_training(folder)
    if manifest is None:
        raise ModelError(f"checkpoint {folder} has no manifest of its training", exit_code=INFRASTRUCTURE)
    losses, data = manifest["losses"], manifest["data"]
    last = losses["held_out"][-1][1] if losses["held_out"] else None
    return {
        "losses": losses,
        "curves": manifest.get("curves", {}),
        "held_out_loss": last,
        "trained_rows": data["trained_rows"],
        "trained_tokens": data["trained_answer_tokens"],
    }


def read_scores(done: FinishedStage) -> list[Score]:
    """Return the scores of an evaluation."""
    return [parse_score(fields) for fields in done.outcome["scores"]]


def parse_score(fields: Mapping[str, Any]) -> Score:
    """Parse a score as JSON keeps it."""
    return Score(**{**fields, "interval": tuple(fields["interval"]) if fields["interval"] else None})


def digest_checkpoint(folder: Path) -> str:
    """Digest the weights alone, because the files beside them say when and where they were made."""
    return f"sha256:{digest_files(sorted(folder.glob(WEIGHTS)))}"


def digest_outcome(folder: Path) -> str:
    """Digest a run's answers and verdicts, independent of their order."""
    samples, verdicts = read_samples(folder), read_verdicts(folder)
    rows = sorted([*key, samples[key].completion.text, verdicts[key].status.value] for key in samples)
    return f"sha256:{digest_json(rows)}"
