"""compare.html: the table, plots, and each flip with both programs side by side, in one file."""

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
from .tables import format_rows

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
    """Two programs line by line, lines that changed beside each other."""
    a, b = replace_unprintable(left).splitlines(), replace_unprintable(right).splitlines()
    rows: list[DiffRow] = []
    for kind, a1, a2, b1, b2 in SequenceMatcher(a=a, b=b, autojunk=False).get_opcodes():
        for at in range(max(a2 - a1, b2 - b1)):
            here, there = a1 + at if a1 + at < a2 else None, b1 + at if b1 + at < b2 else None
            mark = "" if kind == "equal" else "new" if here is None else "gone" if there is None else "changed"
            rows.append(
                (
                    None if here is None else here + 1,
                    "" if here is None else a[here],
                    None if there is None else there + 1,
                    "" if there is None else b[there],
                    mark,
                )
            )
    return rows


def _collect_flips(comparison: Comparison) -> Iterator[tuple[dict[str, Any], str]]:
    """Lost and gained problems: the row of the list, and the chunk that it opens to."""
    first = comparison.runs[0]
    judged = {run.name: _group_samples(run) for run in comparison.runs}
    known: dict[str, Mapping[str, ProblemText]] = {}
    for found in comparison.differences:
        if found.metric != "pass@1":
            continue  # the base part's flips are among its benchmark's, or pass there
        if found.benchmark not in known:
            known[found.benchmark] = load_texts(first.summary.manifest, found.benchmark)
        for kind, task_ids in (("lost", found.lost), ("gained", found.gained)):
            for task_id in task_ids:
                key = (found.benchmark, task_id)
                # Of the side that solved it the sample that passed, of the other one that did not.
                left = _build_side(first.name, judged[first.name][key], passed=kind == "lost")
                right = _build_side(found.run, judged[found.run][key], passed=kind == "gained")
                yield _build_flip(key, kind, left, right, known[found.benchmark].get(task_id))


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
    """One run's program for a flip; its code is for the diff."""
    sample, verdict = next((pair for pair in judged if (pair[1].status is Status.PASSED) == passed), judged[0])
    return {
        "run": run,
        "index": sample.index,
        "status": verdict.status.value,
        "detail": replace_unprintable(verdict.detail),
        "code": sample.code,
    }


def _group_samples(run: Run) -> JudgedSamples:
    found: dict[tuple[str, str], list[tuple[Sample, Verdict]]] = {}
    for key, verdict in run.verdicts.items():
        if key in run.samples:
            found.setdefault(key[:2], []).append((run.samples[key], verdict))
    return found


def _draw_plots(comparison: Comparison) -> Iterator[tuple[str, Figure]]:
    for benchmark in comparison.only_by:
        having = [run for run in comparison.runs if run.list_tasks(benchmark)]
        rows = [(name, *values) for name, values in _collect_scores(comparison, benchmark).items()]
        steps = (
            sorted(rows, key=lambda row: _parse_step(row[0]))
            if all(_parse_step(name) >= 0 for name, _, _ in rows)
            else []
        )
        if len(steps) > 2:
            yield f"{benchmark} pass@1 over checkpoints", plots.draw_checkpoints(steps)
        known = [
            (f"{row.model} (published)", row.percent / 100, None)
            for row in comparison.published
            if row.benchmark == benchmark and row.metric == "pass@1"
        ]
        yield f"{benchmark} pass@1", plots.draw_bars([*rows, *known])
        counts = {run.name: run.count_samples(benchmark) for run in having}
        shared = [
            task
            for task in having[0].list_tasks(benchmark)
            if all(found.get(task, (0, 0))[0] for found in counts.values())
        ]
        shares = {name: [found[task][1] / found[task][0] for task in shared] for name, found in counts.items()}
        yield f"{benchmark}: who solves what", plots.draw_solved(shares)


def _collect_scores(comparison: Comparison, benchmark: str) -> dict[str, tuple[float, tuple[float, float] | None]]:
    """pass@1 by run, as the table has it."""
    found: dict[str, tuple[float, tuple[float, float] | None]] = {}
    for difference in comparison.differences:
        if (difference.benchmark, difference.metric) == (benchmark, "pass@1"):
            found.setdefault(comparison.runs[0].name, (difference.baseline.value, difference.baseline.interval))
            found[difference.run] = (difference.candidate.value, difference.candidate.interval)
    return {name: value for name, value in found.items() if not math.isnan(value[0])}


def _parse_step(name: str) -> int:
    """The training step that a checkpoint's folder is named for; -1 where it is not."""
    found = STEP.search(name)
    return int(found[1]) if found else -1
