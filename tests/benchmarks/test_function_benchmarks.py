"""MBPP, HumanEval+ and MBPP+: references pass, wrong bodies fail, values are compared as EvalPlus does."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from harness.registry import lookup
from harness.sandboxes import open_sandbox
from harness.types import Calls, CodeForm, Limits, Outcome, Part, Program, Sandbox, Status, Trust

from ..commands import harness
from ..judged import in_docker

SIZES = {
    "humaneval-plus": 164,
    "mbpp": 500,
    "mbpp-validation": 90,
    "mbpp-train": 374,
    "mbpp-plus": 378,
    "mbpp-plus-v0.1.0": 399,
}
SANDBOXES = [pytest.param("docker", marks=pytest.mark.docker), "process"]


SUCCESSORS = {"mbpp-plus-v0.1.0": "mbpp-plus"}


@cache
def shared_problems(name: str, successor: str) -> set[str]:
    """Return the tasks that are the same in two versions of a benchmark: prompt, reference and whatever judges."""
    found: dict[str, set[str]] = {}
    for version in (name, successor):
        benchmark = lookup("benchmarks", version)()
        for problem in benchmark.problems():
            judged = replace(benchmark.judge(problem), key="")
            found.setdefault(problem.task_id, set()).add(repr((problem.prompt, problem.reference, judged)))
    both = {problem.task_id for problem in lookup("benchmarks", successor)().problems()}
    old = {problem.task_id for problem in lookup("benchmarks", name)().problems()}
    return {task_id for task_id in both & old if len(found[task_id]) == 1}


@pytest.fixture(scope="module", params=SANDBOXES)
def sandbox(request: pytest.FixtureRequest):  # type: ignore[no-untyped-def]
    if request.param == "docker":
        request.getfixturevalue("core_image")
    with open_sandbox(request.param, environment="core") as opened:
        yield opened


@pytest.mark.data
@pytest.mark.parametrize("name", SIZES)
def test_every_reference_passes(sandbox: Sandbox, name: str) -> None:
    """All reference solutions, in the real sandbox; what two versions have in common is judged under one name."""
    benchmark = lookup("benchmarks", name)()
    form = CodeForm.COMPLETION if "plus" in name else CodeForm.SOLUTION
    problems = benchmark.problems()
    shared = shared_problems(name, SUCCESSORS[name]) if name in SUCCESSORS else set[str]()
    problems = [problem for problem in problems if problem.task_id not in shared]

    if (sandbox.name, name) == ("docker", "mbpp-plus"):  # the longest; another test looks at the same verdicts
        outcomes = list(in_docker(name).values())
    else:
        work = ((one.task_id, benchmark.program(one, one.reference, form), benchmark.judge(one)) for one in problems)
        outcomes = list(dict(sandbox.run(work)).values())

    assert len(outcomes) + len(shared) == SIZES[name]
    assert [outcome for outcome in outcomes if outcome.status is not Status.PASSED] == []


@pytest.mark.data
@pytest.mark.parametrize("name", ["mbpp", "mbpp-plus"])
def test_a_wrong_body_fails(sandbox: Sandbox, name: str) -> None:
    """A function that returns an object of its own passes nothing but oracles that take anything."""
    benchmark = lookup("benchmarks", name)()
    problems = benchmark.problems()[:100]
    bodies = {one.task_id: f"def {one.entry_point}(*_, **__):\n    return 'no such answer'\n" for one in problems}

    work = (
        (one.task_id, benchmark.program(one, bodies[one.task_id], CodeForm.SOLUTION), benchmark.judge(one))
        for one in problems
    )
    outcomes = dict(sandbox.run(work)).values()

    assert sum(outcome.status is Status.PASSED for outcome in outcomes) <= 1, outcomes
    assert sum(outcome.status is Status.WRONG_ANSWER for outcome in outcomes) >= 95


def judged(sandbox: Sandbox, source: str, reference: str, inputs: list[list[object]], **rule: object) -> Outcome:
    """Return the outcome of calls of `f`."""
    calls = Calls(
        key=f"test:{reference}:{inputs}:{rule}",
        entry_point="f",
        reference=reference,
        parts=(Part(name="base", inputs=inputs[:1]), Part(name="plus", inputs=inputs)),
        **rule,  # type: ignore[arg-type]
    )
    ((_, outcome),) = sandbox.run([("toy/0", Program(source=source, environment="core", limits=Limits()), calls)])
    return outcome


INCREMENT = "def f(n):\n    return n + 1\n"


@pytest.mark.parametrize(
    ("source", "reference", "inputs", "rule", "expected"),
    [
        (INCREMENT, INCREMENT, [[1], [2]], {}, Status.PASSED),
        ("def f(n):\n    return 2\n", INCREMENT, [[1], [2]], {}, Status.WRONG_ANSWER),
        ("def f(n):\n    return float(n + 1)\n", INCREMENT, [[1], [2]], {}, Status.PASSED),
        ("def f(n):\n    return n + 1.0000001\n", INCREMENT, [[1], [2]], {}, Status.WRONG_ANSWER),
        ("def f(n):\n    return n / 3 + 1e-9\n", "def f(n):\n    return n / 3\n", [[1], [2]], {}, Status.PASSED),
        ("def f(n):\n    return n / 0\n", INCREMENT, [[1], [2]], {}, Status.RUNTIME_ERROR),
        ("def g(n):\n    return n + 1\n", INCREMENT, [[1], [2]], {}, Status.RUNTIME_ERROR),
        ("def f(n)\n    return n + 1\n", INCREMENT, [[1], [2]], {}, Status.SYNTAX_ERROR),
        ("def f(n):\n    while True: pass\n", INCREMENT, [[1], [2]], {"min_time_limit_s": 0.2}, Status.TIMEOUT),
        # what a program does before it is called counts for no call
        (
            "import time\nwhile time.process_time() < 0.6: pass\n" + INCREMENT,
            INCREMENT,
            [[1], [2]],
            {"min_time_limit_s": 0.25},
            Status.PASSED,
        ),
        # a call that may take longer than others is timed from its own beginning, not with the short one before it
        (
            "import time\ndef f(n):\n    end = time.process_time() + n\n    while time.process_time() < end: pass\n",
            "import time\ndef f(n):\n    end = time.process_time() + n\n    while time.process_time() < end: pass\n",
            [[0], [0], [0], [0.6], [0], [0.6]],
            {"min_time_limit_s": 0.3},
            Status.PASSED,
        ),
        # time enough: memory that a machine touches for the first time can take it seconds
        (
            "def f(n):\n    return 'x' * 300000000\n",
            INCREMENT,
            [[1], [2]],
            {"min_time_limit_s": 10.0},
            Status.WRONG_ANSWER,  # its digest alone travels, and is told from a number
        ),
        ("def f(n):\n    return bytearray(2 << 30)\n", INCREMENT, [[1], [2]], {}, Status.MEMORY),
        ("import os\ndef f(n):\n    os._exit(0)\n", INCREMENT, [[1], [2]], {}, Status.RUNTIME_ERROR),
        (
            "class I(int):\n    __eq__ = lambda *_: True\ndef f(n):\n    return I()\n",
            INCREMENT,
            [[1]],
            {},
            Status.WRONG_ANSWER,
        ),
        (
            "def f(n):\n    return [2, 1, 1]\n",
            "def f(n):\n    return [1, 2]\n",
            [[1]],
            {"oracle": "same_set"},
            Status.PASSED,
        ),
        ("def f(n):\n    return object()\n", "def f(n):\n    return 1\n", [[1]], {"oracle": "not_none"}, Status.PASSED),
        (
            "def f(n):\n    return None\n",
            "def f(n):\n    return 1\n",
            [[1]],
            {"oracle": "not_none"},
            Status.WRONG_ANSWER,
        ),
        # large values are compared by digest first; what differs in type or order only is then looked at itself
        ("def f(n):\n    return [1.0] * n\n", "def f(n):\n    return [1] * n\n", [[9], [9999]], {}, Status.PASSED),
        ("def f(n):\n    return [2] * n\n", "def f(n):\n    return [1] * n\n", [[0], [9999]], {}, Status.WRONG_ANSWER),
        # however many there are, and however large: never the judge's trouble
        (
            "def f(n):\n    return [1.0] * n\n",
            "def f(n):\n    return [1] * n\n",
            [[9], *([n] for n in range(1000, 1040))],
            {},
            Status.PASSED,
        ),
        (
            "def f(n):\n    return [1.0] * n\n",
            "def f(n):\n    return [1] * n\n",
            [[9], *([n] for n in range(130000, 130012))],
            {},
            Status.PASSED,
        ),
        (
            "def f(n):\n    return 'wrong' if n > 9 else n * 'x'\n",
            "def f(n):\n    return n * 'x'\n",
            [[9], [300000000]],
            {},
            Status.WRONG_ANSWER,
        ),
        (
            "def f(n):\n    return {i: 0 for i in reversed(range(n))}\n",
            "def f(n):\n    return {i: 0 for i in range(n)}\n",
            [[9], [9999]],
            {},
            Status.PASSED,
        ),
    ],
)
@pytest.mark.parametrize("trust", list(Trust))
def test_values_are_compared_as_upstream_does(  # type: ignore[no-untyped-def]
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trust: Trust, source, reference, inputs, rule, expected
) -> None:
    """The same status whether values are compared apart or by the candidate's own interpreter."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path))
    if trust is Trust.IN_PROCESS and "__eq__" in source:
        expected = Status.PASSED  # forged: what split verdicts are for

    with open_sandbox("process", environment="core", workers=1, trust=trust) as sandbox:
        verdict = judged(sandbox, source, reference, inputs, **rule)

    assert verdict.status is expected, verdict
    assert verdict.trust is trust


def test_the_base_part_is_told_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sample that is right on the base inputs only."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path))

    with open_sandbox("process", environment="core", workers=1) as sandbox:
        verdict = judged(sandbox, "def f(n):\n    return 2\n", INCREMENT, [[1], [5]])

    assert (verdict.status, verdict.base_status) == (Status.WRONG_ANSWER, Status.PASSED)
    assert "expected 6, got 2" in verdict.detail


def test_expected_values_are_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache answers a second sandbox; it has an entry for each reference's values, and one for its inputs."""
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path))

    for reference in (INCREMENT, INCREMENT, INCREMENT + "# other\n"):
        with open_sandbox("process", environment="core", workers=1) as sandbox:
            assert judged(sandbox, INCREMENT, reference, [[1], [2]]).status is Status.PASSED

    assert len([path for path in (tmp_path / "expected").rglob("*") if path.is_file()]) == 2 * 2 * 2


@pytest.mark.data
def test_mbpp_instructions_are_wizardcoders_bytes() -> None:
    """MBPP-500's text and asserts by lines; the one with endless asserts names its signature."""
    benchmark = lookup("benchmarks", "mbpp")()
    problems = {one.task_id: one for one in benchmark.problems()}

    assert benchmark.instruction(problems["Mbpp/11"]) == (
        "Write a python function to remove first and last occurrence of a given character from the string.\n"
        "Test examples:\n"
        'assert remove_Occ("hello","l") == "heo"\n'
        'assert remove_Occ("abcda","a") == "bcd"\n'
        'assert remove_Occ("PHP","P") == "H"'
    )
    assert benchmark.instruction(problems["Mbpp/493"]).endswith(
        "Test examples:\ncalculate_polygons(startx, starty, endx, endy, radius)"
    )


@pytest.mark.data
def test_mbpp_plus_instructions_equal_the_published_texts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The wording built from the data is that of WizardCoder's own table, task by task."""
    folder = Path(os.environ["HARNESS_DATA_DIR"])
    published = json.loads((folder / "mbppplus.json").read_text(encoding="utf-8"))
    (tmp_path / "MbppPlus-v0.1.0.jsonl.gz").symlink_to(folder / "MbppPlus-v0.1.0.jsonl.gz")
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))

    benchmark = lookup("benchmarks", "mbpp-plus-v0.1.0")()

    assert {one.task_id: benchmark.instruction(one) for one in benchmark.problems()} == published


@pytest.mark.data
def test_a_split_is_a_benchmark_of_its_own(tmp_path: Path) -> None:
    """`--split validation` runs ids 511-600; a benchmark without that split says so."""
    samples = tmp_path / "samples.jsonl"
    benchmark = lookup("benchmarks", "mbpp-validation")()
    rows = [{"task_id": one.task_id, "solution": one.reference} for one in benchmark.problems()]
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    arguments = ("score", samples, "--sandbox", "process", "--out", tmp_path / "out")
    done = harness(*arguments, "-b", "mbpp", "--split", "validation")
    wrong = harness(*arguments, "-b", "humaneval", "--split", "validation")

    assert done.returncode == 0, done.stderr
    assert "90 of 90" in done.stdout
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (2, 1)
    assert 'benchmark "humaneval" has no split "validation"' in wrong.stderr
