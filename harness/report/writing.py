"""scores.json and report.md, written from what the run folder holds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..metrics.noise import read_noise
from ..store import REPORT, SCORES, write_json, write_text
from ..store.cleaning import code_span, escape_markdown
from ..store.provenance import throughput
from ..types import Score
from . import wording
from .alarms import alarms
from .summary import Summary, read
from .tables import markdown_table

if TYPE_CHECKING:
    from ..tasks.suite import Suite


def write(path: Path, suites: Sequence[Suite] = ()) -> Summary:
    """Add up the run in the folder `path` and write both files anew; the summary keeps `suites`.

    Raises:
        StoreError: it is not a run folder, a file is damaged, or the report cannot be written.
    """
    summary = replace(read(path), suites=tuple(suites))
    write_json(path / SCORES, scores_json(summary))
    write_text(path / REPORT, markdown(summary))
    return summary


def scores_json(summary: Summary) -> dict[str, Any]:
    """Return what scores.json holds; a value that cannot be computed is null, and `note` says why."""
    return {
        "digest": summary.manifest["digest"],
        "scores": [_score_row(score) for score in summary.scores],
        "slices": [{"by": one.by, "group": one.group, **_score_row(one.score)} for one in summary.slices],
        "statuses": summary.statuses,
        "infrastructure": len(summary.infrastructure),
        "unjudged": summary.unjudged,
        "missing": summary.missing,
        "truncated": summary.truncated,
        "oddities": summary.oddities,
        "timeouts": {name: {"samples": n, "retried": retried} for name, (n, retried) in summary.timeouts.items()},
        "time_fragile": summary.time_fragile,
        "extractors": [{**asdict(row), "score": _score_row(row.score)} for row in summary.rules],
    }


def run_json(summary: Summary) -> dict[str, Any]:
    """Return what the command line prints of a run as JSON: the card's facts for machines."""
    manifest = summary.manifest
    return {
        "path": str(summary.path),
        "subject": wording.subject(manifest),
        **scores_json(summary),
        "warnings": list(alarms(summary)),
        "cached": summary.cached,
        "stages_s": dict(summary.stages_s),
        "tokens_per_s": summary.tokens_per_s,
        "noise": [asdict(noise) for noise in read_noise(summary.path)],
        "isolation": [list(line) for line in wording.isolation(summary)],
    }


def markdown(summary: Summary) -> str:
    """report.md."""
    manifest = summary.manifest
    parts = [
        f"# {escape_markdown(wording.subject(manifest))}",
        *_warnings(summary),
        "## Scores\n",
        *markdown_table(
            ["benchmark", "metric", "score (95 % interval)", "samples", "how"],
            [
                [score.benchmark, score.metric, wording.percent(score), wording.passed(score), score.note]
                for score in summary.scores
            ],
        ),
        *_sliced(summary),
        *_by_rule(summary),
        "\n## Verdicts\n",
        *markdown_table(
            ["benchmark", "status", "samples"],
            [[name, status, str(count)] for name, found in summary.statuses.items() for status, count in found.items()],
        ),
        f"\nComputed: {', '.join(f'{count} {trust}' for trust, count in summary.trust.items()) or 'none'}. "
        f"Taken from equal programs that ran before: {summary.cached}.",
        *(f"\nOdd answers in {name}: {wording.odd(found)}." for name, found in summary.oddities.items()),
        *(f"- {told}" for told in wording.uncarried(summary, code_span)),
        *(f"\nTime-outs in {name}: {told}." for name, told in wording.timeouts(summary)),
        *(
            f"\nTime-fragile in {name}: {wording.fragile(problems)}."
            for name, problems in summary.time_fragile.items()
            if problems
        ),
        "\n## Isolation\n",
        *(f"- {escape_markdown(heading)}: {escape_markdown(text)}" for heading, text in wording.isolation(summary)),
        "\n## Time\n",
        *(f"- {stage}" for stage in wording.stages(summary)),
        *(f"- throughput: {rate}" for rate in [throughput(manifest)] if rate),
        "\n## Provenance\n",
        *(f"- {escape_markdown(key)}: {escape_markdown(value)}" for key, value in provenance(summary)),
    ]
    return "\n".join(parts) + "\n"


def _warnings(summary: Summary) -> list[str]:
    return [*(f"\n**{told}**" for told in alarms(summary)), ""]


def provenance(summary: Summary) -> list[tuple[str, str]]:
    """The manifest as (what, value) for people."""
    manifest = summary.manifest
    identity = manifest["identity"]
    rows = [("configuration", manifest["digest"]), ("command", " ".join(manifest.get("command", [])) or "from Python")]
    rows += [(f"model {key}", str(value)) for key, value in manifest.get("model", {}).items()]
    rows += [(f"sampling {key}", str(value)) for key, value in identity.get("sampling", {}).items()]
    for name, facts in identity["benchmarks"].items():
        rows.append((f"data of {name}", facts["data_digest"]))
        for part in ("recipe", "extraction"):
            found = identity.get(part, {}).get(name)
            rows.append((f"{part} of {name}", f"{found['name']} {found['digest']}" if found else "none"))
    rows.append(("harness", f"{manifest['harness_version']} {manifest.get('git_revision') or ''}".strip()))
    rows.append(("versions", ", ".join(f"{name} {found}" for name, found in manifest["versions"].items())))
    return rows


def _sliced(summary: Summary) -> Iterator[str]:
    """A table for each way a benchmark groups its problems."""
    kinds = dict.fromkeys((one.score.benchmark, one.by) for one in summary.slices)
    for benchmark, by in kinds:
        rows = [
            [one.group, wording.percent(one.score), wording.passed(one.score)]
            for one in summary.slices
            if (one.score.benchmark, one.by) == (benchmark, by)
        ]
        yield f"\n## {benchmark} by {by.replace('_', ' ')}\n"
        yield from markdown_table([by.replace("_", " "), "pass@1 (95 % interval)", "samples"], rows)


def _by_rule(summary: Summary) -> Iterator[str]:
    """The scores under each extraction rule, where they were measured."""
    if summary.rules:
        yield "\n## Extraction rules\n"
        yield from (f"{told}.\n" for told in wording.moved(summary))
        yield from markdown_table(wording.RULE_HEADS, wording.rules(summary))


def _score_row(score: Score) -> dict[str, Any]:
    return {**asdict(score), "value": None if math.isnan(score.value) else score.value}
