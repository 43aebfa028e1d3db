"""Files come from a real server: resumed, retried, and never under their name before they are right."""

from __future__ import annotations

import gzip
import hashlib
import random
import threading
from pathlib import Path

import pytest

from harness.data import DataFile, fetch, get_cache_dir, obtain, read_content, read_rows
from harness.errors import DataError
from tests.file_server import Site, serving

CONTENT = b"".join(b'{"a": %d}\n' % number for number in random.Random(0).sample(range(10**9), 40000))
PACKED = gzip.compress(CONTENT, mtime=0)
NAME = "toy.jsonl.gz"
FILE = DataFile(name=NAME, sha256=hashlib.sha256(PACKED).hexdigest(), origin="example/toy")


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, and no data folder."""
    monkeypatch.delenv("HARNESS_DATA_DIR", raising=False)
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))


def mirror(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_DATA_MIRROR", f"{site.url}/")


def partial(data: bytes) -> Path:
    """What a stopped download left."""
    part = get_cache_dir() / "data" / f"{NAME}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(data)
    return part


def in_cache() -> list[str]:
    return sorted(path.name for path in (get_cache_dir() / "data").iterdir() if path.name != ".lock")


def test_a_file_that_is_nowhere_is_downloaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rows are there, and the next reader finds it in the cache."""
    with serving(Site({NAME: PACKED})) as site:
        mirror(site, monkeypatch)
        assert len(read_rows(FILE)) == len(read_rows(FILE)) == 40000

    assert site.requests == [(f"/{NAME}", None)]
    assert in_cache() == [NAME]


def test_the_official_address_is_used_where_no_mirror_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file may have another name there."""
    monkeypatch.delenv("HARNESS_DATA_MIRROR", raising=False)
    with serving(Site({"v1/other.gz": PACKED})) as site:
        file = DataFile(name=NAME, sha256=FILE.sha256, origin="", url=f"{site.url}/v1/other.gz")
        assert read_content(file) == CONTENT

    assert in_cache() == [NAME]


def test_a_mirror_may_be_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is copied from there into the cache; one that lacks there is an error with its path."""
    (tmp_path / NAME).write_bytes(PACKED)
    monkeypatch.setenv("HARNESS_DATA_MIRROR", str(tmp_path))

    assert read_content(FILE) == CONTENT
    assert in_cache() == [NAME]
    with pytest.raises(DataError, match=rf"{tmp_path}/lacking failed: No such file"):
        read_content(DataFile(name="lacking", sha256="", origin=""))


def test_a_large_file_is_obtained_by_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bytes are compared with its digest, a damaged one in the cache is replaced, and offline that is one line."""
    monkeypatch.delenv("HARNESS_DATA_MIRROR", raising=False)
    with serving(Site({"resolve/main/weights.gguf": CONTENT})) as site:
        digest = hashlib.sha256(CONTENT).hexdigest()
        file = DataFile(name="w.gguf", sha256=digest, origin="", url=f"{site.url}/resolve/main/weights.gguf")
        assert obtain(file) == obtain(file)
        assert len(site.requests) == 1
        obtain(file).write_bytes(CONTENT[:-1])
        assert obtain(file).read_bytes() == CONTENT
    obtain(file).write_bytes(CONTENT[:-1])
    with pytest.raises(DataError, match=r"w\.gguf is damaged, and downloading it from http.* failed") as offline:
        obtain(file)

    assert "\n" not in str(offline.value)


def test_a_place_of_ones_own_is_never_left_for_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in HARNESS_DATA_DIR is taken, a damaged one is an error; nothing is asked for."""
    monkeypatch.setenv("HARNESS_DATA_DIR", str(tmp_path))
    with serving(Site({NAME: PACKED})) as site:
        mirror(site, monkeypatch)
        (tmp_path / NAME).write_bytes(PACKED)
        assert read_content(FILE) == CONTENT
        (tmp_path / NAME).write_bytes(PACKED[:-5])
        with pytest.raises(DataError, match="cannot be read"):
            read_content(FILE)

    assert site.requests == []


def test_a_stopped_download_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the rest is asked for."""
    partial(PACKED[:100000])
    with serving(Site({NAME: PACKED})) as site:
        mirror(site, monkeypatch)
        assert read_content(FILE) == CONTENT

    assert site.requests == [(f"/{NAME}", "bytes=100000-")]
    assert in_cache() == [NAME]


def test_a_server_without_ranges_gives_all_of_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there is not put in front of it."""
    partial(PACKED[:100000])
    with serving(Site({NAME: PACKED}, ranges=False)) as site:
        mirror(site, monkeypatch)
        assert read_content(FILE) == CONTENT

    assert len(site.requests) == 1


@pytest.mark.parametrize("left", [b"x" * 5000, PACKED + b"x", b"x" * len(PACKED)], ids=["begun", "longer", "as long"])
def test_what_another_file_left_is_thrown_away(monkeypatch: pytest.MonkeyPatch, left: bytes) -> None:
    """The digest finds it out, and the file is brought from its beginning."""
    partial(left)
    with serving(Site({NAME: PACKED})) as site:
        mirror(site, monkeypatch)
        assert read_content(FILE) == CONTENT

    assert [asked for _, asked in site.requests] == [f"bytes={len(left)}-", None]


def test_a_part_that_is_whole_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop just before the renaming costs one question."""
    partial(PACKED)
    with serving(Site({NAME: PACKED})) as site:
        mirror(site, monkeypatch)
        assert read_content(FILE) == CONTENT

    assert [asked for _, asked in site.requests] == [f"bytes={len(PACKED)}-"]


def test_a_connection_that_breaks_is_taken_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attempt brings a part, and the parts are the file."""
    third = len(PACKED) // 3 + 1
    with serving(Site({NAME: PACKED}, cut_after=third)) as site:
        mirror(site, monkeypatch)
        assert read_content(FILE) == CONTENT

    assert [asked for _, asked in site.requests] == [None, f"bytes={third}-", f"bytes={2 * third}-"]


def test_attempts_are_bounded_and_what_came_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that never ends an answer: an error that says how far it was, and the next command goes on."""
    with serving(Site({NAME: PACKED}, cut_after=1000)) as site:
        mirror(site, monkeypatch)
        with pytest.raises(DataError, match=r"4 attempts"):
            read_content(FILE)

    assert len(site.requests) == 4
    assert in_cache() == [f"{NAME}.part"]
    assert (get_cache_dir() / "data" / f"{NAME}.part").read_bytes() == PACKED[:4000]


def test_a_busy_server_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """503 may be gone the next time."""
    with serving(Site({NAME: PACKED}, busy=2)) as site:
        mirror(site, monkeypatch)
        assert read_content(FILE) == CONTENT

    assert len(site.requests) == 3


def test_a_file_that_is_not_there_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """404 stays 404."""
    with serving(Site({})) as site:
        mirror(site, monkeypatch)
        with pytest.raises(DataError, match=r"failed: HTTP 404 Not Found"):
            read_content(FILE)

    assert len(site.requests) == 1


def test_packed_bytes_stay_packed_whatever_the_server_calls_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some servers declare .gz files as encoded, and clients would unpack them."""
    with serving(Site({NAME: PACKED}, encoding="gzip")) as site:
        mirror(site, monkeypatch)
        assert fetch(FILE).read_bytes() == PACKED


def test_another_file_never_gets_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error with both digests, and nothing is left in the cache."""
    other = gzip.compress(b'{"a": 3}\n', mtime=0)
    with serving(Site({NAME: other})) as site:
        mirror(site, monkeypatch)
        with pytest.raises(DataError) as wrong:
            read_content(FILE)

    assert hashlib.sha256(other).hexdigest() in str(wrong.value)
    assert FILE.sha256 in str(wrong.value)
    assert in_cache() == []


def test_offline_the_error_says_what_where_and_how(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file, the places, the address, and the three ways to bring it; in one line."""
    with serving(Site({})) as site:
        mirror(site, monkeypatch)
    with pytest.raises(DataError) as offline:
        read_content(FILE)

    message = str(offline.value)
    folder, url = str(get_cache_dir() / "data"), f"{site.url}/{NAME}"
    told = (NAME, "HARNESS_DATA_DIR", folder, url, "refused", "HARNESS_DATA_MIRROR")
    assert [part for part in told if part not in message] == []
    assert "\n" not in message


def test_several_readers_download_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """They wait for each other."""
    found: list[bytes] = []
    with serving(Site({NAME: PACKED})) as site:
        mirror(site, monkeypatch)
        readers = [threading.Thread(target=lambda: found.append(read_content(FILE))) for _ in range(4)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()

    assert found == [CONTENT] * 4
    assert len(site.requests) == 1
