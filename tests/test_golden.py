"""The WizardCoder-15B authors' own outputs get the verdicts they are known to have."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from harness.config import ScoreConfig
from harness.evaluation import scoring
from tests.commands import read_rows

pytestmark = pytest.mark.data


@pytest.fixture
def golden() -> Path:
    folder = os.environ.get("HARNESS_DATA_DIR")
    if not folder:
        pytest.skip("HARNESS_DATA_DIR is not set")
    return Path(folder) / "golden"


@pytest.mark.parametrize(("field", "recipe"), [(None, None), ("raw", "wizardcoder")], ids=["completion", "raw"])
@pytest.mark.parametrize("sandbox", [pytest.param("docker", marks=pytest.mark.docker), "process"])
def test_98_of_164_pass_task_by_task(
    golden: Path,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    field: str | None,
    recipe: str | None,
    sandbox: str,
) -> None:
    """From the authors' post-processed completions, and from their raw texts through our extraction."""
    if sandbox == "docker":
        request.getfixturevalue("core_image")
    samples = golden / "wizardcoder-15b-humaneval.samples.jsonl"
    truth = json.loads((golden / "wizardcoder-15b-humaneval.truth.json").read_text())["verdicts"]

    summary = scoring.score(
        ScoreConfig(samples=samples, benchmark="humaneval", field=field, recipe=recipe, sandbox=sandbox),
        out=tmp_path / "run",
    )

    rows = read_rows(tmp_path / "run" / "verdicts.jsonl")
    passed = {row["task_id"] for row in rows if row["status"] == "passed"}
    assert len(rows) == 164
    assert passed == {task_id for task_id, verdict in truth.items() if verdict["base"] == "pass"}
    assert round(summary.scores[0].value * 164) == 98
