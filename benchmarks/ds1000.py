"""DS-1000: 1000 data-science questions over seven Python libraries, judged by running and comparing.

Paper: Lai et al. 2022, arXiv 2211.11501. Data: github.com/xlang-ai/DS-1000, CC BY-SA 4.0, the simplified format.
The program is that of its test_ds1000.py: the problem's context, the answer as a string, and calls of the context's
own tests, which put the answer into a script and execute it. An answer is therefore text for one place in a script,
neither a completion nor a solution, and both forms of a sample mean that.
Limit: problem 819 downloads its data and fails without a network, whatever the answer.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..data import DataFile, read_rows
from ..extraction.rules import Extraction
from ..recipes import ALPACA, CHAT, COMPLETION, WIZARDCODER
from ..types import Asserts, BenchmarkFacts, CodeForm, Limits, Problem, Program

OFFICIAL = Extraction(name="ds1000", style="answer")
"""The post-processing of the official script, for answers that continue the prompt."""
FENCED = Extraction(name="ds1000-fenced", style="fenced-answer", drop_carriage_returns=True)
"""Takes the fenced block before the official steps, which would keep prose before a fence."""

TARGET = re.compile(r"^(\w+)(?:, ?\w+)* ?= \.\.\. # put solution in th", re.MULTILINE)
NAMED_FUNCTION = re.compile(r"^define function named `(\w+)` as solution", re.MULTILINE)
OPEN_FUNCTION = re.compile(r"^def (\w+)\([^\n]*\n(?: [^\n]*\n)* +### BEGIN SOLUTION\s*\Z", re.MULTILINE)
TAIL = re.compile(r"\n*BEGIN SOLUTION\s*<code>\s*\Z")
SCRIPT_TAIL = re.compile(r"^# SOLUTION START\s*\Z", re.MULTILINE)

SLOW_IMPORTS = {"tensorflow": "Tensorflow", "torch": "Pytorch", "sklearn": "Sklearn"}
"""Libraries that take seconds to import, slowest first, with their preload groups."""

FIGURES = "Matplotlib"
"""The library whose tests inspect the figure drawn in the answer's interpreter."""
FILL_IN = "code = exec_context.replace('[insert]', solution)"
TEST_LOOP = re.compile(
    r"""for i in range\(\d+\):
    test_input, expected_result = generate_test_case\(i \+ 1\)
    test_env = \{'test_input': test_input\}
    exec\(code, test_env\)
    assert exec_test\(test_env\['result'\], expected_result\)"""
)
RUN_SCRIPT = """
def run_script(test_input):
    test_env = {{"test_input": test_input}}
    exec({script!r}, test_env)
    return test_env["result"]
"""
JUDGED_EXEC = """
def exec(code, test_env):
    test_env["result"] = run_script(test_env["test_input"])
"""
ANSWER = "code"
"""The name under which the tests find the answer's text."""

LINES_ONLY = "Write only the lines that come next, in one markdown code block; do not repeat what is given."
BODY_ONLY = (
    f"Complete the function `{{name}}`. {LINES_ONLY} They are the function's body, indented by four spaces, "
    "and end with its return statement."
)


class Ds1000:
    """The DS-1000 benchmark; `data` is an explicit path of the data file."""

    name = "ds1000"
    environment = "ds1000"
    facts = BenchmarkFacts(
        problems="1000",
        judge="Asserts",
        trust="split; Matplotlib's 155 in-process",
        licence="CC BY-SA 4.0",
        published="pass@1 by library",
    )
    hub_dataset = "xlangai/DS-1000"
    slices = ("library", "perturbation_type")
    """Metadata keys by which a report also counts."""
    known_failures = {"DS-1000/819": "downloads the California housing data"}  # noqa: RUF012 - read only
    recipes = {  # noqa: RUF012 - read only
        "completion": replace(
            COMPLETION,
            name="ds1000-completion",
            description="the bare prompt and the official stop strings and post-processing, for base models",
            stop=("</code>", "# SOLUTION END"),
            max_tokens=1024,
            extraction=OFFICIAL,
        ),
        "chat": replace(
            CHAT,
            name="ds1000-chat",
            description="asks for the missing lines; takes the fenced block before the official post-processing",
            template="{instruction}",
            extraction=FENCED,
        ),
        "alpaca": replace(ALPACA, name="ds1000-alpaca", extraction=FENCED),
        "wizardcoder": replace(
            WIZARDCODER,
            name="ds1000-wizardcoder",
            description="WizardCoder's format; its authors published no script for this form of DS-1000",
            indent_to_tab=False,  # an answer is inserted among lines that are indented by spaces
            extraction=FENCED,
        ),
    }
    file = DataFile(
        name="ds1000.jsonl.gz",
        sha256="e8c6daa9d7223976bce0296644f3933f78d7f47830669ff05cd61da62c6ba9b3",
        origin="github.com/xlang-ai/DS-1000, data/ds1000.jsonl.gz",
        url="https://raw.githubusercontent.com/xlang-ai/DS-1000/main/data/ds1000.jsonl.gz",
    )

    def __init__(self, data: Path | None = None) -> None:
        self._data = data

    def problems(self) -> Sequence[Problem]:
        """Return all 1000 problems in the file's order; `metadata` has library and perturbation_type."""
        return [_parse_problem(row) for row in read_rows(self.file, self._data)]

    def instruction(self, problem: Problem) -> str:
        """Return the question with its code in fences, and which part of the code to answer with."""
        text = problem.prompt
        if SCRIPT_TAIL.search(text):
            return f"Continue this script.\n\n```python\n{SCRIPT_TAIL.sub('', text).rstrip()}\n```\n\n{LINES_ONLY}"
        inside = OPEN_FUNCTION.search(text)
        task = TAIL.sub("", text).replace("<code>", "```python").replace("</code>", "```").rstrip()
        if inside:
            return f"{task}\n```\n\n{BODY_ONLY.format(name=inside[1])}"
        return f"{task}\n\n{LINES_ONLY}"

    def judge(self, problem: Problem) -> Asserts:
        """Return the context's tests, with the candidate's process in place of their `exec`.

        Tests that look at more than the script's `result` run in one interpreter with the answer.
        """
        tests = "test_execution(code)\n" + ("test_string(code)\n" if "test_string(" in problem.tests else "\n")
        if not _can_be_split(problem):
            return Asserts(tests=tests, split=False)
        return Asserts(
            tests=tests,
            exposes=("run_script",),
            preamble=problem.tests + JUDGED_EXEC,
            slot=ANSWER,
            reference=_fill_script(problem, problem.reference),
            reference_answer=problem.reference,
        )

    def program(self, problem: Problem, code: str, form: CodeForm) -> Program:
        """Return the answer's script, and for one interpreter the context with the answer as a string."""
        del form
        whole = f"{problem.tests}\n{ANSWER} = {code!r}\n"
        return Program(
            source=_fill_script(problem, code) if _can_be_split(problem) else whole,
            environment=self.environment,
            group=_select_group(problem),
            limits=Limits(cpu_time_s=120.0, wall_time_s=360.0, memory_bytes=4 << 30, processes=128),
            answer=code,
            in_process=whole,
        )


def _parse_problem(row: dict[str, Any]) -> Problem:
    metadata = row["metadata"]
    return Problem(
        task_id=f"DS-1000/{metadata['problem_id']}",
        prompt=row["prompt"],
        entry_point=_find_target(row["prompt"]),
        reference=row["reference_code"],
        tests=row["code_context"],
        metadata={**metadata, "script": _parse_script(row["code_context"])},
    )


def _can_be_split(problem: Problem) -> bool:
    """Tell whether the tests look only at the script's `result`."""
    return problem.metadata["script"] is not None and problem.metadata["library"] != FIGURES


def _fill_script(problem: Problem, answer: str) -> str:
    """Return the program that defines `run_script`: the context's script with `answer` in its place."""
    script = problem.metadata["script"]
    return f"{script['before']}\n{RUN_SCRIPT.format(script=script['text'].replace('[insert]', answer))}"


def _parse_script(context: str) -> dict[str, str] | None:
    """Return the script that an answer goes into, and what the tests do before they run it.

    Return None unless the tests have the form of `TEST_LOOP`, as all of the data file's have.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old string escapes in the data
        tree = ast.parse(context)
    texts = [
        node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and ast.unparse(node.targets[0]) == "exec_context"
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    bodies = [node.body for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "test_execution"]
    if len(texts) != 1 or len(bodies) != 1:
        return None
    *before, loop = bodies[0]
    if not TEST_LOOP.fullmatch(ast.unparse(loop)) or ast.unparse(before[-1]) != FILL_IN:
        return None
    return {"text": texts[0], "before": "\n".join(map(ast.unparse, before[:-1]))}


def _find_target(prompt: str) -> str:
    """Return the name that an answer defines: the first variable or a function; "" if the prompt names none."""
    for pattern in (OPEN_FUNCTION, NAMED_FUNCTION, TARGET):
        if match := pattern.search(prompt):
            return match[1]
    return ""


def _select_group(problem: Problem) -> str:
    """Return the preload group: the slowest library that the context imports, as a few Numpy problems do too."""
    for module, group in SLOW_IMPORTS.items():
        if re.search(rf"^\s*(?:import|from) {module}\b", problem.tests, re.MULTILINE):
            return group
    return str(problem.metadata["library"])
