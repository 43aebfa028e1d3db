"""report.html: one file that opens from disk, with the plots and every sample of a run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..metrics.pass_at_k import pass_at_k
from ..store import PAGE, make_folder, read_manifest, read_samples, read_verdicts, write_text
from ..store.provenance import throughput
from ..store.records import Key
from ..tasks.lineage import GROUPS
from ..types import Sample, Score, Status, Verdict
from . import plots, wording
from .alarms import alarms
from .details import entries
from .problems import Text, texts
from .summary import Summary, counts_of, summarise
from .templates import island, raw, render
from .writing import provenance

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..tasks.suite import Suite

PLOTS = "plots"
CURVE_KS = (1, 2, 5, 10, 20, 50, 100, 200)
Plot = tuple[str, str, "Figure"]
"""File name without suffix, caption, figure."""


def write_page(path: Path, *, suites: Sequence[Suite] = (), png: bool = False) -> Path:
    """Write report.html of the run in the folder `path`, and its plots as PNG beside it where asked for.

    Benchmarks that are not among `suites` are read anew.

    Raises:
        StoreError: it is not a run folder, a file is damaged, or the page cannot be written.
    """
    manifest, samples, verdicts = read_manifest(path), read_samples(path), read_verdicts(path)
    summary = summarise(path, manifest, samples, verdicts)
    known = {benchmark: texts(manifest, benchmark, suites) for benchmark in manifest["tasks"]}
    drawn = list(_plots(summary, known, samples, verdicts))
    write_text(path / PAGE, _page(summary, known, samples, verdicts, drawn))
    if png:
        make_folder(path / PLOTS)
        for name, _, figure in drawn:
            plots.write_png(figure, path / PLOTS / f"{name}.png")
    return path / PAGE


def _page(
    summary: Summary,
    known: Mapping[str, Mapping[str, Text]],
    samples: Mapping[Key, Sample],
    verdicts: Mapping[Key, Verdict],
    drawn: Sequence[Plot],
) -> str:
    found = entries(summary.manifest["tasks"], known, samples, verdicts)
    return render(
        "report.html",
        subject=wording.subject(summary.manifest),
        about=", ".join(wording.stages(summary)),
        alarms=[wording.printable(told) for told in alarms(summary)],
        cards=[*(_card(score) for score in summary.scores), *_speed(summary)],
        plots=[{"caption": caption, "svg": raw(plots.svg(figure))} for _, caption, figure in drawn],
        scores=[[score.benchmark, score.metric, *_figures(score)] for score in summary.scores]
        + [
            [one.score.benchmark, f"{one.score.metric}, {one.group} by the training data", *_figures(one.score)]
            for one in summary.slices
            if one.by == GROUPS
        ],
        rules={"heads": wording.RULE_HEADS, "rows": wording.rules(summary), "moved": wording.moved(summary)},
        facts=[*_throughput(summary), *wording.isolation(summary), *provenance(summary)],
        rows=island([entry.row for entry in found]),
        chunks=[entry.chunk for entry in found],
    )


def _figures(score: Score) -> list[str]:
    return [wording.percent(score), wording.passed(score), score.note]


def _card(score: Score) -> dict[str, str]:
    """pass@k in large, its interval in small."""
    value = "not computed" if math.isnan(score.value) else f"{100 * score.value:.1f} %"
    _, _, interval = wording.percent(score).partition(" % ")
    return {"name": f"{score.benchmark} {score.metric}", "value": value, "about": interval or score.note}


def _throughput(summary: Summary) -> Iterator[tuple[str, str]]:
    if rate := throughput(summary.manifest):
        yield "throughput", rate


def _speed(summary: Summary) -> Iterator[dict[str, str]]:
    if summary.tokens_per_s:
        seconds = summary.stages_s.get("generate", 0.0)
        yield {"name": "throughput", "value": f"{summary.tokens_per_s:.0f}", "about": f"tokens/s over {seconds:.0f} s"}
    if summary.truncated:
        yield {"name": "truncated", "value": str(summary.truncated), "about": "samples at the token limit"}


def _plots(
    summary: Summary,
    known: Mapping[str, Mapping[str, Text]],
    samples: Mapping[Key, Sample],
    verdicts: Mapping[Key, Verdict],
) -> Iterator[Plot]:
    if any(summary.statuses.values()):
        yield "outcomes", "Outcomes", plots.outcomes(summary.statuses)
    counts = {benchmark: _counts(summary, verdicts, benchmark) for benchmark in summary.manifest["tasks"]}
    several = {name: found for name, found in counts.items() if found and max(n for n, _ in found.values()) > 1}
    if several:
        curves = {name: _curve(name, found) for name, found in several.items()}
        if any(curves.values()):
            yield "pass-at-k", "pass@k with its 95 % band", plots.pass_at_k_curve(curves)
        shares = {name: [c / n for n, c in found.values() if n] for name, found in several.items()}
        yield "difficulty", "Difficulty: problems by share of samples that pass", plots.difficulty(shares)
    for benchmark, by_task in known.items():
        yield from _slices(benchmark, by_task, counts[benchmark])
    if samples:
        by_reason, unit = _lengths(samples)
        yield "lengths", "Length of completions, by why they ended", plots.lengths(by_reason, unit)


def _counts(summary: Summary, verdicts: Mapping[Key, Verdict], benchmark: str) -> dict[str, tuple[int, int]]:
    own = (v for v in verdicts.values() if v.benchmark == benchmark and v.status is not Status.INFRASTRUCTURE)
    return counts_of(summary.manifest["tasks"][benchmark], ((v.task_id, v.status) for v in own))


def _curve(benchmark: str, counts: Mapping[str, tuple[int, int]]) -> list[Score]:
    least = min(n for n, _ in counts.values())
    return [pass_at_k(counts, k, benchmark=benchmark) for k in sorted({*CURVE_KS, least}) if 1 <= k <= least]


def _slices(benchmark: str, by_task: Mapping[str, Text], counts: Mapping[str, tuple[int, int]]) -> Iterator[Plot]:
    """A benchmark by the groups of its problems: first samples' pass@1 of each group."""
    names = dict.fromkeys(name for text in by_task.values() for name in text.slices)
    for name in names:
        groups: dict[str, dict[str, tuple[int, int]]] = {}
        for task_id, text in by_task.items():
            if counts.get(task_id, (0, 0))[0]:
                groups.setdefault(text.slices[name], {})[task_id] = counts[task_id]
        rows = [(f"{group} ({len(found)})", *_share(benchmark, found)) for group, found in sorted(groups.items())]
        if rows:
            yield f"{benchmark}-{name}", f"{benchmark} by {name.replace('_', ' ')}", plots.bars(rows)


def _share(benchmark: str, counts: Mapping[str, tuple[int, int]]) -> tuple[float, tuple[float, float] | None]:
    score = pass_at_k(counts, 1, benchmark=benchmark)
    return score.value, score.interval


def _lengths(samples: Mapping[Key, Sample]) -> tuple[dict[str, list[int]], str]:
    """Lengths by finish reason, in tokens where they are known, else in characters."""
    counted = all(sample.completion.completion_tokens is not None for sample in samples.values())
    by_reason: dict[str, list[int]] = {}
    for sample in samples.values():
        completion = sample.completion
        length = (completion.completion_tokens or 0) if counted else len(completion.text)
        by_reason.setdefault(completion.finish_reason or "not told", []).append(length)
    return by_reason, "tokens" if counted else "characters"
