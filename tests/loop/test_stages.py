"""A stage is done once for what decides it, and again for anything else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import StoreError
from harness.loop.stages import FinishedStage, Stage, Stages


class Work:
    """Makes a file and counts how often it was asked to."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, folder: Path) -> dict[str, str]:
        self.times += 1
        folder.mkdir(exist_ok=True)
        (folder / "made").write_text("x")
        return {"digest": "sha256:made"}


def perform(root: Path, work: Work, **key: int) -> FinishedStage:
    """In a new start each time."""
    return Stages(root, tell=lambda line: None).perform(Stage(name="cook", key=key), work)


def test_a_digest_is_of_the_name_and_the_key_alone() -> None:
    """The order of keys does not count; every value does."""
    assert Stage(name="a", key={"x": 1, "y": 2}).digest == Stage(name="a", key={"y": 2, "x": 1}).digest
    others = [Stage(name="b", key={"x": 1}), Stage(name="a", key={"x": 2}), Stage(name="a", key={"x": 1, "y": None})]
    assert len({Stage(name="a", key={"x": 1}).digest, *(other.digest for other in others)}) == 4


def test_a_stage_is_done_once(tmp_path: Path) -> None:
    work = Work()
    first, second = perform(tmp_path, work, heat=1), perform(tmp_path, work, heat=1)
    assert work.times == 1
    assert (first.skipped, second.skipped) == (False, True)
    assert (second.outcome, second.folder, second.seconds) == (first.outcome, first.folder, first.seconds)


def test_another_key_is_another_folder_and_the_old_one_stays(tmp_path: Path) -> None:
    work = Work()
    first, other, back = (perform(tmp_path, work, heat=heat) for heat in (1, 2, 1))
    assert work.times == 2 and back.skipped
    assert first.folder == back.folder != other.folder


def test_what_is_gone_or_was_killed_is_done_again(tmp_path: Path) -> None:
    """A folder without a record, and a record without its folder."""
    work = Work()
    done = perform(tmp_path, work, heat=1)
    (record,) = (tmp_path / "stages").iterdir()
    record.unlink()
    assert not perform(tmp_path, work, heat=1).skipped
    (done.folder / "made").unlink()
    done.folder.rmdir()
    assert not perform(tmp_path, work, heat=1).skipped
    assert work.times == 3


def test_a_stage_that_fails_is_not_recorded(tmp_path: Path) -> None:
    def fail(folder: Path) -> dict[str, str]:
        raise StoreError("no")

    with pytest.raises(StoreError, match="no"):
        Stages(tmp_path, tell=lambda line: None).perform(Stage(name="cook", key={}), fail)
    assert Stages(tmp_path, tell=lambda line: None).find_finished(Stage(name="cook", key={})) is None


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    perform(tmp_path, Work(), heat=1)
    (record,) = (tmp_path / "stages").iterdir()
    whole = record.read_text()
    record.write_text(whole[:40])
    with pytest.raises(StoreError, match=r"cook-\w+.json is damaged"):
        perform(tmp_path, Work(), heat=1)
    record.write_text(json.dumps({**json.loads(whole), "digest": "0"}))
    with pytest.raises(StoreError, match="of another stage than its name says"):
        perform(tmp_path, Work(), heat=1)
