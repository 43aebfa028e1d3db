"""CRUXEval: the authors' prompts, cutting and verdicts, and predictions that try to pass without being right."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.benchmarks.cruxeval import CruxEvalInput, CruxEvalOutput
from harness.config import ScoreConfig
from harness.evaluation import scoring
from harness.sandboxes import open_sandbox
from harness.tasks.suite import load_suite
from harness.types import CodeForm, Completion, Problem, Sandbox, Status, Trust

from ..commands import harness, one_line_error, read_rows, write_rows

PROMPTS = {
    "cruxeval-input": "b613818b30f18ac53b0f4bbbd6efdf81db65718b5876fd4295d83c97421bd3e1",
    "cruxeval-input@cot=yes": "8037de461d753e7d1528c0f85da11c4166a5d5a07415452a96efe7c1ff74c1f8",
    "cruxeval-output": "cdca99a1447028cb34f4bf8b69ec64f30918b8b2a150d4e468e2b6711a001877",
    "cruxeval-output@cot=yes": "e98c59c30d7b97e4e186cacaf017b412c9ec309a6d0abc93cdc9ec0611acd95f",
}
"""SHA-256 of all 800 prompts that the functions of the authors' prompts.py make, joined by NUL."""
FORGIVEN = {"sample_296", "sample_409", "sample_531", "sample_548"}
"""Inputs that the published run could not pass: `removeprefix` and `removesuffix` are not in its Python 3.8."""


def read_golden(name: str, ending: str) -> bytes:
    folder = Path(os.environ["HARNESS_DATA_DIR"]) / "golden" / "qwen2.5-coder-1.5b"
    return (folder / f"{name}-cot.{ending}").read_bytes()


def make_problem(asked: str) -> Problem:
    """Return `f(16) == 17` with what is asked for as the reference."""
    return Problem(
        task_id="toy/0",
        prompt="def f(x):\n    return x + 1\n",
        entry_point="",
        reference="f(16)" if asked == "input" else "17",
        tests="\nassert 17 == prediction()\nrun_rest()\n",
        metadata={"input": "16", "output": "17"},
    )


@pytest.fixture(scope="module", params=list(Trust))
def sandbox(request: pytest.FixtureRequest) -> Iterator[tuple[Trust, Sandbox]]:
    with open_sandbox("process", environment="core", workers=1, trust=request.param) as opened:
        yield request.param, opened


@pytest.mark.data
@pytest.mark.parametrize("name", PROMPTS)
def test_prompts_are_the_authors_bytes(name: str) -> None:
    """For a base model, and as the one message to a chat model."""
    suite = load_suite(name)
    base, chat = suite.with_recipe("completion"), suite.with_recipe("chat")

    texts = [base.build_prompt(problem).text or "" for problem in suite.problems.values()]

    assert hashlib.sha256("\0".join(texts).encode()).hexdigest() == PROMPTS[name]
    assert [chat.build_prompt(problem).messages[1] for problem in suite.problems.values()] == [
        ("user", text) for text in texts
    ]
    assert chat.recipe is not None
    assert chat.recipe.stop == ("[/ANSWER]",)


@pytest.mark.data
@pytest.mark.parametrize("asked", ["input", "output"])
def test_raw_answers_are_cut_as_the_published_run_cut_them(asked: str) -> None:
    """800 of 800, from texts that hold the whole prompt, and from the answers alone."""
    name = f"cruxeval-{asked}"
    suite = load_suite(f"{name}@cot=yes").with_recipe("completion")
    rows = [json.loads(line) for line in gzip.decompress(read_golden(name, "samples.jsonl.gz")).splitlines()]

    for row in rows:
        prompt = suite.build_prompt(suite.problems[row["task_id"]]).text or ""
        for text in (row["raw"], row["raw"].removeprefix(prompt)):
            assert suite.extract_sample(row["task_id"], 0, Completion(text=text)).code == row["prediction"]
    assert len(rows) == 800


@pytest.mark.parametrize(
    ("asked", "recipe", "text", "code"),
    [
        ("output", "completion", ' 17 == 17\n[/ANSWER]\n[PYTHON]\nassert f(1) == "no"', "17"),
        ("output", "completion", "assert f(16) == 17 == 17", "17"),
        ("output", "completion", " 17\n", "17"),
        ("input", "completion", "assert f(16) == 17", "f(16)"),
        ("input", "completion", "f(16)", "f(16)"),
        ("input", "chat", "As 16 + 1 == 17:\n[ANSWER]\nassert f(16) == 17\n[/ANSWER]", "f(16)"),
        ("output", "chat", "It adds 1: x == 16.\n[ANSWER]assert f(16) == 17[/ANSWER]", "17"),
        ("output", "chat", "<think>[ANSWER]assert f(16) == 18</think>[ANSWER]assert f(16) == 17", "17"),
        ("output", "wizardcoder", "[ANSWER]\nassert f(16) == 17\n[/ANSWER]", "17"),
        ("output", "alpaca", "", ""),
    ],
)
def test_one_side_of_the_assertion_is_the_prediction(asked: str, recipe: str, text: str, code: str) -> None:
    """What precedes the first `==` or follows it, up to the closing tag; reasoning is none of it."""
    benchmark = {"input": CruxEvalInput, "output": CruxEvalOutput}[asked]

    assert benchmark.recipes[recipe].extract(text, make_problem(asked)).code == code


@pytest.mark.data
@pytest.mark.parametrize("asked", ["input", "output"])
def test_published_verdicts_are_met_one_by_one(asked: str, tmp_path: Path) -> None:
    """Qwen2.5-Coder-1.5B's own run: 354 of 800 inputs, 350 of them on its older Python, and 277 of 800 outputs."""
    samples = tmp_path / "samples.jsonl"
    samples.write_bytes(gzip.decompress(read_golden(f"cruxeval-{asked}", "samples.jsonl.gz")))
    truth = json.loads(read_golden(f"cruxeval-{asked}", "truth.json"))["verdicts"]
    config = ScoreConfig(samples=samples, benchmark=f"cruxeval-{asked}", field="prediction", sandbox="process")

    scoring.score(config, out=tmp_path / "run")

    rows = read_rows(tmp_path / "run" / "verdicts.jsonl")
    passed = {row["task_id"] for row in rows if row["status"] == Status.PASSED}
    assert {row["trust"] for row in rows} == {Trust.SPLIT}
    assert (len(rows), len(passed)) == (800, {"input": 354, "output": 277}[asked])
    assert passed ^ {task_id for task_id, right in truth.items() if right} == (FORGIVEN if asked == "input" else set())


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("benchmark", [CruxEvalInput, CruxEvalOutput])
def test_every_reference_passes(benchmark: type[CruxEvalInput | CruxEvalOutput]) -> None:
    """The data's own outputs and inputs."""
    made = benchmark()
    work = [
        (one.task_id, made.program(one, one.reference, CodeForm.COMPLETION), made.judge(one)) for one in made.problems()
    ]
    # an output is refused where it repeats the call, which none does
    with open_sandbox("process", environment="core") as opened:
        outcomes = dict(opened.run(work))

    assert len(outcomes) == 800
    assert {key: one for key, one in outcomes.items() if one.status is not Status.PASSED} == {}


@pytest.mark.parametrize(
    ("asked", "prediction", "split", "in_process"),
    [
        ("output", "17", "passed", "passed"),
        ("output", "17.0  # equal", "passed", "passed"),
        ("output", "f(15) + 1", "passed", "passed"),
        ("output", "17, 'a message'", "passed", "passed"),
        ("output", "17\nx = 1", "passed", "passed"),
        ("output", "17\n1 / 0", "runtime_error", "runtime_error"),
        ("output", "18", "wrong_answer", "wrong_answer"),
        ("output", "f(16)", "runtime_error", "runtime_error"),  # repeats the call
        ("output", "", "runtime_error", "syntax_error"),
        ("output", "17)", "runtime_error", "syntax_error"),
        ("output", "17 == 17", "runtime_error", "passed"),  # leaves the comparison
        ("output", "0 or True", "runtime_error", "passed"),
        ("output", "__import__('os')._exit(0)", "runtime_error", "runtime_error"),
        ("output", "17\n__import__('os')._exit(0)", "runtime_error", "runtime_error"),
        ("output", "exit(0)", "runtime_error", "runtime_error"),
        ("output", "type('A', (int,), {'__eq__': lambda *_: True})()", "wrong_answer", "passed"),
        ("output", "[].append(globals().update(prediction=lambda: 17))", "wrong_answer", "wrong_answer"),
        ("input", "f(16)", "passed", "passed"),
        ("input", "f(x=16)", "passed", "passed"),
        ("input", "f(15)", "wrong_answer", "wrong_answer"),
        ("input", "f (16)", "runtime_error", "runtime_error"),  # no call, to the letter
        ("input", "17", "runtime_error", "runtime_error"),
        ("input", "assert f(16)", "runtime_error", "syntax_error"),
        ("input", "17 or f(0)", "runtime_error", "passed"),
        ("input", "[f(0), __import__('os')._exit(0)]", "runtime_error", "runtime_error"),
    ],
)
def test_a_prediction_passes_by_its_value_alone(
    sandbox: tuple[Trust, Sandbox], asked: str, prediction: str, split: str, in_process: str
) -> None:
    """Split, nothing but a value that is equal passes; in one interpreter, what passes the authors' program."""
    trust, opened = sandbox
    benchmark = {"input": CruxEvalInput, "output": CruxEvalOutput}[asked]()
    problem = make_problem(asked)

    work = [("toy", benchmark.program(problem, prediction, CodeForm.COMPLETION), benchmark.judge(problem))]
    ((_, outcome),) = opened.run(work)

    assert outcome.status == (split if trust is Trust.SPLIT else in_process), outcome
    assert outcome.trust is trust


@pytest.mark.data
def test_the_in_process_program_is_the_authors() -> None:
    """Function, newline, assertion; the stand-in for the split functions follows it."""
    benchmark = CruxEvalOutput()
    problem = benchmark.problems()[0]

    program = benchmark.program(problem, "[(4, 1)]", CodeForm.COMPLETION)

    upstream = f"{problem.prompt}assert {problem.metadata['output']} == [(4, 1)]\n"
    assert program.in_process.startswith(upstream)
    assert problem.metadata["output"] not in program.source
    assert program.limits.cpu_time_s == 3.0


def test_data_of_another_release_is_refused(tmp_path: Path) -> None:
    """One line with the file and both digests; nothing is judged."""
    write_rows(
        tmp_path / "cruxeval.jsonl", [{"code": "def f(): pass", "input": "", "output": "None", "id": "sample_0"}]
    )
    (tmp_path / "cruxeval").mkdir()
    (tmp_path / "cruxeval.jsonl").rename(tmp_path / "cruxeval" / "cruxeval.jsonl")
    samples = write_rows(tmp_path / "samples.jsonl", [{"task_id": "sample_0", "prediction": "None"}])

    result = harness(
        "score", samples, "-b", "cruxeval-output", environment={**os.environ, "HARNESS_DATA_DIR": str(tmp_path)}
    )

    assert result.returncode == 2
    assert str(tmp_path / "cruxeval" / "cruxeval.jsonl") in one_line_error(result)
    assert "1353e8fc" in result.stderr
