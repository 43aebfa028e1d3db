"""Measure what each round adds: checkpoints trained on round 0, 0 to 1, 0 to 2, ..., on equal numbers of tokens.

A larger set would win by more training alone. Here each checkpoint sees as many answer tokens (those that carry the
loss) as the others, smaller sets more often; the budgets agree to within the row that reaches it. If no file of
held-out rows is named, a fraction of the seeds is held out with all that was evolved from them, so that no held-out
row has a relative among the trained ones, and all checkpoints are measured on the same rows. Steps and prompts are
not equal: rows of later rounds are longer, so a budget has fewer of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..finetune.config import TrainingConfig, build_training_config
from ..finetune.rows import TrainingRow, find_source_file, read_training_rows
from ..finetune.tokens import encode_rows
from ..models.loading import find_checkpoint
from ..models.options import ModelOptions
from ..models.rendering import load_tokenizer
from ..store import make_folder, write_rows
from ..tasks.recipes import recipe
from ..types import Score
from .config import AblationOptions
from .stages import Stage
from .workshop import Workshop, parse_score, read_scores

FOLDER = "ablation"
FIGURES = ("last", "rows", "trained_rows", "trained_tokens", "held_out_loss")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A checkpoint of rounds 0 to `last`."""

    last: int
    rows: int
    trained_rows: int
    """Rows that were trained on, with repetitions."""
    trained_tokens: int
    held_out_loss: float | None
    scores: tuple[Score, ...]
    run: Path

    @property
    def label(self) -> str:
        """Return the rounds, such as "0 to 2"."""
        return format_rounds(self.last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablation:
    """Checkpoints of all numbers of rounds, and what they were measured with."""

    budget: int
    held_out_rows: int
    points: tuple[Point, ...]

    def serialize(self, root: Path) -> dict[str, Any]:
        """Serialize the points; folders are relative to `root`."""
        return {
            "budget": self.budget,
            "held_out_rows": self.held_out_rows,
            "rounds": [
                {
                    **{name: getattr(point, name) for name in FIGURES},
                    "scores": [asdict(score) for score in point.scores],
                    "run": point.run.relative_to(root).as_posix(),
                }
                for point in self.points
            ],
        }


def parse_ablation(values: Mapping[str, Any], root: Path) -> Ablation:
    """Parse what `Ablation.serialize` returned."""
    points = tuple(
        Point(
            **{name: point[name] for name in FIGURES},
            scores=tuple(parse_score(score) for score in point["scores"]),
            run=root / point["run"],
        )
        for point in values["rounds"]
    )
    return Ablation(budget=values["budget"], held_out_rows=values["held_out_rows"], points=points)


def build_ablation_stage(workshop: Workshop, data: Path, options: AblationOptions) -> Stage:
    """Build the comparison's stage; its trainings and runs are stages of their own.

    Raises:
        HarnessError: a setting or a file does not fit.
    """
    return Stage(
        name="ablation",
        key={
            "training": workshop.build_training_stage(data, options.finetune).digest,
            "run": workshop.build_run_stage(workshop.base, workshop.base_digest, options.run).digest,
            "tokens": options.tokens,
            "held_out": options.held_out,
        },
    )


def format_rounds(last: int) -> str:
    """Return "0 to 2" for the rounds up to `last`, as tables show them."""
    return f"0 to {last}" if last else "0"


def measure_rounds(workshop: Workshop, data: Path, options: AblationOptions) -> Ablation:
    """Train and evaluate a checkpoint for each number of rounds in `data`, whose rows say their round.

    Raises:
        DataError: the rows do not say their rounds, or there are too few seeds to hold some out.
        HarnessError: as the trainings and evaluations.
    """
    rows = read_rows_with_rounds(find_source_file(data))
    folder = workshop.stages.root / FOLDER
    make_folder(folder)
    named = options.finetune.get("held_out")
    if isinstance(named, str | Path):
        held_out, count = Path(named), len(read_training_rows(Path(named)))
    else:
        rows, held_out_rows = split_by_lineage(rows, options.held_out, int(options.finetune.get("seed", 0)))
        held_out, count = _write_row_file(folder, "held-out", held_out_rows), len(held_out_rows)
    sets = {last: [row for row in rows if row["round"] <= last] for last in sorted({row["round"] for row in rows})}
    budget = options.tokens or compute_largest_budget(workshop.base, list(sets.values())[-1], options.finetune)
    # Another limit would end one set before the others.
    values = {**options.finetune, "held_out": str(held_out), "max_tokens": budget, "max_steps": None}
    points = tuple(
        _measure_point(
            workshop,
            last,
            subset,
            data=_write_row_file(folder, f"rounds-0-{last}", subset),
            training=values,
            running=options.run,
        )
        for last, subset in sets.items()
    )
    return Ablation(budget=budget, held_out_rows=count, points=points)


def read_rows_with_rounds(file: Path) -> list[Row]:
    """Read the rows of an evolved data set.

    Raises:
        DataError: a row does not say its round and its seed.
    """
    rows = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        row = json.loads(line) if line.strip() else None
        if row is None:
            continue
        if not isinstance(row, dict) or not isinstance(row.get("round"), int) or "seed_id" not in row:
            raise DataError(
                f"data {file} line {number} does not say its round and its seed; "
                "--rounds-ablation needs the data set of `harness evolve`"
            )
        rows.append(row)
    return rows


def split_by_lineage(rows: Sequence[Row], share: float, seed: int) -> tuple[list[Row], list[Row]]:
    """Split rows into training and held-out ones by whole lineages: a share of the seeds, drawn by `seed`.

    Raises:
        DataError: one part would be empty.
    """
    lineages = sorted({str(row["seed_id"]) for row in rows}, key=lambda name: _hash_lineage(seed, name))
    count = round(share * len(lineages))
    if not 0 < count < len(lineages):
        raise DataError(f"held_out is {share} of {len(lineages)} seeds, which leaves one part empty")
    held_out = set(lineages[:count])
    return [row for row in rows if row["seed_id"] not in held_out], [row for row in rows if row["seed_id"] in held_out]


def compute_largest_budget(base: str, rows: Sequence[Row], values: Mapping[str, Any]) -> int:
    """Compute the answer tokens of `epochs` passes over `rows`, the largest set, so that each of its rows is seen.

    Raises:
        HarnessError: the base's tokenizer cannot be loaded, or no row fits.
    """
    config: TrainingConfig = build_training_config({**values, "base": base, "data": ".", "out": "."})
    checkpoint = find_checkpoint(base, ModelOptions())
    encoded = encode_rows(
        [TrainingRow(where="", **{key: row[key] for key in ("instruction", "input", "output")}) for row in rows],
        recipe(config.recipe),
        load_tokenizer(checkpoint.path),
        name=checkpoint.name,
        max_length=config.max_length,
        truncated=config.truncated,
    )
    return compute_budget(encoded.answer_tokens, config.epochs)


def compute_budget(sizes: Sequence[int], epochs: float) -> int:
    """Compute the tokens of `epochs` passes over rows of these sizes, one at least."""
    return max(1, round(sum(sizes) * epochs))


def _measure_point(
    workshop: Workshop,
    last: int,
    rows: Sequence[Row],
    *,
    data: Path,
    training: Mapping[str, Any],
    running: Mapping[str, Any],
) -> Point:
    trained = workshop.train(data, training)
    evaluated = workshop.evaluate(str(trained.folder), trained.digest, running)
    return Point(
        last=last,
        rows=len(rows),
        trained_rows=trained.outcome["trained_rows"],
        trained_tokens=trained.outcome["trained_tokens"],
        held_out_loss=trained.outcome["held_out_loss"],
        scores=tuple(read_scores(evaluated)),
        run=evaluated.folder,
    )


def _write_row_file(folder: Path, name: str, rows: Sequence[Row]) -> Path:
    file = folder / f"{name}.jsonl"
    write_rows(file, rows)
    return file


def _hash_lineage(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}\0held out\0{name}".encode()).digest()
