"""Which layer finds what: texts, structure, and the tests themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.evolve.contamination import ContaminationThresholds, Hit, TextIndex
from harness.evolve.dataset_filter import DatasetFilter, filter_rows, list_benchmarks
from harness.evolve.execution import find_solved_problems
from harness.evolve.records import InstructionRow
from harness.progress import Quiet
from harness.tasks.suite import Suite, load_suite
from tests.commands import harness, one_line_error, read_rows, write_rows
from tests.evolve.contamination import REWRITTEN, honest, reformatted, renamed, row, whole


@pytest.fixture(scope="module")
def humaneval() -> Suite:
    return load_suite("humaneval")


@pytest.fixture(scope="module")
def index(humaneval: Suite) -> TextIndex:
    return TextIndex([humaneval])


def layers(hits: list[Hit], task_id: str) -> set[str]:
    return {hit.layer for hit in hits if hit.task_id == task_id}


def test_a_verbatim_solution_is_found_by_every_text_layer(index: TextIndex, humaneval: Suite) -> None:
    """Prompt and solution together."""
    hits = index.find_hits(row("x", whole(humaneval.problems["HumanEval/10"])))
    assert layers(hits, "HumanEval/10") == {"substring", "n-grams", "similarity"}
    assert {hit.problem for hit in hits} == {"humaneval HumanEval/10"}


def test_a_task_in_words_is_found_whatever_its_case_and_layout(index: TextIndex) -> None:
    """The docstring alone, as an instruction."""
    told = "CHECK IF in given list of numbers,\nare any two numbers closer to each other\n\nthan given threshold!"
    hits = index.find_hits(row("x", "pass", told))
    assert layers(hits, "HumanEval/0") == {"substring", "n-grams"}


def test_names_and_layout_do_not_hide_a_solution(index: TextIndex, humaneval: Suite) -> None:
    """Structure stays the same where words do not."""
    code = renamed(whole(humaneval.problems["HumanEval/10"]))
    assert layers(index.find_hits(row("x", code)), "HumanEval/10") == {"similarity"}


def test_half_a_text_is_found_by_its_ngrams_alone(humaneval: Suite) -> None:
    """And only where the threshold allows."""
    words = humaneval.problems["HumanEval/129"].prompt.split()
    part = row("x", "pass", " ".join(words[: int(len(words) * 0.7)]))
    assert layers(TextIndex([humaneval]).find_hits(part), "HumanEval/129") >= {"n-grams"}
    strict = TextIndex([humaneval], ContaminationThresholds(ngram_share=0.95, similarity=None))
    assert "n-grams" not in layers(strict.find_hits(part), "HumanEval/129")


def test_honest_rows_are_left_alone(index: TextIndex) -> None:
    """Our own seeds repeat nothing."""
    assert [hit for one in honest(102) for hit in index.find_hits(one)] == []


def test_running_the_code_finds_what_texts_do_not(index: TextIndex) -> None:
    """Other control flow, other names, a method of a class; hogs, crashes and exits stop nothing."""
    hostile = {
        "hog": "def hog(*values):\n    return [0] * 10**11",
        "exit": "import sys\n\ndef leave(*values):\n    sys.exit(0)",
        "recursion": "def again(*values):\n    return again(*values)",
        "noise": "print(input())\n\ndef noise(values):\n    print('x' * 10**6)\n    return values",
        "broken": "def broken(:\n    return 1",
    }
    rows = [row(name, code) for name, code in hostile.items()]
    rows += [row(task_id, code) for task_id, code in REWRITTEN.items()]
    some = load_suite("humaneval", 30)
    assert [hit for one in rows for hit in index.find_hits(one)] == []
    found = find_solved_problems(rows, [some], sandbox="process", workers=2, progress=Quiet())
    assert {hit.row_id: hit.task_id for hit in found.hits} == {task_id: task_id for task_id in REWRITTEN}
    assert (found.functions, found.problems, found.lost) == (9, 29, 0)
    assert found.left_out == {"humaneval": 1}


def test_a_row_is_removed_and_listed_with_what_it_repeats(humaneval: Suite) -> None:
    """The manifest says how, how many, and which problems are touched."""
    rows = [*honest(104), row("bad", whole(humaneval.problems["HumanEval/10"]))]
    filtered = filter_rows(rows, DatasetFilter(against=("humaneval",)), [humaneval], Quiet())
    assert [one.id for one in filtered.rows] == [one.id for one in rows[:-1]]
    (removed,) = filtered.removed
    assert (removed.why, removed.of) == ("contaminated: substring, n-grams, similarity", "humaneval HumanEval/10")
    found = filtered.contamination
    assert found is not None
    assert found["touched"] == {"humaneval": ["HumanEval/10"]}
    assert found["rows_by_layer"] == {"substring": 1, "n-grams": 1, "similarity": 1, "execution": 0}
    assert found["benchmarks"]["humaneval"]["data_digest"] == humaneval.data_digest


def test_duplicates_are_removed_and_the_first_one_stays() -> None:
    """Word for word, and nearly; a parent and its harder child both stay."""
    text = "Sum the even numbers of a list and say how many there were, for lists of any length up to ten thousand. "
    one = InstructionRow(id="one", seed_id="one", instruction=text * 2, output=" ".join(f"w{n}" for n in range(80)))
    same = InstructionRow(id="same", seed_id="same", instruction=(text * 2).upper(), output=one.output)
    near = InstructionRow(id="near", seed_id="near", instruction=text * 2 + "So.", output=one.output)
    child = InstructionRow(
        id="child", seed_id="one", instruction=text + "Do it without loops, in one pass.", output="other words " * 9
    )
    filtered = filter_rows([one, same, near, child], DatasetFilter(), [], Quiet())
    assert [row.id for row in filtered.rows] == ["one", "child"]
    assert [(gone.row.id, gone.why, gone.of) for gone in filtered.removed] == [
        ("same", "duplicate", "one"),
        ("near", "near-duplicate", "one"),
    ]
    assert [row.id for row in filter_rows([one, same, near, child], DatasetFilter(near=None), [], Quiet()).rows][
        1
    ] == "near"


def test_any_alpaca_file_can_be_cleaned(tmp_path: Path, humaneval: Suite) -> None:
    """All fields of a row survive; the manifest lies beside the data; nothing is overwritten."""
    bad = whole(humaneval.problems["HumanEval/10"])
    data = write_rows(
        tmp_path / "data.jsonl",
        [{"instruction": "Add.", "output": "1 + 1", "source": "me"}, {"instruction": "Do.", "output": bad}],
    )
    out = tmp_path / "out"
    done = harness("decontaminate", data, "--out", out, "--against", "humaneval")
    assert done.returncode == 0, done.stderr
    assert read_rows(out / "train.jsonl") == [{"instruction": "Add.", "output": "1 + 1", "source": "me", "input": ""}]
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["contamination"]["touched"] == {"humaneval": ["HumanEval/10"]}
    assert "holds train.jsonl already" in one_line_error(harness("decontaminate", data, "--out", out))
    wrong = harness("decontaminate", data, "--out", tmp_path / "b", "--against", "humanevl")
    assert 'Did you mean "humaneval"' in one_line_error(wrong)


@pytest.mark.slow
def test_a_run_is_scored_on_the_problems_that_its_data_never_touched(tmp_path: Path, humaneval: Suite) -> None:
    """Two of 164 problems pass, and the data touched one of them."""
    passing = ("HumanEval/10", "HumanEval/11")
    samples = [
        {"task_id": name, "completion": problem.reference if name in passing else "    return 'wrong'\n"}
        for name, problem in humaneval.problems.items()
    ]
    data = write_rows(
        tmp_path / "data.jsonl", [{"instruction": "Do.", "output": whole(humaneval.problems["HumanEval/10"])}]
    )
    assert harness("decontaminate", data, "--out", tmp_path / "clean", "--against", "humaneval").returncode == 0
    run = tmp_path / "run"
    scored = harness(
        "score",
        write_rows(tmp_path / "samples.jsonl", samples),
        "-b",
        "humaneval",
        "--sandbox",
        "process",
        "--out",
        run,
    )
    assert scored.returncode == 0, scored.stderr
    told = harness("untouched", run, tmp_path / "clean")
    assert told.returncode == 0, told.stderr
    _, full, rest = told.stdout.splitlines()
    assert "all 164 problems: 1.2 %" in full
    assert "163 that the data never touched: 0.6 %" in rest
    refused = harness("untouched", run, data)
    assert "says nothing of benchmarks" in one_line_error(refused)


@pytest.mark.slow
def test_no_planted_solution_is_missed_and_no_honest_row_is_removed(humaneval: Suite) -> None:
    """Twenty solutions in four disguises among a thousand rows; what each layer finds is printed."""
    verbatim, rename, layout = (
        ["HumanEval/10", "HumanEval/32", "HumanEval/39", "HumanEval/46", "HumanEval/69"],
        ["HumanEval/36", "HumanEval/64", "HumanEval/75", "HumanEval/94", "HumanEval/105"],
        ["HumanEval/58", "HumanEval/81", "HumanEval/109", "HumanEval/127", "HumanEval/147"],
    )
    code = {task: whole(humaneval.problems[task]) for task in (*verbatim, *rename, *layout)}
    planted = [row(f"verbatim {task}", code[task]) for task in verbatim]
    planted += [row(f"renamed {task}", renamed(code[task])) for task in rename]
    planted += [row(f"reformatted {task}", reformatted(code[task])) for task in layout]
    planted += [row(f"rewritten {task}", text) for task, text in REWRITTEN.items()]
    endless = row("endless", "def loop(*values):\n    while True:\n        pass")
    rows = [*honest(979), endless, *planted]
    filtered = filter_rows(
        rows, DatasetFilter(near=None, execute=True, sandbox="process", workers=2), [humaneval], Quiet()
    )
    assert len(rows) == 1000 and filtered.contamination is not None
    assert {one.row.id for one in filtered.removed} == {one.id for one in planted}
    assert all("execution" in one.why for one in filtered.removed)


@pytest.mark.data
def test_benchmarks_that_ask_about_the_same_problems_are_compared_with_once() -> None:
    """CRUXEval's four have the same functions, and infilling has HumanEval's."""
    names = list_benchmarks()

    assert [name for name in names if name.startswith(("cruxeval", "humaneval-infilling"))] == ["cruxeval-input"]
    assert "humaneval" in names
