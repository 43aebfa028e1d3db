"""The runs that the repository keeps can be read, compared and gated by this version."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.compare import Rules, check_regression
from harness.compare.runs import read_run
from harness.report.wording import format_unfinished

BASELINES = sorted(path.parent for path in (Path(__file__).parent.parent / "results" / "baselines").glob("*/run.json"))


def test_there_is_one() -> None:
    """Else the tests below say nothing."""
    assert BASELINES


@pytest.mark.parametrize("path", BASELINES, ids=[path.name for path in BASELINES])
def test_a_baseline_is_whole_and_passes_against_itself(path: Path) -> None:
    """Its scores are those of its verdicts."""
    run = read_run(path)

    assert not format_unfinished(run.summary)
    assert not run.summary.infrastructure
    assert check_regression(path, path, Rules()).exit_code == 0
