"""Split and in-process: the same verdicts on honest programs, but for what is known by name.

A sample that passes in its own interpreter and fails apart from its tests would be a fault of the codec's, and the
program's score would hang on the mode.
"""

from __future__ import annotations

import pytest

from harness.types import Trust
from tests.judged import GOLDEN, in_docker

pytestmark = [pytest.mark.slow, pytest.mark.data, pytest.mark.docker]

DIFFERING: dict[str, set[str]] = {}
"""By benchmark: the tasks whose verdict hangs on the mode."""


@pytest.mark.parametrize("name", [*GOLDEN, "mbpp", "mbpp-plus", "ds1000"])
def test_honest_verdicts_do_not_hang_on_where_they_are_computed(
    name: str, core_image: str, request: pytest.FixtureRequest
) -> None:
    """WizardCoder-15B's own samples of HumanEval, and the references of the other benchmarks."""
    if name == "ds1000":
        request.getfixturevalue("ds1000_image")
    found = {
        trust: {task_id: (outcome.status, outcome.base_status) for task_id, outcome in in_docker(name, trust).items()}
        for trust in Trust
    }

    differing = {
        task_id for task_id, verdict in found[Trust.SPLIT].items() if verdict != found[Trust.IN_PROCESS][task_id]
    }

    assert differing == DIFFERING.get(name, set())
