"""Seeds in every form, and rows that do not fit, named by their lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import DataError
from harness.evolve.seeds import read_seeds


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", '{"instruction": "Do it.", "input": "x", "output": "y"}\n\n"Do more."\n'),
        ("a.json", '[{"instruction": "Do it.", "input": "x", "output": "y"}, "Do more."]'),
    ],
)
def test_alpaca_rows_and_plain_texts_are_read(tmp_path: Path, name: str, text: str) -> None:
    """As lines and as a list; missing fields are empty."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    first, second = read_seeds(tmp_path / name).seeds
    assert (first.id, first.whole, first.output) == ("s000000", "Do it.\n\nx", "y")
    assert (second.id, second.whole, second.output) == ("s000001", "Do more.", "")


def test_a_text_file_has_an_instruction_per_line(tmp_path: Path) -> None:
    """Blank lines are none."""
    (tmp_path / "a.txt").write_text("Do it.\n\nDo more.\n", encoding="utf-8")
    assert [seed.instruction for seed in read_seeds(tmp_path / "a.txt").seeds] == ["Do it.", "Do more."]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"instruction": "a"}\n{"instruction"\n', "line 2 is not JSON"),
        ('{"instruction": "a"}\n\n{"input": "a"}\n', 'line 3 has no "instruction"'),
        ('{"instruction": ["a"]}\n', 'line 1: "instruction" is ["a"], expected a text'),
        ("7\n", "line 1 is 7; expected an object"),
        ("\n", "has no rows"),
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, text: str, told: str) -> None:
    """By its line, whatever lies before it."""
    (tmp_path / "bad.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as error:
        read_seeds(tmp_path / "bad.jsonl")
    assert told in str(error.value)
    assert "bad.jsonl" in str(error.value)
