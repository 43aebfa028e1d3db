"""Runs as pandas frames and a plot of their scores, for notebooks."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from matplotlib.figure import Figure

from ..errors import StoreError
from ..store import MANIFEST, read_samples, read_verdicts
from ..store.records import serialize_sample, serialize_verdict
from .summary import Summary, read
from .wording import name_subject

if TYPE_CHECKING:
    from ..types import Score


class Plot(Figure):
    """A figure that notebooks show without any set-up of matplotlib."""

    def _repr_png_(self) -> bytes:
        """Return the figure as the PNG that Jupyter shows."""
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=144, bbox_inches="tight")
        return picture.getvalue()


class Runs:
    """Run folders as pandas frames."""

    def __init__(self, summaries: Sequence[Summary], skipped: Sequence[tuple[Path, str]] = ()) -> None:
        self.summaries = tuple(summaries)
        self.skipped = tuple(skipped)
        """Folders that could not be read, and why."""

    def __len__(self) -> int:
        return len(self.summaries)

    def __repr__(self) -> str:
        return f"<{len(self)} runs: {', '.join(one.path.name for one in self.summaries)}>"

    @cached_property
    def runs(self) -> pd.DataFrame:
        """A row per run: what was evaluated, in which sandbox, how fast, and whether it is complete."""
        rows = [
            {
                "run": one.path.name,
                "model": name_subject(one.manifest),
                "benchmarks": ", ".join(one.manifest["tasks"]),
                "sandbox": one.manifest["identity"].get("sandbox"),
                "samples": sum(sum(counts.values()) for counts in one.statuses.values()),
                "complete": not (one.missing or one.unjudged or one.infrastructure),
                "tokens_per_s": one.tokens_per_s,
                "total_s": one.stages_s.get("total"),
                "digest": one.manifest["digest"],
                "path": str(one.path),
            }
            for one in self.summaries
        ]
        return pd.DataFrame(rows)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """A row per score: run, model, benchmark, metric, k, value and its 95 % interval (fractions of 1)."""
        return pd.DataFrame([row for one in self.summaries for row in _list_scores(one)])

    @cached_property
    def samples(self) -> pd.DataFrame:
        """A row per sample with its verdict: the raw text, the code, status, detail, times, memory, tokens."""
        return pd.DataFrame([row for one in self.summaries for row in _list_samples(one)])

    def plot(self, metric: str = "pass@1") -> Plot:
        """Plot the scores of `metric` with their intervals, a group of bars per benchmark.

        Raises:
            StoreError: no run has that metric.
        """
        shown = self.scores[self.scores["metric"] == metric]
        if shown.empty:
            known = ", ".join(dict.fromkeys(self.scores["metric"]))
            raise StoreError(f'no run has the metric "{metric}"; there are {known}')
        benchmarks, paths = list(dict.fromkeys(shown["benchmark"])), list(dict.fromkeys(shown["path"]))
        figure = Plot(figsize=(max(4.0, 1.2 + 0.5 * len(paths) * len(benchmarks)), 3.2))
        axes = figure.add_subplot()
        width = 0.8 / len(paths)
        for at, (path, label) in enumerate(zip(paths, _shorten_paths(paths), strict=True)):
            own = shown[shown["path"] == path].set_index("benchmark").reindex(benchmarks)
            value = 100 * own["value"]
            ends = [value - 100 * own["low"], 100 * own["high"] - value]
            places = [place + (at - (len(paths) - 1) / 2) * width for place in range(len(benchmarks))]
            axes.bar(places, value, 0.9 * width, yerr=ends, capsize=3, label=label)
        axes.set_xticks(range(len(benchmarks)), benchmarks)
        axes.set_ylabel(f"{metric}, %")
        axes.set_ylim(0, 100)
        axes.legend(frameon=False, fontsize=8)
        return figure


def load_runs(*folders: str | Path) -> Runs:
    """Load all runs at and below `folders` in the order of their paths.

    Raises:
        StoreError: there is none.
    """
    runs, skipped = [], []
    manifests = [sorted(folder.rglob(MANIFEST)) for folder in map(Path, folders or ("results",))]
    for manifest in dict.fromkeys(chain.from_iterable(manifests)):  # a folder may be named twice, or lie in another
        try:
            runs.append(read(manifest.parent))
        except StoreError as error:
            skipped.append((manifest.parent, str(error)))
    if not runs:
        named = ", ".join(map(str, folders or ("results",)))
        raise StoreError(f"{named} holds no run that can be read" + (f" ({skipped[0][1]})" if skipped else ""))
    return Runs(runs, skipped)


def _list_scores(summary: Summary) -> Iterator[dict[str, Any]]:
    for score in summary.scores:
        subject_of_run = name_subject(summary.manifest)
        yield {"run": summary.path.name, "model": subject_of_run, **_build_score_row(score), "path": str(summary.path)}


def _shorten_paths(paths: Sequence[str]) -> list[str]:
    """Shorten paths to the fewest last folders that distinguish all of them."""
    parts = [Path(path).parts for path in paths]
    sizes = range(1, max(map(len, parts)) + 1)
    size = next((size for size in sizes if len({one[-size:] for one in parts}) == len(parts)), len(sizes))
    return [str(Path(*one[-size:])) for one in parts]


def _build_score_row(score: Score) -> dict[str, Any]:
    low, high = score.interval or (float("nan"), float("nan"))
    return {
        "benchmark": score.benchmark,
        "metric": score.metric,
        "k": score.k,
        "value": score.value,
        "low": low,
        "high": high,
        "problems": score.n_problems,
        "samples": score.n_samples,
    }


def _list_samples(summary: Summary) -> Iterator[dict[str, Any]]:
    verdicts = read_verdicts(summary.path)
    for key, sample in read_samples(summary.path).items():
        verdict = serialize_verdict(verdicts[key]) if key in verdicts else {}
        yield {"run": summary.path.name, **serialize_sample(sample), **verdict}
