"""Tables of a TOML file: what does not fit is refused with its line and what would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness.config.checking import build_config
from harness.config.tables import parse_pairs, read_tables
from harness.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Oven:
    heat: float
    name: str = "oven"
    shelves: int | None = None
    trays: tuple[str, ...] = ()
    on: bool = False
    manual: Path | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


TEXT = """# an oven
kitchen = "first"

[oven]
heat = 180
trays = ["a", "b"]

[oven.extra]
light = true
"""


def made(tmp_path: Path, text: str = TEXT, table: str = "oven") -> Oven:
    file = tmp_path / "kitchen.toml"
    file.write_text(text, encoding="utf-8")
    tables = read_tables(file)
    return tables.build(partial(build_config, Oven), table, tables.get_table(table))


def test_a_table_becomes_a_dataclass(tmp_path: Path) -> None:
    found = made(tmp_path, TEXT.replace("heat = 180", 'heat = 180\nmanual = "m.pdf"\nshelves = 3\non = true'))
    assert found == Oven(heat=180, trays=("a", "b"), manual=Path("m.pdf"), shelves=3, on=True, extra={"light": True})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "heat = 180",
            "heat = 180\nhaet = 1",
            'kitchen.toml line 6: [oven] key "haet" is not known. Did you mean "heat"?',
        ),
        ("heat = 180", "heat = 180\nzz = 1", "Known: heat, name, shelves, trays, on, manual, extra"),
        ("heat = 180", 'heat = "hot"', 'line 5: [oven] heat is "hot"; it must be a valid number'),
        ("heat = 180", "heat = true", "line 5: [oven] heat is true; it must be a valid number"),
        ("heat = 180", "heat = 1\nshelves = 2.5", "line 6: [oven] shelves is 2.5; it must be a valid integer"),
        ('["a", "b"]', '["a", 2]', "line 6: [oven] trays.1 is 2; it must be a valid string"),
        ("heat = 180\n", "", "line 4: [oven] heat is missing"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        made(tmp_path, TEXT.replace(old, new))
    assert message in str(refused.value)


def test_a_value_where_a_table_should_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="line 1: oven must be a table"):
        made(tmp_path, "oven = 3\n")


def test_flags_are_read_as_toml_would_write_them() -> None:
    found = parse_pairs(
        ["lr=1e-4", "packing=true", "recipe=wizardcoder", 'stop=["a"]', "held_out=x=y.jsonl"], "--finetune"
    )
    assert found == {"lr": 1e-4, "packing": True, "recipe": "wizardcoder", "stop": ["a"], "held_out": "x=y.jsonl"}
    with pytest.raises(UsageError, match="--finetune epochs: expected KEY=VALUE"):
        parse_pairs(["epochs"], "--finetune")
