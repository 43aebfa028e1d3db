"""A sandbox is checked with programs whose verdicts are known, and a broken one is found out and refused."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.checks.verify import verify, verify_quickly
from harness.config import RunConfig
from harness.errors import SandboxUnavailable
from harness.evaluation import pipeline
from harness.sandboxes import open_sandbox
from harness.tasks.suite import Suite, load_suite
from harness.types import CodeForm, Judge, Key, Outcome, Problem, Program, Sandbox, Status, Work
from tests.commands import harness, one_line_error, read_rows, references, write_rows

SANDBOXES = [pytest.param("docker", marks=pytest.mark.docker), "process"]
LENIENT = '''
from harness.sandboxes.process import ProcessSandbox
from dataclasses import replace
from harness.types import Status

class Lenient(ProcessSandbox):
    """A judge that takes wrong answers for right ones."""
    name = "lenient"

    def run(self, work):
        for key, outcome in super().run(work):
            wrong = outcome.status is Status.WRONG_ANSWER
            yield key, replace(outcome, status=Status.PASSED) if wrong else outcome
'''


@pytest.fixture(params=SANDBOXES)
def sandbox_name(request: pytest.FixtureRequest) -> str:
    if request.param == "docker":
        request.getfixturevalue("core_image")
    return str(request.param)


@pytest.fixture
def plugin(tmp_path: Path) -> dict[str, str]:
    """An environment in which a package is installed that offers a broken sandbox, "lenient"."""
    folder = tmp_path / "site"
    (folder / "lenient-1.0.dist-info").mkdir(parents=True)
    (folder / "lenient.py").write_text(LENIENT)
    (folder / "lenient-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: lenient\nVersion: 1.0\n")
    (folder / "lenient-1.0.dist-info" / "entry_points.txt").write_text(
        "[harness.sandboxes]\nlenient = lenient:Lenient\n"
    )
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))}


@pytest.mark.data
def test_canaries_fit_a_benchmark_whose_first_problem_wants_a_class() -> None:
    """MBPP's train split begins with one: a function alone is no answer to it."""
    found = verify("mbpp-train", sandbox="process")

    assert found.differences == ()
    assert (found.canaries.passed, found.canaries.total) == (4, 4)


def config(file: Path, **changes: Any) -> RunConfig:
    return replace(RunConfig(model=f"replay:{file}", benchmarks=("humaneval",), sandbox="process", limit=3), **changes)


def test_all_references_and_canaries_get_their_verdicts(sandbox_name: str) -> None:
    """HumanEval, wholly; four ways to fail are told from each other."""
    found = verify("humaneval", sandbox=sandbox_name)

    assert found.differences == ()
    assert (found.references.passed, found.references.total) == (164, 164)
    assert (found.canaries.passed, found.canaries.total) == (4, 4)
    assert found.peak_memory_bytes > 64 << 20, "the memory hog used less than its limit"


@pytest.mark.data
@pytest.mark.parametrize("name", ["mbpp", "humaneval-plus", "mbpp-plus", "mbpp-plus-v0.1.0"])
def test_the_quick_check_holds_for_every_function_benchmark(sandbox_name: str, name: str) -> None:
    """Ten references and four canaries, and no fault found."""
    suite = load_suite(name)
    with open_sandbox(sandbox_name, environment=suite.benchmark.environment) as opened:
        found = verify_quickly(suite, opened)

    assert (found.references.passed, found.canaries.passed) == (10, 4)


class Changed:
    """A sandbox whose verdicts a test has tampered with; all else is the process sandbox."""

    name = "changed"

    def __init__(self, real: Sandbox, wrong: Status, told: Status) -> None:
        self._real, self._wrong, self._told = real, wrong, told

    def __enter__(self) -> Changed:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def describe(self) -> dict[str, Any]:
        return {}

    def run(self, work: Iterable[Work]) -> Iterator[tuple[Key, Outcome]]:
        for key, outcome in self._real.run(work):
            yield key, replace(outcome, status=self._told) if outcome.status is self._wrong else outcome


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (Status.WRONG_ANSWER, Status.PASSED),
        (Status.RUNTIME_ERROR, Status.PASSED),
        (Status.TIMEOUT, Status.RUNTIME_ERROR),
        (Status.MEMORY, Status.INFRASTRUCTURE),
        (Status.PASSED, Status.INFRASTRUCTURE),
    ],
)
def test_each_kind_of_wrong_verdict_is_found_out(wrong: Status, told: Status) -> None:
    """One that passes what is wrong, one that confuses ways to fail, one that judges nothing."""
    suite = load_suite("humaneval")
    with (
        open_sandbox("process", environment="core") as real,
        pytest.raises(SandboxUnavailable, match=f"must be {wrong} and is {told}"),
    ):
        verify_quickly(suite, Changed(real, wrong, told))


def test_a_sandbox_that_loses_programs_is_found_out() -> None:
    """No verdict at all is a difference too."""

    class Losing(Changed):
        def run(self, work: Iterable[Work]) -> Iterator[tuple[Key, Outcome]]:
            return (pair for pair in self._real.run(work) if isinstance(pair[0], int))  # canaries have numbers

    with (
        open_sandbox("process", environment="core") as real,
        pytest.raises(SandboxUnavailable, match=r"HumanEval/8 must be passed and is no verdict \(9 more\)"),
    ):
        verify_quickly(load_suite("humaneval"), Losing(real, Status.PASSED, Status.PASSED))


class Excused:
    """HumanEval with a reference that fails, as its author says, and canaries of its own."""

    name = "excused"
    environment = "core"
    known_failures = {"HumanEval/1": "wants the network"}  # noqa: RUF012 - read only

    def __init__(self, suite: Suite) -> None:
        self._real = suite.benchmark
        self._problem = next(iter(suite.problems.values()))

    def canaries(self) -> dict[Status, tuple[Problem, str]]:
        return {Status.SYNTAX_ERROR: (self._problem, "def")}

    def problems(self) -> Any:
        return self._real.problems()

    def instruction(self, problem: Any) -> str:
        return problem.prompt

    def judge(self, problem: Problem) -> Judge:
        return self._real.judge(problem)

    def program(self, problem: Problem, code: str, form: CodeForm) -> Program:
        broken = problem.task_id == "HumanEval/1" and code == problem.reference
        return self._real.program(problem, "    raise OSError('no network')\n" if broken else code, form)


def test_known_failures_and_canaries_of_a_benchmarks_own_are_honoured() -> None:
    """An excused reference is not among the ten; its own canaries stand for ours."""
    suite = load_suite("humaneval", limit=5)
    excused = replace(suite, benchmark=Excused(suite))
    with open_sandbox("process", environment="core") as opened:
        found = verify_quickly(excused, opened)

    assert (found.references.passed, found.references.total) == (4, 4)
    assert (found.canaries.passed, found.canaries.total) == (1, 1)


def golden(tmp_path: Path, wrong: str = "") -> tuple[Path, Path]:
    """Three samples and their true verdicts; that of `wrong` is turned round."""
    samples = write_rows(
        tmp_path / "golden.jsonl",
        [
            {"task_id": "HumanEval/0", "completion": load_suite("humaneval").problems["HumanEval/0"].reference},
            {"task_id": "HumanEval/1", "completion": "    return []\n"},
            {"task_id": "HumanEval/2", "completion": "    return number % 1.0\n"},
        ],
    )
    passed = {"HumanEval/0": True, "HumanEval/1": False, "HumanEval/2": True}
    verdicts = {
        task: {"base": "pass" if right is not (task == wrong) else "fail", "plus": "fail"}
        for task, right in passed.items()
    }
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps({"verdicts": verdicts}))
    return samples, truth


def test_golden_samples_are_compared_with_their_truth(tmp_path: Path) -> None:
    """Task by task; a verdict that is not the true one is named, and the exit code is 3."""
    samples, truth = golden(tmp_path)
    arguments = ("verify", "humaneval", "--sandbox", "process", "--golden", samples, "--truth")
    right = harness(*arguments, truth)
    samples, truth = golden(tmp_path, wrong="HumanEval/2")
    wrong = harness(*arguments, truth)

    assert right.returncode == 0, right.stderr
    row = r"^humaneval +process +164/164 +4/4 +3/3 +[\d.]+ s +program \d+ MB +164 split$"
    assert re.search(row, right.stdout, re.MULTILINE)
    assert wrong.returncode == 3
    assert re.search(r"^humaneval +process +164/164 +4/4 +2/3 ", wrong.stdout, re.MULTILINE)
    assert "DIFFERS  golden HumanEval/2: expected base fail, got base passed" in wrong.stdout


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("name", ["humaneval", "humaneval-plus"])
def test_the_published_golden_samples_get_their_true_verdicts(sandbox_name: str, name: str) -> None:
    """WizardCoder-15B's own outputs, on the base and on the plus inputs."""
    folder = Path(os.environ["HARNESS_DATA_DIR"]) / "golden"
    found = verify(
        name,
        sandbox=sandbox_name,
        golden=folder / "wizardcoder-15b-humaneval.samples.jsonl",
        truth=folder / "wizardcoder-15b-humaneval.truth.json",
    )

    assert found.differences == ()
    assert (found.references.passed, found.canaries.passed, found.golden.passed) == (164, 4, 164)


def test_verify_names_what_a_broken_sandbox_gets_wrong(plugin: dict[str, str]) -> None:
    """The table shows it, the difference is told, exit 3."""
    done = harness("verify", "humaneval", "--sandbox", "lenient", environment=plugin)

    assert done.returncode == 3
    assert re.search(r"^humaneval +lenient +164/164 +3/4 ", done.stdout, re.MULTILINE)
    assert "DIFFERS  canary wrong_answer: expected wrong_answer, got passed" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["humanevl"], 'Did you mean "humaneval"?'),
        (["humaneval", "--golden", "x"], "--golden and --truth go together"),
        (["--golden", "x", "--truth", "y"], "--golden needs the benchmarks"),
        (["humaneval", "--golden", "x", "--truth", "y", "--sandbox", "process"], "truth file y cannot be read"),
    ],
)
def test_a_wrong_use_of_verify_is_one_line_and_exit_2(tmp_path: Path, arguments: list[str], message: str) -> None:
    """Before any program is run."""
    done = harness("verify", *arguments, cwd=tmp_path)

    assert message in one_line_error(done)
    assert done.returncode == 2


def test_a_run_refuses_a_broken_sandbox_before_it_generates(tmp_path: Path, plugin: dict[str, str]) -> None:
    """Exit 3, and not one sample; --no-verify is the way around it, and the manifest says so."""
    file = references(tmp_path / "s.jsonl")
    arguments = ["run", f"replay:{file}", "-b", "humaneval", "--sandbox", "lenient", "--limit", "3"]
    refused = harness(*arguments, "--out", tmp_path / "run", environment=plugin)
    forced = harness(*arguments, "--no-verify", "--out", tmp_path / "run", environment=plugin)

    error = one_line_error(refused)
    assert refused.returncode == 3
    assert 'sandbox "lenient" judges humaneval wrongly: canary wrong_answer must be wrong_answer and is passed' in error
    assert "--no-verify" in error
    assert forced.returncode == 0, forced.stderr
    first, second = json.loads((tmp_path / "run" / "run.json").read_text())["sessions"]
    assert (first["generated"], first["judged"], first["verified"]) == (0, 0, {})
    assert (second["generated"], second["verified"]) == (3, {"humaneval": "skipped"})


def test_the_manifest_records_the_check(tmp_path: Path) -> None:
    """What was run, and that it took part of the time."""
    summary = pipeline.run(config(references(tmp_path / "s.jsonl")), out=tmp_path / "run")

    (session,) = summary.manifest["sessions"]
    checked = session["verified"]["humaneval"]
    assert (checked["canaries"], checked["references"]) == ("4/4", "3/3")
    assert 0 < checked["seconds"] <= session["stages_s"]["verify"] + 0.01
    assert {row["index"] for row in read_rows(tmp_path / "run" / "verdicts.jsonl")} == {0}


def test_a_run_with_nothing_left_to_do_checks_nothing(tmp_path: Path) -> None:
    """No sandbox is started for it; with and without the check it is the same run."""
    file = references(tmp_path / "s.jsonl")
    pipeline.run(config(file), out=tmp_path / "run")
    again = pipeline.run(config(file, verify=False), out=tmp_path / "run")

    assert [session["verified"] for session in again.manifest["sessions"]][1] == {}
