"""Put figures and isolation into words, the same in every output."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from ..metrics.cost import format_amount
from ..registry import FAMILIES
from ..store.cleaning import format_line
from ..types import Score
from .summary import Summary

UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)

REASONING_NOTES = {
    "closed": "the reasoning before it taken off",
    "apart": "the reasoning came apart",
    "unclosed": "cut off within the reasoning, so no answer",
}
EXTRACTION_LISTS = {"dropped": "left out", "borrowed": "from other blocks"}
"""Key of a sample's extraction that holds a list -> what it lists."""

NOT_ISOLATED = "not isolated"
STAGES = {
    "sandbox": "starting the sandbox",
    "verify": "checking the sandbox",
    "load": "loading",
    "generate": "generating",
    "score": "scoring",
    "score_after_generate": "scoring after the last completion",
    "time_check": "retrying time-outs",
    "total": "total",
}


def format_percent(score: Score) -> str:
    """Format a score as "59.8 % (52.1 to 67.0)", or say why there is none."""
    if math.isnan(score.value):
        return f"not computed: {score.note}"
    if score.interval is None:
        return f"{100 * score.value:.1f} %"
    low, high = score.interval
    return f"{100 * score.value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def format_extraction(notes: Mapping[str, Any] | None) -> str:
    """Say how a sample's code was found, as "block 2 of 3 (defines f); left out: line 9: x = 1"; "" without notes."""
    notes = notes or {}
    where = f"block {notes['block']} of {notes['of']}" if "block" in notes else "no block"
    parts = [f"{where} ({notes['why']})"] if "why" in notes else []
    if "reasoning" in notes:
        parts.append(REASONING_NOTES[notes["reasoning"]])
    if "mended" in notes:
        parts.append(str(notes["mended"]))
    parts += [f"{label}: {'; '.join(notes[key])}" for key, label in EXTRACTION_LISTS.items() if key in notes]
    return "; ".join(parts)


def format_passed(score: Score) -> str:
    """Return "98 of 164 problems" if each has one sample, otherwise the number of samples."""
    if score.n_samples == score.n_problems and not math.isnan(score.value):
        return f"{round(score.value * score.n_problems)} of {score.n_problems} problems"
    return f"{score.n_samples} samples of {score.n_problems} problems"


RULE_HEADS = ["benchmark", "extraction rule", "pass@1 (95 % interval)", "other code", "problems gained", "lost"]


def format_rules(summary: Summary) -> list[list[str]]:
    """Return a row for each extraction rule: score, samples with other code, problems gained and lost."""
    return [
        [
            row.score.benchmark,
            f"{row.rule} (the run's)" if row.own else row.rule,
            format_percent(row.score),
            str(row.changed),
            str(len(row.gained)),
            str(len(row.lost)),
        ]
        for row in summary.rules
    ]


def format_rule_effect(summary: Summary) -> list[str]:
    """Say in a sentence how far the rule alone moves each benchmark's score."""
    parts = []
    for benchmark in dict.fromkeys(row.score.benchmark for row in summary.rules):
        values = [100 * row.score.value for row in summary.rules if row.score.benchmark == benchmark]
        if not any(map(math.isnan, values)):
            span = max(values) - min(values)
            parts.append(f"{benchmark}: the extraction rule alone moves pass@1 by up to {span:.1f} points")
    return parts


def format_oddities(counts: Mapping[str, int]) -> str:
    """Format counts as "31 truncated, 0 empty"."""
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def format_unfinished(summary: Summary) -> str:
    """Say in a sentence what a stopped run lacks; empty if it lacks nothing."""
    lacking = [(summary.missing, "not generated"), (summary.unjudged, "not judged")]
    parts = [f"{count} samples are {what} yet" for count, what in lacking if count]
    if parts and "imported" in summary.manifest:
        return f"The import was stopped: {parts[0]}; import the file again into another folder."
    if stopped_by_cost(summary):
        return f"The run ended at its limit: {format_budget(summary)}."
    return f"The run was stopped: {' and '.join(parts)}; the same command goes on with it." if parts else ""


def stopped_by_cost(summary: Summary) -> bool:
    """Tell whether samples are missing because the run has cost what it may."""
    return bool(summary.missing and summary.cost and summary.cost.is_reached)


def format_budget(summary: Summary) -> str:
    """Say what was spent, what is missing and how to go on."""
    cost = summary.cost
    assert cost is not None and cost.amount is not None and cost.max_cost is not None
    return (
        f"it has cost {format_amount(cost.amount)} of --max-cost {cost.max_cost:g}, {summary.missing} samples are "
        "missing; the same command with a larger --max-cost goes on"
    )


def replace_unprintable(text: str) -> str:
    """Replace characters that XML and HTML cannot hold and those that reorder a line."""
    return UNPRINTABLE.sub("\ufffd", text)


def format_stages(summary: Summary) -> list[str]:
    """Format the stages that ran in order, such as "generating 45.0 s at 512 tokens/s"."""
    seconds = summary.stages_s
    rate = summary.tokens_per_s
    parts = []
    for stage, word in STAGES.items():
        if stage in seconds:
            extra = f" at {rate:.0f} tokens/s" if stage == "generate" and rate else ""
            parts.append(f"{word} {seconds[stage]:.1f} s{extra}")
    return parts


def format_uncarried(summary: Summary, quote: Callable[[str], str] = format_line) -> list[str]:
    """Name the samples that fail because the judge cannot be shown a value, and that value.

    `quote` makes the value, which a program chose, safe for the output.
    """
    return [
        f"{one.task_id} sample {one.index} ({one.benchmark}): {quote(one.uncarried)} cannot be carried; "
        "a base value could be, and --trust in-process shows what the tests make of it"
        for one in summary.uncarried
    ]


def format_tokens(summary: Summary) -> list[tuple[str, str]]:
    """Return the mean tokens of reasoning and of answers for each benchmark, if the model reasons."""
    return [
        (f"{name} tokens", f"{means.reasoning:.0f} of reasoning and {means.answer:.0f} of the answer, on average")
        for name, means in summary.tokens.items()
        if summary.reasons
    ]


def format_isolation(summary: Summary) -> list[tuple[str, str]]:
    """Return what was and what was not isolated per environment, as (heading, list)."""
    parts: list[tuple[str, str]] = []
    for facts in summary.manifest.get("sandbox", {}).values():
        name = str(facts.get("sandbox", summary.manifest["identity"]["sandbox"]))
        parts.append((f"isolated ({name})", _format_list(facts.get("enforced"))))
        parts.append((f"{NOT_ISOLATED} ({name})", _format_list(facts.get("not_enforced"))))
    return parts


def summarize_isolation(summary: Summary) -> list[tuple[str, str]]:
    """Count what was and what was not isolated per environment; name what was not if the run had to accept that."""
    lines = []
    for facts in summary.manifest.get("sandbox", {}).values():
        name = str(facts.get("sandbox", summary.manifest["identity"]["sandbox"]))
        counts = f"{len(facts.get('enforced') or ())} protections in force, {len(facts.get('not_enforced') or ())} not"
        lines.append(("sandbox", f"{name}: {counts}"))
    unsafe = summary.manifest["config"].get("allow_unsafe")
    return [*lines, *(line for line in format_isolation(summary) if unsafe and line[0].startswith(NOT_ISOLATED))]


def format_timeouts(summary: Summary) -> list[tuple[str, str]]:
    """Say for each benchmark how many samples timed out and how many of these were retried."""
    lines = []
    for benchmark, (count, retried) in summary.timeouts.items():
        asked = benchmark in summary.time_fragile
        looked_at = f"{retried} of {count} retried" if asked else "none retried (--retry-timeouts all does)"
        lines.append((benchmark, f"{count} {'sample' if count == 1 else 'samples'}, {looked_at}"))
    return lines


def format_shared(summary: Summary) -> list[tuple[str, str]]:
    """Say for each benchmark how many of its answers are those that another one got to the same prompts."""
    return [
        (benchmark, f"{count} of {sum(summary.statuses[benchmark].values())} answers are {other}'s to the same prompts")
        for benchmark, counts in summary.shared.items()
        for other, count in counts.items()
    ]


def format_fragile(problems: list[str]) -> str:
    """Name the time-fragile problems among those whose time-outs were retried."""
    more = f" and {len(problems) - 10} more" if len(problems) > 10 else ""
    return f"{', '.join(problems[:10])}{more}: a sample that timed out passes with four times the time"


def name_subject(manifest: Mapping[str, Any]) -> str:
    """Return what was evaluated: the model or the samples file."""
    config = manifest["config"]
    return str(config.get("model") or config.get("samples"))


def _format_list(what: Any) -> str:
    if isinstance(what, Mapping):
        return "; ".join(f"{key} ({value})" if value not in (True, "") else str(key) for key, value in what.items())
    return "; ".join(map(str, what or [])) or "nothing"


def format_family_means(scores: Sequence[Score]) -> list[tuple[str, str]]:
    """Format the mean of percentages of each family of which a run has several benchmarks, under one choice of options.

    Benchmarks of a family have different numbers of problems, so samples are not pooled.
    """
    groups: dict[tuple[str, str, str], list[float]] = {}
    for score in scores:
        plain, _, options = score.benchmark.partition("@")
        for family, members in FAMILIES.items():
            if plain in members:
                groups.setdefault((family, options, score.metric), []).append(score.value)
    return [
        (f"{family}{'@' if options else ''}{options} {metric}", f"{100 * fmean(values):.1f} %, mean of {len(values)}")
        for (family, options, metric), values in groups.items()
        if len(values) > 1
    ]
