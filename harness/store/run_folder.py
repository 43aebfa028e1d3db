"""A run folder: append-only journals of samples and verdicts, a manifest, a lock.

`run.json` is written atomically; `samples.jsonl` and `verdicts.jsonl` get one whole line per row (see `journal`).
If a key (benchmark, task_id, index) occurs twice, the last row counts. Rows stay on the disk; memory holds only their
positions. `first_answers.jsonl` is there for benchmarks that ask twice, with the rows of samples.

Rows are not synced to the disk one by one, so a power failure can lose the last seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..digests import digest_json
from ..errors import StoreError
from ..types import Sample, Status, Verdict
from .claims import build_manifest, check_identity, load_manifest, lock_folder
from .files import write_json, write_rows
from .journal import Journal, Rows
from .records import SampleKey, build_key, parse_sample, parse_verdict, serialize_sample, serialize_verdict

MANIFEST = "run.json"
SAMPLES = "samples.jsonl"
VERDICTS = "verdicts.jsonl"
FIRST_ANSWERS = "first_answers.jsonl"
SCORES = "scores.json"
REPORT = "report.md"
PAGE = "report.html"


class RunFolder:
    """A run folder held for writing by this process alone; use as a context manager.

    Raises (entering):
        StoreError: another configuration or another process holds the folder, or it cannot be written.
    """

    samples: Rows[Sample]
    verdicts: Rows[Verdict]
    first_answers: Rows[Sample]
    """Answers to first questions, under the keys of the samples that they lead to."""

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self.path = path
        self.manifest: dict[str, Any] = {}
        self._identity = dict(identity)
        self._held = ExitStack()
        self._first_answers: Journal | None = None
        """Opened for the first of them: few benchmarks ask twice."""

    def __enter__(self) -> RunFolder:
        with self._held as held:
            held.enter_context(lock_folder(self.path))
            self.manifest = self._prepare_manifest()
            self._open()
            held.callback(self._close)
            self._held = held.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._held.close()

    def append_sample(self, sample: Sample) -> None:
        """Store a sample."""
        size = self._samples.append(serialize_sample(sample))
        self.samples.record_row(build_key(sample), size)

    def append_first_answer(self, sample: Sample) -> None:
        """Store an answer to a first question."""
        if self._first_answers is None:
            self._first_answers = Journal(self.path / FIRST_ANSWERS)
        size = self._first_answers.append(serialize_sample(sample))
        self.first_answers.record_row(build_key(sample), size)

    def append_verdict(self, verdict: Verdict) -> None:
        """Store a verdict."""
        size = self._verdicts.append(serialize_verdict(verdict))
        self.verdicts.record_row(build_key(verdict), size)
        self._mark_judge_failure(verdict)

    def list_answers(self) -> Iterator[Sample]:
        """Yield every answer of a model, those to first questions before the samples."""
        yield from self.first_answers.values()
        yield from self.samples.values()

    def list_pending(self, benchmark: str) -> list[SampleKey]:
        """List the samples of `benchmark` without a final verdict, including those that the judge failed on."""
        return [
            key
            for key in self.samples
            if key[0] == benchmark and (key in self._judge_failed or key not in self.verdicts)
        ]

    def update_manifest(self, **fields: Any) -> None:
        """Set top-level fields of run.json and write it."""
        self.manifest.update(fields)
        write_json(self.path / MANIFEST, self.manifest)

    def replace_code(self, changed: Iterable[Sample], identity: Mapping[str, Any]) -> None:
        """Replace samples with others of the same keys, and drop the verdicts of those whose code differs.

        Verdicts are dropped first: after a crash in between, old code lacks a verdict, never the other way round.
        """
        new = {build_key(sample): sample for sample in changed}
        old = self.samples
        lost = {key for key, sample in new.items() if (sample.code, sample.form) != (old[key].code, old[key].form)}
        kept = (verdict for key, verdict in self.verdicts.items() if key not in lost)
        self._close()
        write_rows(self.path / VERDICTS, map(serialize_verdict, kept))
        samples = (new.get(key) or sample for key, sample in self.samples.items())
        write_rows(self.path / SAMPLES, map(serialize_sample, samples))
        self._open()
        self._identity = dict(identity)
        self.update_manifest(digest=digest_json(identity), identity=self._identity)

    def _open(self) -> None:
        """Open the journals for writing and read their rows."""
        self._samples = Journal(self.path / SAMPLES)
        self._verdicts = Journal(self.path / VERDICTS)
        self._first_answers = None
        self.first_answers = read_first_answers(self.path)
        self.samples = read_samples(self.path)
        self.verdicts = read_verdicts(self.path)
        self._judge_failed: set[SampleKey] = set()
        for verdict in self.verdicts.values():
            self._mark_judge_failure(verdict)

    def _close(self) -> None:
        self._samples.close()
        self._verdicts.close()
        if self._first_answers is not None:
            self._first_answers.close()

    def _mark_judge_failure(self, verdict: Verdict) -> None:
        """Remember whether the judge itself failed on the sample."""
        failed = verdict.status is Status.INFRASTRUCTURE
        (self._judge_failed.add if failed else self._judge_failed.discard)(build_key(verdict))

    def _prepare_manifest(self) -> dict[str, Any]:
        if (self.path / MANIFEST).exists():
            manifest = read_manifest(self.path)
            check_identity(self.path, manifest, self._identity)
            return manifest
        foreign = [name for name in (SAMPLES, VERDICTS) if (self.path / name).exists()]
        if foreign:
            raise StoreError(f"{self.path} holds {foreign[0]} but no {MANIFEST}; choose another --out")
        manifest = build_manifest(self._identity)
        write_json(self.path / MANIFEST, manifest)
        return manifest


def read_manifest(path: Path) -> dict[str, Any]:
    """Read run.json of the run folder `path`.

    Raises:
        StoreError: there is none, or it is not a manifest.
    """
    return load_manifest(path / MANIFEST, "a run folder")


def read_samples(path: Path) -> Rows[Sample]:
    """Read all samples of the run folder `path`."""
    return Rows(path / SAMPLES, parse_sample)


def read_first_answers(path: Path) -> Rows[Sample]:
    """Read the answers to first questions of the run folder `path`; none where no benchmark asks twice."""
    return Rows(path / FIRST_ANSWERS, parse_sample)


def read_verdicts(path: Path) -> Rows[Verdict]:
    """Read the last verdict of each sample in the run folder `path`."""
    return Rows(path / VERDICTS, parse_verdict)
