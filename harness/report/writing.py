"""Write scores.json and report.md from the files of a run folder."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..metrics.cost import format_cost, serialize_cost
from ..metrics.noise import read_noise
from ..store import REPORT, SCORES, write_json, write_text
from ..store.cleaning import escape_markdown, format_code_span
from ..store.provenance import format_throughput
from ..types import Score
from . import headline, wording
from .alarms import find_alarms
from .summary import Summary, read
from .tables import format_table

if TYPE_CHECKING:
    from ..tasks.suite import Suite

THINKING = ("thinking", "thinking_budget", "chat_template_args")
"""Keys of a run's identity that are there only if they were set."""


def write(path: Path, suites: Sequence[Suite] = ()) -> Summary:
    """Summarize the run in the folder `path` and write both files; the summary keeps `suites`.

    Raises:
        StoreError: it is not a run folder, a file is damaged, or the report cannot be written.
    """
    summary = replace(read(path), suites=tuple(suites))
    write_json(path / SCORES, build_scores_json(summary))
    write_text(path / REPORT, format_report(summary))
    return summary


def build_scores_json(summary: Summary) -> dict[str, Any]:
    """Return the content of scores.json; a value that cannot be computed is null, and `note` says why."""
    return {
        "digest": summary.manifest["digest"],
        "scores": [_serialize_score(score) for score in summary.scores],
        "slices": [{"by": one.by, "group": one.group, **_serialize_score(one.score)} for one in summary.slices],
        "statuses": summary.statuses,
        "infrastructure": len(summary.infrastructure),
        "unjudged": summary.unjudged,
        "missing": summary.missing,
        "truncated": summary.truncated,
        "oddities": summary.oddities,
        **({"tokens": {name: asdict(means) for name, means in summary.tokens.items()}} if summary.reasons else {}),
        "timeouts": {name: {"samples": n, "retried": retried} for name, (n, retried) in summary.timeouts.items()},
        "time_fragile": summary.time_fragile,
        "shared": summary.shared,
        "extractors": [{**asdict(row), "score": _serialize_score(row.score)} for row in summary.rules],
    }


def build_run_json(summary: Summary) -> dict[str, Any]:
    """Return what the command line prints of a run as JSON: the card's facts for machines."""
    manifest = summary.manifest
    return {
        "path": str(summary.path),
        "subject": wording.name_subject(manifest),
        **build_scores_json(summary),
        "warnings": list(find_alarms(summary)),
        "cached": summary.cached,
        "cost": None if summary.cost is None else serialize_cost(summary.cost),
        "stages_s": dict(summary.stages_s),
        "tokens_per_s": summary.tokens_per_s,
        "noise": [asdict(noise) for noise in read_noise(summary.path)],
        "isolation": [list(line) for line in wording.format_isolation(summary)],
    }


def format_report(summary: Summary) -> str:
    """Format report.md."""
    manifest = summary.manifest
    parts = [
        f"# {escape_markdown(headline.name_with_digest(manifest))}\n",
        *(
            f"- {escape_markdown(line)}"
            for line in [*headline.describe_run(manifest), *headline.describe_published(manifest)]
        ),
        "\n## Scores\n",
        *format_table(
            ["benchmark", "metric", "score (95 % interval)", "samples", "how"],
            [
                [score.benchmark, score.metric, wording.format_percent(score), wording.format_passed(score), score.note]
                for score in summary.scores
            ],
        ),
        *(f"\n{name}: {text}." for name, text in wording.format_family_means(summary.scores)),
        *_format_warnings(summary),
        *_format_slices(summary),
        *_format_rules(summary),
        "\n## Verdicts\n",
        *format_table(
            ["benchmark", "status", "samples"],
            [[name, status, str(count)] for name, found in summary.statuses.items() for status, count in found.items()],
        ),
        f"\nComputed: {', '.join(f'{count} {trust}' for trust, count in summary.trust.items()) or 'none'}. "
        f"Taken from equal programs that ran before: {summary.cached}.",
        *(f"\nShared in {name}: {text}, generated once." for name, text in wording.format_shared(summary)),
        *(f"\nOdd answers in {name}: {wording.format_oddities(found)}." for name, found in summary.oddities.items()),
        *(f"\n{name}: {text}." for name, text in wording.format_tokens(summary)),
        *(f"- {text}" for text in wording.format_uncarried(summary, format_code_span)),
        *(f"\nTime-outs in {name}: {text}." for name, text in wording.format_timeouts(summary)),
        *(
            f"\nTime-fragile in {name}: {wording.format_fragile(problems)}."
            for name, problems in summary.time_fragile.items()
            if problems
        ),
        "\n## Provenance\n",
        *(f"- {escape_markdown(key)}: {escape_markdown(value)}" for key, value in list_provenance(summary)),
        "\n## Time\n",
        *(f"- {stage}" for stage in wording.format_stages(summary)),
        *(f"- throughput: {rate}" for rate in [format_throughput(manifest)] if rate),
        *([f"- cost: {format_cost(summary.cost)}"] if summary.cost else []),
        "\n## Isolation\n",
        *(f"- {escape_markdown(name)}: {escape_markdown(text)}" for name, text in wording.format_isolation(summary)),
    ]
    return "\n".join(parts) + "\n"


def _format_warnings(summary: Summary) -> list[str]:
    return [f"\n**{text}**" for text in find_alarms(summary)]


def list_provenance(summary: Summary) -> list[tuple[str, str]]:
    """List the manifest's facts as (name, value) for people."""
    manifest = summary.manifest
    identity = manifest["identity"]
    rows = [("evaluated", wording.name_subject(manifest)), ("configuration", manifest["digest"])]
    rows.append(("command", " ".join(manifest.get("command", [])) or "from Python"))
    rows += [(f"model {key}", str(value)) for key, value in manifest.get("model", {}).items()]
    rows += [(f"sampling {key}", str(value)) for key, value in identity.get("sampling", {}).items()]
    if imported := manifest.get("imported"):
        filtered = f", filter {imported['filter']}" if "filter" in imported else ""
        here = f", {imported['judged_here']} by {identity['sandbox']}" if "judged_here" in imported else ""
        rows.append(("imported", f"{imported['format']}{filtered}, verdicts by {imported['verdicts']}{here}"))
    rows += [(key.replace("_", " "), str(identity[key])) for key in THINKING if key in identity]
    for name, facts in identity["benchmarks"].items():
        rows.append((f"data of {name}", facts["data_digest"]))
        for part in ("recipe", "extraction"):
            record = identity.get(part, {}).get(name)
            rows.append((f"{part} of {name}", f"{record['name']} {record['digest']}" if record else "none"))
    rows.append(("harness", f"{manifest['harness_version']} {manifest.get('git_revision') or ''}".strip()))
    rows.append(("versions", ", ".join(f"{name} {record}" for name, record in manifest["versions"].items())))
    return rows


def _format_slices(summary: Summary) -> Iterator[str]:
    """Yield a table for each way that a benchmark groups its problems."""
    kinds = dict.fromkeys((one.score.benchmark, one.by) for one in summary.slices)
    for benchmark, by in kinds:
        rows = [
            [one.group, wording.format_percent(one.score), wording.format_passed(one.score)]
            for one in summary.slices
            if (one.score.benchmark, one.by) == (benchmark, by)
        ]
        yield f"\n## {benchmark} by {by.replace('_', ' ')}\n"
        yield from format_table([by.replace("_", " "), "pass@1 (95 % interval)", "samples"], rows)


def _format_rules(summary: Summary) -> Iterator[str]:
    """Yield the scores under each extraction rule, if they were measured."""
    if summary.rules:
        yield "\n## Extraction rules\n"
        yield from (f"{text}.\n" for text in wording.format_rule_effect(summary))
        yield from format_table(wording.RULE_HEADS, wording.format_rules(summary))


def _serialize_score(score: Score) -> dict[str, Any]:
    return {**asdict(score), "value": None if math.isnan(score.value) else score.value}
