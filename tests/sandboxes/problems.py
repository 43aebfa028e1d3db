"""The problems that hostile programs attack: one of each kind, made by the benchmarks themselves."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from harness.benchmarks.ds1000 import Ds1000
from harness.benchmarks.humaneval import HumanEval
from harness.data import DataFile
from harness.types import Calls, CodeForm, Judge, Key, Limits, Part, Problem, Program, Work

Make = Callable[[str], tuple[Program, Judge]]

CHECK = """

METADATA = {"author": "toy"}


def check(candidate):
    import math
    assert candidate(1) == 2
    assert candidate(41) == 42
    assert abs(candidate(7) - 8) < 1e-6
    assert math.isclose(candidate(9), 10)
"""
PROMPT = 'def add_one(n):\n    """The number after n."""\n'
REFERENCE = "    return n + 1\n"
CONTEXT = '''
import numpy as np
import copy


def generate_test_case(test_case_id):
    def define_test_input(test_case_id):
        if test_case_id == 1:
            n = np.array([1, 41])
        return n

    def generate_ans(data):
        n = data
        return n + 1

    test_input = define_test_input(test_case_id)
    expected_result = generate_ans(copy.deepcopy(test_input))
    return test_input, expected_result


def exec_test(result, ans):
    try:
        np.testing.assert_allclose(result, ans)
        return 1
    except:
        return 0


exec_context = r"""
import numpy as np
n = test_input
[insert]
"""


def test_execution(solution: str):
    code = exec_context.replace("[insert]", solution)
    for i in range(1):
        test_input, expected_result = generate_test_case(i + 1)
        test_env = {"test_input": test_input}
        exec(code, test_env)
        assert exec_test(test_env["result"], expected_result)
'''
FIGURE_CONTEXT = '''
def draw():
    return drawing[-1] if drawing else None


drawing = []


def generate_test_case(test_case_id):
    return None, "right"


def exec_test(result, ans):
    return int(draw() == ans)


exec_context = r"""
[insert]
result = None
"""


def test_execution(solution: str):
    code = exec_context.replace("[insert]", solution)
    for i in range(1):
        test_input, expected_result = generate_test_case(i + 1)
        test_env = {"test_input": test_input, "drawing": drawing}
        exec(code, test_env)
        assert exec_test(test_env["result"], expected_result)
'''
HONEST_FUNCTION = (
    "import math\nimport os\n\nimport numpy\n\n"
    "left = [f'{folder}/{name}' for folder in ('.', '/dev/shm') for name in os.listdir(folder)]\n"
    "left = [path for path in left if os.lstat(path).st_uid]\n"
    "assert left == [], left\n\n\n"
    "def add_one(n):\n    assert type(numpy.add(n, 1).item()) is type(n)\n    return math.floor(n) + 1 + n % 1\n"
)
"""Finds fault with anything that another program left behind."""


def _asserts(source: str) -> tuple[Program, Judge]:
    problem = Problem(task_id="toy", prompt=PROMPT, entry_point="add_one", reference=REFERENCE, tests=CHECK)
    benchmark = HumanEval()
    return benchmark.program(problem, source, CodeForm.SOLUTION), benchmark.judge(problem)


def _humaneval(number: int) -> Make:
    def make(source: str) -> tuple[Program, Judge]:
        benchmark = HumanEval()
        problem = benchmark.problems()[number]
        return benchmark.program(problem, source, CodeForm.SOLUTION), benchmark.judge(problem)

    return make


def _calls(source: str) -> tuple[Program, Judge]:
    judge = Calls(
        key="toy:add_one",
        entry_point="add_one",
        reference=PROMPT + REFERENCE,
        parts=(Part(name="base", inputs=[[1], [41]]), Part(name="plus", inputs=[[7.5]])),
        atol=1e-6,
        min_time_limit_s=0.5,
    )
    return _asserts(source)[0], judge


def _ds1000(context: str, library: str) -> Make:
    def make(source: str) -> tuple[Program, Judge]:
        benchmark, problem = _toy_ds1000(context, library)
        program = benchmark.program(problem, source, CodeForm.COMPLETION)
        # a toy that needs numpy alone, with the patience of a toy
        return replace(program, environment="core", group="", limits=Limits()), benchmark.judge(problem)

    return make


@cache
def _toy_ds1000(context: str, library: str) -> tuple[Ds1000, Problem]:
    """A release of DS-1000 with one problem, read as the real one is."""
    row = {
        "prompt": "result = ... # put solution in this variable",
        "reference_code": "result = n + 1",
        "code_context": context,
        "metadata": {"library": library, "problem_id": 0, "perturbation_type": "Origin"},
    }
    text = json.dumps(row).encode() + b"\n"

    class Toy(Ds1000):
        file = DataFile(name="toy.jsonl", sha256=hashlib.sha256(text).hexdigest(), origin="this test", url="")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "toy.jsonl"
        path.write_bytes(text)
        benchmark = Toy(path)
        return benchmark, benchmark.problems()[0]


PROBLEMS: dict[str, tuple[Make, str]] = {
    "asserts": (_asserts, HONEST_FUNCTION),
    "calls": (_calls, HONEST_FUNCTION),
    "ds1000": (_ds1000(CONTEXT, "Numpy"), "result = n + 1\n"),
    "ds1000-figure": (_ds1000(FIGURE_CONTEXT, "Matplotlib"), 'drawing.append("right")\n'),
    "HumanEval/32": (
        _humaneval(32),
        "def poly(xs, x):\n    return sum(c * x**i for i, c in enumerate(xs))\n\n\n"
        "def find_zero(xs):\n    low, high = -1e3, 1e3\n    while poly(xs, low) * poly(xs, high) > 0:\n"
        "        low, high = low * 2, high * 2\n    for _ in range(200):\n        middle = (low + high) / 2\n"
        "        if poly(xs, low) * poly(xs, middle) > 0:\n            low = middle\n        else:\n"
        "            high = middle\n    return middle\n",
    ),
}
"""By name: what makes program and judge of a source, and an honest source that passes."""


def work_on(kind: str, source: str, *, key: Key, limits: Limits) -> Work:
    """Return `source` on the problem called `kind`."""
    program, judge = PROBLEMS[kind][0](source)
    return key, replace(program, limits=limits), judge
