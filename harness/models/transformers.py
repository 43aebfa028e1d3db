"""Generate completions with Hugging Face transformers: slower than vLLM, available wherever PyTorch is.

Samples are generated in left-padded batches of similar length. Each sample draws from a generator of its own
(one number per token, which inverts the distribution function of the filtered logits), so its seed decides it
whatever else is in the batch. In float32, the default on a CPU, greedy decoding is exact.

For the same seed, samples differ from vLLM's, which draws differently. In bfloat16 or float16 the text may differ in
another batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import INFRASTRUCTURE, ModelError
from ..store.provenance import read_versions
from ..types import Generated, Prompt, RenderedPrompt, Request, SamplingParams
from .checkpoint import digest_weights, read_context_length, summarize_error
from .jobs import SampleJob, split_requests
from .rendering import describe_mending, load_tokenizer, may_reason, render_prompt
from .thinking import AS_TEMPLATE, TemplateSettings, find_open_mark, may_mention_reasoning

BATCH_SIZE = 8
BATCHES_AHEAD = 8
"""Batches whose samples are read and sorted by length together."""


class TransformersModel:
    """A checkpoint run by transformers in this process, on the GPU if there is one."""

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
        template: TemplateSettings = AS_TEMPLATE,
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
        self._template = template
        self._reason = backend_reason
        self._model: Any = None

    def __enter__(self) -> TransformersModel:
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging

        # The library's own bars would garble those of the command line.
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
                f"model {self._path} cannot be loaded by transformers: {summarize_error(error)}",
                exit_code=INFRASTRUCTURE if machine else None,
            ) from error
        return self

    def __exit__(self, *exc: object) -> None:
        self._model = None

    def describe(self) -> Mapping[str, Any]:
        """Return facts for the manifest; once loaded, the dtype is that of the weights."""
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
            "versions": read_versions("torch", "transformers"),
            **(describe_mending(self._tokenizer) if self._model is not None else {}),
        }

    def render(self, prompt: Prompt) -> RenderedPrompt:
        """Return the text and the token ids of the model's input; needs no weights."""
        return render_prompt(prompt, self._tokenizer, self.name, self._template)

    def may_reason(self, prompt: Prompt) -> bool:
        """Implement `harness.optional.CanReason`."""
        if not may_mention_reasoning(self._path) and not find_open_mark(prompt.prefill):
            return False
        return may_reason(prompt, self._tokenizer, self.name, self._template)

    @property
    def context_length(self) -> int:
        """Return the tokens of a prompt and its answer together."""
        return self._context

    def generate(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Generated]:
        """Yield completions batch by batch.

        If a prompt and `max_tokens` exceed the context, the answer is cut at the context's end. A prompt that does not
        fit gets an empty answer.

        Raises:
            ModelError: not loaded, out of memory, or as `render`.
        """
        if self._model is None:
            raise ModelError(f'model "{self.name}" is not loaded: use it as a context manager')
        waiting = split_requests(requests, self.render)
        while window := list(islice(waiting, self._batch_size * BATCHES_AHEAD)):
            for job in window:
                if len(job.token_ids) >= self._context:
                    yield job.build_empty_answer()
            fitting = sorted(
                (job for job in window if len(job.token_ids) < self._context), key=lambda job: len(job.token_ids)
            )
            for begin in range(0, len(fitting), self._batch_size):
                yield from self._generate_batch(fitting[begin : begin + self._batch_size], params)

    def answer(self, prompt: Prompt, params: SamplingParams) -> Iterator[str]:
        """Yield one answer in pieces as it is generated.

        Raises:
            ModelError: the prompt fills the context, or as `generate`.
        """
        if self._model is None:
            raise ModelError(f'model "{self.name}" is not loaded: use it as a context manager')
        from .decoding import stream_answer

        ids = self.render(prompt).token_ids or ()
        if len(ids) >= self._context:
            raise ModelError(f'model "{self.name}": the prompt has {len(ids)} tokens, its context {self._context}')
        limit = min(params.max_tokens, self._context - len(ids))
        return stream_answer(self._model, self._tokenizer, prompt=ids, limit=limit, params=params)

    def _generate_batch(self, jobs: Sequence[SampleJob], params: SamplingParams) -> list[Generated]:
        from torch import OutOfMemoryError

        from .decoding import decode_batch

        limits = [min(params.max_tokens, self._context - len(job.token_ids)) for job in jobs]
        try:
            answers = decode_batch(
                self._model,
                self._tokenizer,
                prompts=[job.token_ids for job in jobs],
                limits=limits,
                seeds=[job.seed for job in jobs],
                end_ids={token for job in jobs for token in job.end_ids},
                params=params,
            )
        except (OutOfMemoryError, MemoryError) as error:
            raise ModelError(
                f'model "{self.name}": out of memory in a batch of {len(jobs)}: {summarize_error(error)}; '
                "lower --batch-size",
                exit_code=INFRASTRUCTURE,
            ) from error
        return [
            job.build_answer(answer.text, answer.finish_reason, answer.tokens)
            for job, answer in zip(jobs, answers, strict=True)
        ]

    @property
    def _context(self) -> int:
        return self._max_model_len or read_context_length(self._path) or 2048

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(self._path, trust_remote_code=self._trust_remote_code)

    @cached_property
    def _digest(self) -> str:
        return digest_weights(self._path)
