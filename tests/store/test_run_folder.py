"""Run folders: what survives a killed process, and what is refused."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from harness.errors import StoreError
from harness.report.summary import summarize_run
from harness.store import RunFolder, read_samples, read_verdicts, write_text
from harness.store.journal import Journal
from harness.types import CodeForm, Completion, Sample, Status, Verdict

IDENTITY = {"kind": "run", "model": "replay:x", "sampling": {"temperature": 0.0}, "sandbox": "process"}


def sample(task_id: str = "T/0", index: int = 0, code: str = "return 1\n") -> Sample:
    completion = Completion(text=f"raw {code}", finish_reason="stop", prompt_tokens=3, completion_tokens=5, seed=7)
    return Sample(
        benchmark="toy", task_id=task_id, index=index, completion=completion, code=code, form=CodeForm.SOLUTION
    )


def verdict(task_id: str = "T/0", index: int = 0, status: Status = Status.PASSED) -> Verdict:
    return Verdict(benchmark="toy", task_id=task_id, index=index, status=status, detail="é", cpu_time_s=0.25)


def test_what_is_appended_is_read_back_whole(tmp_path: Path) -> None:
    """Samples and verdicts keep every field, the base status included."""
    plus = Verdict(benchmark="toy", task_id="T/1", index=3, status=Status.TIMEOUT, base_status=Status.PASSED)
    with RunFolder(tmp_path, IDENTITY) as folder:
        folder.append_sample(sample())
        folder.append_verdict(verdict())
        folder.append_verdict(plus)

    assert list(read_samples(tmp_path).values()) == [sample()]
    assert list(read_verdicts(tmp_path).values()) == [verdict(), plus]


def test_only_verdicts_with_a_base_part_have_a_base_status(tmp_path: Path) -> None:
    """Scripts tell the two kinds of benchmark apart by the field's presence."""
    with RunFolder(tmp_path, IDENTITY) as folder:
        folder.append_verdict(verdict())

    assert "base_status" not in json.loads((tmp_path / "verdicts.jsonl").read_text())


def test_rows_are_on_disk_before_the_folder_is_closed(tmp_path: Path) -> None:
    """A reader, or a process that dies now, finds every appended row."""
    with RunFolder(tmp_path, IDENTITY) as folder:
        folder.append_sample(sample())
        assert read_samples(tmp_path).keys() == {("toy", "T/0", 0)}


@pytest.mark.parametrize("keep", [1, 20, -1])
def test_a_torn_last_line_is_ignored_and_cut_off(tmp_path: Path, keep: int) -> None:
    """Whatever part of the last row a dying process wrote, the row is missing and the next one is whole."""
    with RunFolder(tmp_path, IDENTITY) as folder:
        for index in range(3):
            folder.append_sample(sample(index=index))
    file = tmp_path / "samples.jsonl"
    *whole, last = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(whole) + last[:keep])

    assert {index for _, _, index in read_samples(tmp_path)} == {0, 1}
    with RunFolder(tmp_path, IDENTITY) as folder:
        assert {index for _, _, index in folder.samples} == {0, 1}
        folder.append_sample(sample(index=2))
    assert file.read_bytes() == b"".join(whole) + last


def test_a_torn_only_line_leaves_an_empty_file(tmp_path: Path) -> None:
    """A process that died in its first row left nothing."""
    with RunFolder(tmp_path, IDENTITY):
        pass
    (tmp_path / "samples.jsonl").write_bytes(b'{"benchmark": "' + b"x" * 200_000)

    with RunFolder(tmp_path, IDENTITY) as folder:
        assert folder.samples == {}
    assert (tmp_path / "samples.jsonl").read_bytes() == b""


def test_damage_in_the_middle_names_file_and_line(tmp_path: Path) -> None:
    """Only the end of a journal may be torn; elsewhere nothing is dropped in silence."""
    with RunFolder(tmp_path, IDENTITY) as folder:
        folder.append_sample(sample())
    with (tmp_path / "samples.jsonl").open("a") as file:
        file.write('{"benchmark": "toy"}\n')

    with pytest.raises(StoreError, match=r"samples\.jsonl line 2 is damaged"):
        read_samples(tmp_path)


@pytest.mark.parametrize("index", [-1, 10**12, 1.0, "0", None])
def test_an_index_that_cannot_be_is_damage(index: object, tmp_path: Path) -> None:
    """And not a place in a table as large as it says."""
    with RunFolder(tmp_path, IDENTITY) as folder:
        folder.append_sample(sample())
    row = json.loads((tmp_path / "samples.jsonl").read_text()) | {"index": index}
    (tmp_path / "samples.jsonl").write_text(json.dumps(row) + "\n")

    with pytest.raises(StoreError, match=r"samples\.jsonl line 1 is damaged: index is "):
        read_samples(tmp_path)


def test_rows_are_those_that_were_written_in_whatever_order(tmp_path: Path) -> None:
    """Two tasks whose samples came backwards and with gaps."""
    wanted = [("T/1", 7), ("T/0", 2), ("T/1", 0), ("T/0", 0)]
    with RunFolder(tmp_path, IDENTITY) as folder:
        for task_id, index in wanted:
            folder.append_sample(sample(task_id, index, code=f"{task_id} {index}"))
        found = folder.samples

        assert list(found) == [("toy", "T/1", 0), ("toy", "T/1", 7), ("toy", "T/0", 0), ("toy", "T/0", 2)]
        assert len(found) == 4
        assert {key: row.code for key, row in found.items()} == {
            ("toy", task_id, index): f"{task_id} {index}" for task_id, index in wanted
        }
        assert ("toy", "T/1", 3) not in found
        assert ("other", "T/1", 0) not in found
        with pytest.raises(KeyError):
            found["toy", "T/1", 8]


def test_the_last_verdict_counts(tmp_path: Path) -> None:
    """A sample that the judge failed on is judged again by appending."""
    with RunFolder(tmp_path, IDENTITY) as folder:
        folder.append_verdict(verdict(status=Status.INFRASTRUCTURE))
        folder.append_verdict(verdict(status=Status.WRONG_ANSWER))

    assert [found.status for found in read_verdicts(tmp_path).values()] == [Status.WRONG_ANSWER]


def test_memory_hardly_grows_with_a_run(tmp_path: Path) -> None:
    """Rows are read from the disk when asked for, and so is what the report adds up: a few bytes of each are kept."""
    text, count = "x" * 2_000, 3_000
    held = []
    with RunFolder(tmp_path, IDENTITY) as folder:
        folder.update_manifest(config={"n": count, "k": []}, tasks={"toy": ["T/0"]})
        tracemalloc.start()
        try:
            for index in range(count):
                folder.append_sample(sample(index=index, code=f"{text}{index}"))
                folder.append_verdict(verdict(index=index))
                if index in (0, count - 1):
                    held.append(tracemalloc.get_traced_memory()[0])
            assert folder.samples["toy", "T/0", 321].code == f"{text}321"
            tracemalloc.reset_peak()
            summary = summarize_run(tmp_path, folder.manifest, folder.samples, folder.verdicts)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert held[1] - held[0] < 100 * count
    assert peak - held[1] < 100 * count
    assert summary.scores[0].value == 1.0


def test_samples_without_a_final_verdict_are_pending(tmp_path: Path) -> None:
    """Not judged, and judged by a judge that failed: both are to be judged; another benchmark's are not listed."""
    with RunFolder(tmp_path, IDENTITY) as folder:
        for index in range(3):
            folder.append_sample(sample(index=index))
        folder.append_verdict(verdict(index=0))
        folder.append_verdict(verdict(index=1, status=Status.INFRASTRUCTURE))

        assert folder.list_pending("toy") == [("toy", "T/0", 1), ("toy", "T/0", 2)]
        assert folder.list_pending("other") == []


def test_another_configuration_is_refused_by_its_keys(tmp_path: Path) -> None:
    """The message names each differing key with both values, and nothing is changed."""
    with RunFolder(tmp_path, IDENTITY) as folder:
        folder.append_sample(sample())
    before = (tmp_path / "run.json").read_bytes()

    other = {**IDENTITY, "sampling": {"temperature": 0.2}, "sandbox": "docker"}
    with pytest.raises(StoreError) as refused, RunFolder(tmp_path, other):
        pass

    assert "sampling.temperature is 0.0 there and 0.2 now" in str(refused.value)
    assert 'sandbox is "process" there and "docker" now' in str(refused.value)
    assert "model" not in str(refused.value)
    assert refused.value.exit_code == 2
    assert (tmp_path / "run.json").read_bytes() == before


def test_a_refused_folder_is_free_again(tmp_path: Path) -> None:
    """Refusing releases the lock, so the right configuration can go on in the same process."""
    with RunFolder(tmp_path, IDENTITY):
        pass
    with pytest.raises(StoreError), RunFolder(tmp_path, {"kind": "score"}):
        pass
    with RunFolder(tmp_path, IDENTITY) as folder:
        assert folder.manifest["identity"] == IDENTITY


def test_two_writers_do_not_share_a_folder(tmp_path: Path) -> None:
    """The second one is refused while the first has it, and not afterwards."""
    with RunFolder(tmp_path, IDENTITY), pytest.raises(StoreError, match="in use"), RunFolder(tmp_path, IDENTITY):
        pass
    with RunFolder(tmp_path, IDENTITY):
        pass


def test_journals_without_a_manifest_are_not_adopted(tmp_path: Path) -> None:
    """Somebody's samples.jsonl is never appended to."""
    (tmp_path / "samples.jsonl").write_text("{}\n")

    with pytest.raises(StoreError, match=r"no run\.json"), RunFolder(tmp_path, IDENTITY):
        pass
    assert (tmp_path / "samples.jsonl").read_text() == "{}\n"


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    """A file in the way is reported by its path."""
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError, match="file/run cannot be written"), RunFolder(tmp_path / "file" / "run", IDENTITY):
        pass


def test_a_full_disk_is_an_infrastructure_error_in_one_line() -> None:
    """Writing to /dev/full fails as a full disk does; the error says that the run can go on later."""
    journal = Journal(Path("/dev/full"))

    with pytest.raises(StoreError, match="disk is full") as full:
        journal.append({"a": 1})
    journal.close()
    assert full.value.exit_code == 3


def test_exchanged_code_loses_its_verdict_and_keeps_its_raw_text(tmp_path: Path) -> None:
    """Only the samples whose code changed are to be judged again."""
    with RunFolder(tmp_path, IDENTITY) as folder:
        for index in range(2):
            folder.append_sample(sample(index=index))
            folder.append_verdict(verdict(index=index))
        folder.replace_code([sample(index=1, code="return 2\n")], {**IDENTITY, "extraction": "new"})
        folder.append_sample(sample(index=2))

        assert [
            (index, folder.samples[name, task_id, index].code) for name, task_id, index in folder.list_pending("toy")
        ] == [
            (1, "return 2\n"),
            (2, "return 1\n"),
        ]
    assert read_verdicts(tmp_path).keys() == {("toy", "T/0", 0)}
    assert len(read_samples(tmp_path)) == 3


def test_text_that_utf8_cannot_hold_is_written_with_a_sign_in_its_place(tmp_path: Path) -> None:
    """A report's text may quote a program's."""
    write_text(tmp_path / "x", "a\ud800b")

    assert (tmp_path / "x").read_text(encoding="utf-8") == "a\ufffdb"
