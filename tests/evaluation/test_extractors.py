"""Another extraction rule than the recipe's: chosen for a run, for a file of samples, and for a run that is there."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commands import harness, read_rows, write_rows

LOOP = "while True:\n    pass"
ANSWER = f"```python\ndef add(x: int, y: int):\n    return x + y\n\n{LOOP}\n```\nThat adds."
ROWS = [{"task_id": "HumanEval/53", "completion": ANSWER}]
SCORE = ("-b", "humaneval", "--sandbox", "process", "--no-page", "-q", "--out", "out")


def code(folder: Path) -> str:
    """Return the code of the only sample."""
    (row,) = read_rows(folder / "samples.jsonl")
    return str(row["code"])


def extraction(folder: Path) -> dict[str, str]:
    """Return how the run says that its code was extracted."""
    found = json.loads((folder / "run.json").read_text(encoding="utf-8"))["identity"]["extraction"]["humaneval"]
    assert isinstance(found, dict)
    return found


def test_a_samples_file_is_read_by_the_rule(tmp_path: Path) -> None:
    """Alone, or in place of the recipe's."""
    write_rows(tmp_path / "s.jsonl", ROWS)

    alone = harness("score", "s.jsonl", *SCORE[:-1], "alone", "--extractor", "fenced", cwd=tmp_path)
    instead = harness(
        "score", "s.jsonl", *SCORE[:-1], "instead", "-r", "chat", "--extractor", "verbatim-block", cwd=tmp_path
    )

    assert (alone.returncode, instead.returncode) == (0, 0), alone.stderr + instead.stderr
    assert LOOP not in code(tmp_path / "alone")
    assert code(tmp_path / "instead").endswith(LOOP)
    assert extraction(tmp_path / "instead")["extractor"] == "verbatim-block"
    assert extraction(tmp_path / "instead")["name"] == "chat"


def test_a_run_records_the_rule_and_keeps_it(tmp_path: Path) -> None:
    """The prompt's recipe is the same, the extraction is another; it is extracted again by what it began with."""
    asked = ("run", "replay:s.jsonl", "-r", "chat", "--limit", "54", *SCORE)
    others = [{"task_id": f"HumanEval/{at}", "completion": "no code"} for at in range(53)]
    write_rows(tmp_path / "s.jsonl", [*others, *ROWS])

    done = harness(*asked, "--extractor", "verbatim-block", cwd=tmp_path)
    identity = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))["identity"]
    other = harness(*asked, cwd=tmp_path)
    again = harness("score", "out", "--re-extract", "--no-page", "-q", cwd=tmp_path)
    before = extraction(tmp_path / "out")
    changed = harness("score", "out", "--re-extract", "--extractor", "fenced", "--no-page", "-q", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert identity["recipe"]["humaneval"]["digest"] != identity["extraction"]["humaneval"]["digest"]
    assert other.returncode == 2
    assert "extraction.humaneval" in other.stderr
    assert (again.returncode, changed.returncode) == (0, 0), again.stderr + changed.stderr
    assert before["extractor"] == "verbatim-block"
    assert extraction(tmp_path / "out")["extractor"] == "fenced"
    rows = {row["task_id"]: row["status"] for row in read_rows(tmp_path / "out" / "verdicts.jsonl")}
    assert rows["HumanEval/53"] == "passed"


def test_what_is_extracted_again_keeps_verdicts_of_equal_code(tmp_path: Path) -> None:
    """Only the account of how the code was found is new."""
    write_rows(tmp_path / "s.jsonl", ROWS)
    assert harness("score", "s.jsonl", *SCORE, "-r", "chat", cwd=tmp_path).returncode == 0
    samples = tmp_path / "out" / "samples.jsonl"
    row = read_rows(samples)[0]
    told = row.pop("extraction")
    write_rows(samples, [row])
    before = (tmp_path / "out" / "verdicts.jsonl").read_bytes()

    done = harness("score", "out", "--re-extract", "--no-page", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "0 of 1 samples changed" in done.stderr
    assert (tmp_path / "out" / "verdicts.jsonl").read_bytes() == before
    assert read_rows(samples)[0]["extraction"] == told
    assert told["dropped"] == ["line 4: while True:"]


def test_an_unknown_rule_is_named(tmp_path: Path) -> None:
    """With the nearest one."""
    write_rows(tmp_path / "s.jsonl", ROWS)

    done = harness("score", "s.jsonl", *SCORE, "--extractor", "fence", cwd=tmp_path)

    assert done.returncode == 2
    assert '"fence"' in done.stderr
    assert "fenced" in done.stderr
    assert "verbatim-block" in harness("list", "extractors").stdout
