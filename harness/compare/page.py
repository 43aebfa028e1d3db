"""Write compare.html: the table, plots, and each flip with both programs side by side, in one file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..report import plots
from ..report.details import pack_json
from ..report.problems import ProblemText, load_texts
from ..report.templates import embed_json, mark_safe, render
from ..report.wording import replace_unprintable
from ..store import write_text
from ..types import Sample, Status, Verdict
from .comparison import Comparison
from .runs import Run
from .tables import TOKEN_HEADS, format_rows, format_token_rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = "compare.html"
STEP = re.compile(r"(?:checkpoint|step|epoch|iter)[-_]?(\d+)$")
JudgedSamples = Mapping[tuple[str, str], list[tuple[Sample, Verdict]]]
"""(benchmark, task id) -> the judged samples of a run."""
DiffRow = tuple[int | None, str, int | None, str, str]
"""Line number and text of both sides, and "", "gone", "new" or "changed"."""


def write_page(comparison: Comparison, path: Path) -> None:
    """Write the page.

    Raises:
        StoreError: it cannot be written.
    """
    flips = list(_collect_flips(comparison))
    heads, *rows = format_rows(comparison)
    first = comparison.runs[0]
    page = render(
        "compare.html",
        first=first.name,
        others=[run.name for run in comparison.runs[1:]],
        alarms=[*(f"Not comparable: {reason}" for reason in comparison.mixed), *comparison.caveats],
        heads=heads,
        rows=rows,
        methods=comparison.tests,
        token_heads=TOKEN_HEADS,
        token_rows=format_token_rows(comparison),
        plots=[
            {"caption": caption, "svg": mark_safe(plots.render_svg(figure))}
            for caption, figure in _draw_plots(comparison)
        ],
        only_by=comparison.only_by if len(comparison.runs) > 2 else {},
        flips=embed_json([row for row, _ in flips]),
        chunks=[chunk for _, chunk in flips],
    )
    write_text(path, page)


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


def _collect_flips(comparison: Comparison) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the lost and gained problems: the row of the list, and the chunk that it opens."""
    first = comparison.runs[0]
    judged = {run.name: _group_samples(run) for run in comparison.runs}
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
                left = _build_side(first.name, judged[first.name][key], passed=kind == "lost")
                right = _build_side(difference.run, judged[difference.run][key], passed=kind == "gained")
                yield _build_flip(key, kind, left, right, texts[difference.benchmark].get(task_id))


def _build_flip(
    key: tuple[str, str], kind: str, left: dict[str, Any], right: dict[str, Any], text: ProblemText | None
) -> tuple[dict[str, Any], str]:
    row = {
        "kind": kind,
        "benchmark": key[0],
        "task": key[1],
        "title": replace_unprintable(text.title) if text else "",
        "run": right["run"],
        "status": (right if kind == "lost" else left)["status"],
    }
    changes = align_lines(left.pop("code"), right.pop("code"))
    prompt = replace_unprintable(text.prompt) if text else None
    return row, pack_json({"left": left, "right": right, "diff": changes, "prompt": prompt})


def _build_side(run: str, judged: list[tuple[Sample, Verdict]], *, passed: bool) -> dict[str, Any]:
    """Return one run's program for a flip; its code is for the diff."""
    sample, verdict = next((pair for pair in judged if (pair[1].status is Status.PASSED) == passed), judged[0])
    return {
        "run": run,
        "index": sample.index,
        "status": verdict.status.value,
        "detail": replace_unprintable(verdict.detail),
        "code": sample.code,
    }


def _group_samples(run: Run) -> JudgedSamples:
    groups: dict[tuple[str, str], list[tuple[Sample, Verdict]]] = {}
    for key, verdict in run.verdicts.items():
        if key in run.samples:
            groups.setdefault(key[:2], []).append((run.samples[key], verdict))
    return groups


def _draw_plots(comparison: Comparison) -> Iterator[tuple[str, Figure]]:
    for benchmark in comparison.only_by:
        runs = [run for run in comparison.runs if run.list_tasks(benchmark)]
        rows = [(name, *values) for name, values in _collect_scores(comparison, benchmark).items()]
        steps = sorted(rows, key=lambda row: _parse_step(row[0]))
        if len(steps) > 2 and _parse_step(steps[0][0]) >= 0:
            yield f"{benchmark} pass@1 over checkpoints", plots.draw_checkpoints(steps)
        published = [
            (f"{row.model} (published)", row.percent / 100, None)
            for row in comparison.published
            if row.benchmark == benchmark and row.metric == "pass@1"
        ]
        yield f"{benchmark} pass@1", plots.draw_bars([*rows, *published])
        counts = {run.name: run.count_samples(benchmark) for run in runs}
        shared = [
            task
            for task in runs[0].list_tasks(benchmark)
            if all(by_task.get(task, (0, 0))[0] for by_task in counts.values())
        ]
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
