"""Checked dataclasses: what is kept as it was given, and how an error names what is wrong."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import pytest
from annotated_types import Lt

from harness.config import make_locator
from harness.config.checking import PositiveInt, build_config
from harness.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Oven:
    heat: Annotated[float, Lt(300)]
    name: str = "oven"
    shelves: tuple[PositiveInt, ...] = ()
    door: Path | Annotated[float, Lt(1)] | None = None


def test_a_whole_number_stays_one() -> None:
    """A digest tells 180 from 180.0."""
    found = build_config(Oven, {"heat": 180, "shelves": [1, 2], "door": "left"})

    assert found == Oven(heat=180, shelves=(1, 2), door=Path("left"))
    assert isinstance(found.heat, int)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "x"}, "heat is missing"),
        ({"heat": 300}, "heat is 300; it must be less than 300"),
        ({"heat": float("nan")}, "heat is NaN; it must be"),
        ({"heat": 1, "shelves": [1, 0]}, "shelves.1 is 0; it must be greater than or equal to 1"),
        ({"heat": 1, "door": 2}, "door is 2; it must be a valid string or be less than 1"),
        ({"heat": 1, "name": date(2020, 1, 1)}, 'name is {"date": "2020-01-01"}; it must be a valid string'),
        ({"heat": 1, "name": "\udcff"}, "not UTF-8"),
        ({"heat": 1, "nmae": "x"}, 'key "nmae" is not known. Did you mean "name"?'),
        ({"heat": 1, "zzz": "x"}, "Known: heat, name, shelves, door"),
    ],
)
def test_an_error_names_the_key_and_the_value(values: dict[str, Any], message: str) -> None:
    """And what would fit."""
    with pytest.raises(UsageError) as refused:
        build_config(Oven, values)
    assert message in str(refused.value)


def test_a_file_is_named_for_its_own_keys_alone() -> None:
    """A flag wins over the file, so its value is not the file's."""
    where = make_locator(Path("oven.toml"), {"heat": 1})

    assert (where("heat"), where("name")) == ("", "oven.toml: ")


def test_pydantic_waits_for_something_to_check() -> None:
    """It takes a while to import."""
    code = (
        "import sys, harness.config, harness.finetune.config, harness.evolve.options; print('pydantic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
