"""Write compare.html: the table, plots, and each flip with both programs side by side, in one file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..metrics.pass_at_k import LEVEL
from ..report import plots
from ..report.details import pack_json
from ..report.page import compute_curve
from ..report.problems import ProblemText, load_texts
from ..report.templates import embed_json, mark_safe, render
from ..report.wording import replace_unprintable
from ..store import write_text
from ..store.records import build_key
from ..types import Status, Verdict
from .comparison import Comparison
from .gate import find_smallest_drop
from .runs import Run
from .tables import MODEL, PUBLISHED, TOKEN_HEADS, format_rows, format_token_rows
from .verdict import format_power

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = "compare.html"
STEP = re.compile(r"(?:checkpoint|step|epoch|iter)[-_]?(\d+)$")
DiffRow = tuple[int | None, str, int | None, str, str]
"""Line number and text of both sides, and "", "gone", "new" or "changed"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A run's sample of a flipped problem."""

    run: Run
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A problem that one of two runs solved."""

    kind: str
    """"lost" or "gained", as seen from the first run."""
    left: Side
    """The first run's."""
    right: Side
    text: ProblemText | None


def write_page(comparison: Comparison, path: Path) -> None:
    """Write the page.

    Raises:
        StoreError: it cannot be written.
    """
    flips = list(find_flips(comparison))
    page = render(
        "compare.html",
        **collect_values(comparison),
        flips=embed_json([build_row(flip) for flip in flips]),
        chunks=[_pack_flip(flip) for flip in flips],
    )
    write_text(path, page)


def collect_values(comparison: Comparison) -> dict[str, Any]:
    """Return what the template differences.html shows beside the flips."""
    heads, *rows = format_rows(comparison)
    measured = [row for row in rows if not row[MODEL].endswith(PUBLISHED)]
    return {
        "first": comparison.runs[0].name,
        "others": [run.name for run in comparison.runs[1:]],
        "alarms": [*(f"Not comparable: {reason}" for reason in comparison.mixed), *comparison.caveats],
        "heads": heads,
        "rows": measured,
        "published": [row[: MODEL + 2] for row in rows if row not in measured],
        "power": list(_format_powers(comparison)),
        "methods": comparison.tests,
        "token_heads": TOKEN_HEADS,
        "token_rows": format_token_rows(comparison),
        "plots": [
            {"caption": caption, "svg": mark_safe(plots.render_svg(figure, caption))}
            for caption, figure in draw_plots(comparison)
        ],
        "only_by": comparison.only_by if len(comparison.runs) > 2 else {},
    }


def find_flips(comparison: Comparison) -> Iterator[Flip]:
    """Yield the lost and gained problems; samples are read one at a time, because a run may not fit in memory."""
    first = comparison.runs[0]
    judged = {run.name: _group_verdicts(run) for run in comparison.runs}
    runs = {run.name: run for run in comparison.runs}
    texts: dict[str, Mapping[str, ProblemText]] = {}
    for difference in comparison.differences:
        if difference.metric != "pass@1":
            continue  # flips of the base part are also the benchmark's, or pass there
        if difference.benchmark not in texts:
            texts[difference.benchmark] = load_texts(first.summary.manifest, difference.benchmark)
        for kind, task_ids in (("lost", difference.lost), ("gained", difference.gained)):
            for task_id in task_ids:
                key = (difference.benchmark, task_id)
                # The side that solved it shows a sample that passed, the other side one that did not.
                left = _choose_verdict(judged[first.name][key], passed=kind == "lost")
                right = _choose_verdict(judged[difference.run][key], passed=kind == "gained")
                yield Flip(
                    kind=kind,
                    left=Side(run=first, verdict=left),
                    right=Side(run=runs[difference.run], verdict=right),
                    text=texts[difference.benchmark].get(task_id),
                )


def build_row(flip: Flip) -> dict[str, Any]:
    """Return a flip's row in the list, JSON-ready."""
    verdict = (flip.right if flip.kind == "lost" else flip.left).verdict
    return {
        "kind": flip.kind,
        "benchmark": verdict.benchmark,
        "task": verdict.task_id,
        "title": replace_unprintable(flip.text.title) if flip.text else "",
        "run": replace_unprintable(flip.right.run.name),
        "status": verdict.status.value,
    }


def align_lines(left: str, right: str) -> list[DiffRow]:
    """Align two programs line by line, with changed lines beside each other."""
    a, b = replace_unprintable(left).splitlines(), replace_unprintable(right).splitlines()
    rows: list[DiffRow] = []
    for kind, a1, a2, b1, b2 in SequenceMatcher(a=a, b=b, autojunk=False).get_opcodes():
        for at in range(max(a2 - a1, b2 - b1)):
            i, j = a1 + at if a1 + at < a2 else None, b1 + at if b1 + at < b2 else None
            mark = "" if kind == "equal" else "new" if i is None else "gone" if j is None else "changed"
            rows.append(
                (
                    None if i is None else i + 1,
                    "" if i is None else a[i],
                    None if j is None else j + 1,
                    "" if j is None else b[j],
                    mark,
                )
            )
    return rows


def _pack_flip(flip: Flip) -> str:
    left, right = (side.run.samples[build_key(side.verdict)].code for side in (flip.left, flip.right))
    prompt = replace_unprintable(flip.text.prompt) if flip.text else None
    sides = {"left": _build_side(flip.left), "right": _build_side(flip.right)}
    return pack_json({**sides, "diff": align_lines(left, right), "prompt": prompt})


def _build_side(side: Side) -> dict[str, Any]:
    verdict = side.verdict
    return {
        "run": replace_unprintable(side.run.name),
        "index": verdict.index,
        "status": verdict.status.value,
        "detail": replace_unprintable(verdict.detail),
    }


def _choose_verdict(judged: Sequence[Verdict], *, passed: bool) -> Verdict:
    return next((verdict for verdict in judged if (verdict.status is Status.PASSED) == passed), judged[0])


def _group_verdicts(run: Run) -> Mapping[tuple[str, str], list[Verdict]]:
    """Return the verdicts of samples by (benchmark, task id)."""
    groups: dict[tuple[str, str], list[Verdict]] = {}
    for key, verdict in run.verdicts.items():
        if key in run.samples:
            groups.setdefault(key[:2], []).append(verdict)
    return groups


def _format_powers(comparison: Comparison) -> Iterator[str]:
    """Say for each tested benchmark which drop the comparison would have found."""
    for difference in comparison.differences:
        if difference.metric == "pass@1":
            drop = find_smallest_drop(difference, 1 - LEVEL, comparison)
            yield f"{difference.run}, {difference.benchmark}: {format_power(drop, 1 - LEVEL)}"


def draw_plots(comparison: Comparison) -> Iterator[tuple[str, Figure]]:
    """Yield captions and figures of each benchmark: scores, pass@k over k, and which run solves what."""
    for benchmark in comparison.only_by:
        runs = [run for run in comparison.runs if run.list_tasks(benchmark)]
        rows = [(name, *values) for name, values in _collect_scores(comparison, benchmark).items()]
        steps = sorted(rows, key=lambda row: _parse_step(row[0]))
        if len(steps) > 2 and _parse_step(steps[0][0]) >= 0:
            yield f"{benchmark} pass@1 over checkpoints", plots.draw_checkpoints(steps)
        yield f"{benchmark} pass@1", plots.draw_bars(rows)
        counts = {run.name: run.count_samples(benchmark) for run in runs}
        shared = [
            task
            for task in runs[0].list_tasks(benchmark)
            if all(by_task.get(task, (0, 0))[0] for by_task in counts.values())
        ]
        curves = {name: compute_curve(benchmark, by_task) for name, by_task in counts.items()}
        if any(len(curve) > 1 for curve in curves.values()):
            yield f"{benchmark}: pass@k with its 95 % band", plots.draw_pass_at_k(curves)
        shares = {name: [by_task[task][1] / by_task[task][0] for task in shared] for name, by_task in counts.items()}
        yield f"{benchmark}: who solves what", plots.draw_solved(shares)


def _collect_scores(comparison: Comparison, benchmark: str) -> dict[str, tuple[float, tuple[float, float] | None]]:
    """Return pass@1 by run, as in the table."""
    scores: dict[str, tuple[float, tuple[float, float] | None]] = {}
    for difference in comparison.differences:
        if (difference.benchmark, difference.metric) == (benchmark, "pass@1"):
            scores.setdefault(comparison.runs[0].name, (difference.baseline.value, difference.baseline.interval))
            scores[difference.run] = (difference.candidate.value, difference.candidate.interval)
    return {name: value for name, value in scores.items() if not math.isnan(value[0])}


def _parse_step(name: str) -> int:
    """Return the training step in the name of a checkpoint's folder, or -1."""
    match = STEP.search(name)
    return int(match[1]) if match else -1
