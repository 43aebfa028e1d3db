"""HumanEval: the official data and the official program."""

from __future__ import annotations

import pytest

from harness.benchmarks.humaneval import HumanEval
from harness.sandboxes import open_sandbox
from harness.types import CodeForm, Problem, Status


@pytest.fixture(scope="module")
def problems() -> list[Problem]:
    return list(HumanEval().problems())


def test_there_are_the_164_official_problems(problems: list[Problem]) -> None:
    """In the file's order, each with tests for its entry point."""
    assert [problem.task_id for problem in problems] == [f"HumanEval/{number}" for number in range(164)]
    assert all(f"def {problem.entry_point}(" in problem.prompt for problem in problems)


def test_the_program_is_human_evals_own(problems: list[Problem]) -> None:
    """Prompt + completion + newline + test + newline + check(entry_point), byte by byte; 3 seconds."""
    problem = problems[0]
    program = HumanEval().program(problem, "    pass\n", CodeForm.COMPLETION)
    judge = HumanEval().judge(problem)

    upstream = f"{problem.prompt}    pass\n\n{problem.tests}\ncheck({problem.entry_point})"
    assert program.source + judge.tests == upstream
    assert program.limits.cpu_time_s == 3.0


def test_a_solution_stands_alone(problems: list[Problem]) -> None:
    """The prompt is not put in front of it."""
    assert HumanEval().program(problems[0], "x = 1", CodeForm.SOLUTION).source == "x = 1"


@pytest.mark.parametrize("sandbox", [pytest.param("docker", marks=pytest.mark.docker), "process"])
def test_references_pass_and_wrong_bodies_do_not(
    problems: list[Problem], request: pytest.FixtureRequest, sandbox: str
) -> None:
    """All 164 references, and for each problem a body that returns nothing."""
    if sandbox == "docker":
        request.getfixturevalue("core_image")
    benchmark = HumanEval()
    work = [
        ((problem.task_id, right), benchmark.program(problem, code, CodeForm.COMPLETION), benchmark.judge(problem))
        for problem in problems
        for right, code in ((True, problem.reference), (False, "    return None\n"))
    ]

    with open_sandbox(sandbox, environment=benchmark.environment) as opened:
        outcomes = dict(opened.run(work))

    assert outcomes.keys() == {key for key, _, _ in work}
    assert {outcome.status for (_, right), outcome in outcomes.items() if right} == {Status.PASSED}
    wrong = [outcome.status for (_, right), outcome in outcomes.items() if not right]
    assert (len(outcomes), len(wrong)) == (328, 164)
    # A few tests compute with what is returned before they compare it.
    assert set(wrong) == {Status.WRONG_ANSWER, Status.RUNTIME_ERROR}
    assert wrong.count(Status.WRONG_ANSWER) > 140
