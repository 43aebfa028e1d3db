"""Write a run's scores where others read them: a model card, the hub, a paper, a table.

`huggingface_hub` makes and checks what is for its hub (extra `hf`); nothing is uploaded.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from .. import report
from ..errors import HarnessError, StoreError, UsageError, install_hint
from ..optional import OnHub
from ..registry import lookup
from ..report.wording import format_percent, name_subject
from ..store.cleaning import replace_surrogates
from ..tracking import TRACKERS, name_metric
from ..types import Score
from .outgoing import FORMATS

TASK = ("text-generation", "Text Generation")
LATEX = str.maketrans(
    {**{mark: f"\\{mark}" for mark in "&%$#_{}"}, "\\": r"\textbackslash{}", "~": r"\textasciitilde{}"}
    | {"^": r"\textasciicircum{}"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """A score with what it was measured with."""

    model: str
    """Last part of the model's path or hub name."""
    weights: str
    """First digits of the digest of its weights; "" if it is not known."""
    score: Score
    data: str
    """First digits of the digest of the benchmark's problems."""
    problems: int
    """Problems of the whole benchmark; the run may have fewer."""
    recipe: str
    sampling: Mapping[str, Any]
    """Empty for samples that were not generated here."""
    date: str
    """Day of the last start, YYYY-MM-DD; "" if none is recorded."""
    version: str
    """Of the harness."""

    @property
    def metric(self) -> str:
        """Return the metric, such as "pass@1" or "base pass@10"."""
        return self.score.metric

    def describe_setup(self) -> str:
        """Say how the score was measured, as "164 problems (data 3f90453e8f72), recipe chat, 1 sample, greedy"."""
        own, every = self.score.n_problems, self.problems
        problems = f"{own} problems" if own == every else f"{own} of {every} problems"
        parts = [f"{problems} (data {self.data})", f"recipe {self.recipe}" if self.recipe else "code as given"]
        each = self.score.n_samples // max(1, own)
        parts.append(f"{each} sample{'' if each == 1 else 's'} per problem")
        if self.sampling:
            temperature = self.sampling["temperature"]
            drawn = "greedy" if temperature == 0 else f"temperature {temperature}, top-p {self.sampling['top_p']}"
            parts += [drawn, f"at most {self.sampling['max_tokens']} tokens"]
        return ", ".join(parts)


def export_scores(path: Path, to: str, benchmark: str | None = None) -> tuple[str, int]:
    """Return the scores of the run in `path` as the text of a file in the format `to`, and how many they are.

    `benchmark` leaves out all others.

    Raises:
        UsageError: no such format or benchmark, a package is missing, or the hub has no dataset of a benchmark.
        StoreError: the run is damaged, not finished, or has no score.
    """
    if to not in SCORE_FORMATS:
        raise UsageError(
            f'format "{to}" is not known; choose one of {", ".join((*FORMATS, *SCORE_FORMATS, *TRACKERS))}'
        )
    summary = report.read(path)
    if summary.missing or summary.unjudged or summary.infrastructure:
        raise StoreError(f"{path} is not finished; complete it before its scores are published")
    names = list(summary.manifest["tasks"])
    if benchmark is not None and benchmark not in names:
        raise UsageError(f'benchmark "{benchmark}" is not in {path}; choose one of {", ".join(names)} by --benchmark')
    rows = [row for row in _collect_rows(summary) if not math.isnan(row.score.value)]
    rows = [row for row in rows if benchmark in (None, row.score.benchmark)]
    if not rows:
        raise StoreError(f"{path} has no score")
    return replace_surrogates(SCORE_FORMATS[to](rows)), len(rows)


def _collect_rows(summary: report.Summary) -> Iterator[ScoreRow]:
    manifest = summary.manifest
    identity, sessions = manifest["identity"], manifest.get("sessions") or [{}]
    for score in summary.scores:
        known = identity["benchmarks"][score.benchmark]
        asked = identity.get("sampling") or {}
        recipe = (identity.get("extraction") or {}).get(score.benchmark) or {}
        yield ScoreRow(
            model=PurePath(name_subject(manifest)).name,
            weights=str((manifest.get("model") or {}).get("weights_digest") or "").removeprefix("sha256:")[:12],
            score=score,
            data=known["data_digest"][:12],
            problems=known["problems"],
            recipe=recipe.get("name", ""),
            sampling=asked,
            date=str(sessions[-1].get("started_at", ""))[:10],
            version=manifest["harness_version"],
        )


def _write_cite(rows: list[ScoreRow]) -> str:
    return "".join(
        f"{row.model}{f' (weights {row.weights})' if row.weights else ''}: {row.score.benchmark} {row.metric} "
        f"{format_percent(row.score)}, 95 % interval in brackets; {row.describe_setup()}; evol-harness {row.version}"
        f"{f', {row.date}' if row.date else ''}.\n"
        for row in rows
    )


def _write_csv(rows: list[ScoreRow]) -> str:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(
        [
            "model",
            "weights",
            "benchmark",
            "metric",
            "percent",
            "low",
            "high",
            "problems",
            "of",
            "samples",
            "data",
            "recipe",
            "temperature",
            "top_p",
            "max_tokens",
            "date",
            "harness_version",
        ]
    )
    for row in rows:
        low, high = row.score.interval or (math.nan, math.nan)
        table.writerow(
            [
                *(_guard_cell(row.model), row.weights, row.score.benchmark, row.metric),
                *(f"{100 * value:.2f}" if not math.isnan(value) else "" for value in (row.score.value, low, high)),
                *(row.score.n_problems, row.problems, row.score.n_samples, row.data, _guard_cell(row.recipe)),
                *(row.sampling.get(key, "") for key in ("temperature", "top_p", "max_tokens")),
                *(row.date, row.version),
            ]
        )
    return text.getvalue()


def _write_latex(rows: list[ScoreRow]) -> str:
    lines = [
        "% needs \\usepackage{booktabs}",
        *(f"% {row.score.benchmark} {row.metric}: {row.describe_setup()}" for row in rows),
        "\\begin{tabular}{lllr@{~}l}",
        "\\toprule",
        "Model & Benchmark & Metric & \\% & 95\\,\\% interval \\\\",
        "\\midrule",
    ]
    for row in rows:
        low, high = row.score.interval or (math.nan, math.nan)
        interval = "" if math.isnan(low) else f"({100 * low:.1f}--{100 * high:.1f})"
        names = " & ".join(text.translate(LATEX) for text in (row.model, row.score.benchmark, row.metric))
        lines.append(f"{names} & {100 * row.score.value:.1f} & {interval} \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def _write_model_index(rows: list[ScoreRow]) -> str:
    hub = _import_hub()
    results = [
        hub.EvalResult(
            task_type=TASK[0],
            task_name=TASK[1],
            dataset_type=_find_dataset(row.score.benchmark) or row.score.benchmark,
            dataset_name=row.score.benchmark,
            dataset_args={"setup": row.describe_setup()},
            metric_type=name_metric(row.metric),
            metric_name=row.metric,
            metric_value=round(100 * row.score.value, 2),
            verified=False,
        )
        for row in rows
    ]
    card = hub.ModelCardData(model_name=rows[0].model, eval_results=results)
    return f"---\n{card.to_yaml()}\n---\n"


def _write_eval_results(rows: list[ScoreRow]) -> str:
    hub = _import_hub()
    entries = []
    for row in rows:
        dataset = _find_dataset(row.score.benchmark)
        if not dataset:
            raise UsageError(f"the hub has no dataset of {row.score.benchmark} that is known here; use model-index")
        entries.append(
            hub.EvalResultEntry(
                dataset_id=dataset,
                task_id=name_metric(row.metric),
                value=round(100 * row.score.value, 2),
                date=row.date or None,
                notes=f"{row.describe_setup()}; evol-harness {row.version}",
            )
        )
    return str(hub.utils.yaml_dump(hub.eval_result_entries_to_yaml(entries)))


def _find_dataset(benchmark: str) -> str:
    try:
        known = lookup("benchmarks", benchmark)
    except HarnessError:  # a plug-in's, which is not installed here
        return ""
    return known.hub_dataset if isinstance(known, OnHub) else ""


def _guard_cell(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _import_hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as error:
        raise UsageError(f"this format needs the package {error.name}: {install_hint('hf')}") from error
    return huggingface_hub


SCORE_FORMATS: Mapping[str, Callable[[list[ScoreRow]], str]] = {
    "cite": _write_cite,
    "csv": _write_csv,
    "latex": _write_latex,
    "model-index": _write_model_index,
    "eval-results": _write_eval_results,
}
