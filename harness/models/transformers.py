"""Completions from Hugging Face transformers: slower than vLLM, and there wherever PyTorch is.

Samples are generated in left-padded batches of similar length. Each sample draws from a generator of its own
(one number per token, which inverts the distribution function of the filtered logits), so its seed decides it
whatever else is in the batch. In float32, the default on a CPU, greedy decoding is exact.

Not promised: the same samples as vLLM for the same seed (it draws differently), and in bfloat16 or float16
the same text in another batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import INFRASTRUCTURE, ModelError
from ..store.provenance import package_versions
from ..types import Generated, Prompt, RenderedPrompt, Request, SamplingParams
from .checkpoint import context_length, one_line, weights_digest
from .jobs import Job, jobs
from .rendering import load_tokenizer, render

BATCH_SIZE = 8
BATCHES_AHEAD = 8
"""Batches' worth of samples that are read and sorted by length together."""


class TransformersModel:
    """A checkpoint run by transformers in this process, on the GPU where there is one."""

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        revision: str | None = None,
        dtype: str = "auto",
        max_model_len: int | None = None,
        batch_size: int | None = None,
        trust_remote_code: bool = False,
        allow_pickle: bool = False,
        backend_reason: str = "asked for",
    ) -> None:
        self.name = name
        self._path = path
        self._revision = revision
        self._dtype = dtype
        self._batch_size = batch_size or BATCH_SIZE
        self._max_model_len = max_model_len
        self._trust_remote_code = trust_remote_code
        self._allow_pickle = allow_pickle
        self._reason = backend_reason
        self._model: Any = None

    def __enter__(self) -> TransformersModel:
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging

        # Bars of the library's own would garble those of the command line.
        quiet: Any = logging.disable_progress_bar
        quiet()
        device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = "float32" if self._dtype == "auto" and device == "cpu" else self._dtype
        try:
            loaded: Any = AutoModelForCausalLM.from_pretrained(
                self._path,
                dtype=dtype,
                trust_remote_code=self._trust_remote_code,
                use_safetensors=None if self._allow_pickle else True,
                local_files_only=True,
            )
            self._model = loaded.to(device).eval()
        except (RuntimeError, ValueError, OSError, KeyError, ImportError, TypeError, AttributeError) as error:
            machine = isinstance(error, torch.OutOfMemoryError | MemoryError)
            raise ModelError(
                f"model {self._path} cannot be loaded by transformers: {one_line(error)}",
                exit_code=INFRASTRUCTURE if machine else None,
            ) from error
        return self

    def __exit__(self, *exc: object) -> None:
        self._model = None

    def describe(self) -> Mapping[str, Any]:
        """Facts for the manifest; the dtype is the loaded weights' own once they are."""
        return {
            "adapter": "transformers",
            "backend_reason": self._reason,
            "name": self.name,
            "path": str(self._path),
            "revision": self._revision,
            "weights_digest": self._digest,
            "dtype": str(self._model.dtype).removeprefix("torch.") if self._model is not None else self._dtype,
            "device": self._model.device.type if self._model is not None else None,
            "max_model_len": self._context,
            "batch_size": self._batch_size,
            "versions": package_versions("torch", "transformers"),
        }

    def render(self, prompt: Prompt) -> RenderedPrompt:
        """The text and the ids that the model is given; needs no weights."""
        return render(prompt, self._tokenizer, self.name)

    def generate(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Generated]:
        """Yield completions batch by batch.

        Where a prompt and `max_tokens` exceed the context, the answer is cut at the context's end; a prompt
        that does not fit gets an empty one.

        Raises:
            ModelError: not loaded, out of memory, or as `render`.
        """
        if self._model is None:
            raise ModelError(f'model "{self.name}" is not loaded: use it as a context manager')
        waiting = jobs(requests, self.render)
        while window := list(islice(waiting, self._batch_size * BATCHES_AHEAD)):
            for job in window:
                if len(job.token_ids) >= self._context:
                    yield job.does_not_fit()
            fitting = sorted(
                (job for job in window if len(job.token_ids) < self._context), key=lambda job: len(job.token_ids)
            )
            for begin in range(0, len(fitting), self._batch_size):
                yield from self._batch(fitting[begin : begin + self._batch_size], params)

    def answer(self, prompt: Prompt, params: SamplingParams) -> Iterator[str]:
        """One answer, piece by piece as it is generated.

        Raises:
            ModelError: the prompt fills the context, or as `generate`.
        """
        if self._model is None:
            raise ModelError(f'model "{self.name}" is not loaded: use it as a context manager')
        from .decoding import streamed

        ids = self.render(prompt).token_ids or ()
        if len(ids) >= self._context:
            raise ModelError(f'model "{self.name}": the prompt has {len(ids)} tokens, its context {self._context}')
        limit = min(params.max_tokens, self._context - len(ids))
        return streamed(self._model, self._tokenizer, prompt=ids, limit=limit, params=params)

    def _batch(self, jobs: Sequence[Job], params: SamplingParams) -> list[Generated]:
        from torch import OutOfMemoryError

        from .decoding import decode

        limits = [min(params.max_tokens, self._context - len(job.token_ids)) for job in jobs]
        try:
            answers = decode(
                self._model,
                self._tokenizer,
                prompts=[job.token_ids for job in jobs],
                limits=limits,
                seeds=[job.seed for job in jobs],
                params=params,
            )
        except (OutOfMemoryError, MemoryError) as error:
            raise ModelError(
                f'model "{self.name}": out of memory in a batch of {len(jobs)}: {one_line(error)}; lower --batch-size',
                exit_code=INFRASTRUCTURE,
            ) from error
        return [
            job.generated(answer.text, answer.finish_reason, answer.tokens)
            for job, answer in zip(jobs, answers, strict=True)
        ]

    @property
    def _context(self) -> int:
        return self._max_model_len or context_length(self._path) or 2048

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(self._path, trust_remote_code=self._trust_remote_code)

    @cached_property
    def _digest(self) -> str:
        return weights_digest(self._path)
