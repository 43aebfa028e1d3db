"""Task lists: ids and ranges, for the benchmarks that have them."""

from __future__ import annotations

import pytest

from harness.config import RunConfig
from harness.errors import UsageError
from harness.evaluation.pipeline import prepare_suites
from harness.evaluation.plans import build_identity
from harness.tasks.selection import check_tasks, select_tasks

IDS = ["DS-1000/0", "DS-1000/1", "DS-1000/12", "odd-1-2", "Mbpp/2", "Mbpp/5"]


def config(*tasks: str, **settings: object) -> RunConfig:
    return RunConfig(model="m", benchmarks=("humaneval",), recipe="completion", tasks=tasks, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tasks", "chosen"),
    [
        (["DS-1000/1"], {"DS-1000/1"}),
        (["DS-1000/1-12"], {"DS-1000/1", "DS-1000/12"}),
        (["DS-1000/0, Mbpp/2-5"], {"DS-1000/0", "Mbpp/2", "Mbpp/5"}),
        (["odd-1-2"], {"odd-1-2"}),
        (["Mbpp/3-4"], set()),
    ],
)
def test_a_range_is_by_number_within_a_prefix(tasks: list[str], chosen: set[str]) -> None:
    """Numbers are not texts, and an id that looks like a range is an id."""
    assert select_tasks(tasks, IDS) == chosen


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (["Mbpp/3"], 'no benchmark of the run has "Mbpp/3". Did you mean'),
        (["x"], 'no benchmark of the run has "x".'),
        (["Other/1-2"], 'no benchmark of the run has "Other/1-2".'),
        (["Mbpp/2-9"], 'the range "Mbpp/2-9" has to lie within Mbpp/2-5'),
        (["Mbpp/5-2"], 'the range "Mbpp/5-2" has to lie within'),
        ([","], "names no task"),
    ],
)
def test_an_unknown_task_is_refused(tasks: list[str], message: str) -> None:
    """With what was given, in one line."""
    with pytest.raises(UsageError) as refused:
        check_tasks(tasks, IDS)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_problems_keep_the_benchmarks_order_and_the_limit_counts_among_them() -> None:
    """The list's order decides nothing."""
    (suite,) = prepare_suites(config("HumanEval/20-22,HumanEval/3", limit=3))

    assert list(suite.problems) == ["HumanEval/3", "HumanEval/20", "HumanEval/21"]
    assert list(suite.requests) == [f"humaneval:{task_id}" for task_id in suite.problems]


def test_a_task_list_identifies_a_run() -> None:
    """Without one a run is identified as before there were any."""
    (suite,) = prepare_suites(config())

    assert "tasks" not in build_identity(config(), [suite], "process")
    given = build_identity(config("HumanEval/3,HumanEval/5"), [suite], "process")
    assert given["tasks"] == ["HumanEval/3", "HumanEval/5"]
    assert given == build_identity(config("HumanEval/3", "HumanEval/5"), [suite], "process")


@pytest.mark.data
def test_a_benchmark_that_is_left_with_nothing_is_named() -> None:
    """The list is for those that have the ids, and none is left out silently."""
    settings = RunConfig(model="m", benchmarks=("humaneval", "mbpp"), recipe="completion", tasks=("HumanEval/3",))
    with pytest.raises(UsageError, match='benchmark "mbpp" has none of HumanEval/3'):
        prepare_suites(settings)
