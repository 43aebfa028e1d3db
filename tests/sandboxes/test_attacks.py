"""Hostile programs are data: each file of tests/attacks says what it does and which status it must get."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.types import Limits, Sandbox, Status

from .trials import HONEST, trial

ATTACKS = sorted((Path(__file__).parent.parent / "attacks").glob("*.py"))


def header(source: str, key: str) -> str | None:
    found = re.search(rf"^# {key}: (.+)$", source, re.MULTILINE)
    return found.group(1) if found else None


def limits_of(source: str) -> Limits:
    pairs = (pair.split("=") for pair in (header(source, "limits") or "").split())
    return Limits(**{name: int(value) if name.endswith("_bytes") else float(value) for name, value in pairs})


@pytest.mark.parametrize("path", ATTACKS, ids=lambda path: path.stem)
def test_an_attack_gets_its_status_and_the_next_program_is_untouched(sandbox: Sandbox, path: Path) -> None:
    """The status of the header; honest programs on both workers pass afterwards."""
    source = path.read_text(encoding="utf-8")
    expected = header(source, f"expect-{sandbox.name}") or header(source, "expect")
    hostile = trial(source, task_id=path.stem, limits=limits_of(source))
    honest = [trial(HONEST, task_id=f"honest/{number}") for number in range(4)]

    statuses = {verdict.task_id: verdict for verdict in sandbox.run([hostile, *honest])}

    verdict = statuses.pop(path.stem)
    assert expected is not None
    assert verdict.status in expected.split(" or "), verdict
    assert {found.status for found in statuses.values()} == {Status.PASSED}, statuses
