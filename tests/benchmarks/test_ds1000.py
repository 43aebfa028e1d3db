"""DS-1000: its programs byte by byte, what becomes of answers, and all references in Docker."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from harness.benchmarks.ds1000 import Ds1000
from harness.extraction.reasoning import MARKS
from harness.sandboxes import open_sandbox
from harness.sandboxes.environments import environment
from harness.tasks.prompt_format import Recipe
from harness.tasks.recipes import recipe
from harness.types import CodeForm, Problem, Program, Status, Trust

from ..commands import harness, one_line_error, write_rows
from ..judged import in_docker

PROSE = "Sure! Here's the solution:\n\n"
DOWNLOADS = "DS-1000/819"
"""Its context fetches a data set."""


# fitted models, optimisers, and one that reads a model's file
NOT_CARRIED = [f"DS-1000/{number}" for number in (837, 838, 928, 929, 930, 932, 933, 934, 935, 993)]


@pytest.fixture(scope="module")
def problems() -> dict[str, Problem]:
    """All problems by id."""
    return {problem.task_id: problem for problem in Ds1000().problems()}


def problem(prompt: str, entry_point: str = "result") -> Problem:
    return Problem(task_id="toy/0", prompt=prompt, entry_point=entry_point, reference="", tests="")


def program(of: Problem, code: str) -> Program:
    return Ds1000().program(of, code, CodeForm.COMPLETION)


def taken(name: str, text: str, of: Problem) -> str:
    """The code that recipe `name` takes from `text`."""
    return recipe(name, Ds1000()).extract(text, of).code


VARIABLE = problem("Problem:\nAdd.\nA:\n<code>\nx = 1\n</code>\nresult = ... # put solution in this variable\n<code>\n")
BODY = problem("Problem:\nAdd.\nA:\n<code>\ndef f(x=1):\n    # result = f(x)\n    ### BEGIN SOLUTION", "f")


@pytest.mark.data
def test_the_thousand_problems_fall_into_the_published_parts(problems: dict[str, Problem]) -> None:
    """By library and by perturbation type, as the report tells them."""
    found = list(problems.values())

    assert Counter(one.metadata["library"] for one in found) == {
        "Pandas": 291,
        "Numpy": 220,
        "Matplotlib": 155,
        "Sklearn": 115,
        "Scipy": 106,
        "Pytorch": 68,
        "Tensorflow": 45,
    }
    assert Counter(one.metadata["perturbation_type"] for one in found) == {
        "Origin": 452,
        "Semantic": 234,
        "Difficult-Rewrite": 162,
        "Surface": 152,
    }


@pytest.mark.data
def test_the_program_is_upstreams(problems: dict[str, Problem]) -> None:
    """Context, the answer's repr and both tests, for every reference; 159 contexts look at the text as well."""
    for one in problems.values():
        made = program(one, one.reference)
        on_text = "test_string(code)\n" if "test_string(" in one.tests else "\n"
        expected = one.tests + "\n" + f"code = {one.reference!r}\n" + "test_execution(code)\n" + on_text
        assert made.in_process + Ds1000().judge(one).tests == expected
    assert sum("test_string(code)\n" in Ds1000().judge(one).tests for one in problems.values()) == 159


@pytest.mark.data
def test_every_group_is_preloaded(problems: dict[str, Problem]) -> None:
    """A program names a group of its environment; only the programs that need it get TensorFlow's."""
    groups = {one.task_id: program(one, "").group for one in problems.values()}

    assert set(groups.values()) <= set(environment("ds1000").preloads)
    assert [one for one, group in groups.items() if group == "Tensorflow"] == [
        *("DS-1000/379", "DS-1000/380"),
        *(f"DS-1000/{number}" for number in range(666, 711)),
    ]


@pytest.mark.data
def test_references_survive_the_official_steps(problems: dict[str, Problem]) -> None:
    """No reference is changed, so 51 keep the indentation they start with."""
    kept = [taken("completion", one.reference, one) for one in problems.values()]

    assert kept == [one.reference for one in problems.values()]
    assert sum(code[0].isspace() for code in kept) == 51


@pytest.mark.data
def test_instructions_show_the_code_in_closed_fences(problems: dict[str, Problem]) -> None:
    """No tag of the completion format is left, and functions are told apart from scripts."""
    told = [Ds1000().instruction(one) for one in problems.values()]

    assert [text for text in told if "<code>" in text or "</code>" in text or text.count("```") % 2] == []
    assert sum("Complete the function" in text for text in told) == 71
    assert sum(text.startswith("Continue this script.") for text in told) == 155
    assert all("Write only the lines that come next" in text for text in told)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("result = x\n</code>\nEND SOLUTION\nmore", "result = x\n"),
        ("```python\nresult = x\n```\nmore", "\nresult = x\n"),
        ("result = x\n```\nmore", "result = x\n"),
        ("result = x\nEND SOLUTION\nmore", "result = x"),
        ("<code>result = x", "result = x"),
        ("    result = x\n    return result\n", "    result = x\n    return result\n"),
        (PROSE + "```python\nresult = x\n```", PROSE + "\nresult = x\n"),
        ("```py\nresult = x\n```", ""),
    ],
)
def test_completions_are_treated_as_upstream_does(text: str, code: str) -> None:
    """Its steps in its order, faults included: nothing is stripped, prose stays, another fence ends the answer."""
    assert taken("completion", text, VARIABLE) == code


@pytest.mark.parametrize("name", ["chat", "alpaca", "wizardcoder"])
@pytest.mark.parametrize(
    ("text", "code"),
    [
        (PROSE + "```python\nresult = x + 1\n```\nIt adds.", "result = x + 1\n"),
        (PROSE + "```\nresult = x + 1\n```", "result = x + 1\n"),
        ("```python\nresult = x + 1", "result = x + 1"),
        ("First install:\n```bash\npip install x\n```\n```python\nresult = x + 1\n```", "result = x + 1\n"),
        (
            "```python\nimport math\n```\nthen\n```python\nresult = x + 1\n```\n```\nprint(result)\n```",
            "result = x + 1\n",
        ),
        ("1. So:\n   ```python\n   result = x + 1\n   ```\n", "result = x + 1\n"),
        ("<code>\nresult = x + 1\n</code>", "\nresult = x + 1\n"),
        ("result = x + 1\n", "result = x + 1\n"),
        ("```python\nresult = x + 1\nEND SOLUTION\n```", "result = x + 1"),
        ("```python\r\nresult = x + 1\r\n```", "result = x + 1\n"),
        ("~~~python\nresult = x + 1\n~~~", "result = x + 1\n"),
        ("A first try:\n```\nresult = x\n```\nNo:\n```\nresult = x + 1\n```", "result = x + 1\n"),
        ('```python\nresult = x + 1\ntext = """\n~~~\n"""\n```', 'result = x + 1\ntext = """\n~~~\n"""\n'),
    ],
)
def test_chat_answers_lose_their_prose(name: str, text: str, code: str) -> None:
    """The block that defines what was asked for, then the official steps."""
    assert taken(name, text, VARIABLE) == code


@pytest.mark.parametrize(("opening", "closing"), MARKS)
def test_chat_answers_lose_their_reasoning(opening: str, closing: str) -> None:
    """A draft in it is none, and where it was cut off there is no answer."""
    draft = "```python\nresult = x - 1\n```\n"

    whole = taken("chat", f"{opening}\n{draft}{closing}\n```python\nresult = x + 1\n```", VARIABLE)
    cut = taken("chat", f"{opening}\n{draft}", VARIABLE)

    assert (whole, cut) == ("result = x + 1\n", "")


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ("    return x + 1\n", "    return x + 1\n"),
        ("return x + 1\n", "    return x + 1\n"),
        ("def f(x=1):\n    y = x + 1\n    return y\n\nprint(f())\n", "    y = x + 1\n    return y\n"),
        ("import math\n\ndef f(x=1):\n  return x + 1\n", "    import math\n    return x + 1\n"),
        ("def f(x=1): return x + 1\n", "    return x + 1\n"),
        ("def f(x=1):\n\treturn x + 1\n", "    return x + 1\n"),
        ("result = x +\n", "    result = x +\n"),
    ],
)
def test_a_chat_answer_inside_a_function_becomes_its_body(block: str, code: str) -> None:
    """The place is inside a function: a repeated definition gives its body, margins move by four spaces."""
    assert taken("chat", f"{PROSE}```python\n{block}```", BODY) == code


def test_base_models_get_the_bare_prompt() -> None:
    """The completion recipe adds nothing and stops where upstream does."""
    chosen: Recipe = recipe("completion", Ds1000())

    assert chosen.build(VARIABLE, "unused").text == VARIABLE.prompt
    assert chosen.stop == ("</code>", "# SOLUTION END")


def test_a_truncated_data_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One line with the file's path and exit code 2; nothing is generated, and no sandbox is asked for."""
    (tmp_path / "ds1000.jsonl.gz").write_bytes(b"\x1f\x8b\x08\x00")
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    samples = write_rows(tmp_path / "samples.jsonl", [{"task_id": "DS-1000/0", "completion": ""}])

    result = harness("run", f"replay:{samples}", "--benchmark", "ds1000", "--out", tmp_path / "run")

    assert result.returncode == 2, result.stderr
    assert str(tmp_path / "ds1000.jsonl.gz") in one_line_error(result)


@pytest.mark.data
@pytest.mark.docker
@pytest.mark.slow
def test_every_reference_but_the_downloading_one_passes_in_docker(
    ds1000_image: str, problems: dict[str, Problem]
) -> None:
    """999 of 1000 without a network."""
    verdicts = in_docker("ds1000")

    failed = {task_id: verdict for task_id, verdict in verdicts.items() if verdict.status is not Status.PASSED}
    assert len(verdicts) == 1000
    assert list(failed) == [DOWNLOADS], failed
    assert "URLError" in failed[DOWNLOADS].detail
    in_process = {task_id for task_id, verdict in verdicts.items() if verdict.trust is Trust.IN_PROCESS}
    figures = {one.task_id for one in problems.values() if one.metadata["library"] == "Matplotlib"}
    assert in_process - figures == {DOWNLOADS, *NOT_CARRIED}


@pytest.mark.data
@pytest.mark.docker
@pytest.mark.slow
def test_an_empty_answer_passes_nothing_but_open_questions_in_docker(
    ds1000_image: str, problems: dict[str, Problem]
) -> None:
    """Every tenth problem: an answer that does nothing fails."""
    chosen = list(problems.values())[::10]
    with open_sandbox("docker", environment="ds1000") as sandbox:
        work = (
            (one.task_id, program(one, "    pass\n" if one.entry_point == "f" else "\n"), Ds1000().judge(one))
            for one in chosen
        )
        outcomes = dict(sandbox.run(work))

    assert outcomes.keys() == {one.task_id for one in chosen}
    assert Counter(outcome.status for outcome in outcomes.values() if outcome.status is Status.PASSED) == {}
