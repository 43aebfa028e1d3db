"""Trainings and evaluations of one base model in one folder: each is done once, whoever asks for it.

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
from ..config import RunConfig, run_config
from ..digests import digest_files, digest_json
from ..errors import INFRASTRUCTURE, ModelError
from ..evaluation.pipeline import prepare_suites, run
from ..evaluation.plans import build_identity
from ..finetune.config import TrainingConfig, training_config
from ..finetune.rows import source_digest
from ..models.checkpoint import WEIGHTS, digest_weights
from ..models.loading import find_checkpoint
from ..models.options import ModelOptions
from ..models.trained import read_training
from ..progress import Progress
from ..store import make_folder, read_samples, read_verdicts
from ..tasks.recipes import recipe
from ..types import Score
from .apart import train_apart
from .stages import Done, Stage, Stages

JOBS = "jobs"
SCRATCH = ".merging-"
"""What names of folders begin with while `merge` fills them."""
ELSEWHERE = ("model", "sandbox")
"""Of a run's identity: told by the checkpoint's digest, and chosen by the machine."""


class Workshop:
    """Trains `base` and evaluates what comes of it, and the base itself."""

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

    def training(self, data: Path, values: Mapping[str, Any]) -> Stage:
        """The stage that trains on `data`, as `values` (keys of `TrainingConfig`) say.

        Raises:
            UsageError: a value does not fit.
            DataError: a file is missing.
        """
        return Stage(name="finetune", key={"data": source_digest(data), **self.settings(values)})

    def settings(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return what decides a training besides its data, JSON-ready.

        Raises:
            UsageError, DataError: as `training`.
        """
        config = self._config(Path(), values, self.stages.root)
        return {
            "base": self.base_digest,
            "held_out": source_digest(config.held_out) if isinstance(config.held_out, Path) else None,
            "recipe": recipe(config.recipe).digest,
            "settings": {key: value for key, value in config.settings().items() if key != "base"},
        }

    def train(self, data: Path, values: Mapping[str, Any]) -> Done:
        """A checkpoint trained on `data`; adapters are merged into whole weights.

        Raises:
            HarnessError: as `training`, or the training failed.
        """
        stage = self.training(data, values)

        def work(folder: Path) -> Mapping[str, Any]:
            config = self._config(data, values, folder)
            adapter = config.lora is not None
            made = adapter_of(folder) if adapter else folder
            self._trained({**values, "base": self.base, "data": str(data), "out": str(made)}, stage)
            if adapter:
                self._merged(made, folder)
            return {"digest": checkpoint_digest(folder), **training_facts(made)}

        return self.stages.perform(stage, work)

    def evaluation(self, model: str, digest: str, values: Mapping[str, Any]) -> Stage:
        """The stage that runs the benchmarks of `values` (keys of `RunConfig`) on the checkpoint of `digest`.

        Raises:
            HarnessError: a name or a value does not fit, or a benchmark's data is missing.
        """
        config = run_config({"model": model, **values})
        identity = build_identity(config, prepare_suites(config), config.sandbox or "")
        kept = {key: value for key, value in identity.items() if key not in ELSEWHERE}
        return Stage(name="run", key={"checkpoint": digest, "n": config.n, "k": list(config.k), "run": kept})

    def evaluate(self, model: str, digest: str, values: Mapping[str, Any]) -> Done:
        """The scores of a checkpoint.

        Raises:
            ModelError: the judge failed on samples; the same call tries them again.
            HarnessError: as `evaluation`, or as `pipeline.run`.
        """
        config = run_config({"model": model, **values})
        return self.stages.perform(
            self.evaluation(model, digest, values), lambda folder: self._evaluated(config, folder)
        )

    def evaluate_base(self, values: Mapping[str, Any]) -> Done:
        """The scores of the base."""
        return self.evaluate(self.base, self.base_digest, values)

    def _evaluated(self, config: RunConfig, folder: Path) -> Mapping[str, Any]:
        summary = run(config, out=folder, command=self._command, progress=self._open_progress())
        report.write_page(folder)
        if summary.infrastructure:
            raise ModelError(
                f"{folder}: the judge failed on {len(summary.infrastructure)} samples; the same command tries them "
                "again",
                exit_code=INFRASTRUCTURE,
            )
        return {"digest": outcome_digest(folder), "scores": [asdict(score) for score in summary.scores]}

    def _trained(self, values: Mapping[str, Any], stage: Stage) -> None:
        jobs = self.stages.root / JOBS
        make_folder(jobs)
        train_apart(values, jobs / f"{stage.label}.json", self._launcher, tell=self.stages.tell)

    def _merged(self, adapter: Path, folder: Path) -> None:
        from ..finetune.merge import merge

        for left in folder.parent.glob(f"{SCRATCH}*"):  # of a start that was killed while it merged
            shutil.rmtree(left)
        # It appears whole: what is there was merged by a start that was killed right after.
        if not folder.exists():
            merge(adapter, folder)

    def _config(self, data: Path, values: Mapping[str, Any], out: Path) -> TrainingConfig:
        return training_config({**values, "base": self.base, "data": str(data), "out": str(out)})


def adapter_of(folder: Path) -> Path:
    """Where the adapter lies that was merged into the checkpoint in `folder`."""
    return folder.with_name(f"{folder.name}-adapter")


def training_facts(folder: Path) -> dict[str, Any]:
    """Return what a checkpoint's manifest says of its training: losses, and how many answer tokens had one.

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
        "held_out_loss": last,
        "trained_rows": data["trained_rows"],
        "trained_tokens": data["trained_answer_tokens"],
    }


def scores(done: Done) -> list[Score]:
    """Those of an evaluation."""
    return [score_from(fields) for fields in done.outcome["scores"]]


def score_from(fields: Mapping[str, Any]) -> Score:
    """A score as JSON keeps it."""
    return Score(**{**fields, "interval": tuple(fields["interval"]) if fields["interval"] else None})


def checkpoint_digest(folder: Path) -> str:
    """SHA-256 of the weights; what lies beside them says when and where it was made."""
    return f"sha256:{digest_files(sorted(folder.glob(WEIGHTS)))}"


def outcome_digest(folder: Path) -> str:
    """SHA-256 of a run's answers and verdicts, in whatever order they came."""
    samples, verdicts = read_samples(folder), read_verdicts(folder)
    rows = sorted([*key, samples[key].completion.text, verdicts[key].status.value] for key in samples)
    return f"sha256:{digest_json(rows)}"
