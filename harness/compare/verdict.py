"""Format a gate's findings as text, JSON, JUnit XML and annotations of a GitHub job."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from ..metrics.pass_at_k import LEVEL
from ..report.wording import replace_unprintable
from ..store import write_text
from ..store.cleaning import clean_text, escape_markdown, format_code_span, format_line, neutralize
from ..store.jsonable import to_plain
from .gate import REGRESSION, Finding, Gate
from .tables import format_p_value, format_task_ids

HEADS = {0: "no regression", REGRESSION: "regression"}
JUNIT = "harness gate"
DETAIL = 2000
"""Characters of a verdict's detail in JUnit XML."""


def format_finding(finding: Finding) -> str:
    """Return "humaneval pass@1 fell by 4.3 points, 95 % interval -7.9 to -0.6; 9 problems lost, 2 gained"."""
    difference = finding.difference
    change = 100 * difference.value
    moved = (
        f"fell by {-change:.1f} points" if change < 0 else f"rose by {change:.1f} points" if change else "is the same"
    )
    interval = ""
    if difference.interval is not None:
        low, high = difference.interval
        interval = f", {LEVEL:.0%} interval {100 * low:+.1f} to {100 * high:+.1f}".replace("%", " %")
    flips = f"; {len(difference.lost)} problems lost, {len(difference.gained)} gained"
    return f"{difference.benchmark} {difference.metric} {moved}{interval}{flips}"


def format_power(smallest_drop: float | None, level: float) -> str:
    """Say which drop (fraction of 1) a comparison would have detected at a level of significance."""
    if smallest_drop is None:
        return "this comparison has no power estimate: nothing differs, or too much"
    return f"this comparison would find a drop of {100 * smallest_drop:.1f} points 8 times of 10 (at level {level:.2g})"


def format_verdict(gate: Gate) -> str:
    """Format the verdict as lines of Markdown: the answer first, then why."""
    first, second = gate.comparison.runs
    head = HEADS.get(gate.exit_code, f"not decided: the judge failed on {gate.unjudged} samples; run both again")
    lines = [f"**{head}**: {escape_markdown(second.name)} against {escape_markdown(first.name)}", ""]
    lines += [f"- not comparable: {escape_markdown(reason)}" for reason in gate.comparison.mixed]
    for finding in gate.findings:
        mark = "FAILED" if finding.regressed else "ok"
        lines.append(f"- {mark}: {format_finding(finding)} ({_format_rule(finding)})")
        lines.append(f"  - {format_power(finding.smallest_drop, finding.thresholds.power_level)}")
        if finding.difference.lost:
            lines.append(f"  - lost: {format_task_ids(finding.difference.lost)}")
        if finding.difference.gained:
            lines.append(f"  - gained: {format_task_ids(finding.difference.gained)}")
    for task in gate.must_pass:
        requirement = f"{escape_markdown(task.task_id)} must pass{_format_detail(task.detail, format_code_span)}"
        lines.append(f"- {'ok' if task.passed else 'FAILED'}: {requirement}")
    lines += [f"- {caveat}" for caveat in gate.comparison.caveats]
    lines += [f"- {method}" for method in gate.comparison.tests]
    return "\n".join(lines) + "\n"


def serialize_gate(gate: Gate) -> dict[str, Any]:
    """Serialize the verdict; changes are in points, and null if a figure is not known."""
    values: dict[str, Any] = {
        "verdict": HEADS.get(gate.exit_code, "not decided"),
        "exit_code": gate.exit_code,
        "unjudged": gate.unjudged,
        "findings": [_serialize_finding(finding) for finding in gate.findings],
        "must_pass": gate.must_pass,
        "mixed": gate.comparison.mixed,
        "caveats": gate.comparison.caveats,
        "methods": gate.comparison.tests,
    }
    return {key: to_plain(value) for key, value in values.items()}


def _serialize_finding(finding: Finding) -> dict[str, Any]:
    difference = finding.difference
    low, high = difference.interval or (math.nan, math.nan)
    return {
        "benchmark": difference.benchmark,
        "metric": difference.metric,
        "regressed": finding.regressed,
        "change": 100 * difference.value,
        "interval": None if difference.interval is None else [100 * low, 100 * high],
        "p_holm": difference.p_corrected,
        "accepted_drop": finding.thresholds.accepted,
        "level": finding.thresholds.level,
        "smallest_drop_seen": None if finding.smallest_drop is None else 100 * finding.smallest_drop,
        "lost": difference.lost,
        "gained": difference.gained,
    }


def format_workflow_commands(gate: Gate) -> list[str]:
    """Format the workflow commands that GitHub shows with the job and the pull request."""
    commands = [
        _format_command(
            "error" if finding.regressed else "notice", finding.difference.benchmark, format_finding(finding)
        )
        for finding in gate.findings
    ]
    commands += [
        _format_command("error", task.benchmark, f"{task.task_id} must pass{_format_detail(task.detail)}")
        for task in gate.must_pass
        if not task.passed
    ]
    if gate.unjudged:
        commands.append(_format_command("error", "infrastructure", f"the judge failed on {gate.unjudged} samples"))
    return commands


def write_junit(gate: Gate, path: Path) -> None:
    """Write the findings as test cases.

    Raises:
        StoreError: the file cannot be written.
    """
    cases = [_format_case(gate, finding) for finding in gate.findings]
    cases += [
        _format_element(
            task.benchmark,
            f"{task.task_id} must pass",
            "" if task.passed else "failure",
            clean_text(task.detail, DETAIL),
        )
        for task in gate.must_pass
    ]
    failed = sum("<failure" in case for case in cases)
    errors = sum("<error" in case for case in cases)
    head = f"<testsuite name={quoteattr(JUNIT)} tests='{len(cases)}' failures='{failed}' errors='{errors}'>"
    body = "\n".join(["<?xml version='1.0' encoding='utf-8'?>", "<testsuites>", head, *cases])
    write_text(path, f"{body}\n</testsuite>\n</testsuites>\n")


def _format_case(gate: Gate, finding: Finding) -> str:
    kind = "error" if gate.unjudged else "failure" if finding.regressed else ""
    power = format_power(finding.smallest_drop, finding.thresholds.power_level)
    lost = f"lost: {format_task_ids(finding.difference.lost)}; {power}"
    about = f"{format_finding(finding)} ({_format_rule(finding)}); {lost}"
    return _format_element(finding.difference.benchmark, f"{finding.difference.metric} keeps", kind, about)


def _format_element(suite: str, name: str, kind: str, about: str) -> str:
    """Format a test case; `kind` is "failure", "error" or ""."""
    inner = f"<{kind} message={quoteattr(replace_unprintable(about))}/>" if kind else ""
    return f"<testcase classname={quoteattr(suite)} name={quoteattr(replace_unprintable(name))}>{inner}</testcase>"


def _format_command(level: str, title: str, message: str) -> str:
    escaped = neutralize(message).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{level} title={title.replace(',', ' ').replace(':', ' ')}::{escaped}"


def _format_rule(finding: Finding) -> str:
    accepted = finding.thresholds
    rule = f"accepted: {accepted.accepted:.1f} points"
    if accepted.level >= 1:
        return rule
    p = format_p_value(finding.difference.p_corrected) or "not known"
    return f"{rule}, or not significant at {accepted.level:g}; p {'' if p.startswith('<') else '= '}{p}"


def _format_detail(detail: str, quote: Callable[[str], str] = format_line) -> str:
    return f" ({quote(detail)})" if detail.strip() else ""
