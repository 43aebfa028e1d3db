"""Hostile samples files, as `harness score` gets them: tests/attacks/samples/NAME.jsonl, judged by real benchmarks.

Each file once broke a release, in the way that its line in `FILES` says. None of its hostile rows may pass, be called
the judge's own trouble or take long, on a cold and on a warm cache of expected values; and what runs next on the same
workers is untouched.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.registry import lookup
from harness.sandboxes import open_sandbox
from harness.store.cleaning import clean_text
from harness.types import Benchmark, CodeForm, Outcome, Problem, Sandbox, Status, Work
from tests.commands import read_rows

from .work import outcome

SAMPLES = Path(__file__).parent.parent / "attacks" / "samples"
CODE_SPAN = re.compile(r"(`+).*?\1")
ROW_S = 30.0
MAX_RSS_BYTES = 200 << 20
MAX_VERDICTS_BYTES = 64 << 10
NAMED = "a _V"
"""What the honest rows with a class of their own answer, as the outcome names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What a file is judged by, and what is known of its rows; a row without a status may get any that is a failure."""

    benchmark: str
    attack: str
    statuses: Mapping[int, Status] = field(default_factory=dict)
    """By row, counted from 0: the status that it must get."""
    own_class: tuple[int, ...] = ()
    """The honest rows that answer with a class of their own: they fail, and the class is named."""


BENIGN = {1: Status.WRONG_ANSWER}
"""The second row is an honest wrong answer."""
FILES = {
    "10MB-on-terminal": File(benchmark="humaneval", attack="forges a name of 10 MB", statuses=BENIGN),
    "200M-values": File(benchmark="humaneval-plus", attack="reports 200 million values", statuses=BENIGN),
    "call-time-limit-ignored": File(
        benchmark="humaneval-plus",
        attack="takes longer in a call than it may, and stops the timers",
        statuses=dict.fromkeys(range(3), Status.TIMEOUT),
    ),
    "copy-of-a-neighbours-program": File(
        benchmark="humaneval",
        attack="looks for an earlier program in its memory",
        statuses={0: Status.PASSED, 1: Status.RUNTIME_ERROR},
    ),
    "detail-47MB-on-disk": File(benchmark="humaneval-plus", attack="forges a detail of 20 MB", statuses=BENIGN),
    "detail-70MB": File(benchmark="humaneval-plus", attack="forges a detail of 70 MB", statuses=BENIGN),
    "detail-not-text": File(benchmark="mbpp", attack="forges a detail that is no text"),
    "fraction-gcd": File(
        benchmark="humaneval-plus", attack="forges a fraction that takes long to reduce", statuses=BENIGN
    ),
    "harness-2.6GB": File(benchmark="humaneval-plus", attack="reports 40 million chunks"),
    "honest-sample-holds-run": File(
        benchmark="humaneval-plus", attack="is honest, with large answers of its own class", own_class=(0,)
    ),
    "judge-import-error": File(
        benchmark="humaneval-plus", attack="forges a value of a library that is not there", statuses=BENIGN
    ),
    "mbpp367-made-up": File(benchmark="mbpp", attack="says infrastructure of itself"),
    "one-sample-13-minutes": File(benchmark="humaneval", attack="forges a set of colliding numbers", statuses=BENIGN),
    "one-sample-aborts-run": File(benchmark="humaneval", attack="forges an unknown status", statuses=BENIGN),
    "one-sample-hangs-run": File(benchmark="humaneval-plus", attack="is unsure for ever", statuses=BENIGN),
    "parquet-surrogate": File(
        benchmark="humaneval",
        attack="has lone surrogates in its texts",
        statuses=dict.fromkeys(range(3), Status.RUNTIME_ERROR),
    ),
    "references-report-in-worker-memory": File(
        benchmark="humaneval-plus",
        attack="looks for the reference's report in its memory",
        statuses={0: Status.RUNTIME_ERROR},
    ),
    "set-of-range": File(
        benchmark="mbpp-plus", attack="answers a range that is made a set", statuses={1: Status.WRONG_ANSWER}
    ),
    "single-sample-by-patience": File(benchmark="humaneval", attack="leaves a word for its second run"),
    "sleeper-6-minutes": File(
        benchmark="humaneval", attack="computes 3 % of the time, and sleeps", statuses={0: Status.TIMEOUT}
    ),
    "stored-expected-values": File(
        benchmark="humaneval-plus",
        attack="reads what its process stores",
        own_class=(0, 2, 4, 6),
    ),
    "terminal-and-markdown-injection": File(
        benchmark="humaneval",
        attack="puts escapes and markup where they are shown",
        statuses={0: Status.WRONG_ANSWER, 1: Status.RUNTIME_ERROR, 2: Status.RUNTIME_ERROR},
    ),
}
WITHOUT_DATA = ("humaneval",)
"""Benchmarks that come with a package."""
SANDBOXES = [pytest.param("docker", marks=pytest.mark.docker), "process"]


def files() -> list[object]:
    """Return a parameter per file."""
    return [
        pytest.param(name, marks=[] if file.benchmark in WITHOUT_DATA else [pytest.mark.data])
        for name, file in FILES.items()
    ]


def work_of(benchmark: Benchmark, problem: Problem, code: str, form: CodeForm = CodeForm.SOLUTION) -> Work:
    return problem.task_id, benchmark.program(problem, code, form), benchmark.judge(problem)


def check(file: File, number: int, found: Outcome) -> None:
    """The row's own status, or any that is a failed sample's."""
    assert found.status is not Status.INFRASTRUCTURE, found
    if number in file.statuses:
        assert found.status is file.statuses[number], found
    else:
        assert found.status is not Status.PASSED, found
    if number in file.own_class:
        assert (found.status, found.uncarried) == (Status.WRONG_ANSWER, NAMED), found
    assert len(found.detail) <= 2000
    assert len(found.uncarried) <= 200
    for text in (found.detail, found.uncarried):
        assert text == clean_text(text, len(text)), text


def neighbours_pass(sandbox: Sandbox, benchmark: Benchmark, problems: list[Problem]) -> None:
    """References that run as candidates, where hostile rows ran."""
    for problem in problems:
        found = outcome(sandbox, work_of(benchmark, problem, problem.reference, CodeForm.COMPLETION))
        assert found.status is Status.PASSED, (problem.task_id, found)


@pytest.mark.parametrize("sandbox_name", SANDBOXES)
@pytest.mark.parametrize("name", files())
def test_no_row_passes_breaks_the_judge_or_holds_it_up(
    name: str, sandbox_name: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does what runs next suffer: the references of the same problem and of another."""
    if sandbox_name == "docker":
        request.getfixturevalue("core_image")
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path))
    file, rows = FILES[name], read_rows(SAMPLES / f"{name}.jsonl")
    benchmark = lookup("benchmarks", file.benchmark)()
    problems = {problem.task_id: problem for problem in benchmark.problems()}
    other = list(problems.values())[20]

    for _ in ("cold", "warm"):
        with open_sandbox(sandbox_name, environment=benchmark.environment, workers=1) as sandbox:
            for number, row in enumerate(rows):
                problem = problems[row["task_id"]]
                start = time.monotonic()
                found = outcome(sandbox, work_of(benchmark, problem, row["solution"]))
                seconds = time.monotonic() - start

                check(file, number, found)
                assert seconds < ROW_S, found
                neighbours_pass(sandbox, benchmark, [problem, other])


def test_every_file_is_in_the_table() -> None:
    """And every line of the table has its file."""
    assert {path.name.removesuffix(".jsonl") for path in SAMPLES.iterdir()} == set(FILES)


ON_THE_COMMAND = ("10MB-on-terminal", "terminal-and-markdown-injection", "detail-47MB-on-disk", "harness-2.6GB")
"""Files whose attack is on the command that judges them."""
MEASURED = """
import re, runpy, sys
sys.argv = ["harness", *sys.argv[1:]]
try:
    runpy.run_module("harness", run_name="__main__", alter_sys=True)
finally:
    sys.stdout.flush()
    print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1], file=sys.stderr)
"""
"""Runs the command and says last how many KiB it took itself (`ru_maxrss` would begin with those of its parent)."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if FILES[name].benchmark in WITHOUT_DATA else [pytest.mark.data])
        for name in ON_THE_COMMAND
    ],
)
def test_a_command_stays_small_and_prints_nothing_that_acts(name: str, tmp_path: Path) -> None:
    """Its memory, the run folder and the terminal are beyond a sample's reach."""
    arguments = ["score", SAMPLES / f"{name}.jsonl", "-b", FILES[name].benchmark, "--sandbox", "process"]
    arguments += ["--workers", "1", "--no-cache", "--out", tmp_path / "out"]

    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )

    assert done.returncode == 0, done
    assert int(done.stderr.splitlines()[-1]) << 10 < MAX_RSS_BYTES, done.stderr
    assert (tmp_path / "out" / "verdicts.jsonl").stat().st_size < MAX_VERDICTS_BYTES
    for printed in (done.stdout, done.stderr):
        assert len(printed) < 20_000
        assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(printed), printed
        assert not any(line.startswith("::") for line in printed.splitlines()), printed
    shown = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "<img" not in CODE_SPAN.sub("", shown)
    assert "\x1b" not in shown
