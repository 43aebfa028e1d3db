"""report.html: one file that opens from disk, with the plots and every sample of a run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..metrics.cost import format_cost
from ..metrics.pass_at_k import compute_pass_at_k
from ..store import PAGE, read_manifest, read_samples, read_verdicts, write_text
from ..store.provenance import format_throughput
from ..store.records import SampleKey
from ..tasks.lineage import GROUPS
from ..types import Sample, Score, Status, Verdict
from . import headline, plots, wording
from .alarms import find_alarms
from .details import build_entries
from .plots import PLOTS
from .problems import ProblemText, load_texts
from .summary import Summary, count_outcomes, summarize_run
from .templates import embed_json, mark_safe, render
from .writing import list_provenance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..tasks.suite import Suite

CURVE_KS = (1, 2, 5, 10, 20, 50, 100, 200)
CaptionedFigure = tuple[str, str, "Figure"]
"""File name without suffix, caption, figure."""


def write_page(path: Path, *, suites: Sequence[Suite] = (), pictures: bool = False) -> Path:
    """Write report.html of the run in the folder `path`, and with `pictures` its plots as PNG, SVG and PDF.

    Benchmarks that are not among `suites` are loaded again.

    Raises:
        StoreError: it is not a run folder, a file is damaged, or the page cannot be written.
    """
    manifest, samples, verdicts = read_manifest(path), read_samples(path), read_verdicts(path)
    summary = summarize_run(path, manifest, samples, verdicts)
    known = {benchmark: load_texts(manifest, benchmark, suites) for benchmark in manifest["tasks"]}
    drawn = list(_draw_plots(summary, known, samples, verdicts))
    write_text(path / PAGE, _render_page(summary, known, samples, verdicts, drawn))
    if pictures:
        plots.write_pictures(((name, figure) for name, _, figure in drawn), path / PLOTS)
    return path / PAGE


def collect_overview(path: Path) -> dict[str, Any]:
    """Read a run and return what the templates plots.html and rest.html show of it, and its warnings (`alarms`).

    Raises:
        StoreError: it is not a run folder, or a file is damaged.
    """
    manifest, samples, verdicts = read_manifest(path), read_samples(path), read_verdicts(path)
    summary = summarize_run(path, manifest, samples, verdicts)
    known = {benchmark: load_texts(manifest, benchmark) for benchmark in manifest["tasks"]}
    return _collect_values(summary, list(_draw_plots(summary, known, samples, verdicts)))


def _render_page(
    summary: Summary,
    known: Mapping[str, Mapping[str, ProblemText]],
    samples: Mapping[SampleKey, Sample],
    verdicts: Mapping[SampleKey, Verdict],
    drawn: Sequence[CaptionedFigure],
) -> str:
    entries = build_entries(summary.manifest["tasks"], known, samples, verdicts)
    return render(
        "report.html",
        **_collect_values(summary, drawn),
        rows=embed_json([entry.row for entry in entries]),
        chunks=[entry.chunk for entry in entries],
    )


def _collect_values(summary: Summary, drawn: Sequence[CaptionedFigure]) -> dict[str, Any]:
    return {
        "subject": wording.replace_unprintable(headline.name_model(summary.manifest)),
        "digest": wording.replace_unprintable(headline.shorten_weights_digest(summary.manifest)),
        "lines": headline.describe_run(summary.manifest),
        "published": headline.describe_published(summary.manifest),
        "alarms": [wording.replace_unprintable(alarm) for alarm in find_alarms(summary)],
        "cards": [*(_build_card(score) for score in summary.scores), *_build_warning_cards(summary)],
        "plots": [
            {"caption": caption, "svg": mark_safe(plots.render_svg(figure, caption))} for _, caption, figure in drawn
        ],
        "scores": [[score.benchmark, score.metric, *_format_score(score)] for score in summary.scores]
        + [
            [one.score.benchmark, f"{one.score.metric}, {one.group} by the training data", *_format_score(one.score)]
            for one in summary.slices
            if one.by == GROUPS
        ],
        "rules": {
            "heads": wording.RULE_HEADS,
            "rows": wording.format_rules(summary),
            "moved": wording.format_rule_effect(summary),
        },
        "facts": [
            *wording.format_tokens(summary),
            *list_provenance(summary),
            ("time", ", ".join(wording.format_stages(summary))),
            *_list_speed_and_cost(summary),
            *wording.format_isolation(summary),
        ],
    }


def _format_score(score: Score) -> list[str]:
    return [wording.format_percent(score), wording.format_passed(score), score.note]


def _build_card(score: Score) -> dict[str, str]:
    """Build a card with pass@k in large and its interval in small print."""
    value = "not computed" if math.isnan(score.value) else f"{100 * score.value:.1f} %"
    _, _, interval = wording.format_percent(score).partition(" % ")
    return {"name": f"{score.benchmark} {score.metric}", "value": value, "about": interval or score.note}


def _list_speed_and_cost(summary: Summary) -> Iterator[tuple[str, str]]:
    if rate := format_throughput(summary.manifest):
        yield "throughput", rate
    if summary.cost:
        yield "cost", format_cost(summary.cost)


def _build_warning_cards(summary: Summary) -> Iterator[dict[str, str]]:
    if summary.truncated:
        yield {"name": "truncated", "value": str(summary.truncated), "about": "samples at the token limit"}
    if summary.unanswered:
        yield {"name": "no answer", "value": str(summary.unanswered), "about": "samples ended within their reasoning"}


def _draw_plots(
    summary: Summary,
    known: Mapping[str, Mapping[str, ProblemText]],
    samples: Mapping[SampleKey, Sample],
    verdicts: Mapping[SampleKey, Verdict],
) -> Iterator[CaptionedFigure]:
    if any(summary.statuses.values()):
        yield "outcomes", "Outcomes", plots.draw_outcomes(summary.statuses)
    counts = {benchmark: _count_outcomes(summary, verdicts, benchmark) for benchmark in summary.manifest["tasks"]}
    several = {name: found for name, found in counts.items() if found and max(n for n, _ in found.values()) > 1}
    if several:
        curves = {name: compute_curve(name, found) for name, found in several.items()}
        if any(curves.values()):
            yield "pass-at-k", "pass@k with its 95 % band", plots.draw_pass_at_k(curves)
        shares = {name: [c / n for n, c in found.values() if n] for name, found in several.items()}
        yield "difficulty", "Difficulty: problems by share of samples that pass", plots.draw_difficulty(shares)
    for benchmark, by_task in known.items():
        yield from _draw_slices(benchmark, by_task, counts[benchmark])
    if samples:
        by_reason, unit = _collect_lengths(samples)
        yield "lengths", "Length of completions, by why they ended", plots.draw_lengths(by_reason, unit)


def _count_outcomes(
    summary: Summary, verdicts: Mapping[SampleKey, Verdict], benchmark: str
) -> dict[str, tuple[int, int]]:
    own = (v for v in verdicts.values() if v.benchmark == benchmark and v.status is not Status.INFRASTRUCTURE)
    return count_outcomes(summary.manifest["tasks"][benchmark], ((v.task_id, v.status) for v in own))


def compute_curve(benchmark: str, counts: Mapping[str, tuple[int, int]]) -> list[Score]:
    """Compute pass@k over k, as far as every problem has samples; `counts` are (samples, passed) by task id."""
    least = min(n for n, _ in counts.values())
    return [compute_pass_at_k(counts, k, benchmark=benchmark) for k in sorted({*CURVE_KS, least}) if 1 <= k <= least]


def _draw_slices(
    benchmark: str, by_task: Mapping[str, ProblemText], counts: Mapping[str, tuple[int, int]]
) -> Iterator[CaptionedFigure]:
    """Draw a benchmark by groups of its problems: pass@1 of each group from the first samples."""
    names = dict.fromkeys(name for text in by_task.values() for name in text.slices)
    for name in names:
        groups: dict[str, dict[str, tuple[int, int]]] = {}
        for task_id, text in by_task.items():
            if counts.get(task_id, (0, 0))[0]:
                groups.setdefault(text.slices[name], {})[task_id] = counts[task_id]
        rows = [(f"{group} ({len(own)})", *_compute_share(benchmark, own)) for group, own in sorted(groups.items())]
        if rows:
            yield f"{benchmark}-{name}", f"{benchmark} by {name.replace('_', ' ')}", plots.draw_bars(rows)


def _compute_share(benchmark: str, counts: Mapping[str, tuple[int, int]]) -> tuple[float, tuple[float, float] | None]:
    score = compute_pass_at_k(counts, 1, benchmark=benchmark)
    return score.value, score.interval


def _collect_lengths(samples: Mapping[SampleKey, Sample]) -> tuple[dict[str, list[int]], str]:
    """Collect completion lengths by finish reason, in tokens if they are known, otherwise in characters."""
    counted = all(sample.completion.completion_tokens is not None for sample in samples.values())
    by_reason: dict[str, list[int]] = {}
    for sample in samples.values():
        completion = sample.completion
        length = (completion.completion_tokens or 0) if counted else len(completion.text)
        by_reason.setdefault(completion.finish_reason or "not told", []).append(length)
    return by_reason, "tokens" if counted else "characters"
