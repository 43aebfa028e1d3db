"""Benchmarks of other packages, through the command line: the one of the documentation, and ones that do not fit."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from tests.commands import harness, one_line_error, read_rows, write_rows
from tests.documentation import ROOT, blocks

Plugin = Callable[[str, str], dict[str, str]]
HEAD = """
from harness.types import Asserts, CodeForm, Limits, Problem, Program

class Toy:
    name = "toy"
    environment = "core"

    def problems(self):
        prompt = "def last(items):\\n"
        return [Problem(task_id="toy/0", prompt=prompt, entry_point="last", reference=REFERENCE, tests="")]

    def instruction(self, problem):
        return problem.prompt
"""
PROGRAM = """
    def program(self, problem, code, form):
        source = problem.prompt + code if form is CodeForm.COMPLETION else code
        return Program(source=source, environment=self.environment, limits=Limits(cpu_time_s=2.0))
"""
JUDGE = """
    def judge(self, problem):
        return Asserts(tests="\\nassert last([1, 2]) == 2\\n", exposes=("last",))
"""
OTHER_JUDGE = """
    def judge(self, problem):
        return {"tests": "assert last([1, 2]) == 2"}
"""
OLD_FORM = """
    def trial(self, problem, code, form, index):
        raise NotImplementedError
"""
WITH_REFERENCE, WITHOUT = 'REFERENCE = "    return items[-1]\\n"\n', 'REFERENCE = ""\n'

FORGER = """
import hashlib, os, re, sys
WANTED = {wanted!r}

def said(data):
    for number in re.findall(rb"[0-9]{{6,13}}", data):
        if hashlib.sha256(number).hexdigest() in WANTED:
            print(number.decode())
            sys.stdout.flush()
            os._exit(0)

{held}
frame = sys._getframe()
while frame is not None:
    said(repr([dict(frame.f_locals), dict(frame.f_globals)]).encode())
    frame = frame.f_back
for top in (".", "/tmp", "/dev/shm", "/proc/self/fd", "/proc/self/task"):
    for folder, _, names in os.walk(top):
        for name in names:
            try:
                descriptor = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_NONBLOCK)
                said(os.read(descriptor, 1 << 20))
                os.close(descriptor)
            except OSError:
                pass
for name in [f"/proc/{{entry}}/{{file}}" for entry in os.listdir("/proc") for file in ("environ", "cmdline")]:
    try:
        said(open(name, "rb").read())
    except OSError:
        pass
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
    for line in maps:
        first, last = (int(end, 16) for end in line.split()[0].split("-"))
        try:
            memory.seek(first)
            said(memory.read(last - first))
        except (OSError, ValueError, OverflowError):
            pass
print("nothing found")
"""
"""Prints the expected output wherever it finds it; it knows what it looks for by digest alone."""


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    """Return what makes an environment in which a package offers a benchmark."""

    def make(value: str, source: str) -> dict[str, str]:
        module, _, _ = value.partition(":")
        folder = tmp_path / "site"
        (folder / "offer-1.0.dist-info").mkdir(parents=True)
        (folder / f"{module}.py").write_text(source)
        (folder / "offer-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: offer\nVersion: 1.0\n")
        offer = f"[harness.benchmarks]\n{module.partition('_')[0]} = {value}\n"
        (folder / "offer-1.0.dist-info" / "entry_points.txt").write_text(offer)
        path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
        return {**os.environ, "PYTHONPATH": path}

    return make


@pytest.fixture
def streams(plugin: Plugin) -> dict[str, str]:
    """Return an environment with the documentation's benchmark."""
    (block,) = (one for one in blocks(ROOT / "docs" / "add-a-benchmark.md") if one.title == "streams_benchmark.py")
    assert len(block.text.splitlines()) < 60
    return plugin("streams_benchmark:Streams", block.text)


def test_the_documented_benchmark_is_verified_wholly_split(streams: dict[str, str]) -> None:
    """Twenty references, four canaries, and no verdict in the candidate's interpreter."""
    done = harness("verify", "streams", "--sandbox", "process", environment=streams)

    assert done.returncode == 0, done.stderr
    assert re.search(r"^streams +process +20/20 +4/4 +- .* 20 split$", done.stdout, re.MULTILINE), done.stdout


def test_a_script_that_looks_for_the_expected_output_finds_none(tmp_path: Path, streams: dict[str, str]) -> None:
    """Not in its frames, its files or its memory; the same script finds an output that it holds itself."""
    outputs = [str(number**6) for number in (7, 23, 104)]
    wanted = [sha256(output.encode()).hexdigest() for output in outputs]
    forger = FORGER.format(wanted=wanted, held="")
    control = FORGER.format(wanted=wanted, held="held = str(int(input()) ** 6)")
    rows = [{"task_id": "streams/power-6", "solution": source} for source in (forger, control)]
    file = write_rows(tmp_path / "s.jsonl", rows)

    done = harness(
        *("score", file, "-b", "streams", "--sandbox", "process", "--out", tmp_path / "run"), environment=streams
    )

    assert done.returncode == 0, done.stderr
    verdicts = {row["index"]: row for row in read_rows(tmp_path / "run" / "verdicts.jsonl")}
    assert verdicts[0]["status"] == "wrong_answer", verdicts[0]
    assert "nothing found" in verdicts[0]["detail"]
    assert verdicts[1]["status"] == "passed", verdicts[1]
    assert {row["trust"] for row in verdicts.values()} == {"split"}


def test_a_benchmark_of_the_old_form_is_told_what_to_write(tmp_path: Path, plugin: Plugin) -> None:
    """One line and exit code 2, from every command that loads it."""
    environment = plugin("toy_benchmark:Toy", WITH_REFERENCE + HEAD + OLD_FORM)
    file = write_rows(tmp_path / "s.jsonl", [{"task_id": "toy/0", "completion": "    return items[-1]\n"}])

    for arguments in (("score", file, "-b", "toy"), ("run", f"replay:{file}", "-b", "toy"), ("verify", "toy")):
        done = harness(*arguments, "--sandbox", "process", cwd=tmp_path, environment=environment)

        assert done.returncode == 2, done.stderr
        assert (
            'benchmark "toy" (toy_benchmark) has no judge and no program; '
            "write judge(problem) and program(problem, code, form) in place of trial"
        ) in one_line_error(done)


def test_a_judge_of_an_unknown_type_is_named_with_the_known_ones(tmp_path: Path, plugin: Plugin) -> None:
    """One line and exit code 2, before anything runs."""
    environment = plugin("toy_benchmark:Toy", WITH_REFERENCE + HEAD + PROGRAM + OTHER_JUDGE)
    file = write_rows(tmp_path / "s.jsonl", [{"task_id": "toy/0", "completion": "    return items[-1]\n"}])

    for arguments in (("score", file, "-b", "toy"), ("run", f"replay:{file}", "-b", "toy"), ("verify", "toy")):
        done = harness(*arguments, "--sandbox", "process", cwd=tmp_path, environment=environment)

        assert done.returncode == 2, done.stderr
        known = "Asserts, Calls, Stdio, Commands, Execution"
        assert f"a judge is of type dict; Benchmark.judge must return one of {known}" in one_line_error(done)


@pytest.mark.parametrize(
    ("source", "found", "code"),
    [
        (WITHOUT + HEAD + PROGRAM + JUDGE, ("-", "4/4"), 0),
        (WITHOUT + HEAD + PROGRAM + JUDGE.replace("== 2\\n", "!= 7\\n"), ("-", "3/4"), 3),
    ],
)
def test_a_benchmark_without_references_is_verified_by_canaries(
    tmp_path: Path, plugin: Plugin, source: str, found: tuple[str, str], code: int
) -> None:
    """The output says so; a canary that passes is a difference all the same."""
    environment = plugin("toy_benchmark:Toy", source)

    shown = harness("verify", "toy", "--sandbox", "process", environment=environment)
    told = harness("verify", "toy", "--sandbox", "process", "--json", environment=environment)

    assert shown.returncode == code, shown.stdout + shown.stderr
    assert re.search(rf"^toy +process +{found[0]} +{found[1]} ", shown.stdout, re.MULTILINE), shown.stdout
    assert "note     no references; canaries only" in shown.stdout
    assert told.returncode == code
    (row,) = json.loads(told.stdout)
    assert (row["note"], row["references"]["total"]) == ("no references; canaries only", 0)


def test_samples_are_judged_without_a_reference(tmp_path: Path, plugin: Plugin) -> None:
    """Tests and candidate talk to each other: right and wrong ones are told apart, and split."""
    environment = plugin("toy_benchmark:Toy", WITHOUT + HEAD + PROGRAM + JUDGE)
    bodies = ("    return items[-1]\n", "    return items[0]\n", "    return items[9]\n")
    file = write_rows(tmp_path / "s.jsonl", [{"task_id": "toy/0", "completion": body} for body in bodies])

    done = harness(
        "score", file, "-b", "toy", "--sandbox", "process", "--out", tmp_path / "run", environment=environment
    )

    assert done.returncode == 0, done.stderr
    rows = read_rows(tmp_path / "run" / "verdicts.jsonl")
    assert Counter((row["index"], row["status"], row["trust"]) for row in rows) == Counter(
        [(0, "passed", "split"), (1, "wrong_answer", "split"), (2, "runtime_error", "split")]
    )
