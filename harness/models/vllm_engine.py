"""Start and stop a vLLM engine, with settings that fit the processor, logs in a file, and failures in one line.

Written against vLLM 0.32 (Apache-2.0). On a CPU its defaults bind the threads to all cores but one, compile
the model (which needs a C++ compiler and a minute, and made a small one a tenth faster), and take most of
the memory for the KV cache; here each has a smaller value unless the user set one. Another process may take the memory
that the values were computed from.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from multiprocessing import connection
from pathlib import Path
from threading import Thread
from typing import Any

from ..errors import INFRASTRUCTURE, USAGE, ModelError, UsageError
from .adapters import Adapter
from .checkpoint import read_configuration, read_context_length, summarize_error
from .engine_args import parse_engine_args
from .options import ModelOptions
from .precision import choose_cpu_dtype
from .quiet import redirect_output

CPU_CONTEXT = 8192
"""Longest default context on a CPU, in tokens: more costs memory that benchmarks do not need."""
CPU_CACHE_BYTES = 2 << 30
"""Smallest KV cache on a CPU."""
FEW_CORES = 8
"""Up to here every core computes; above, vLLM's own choice keeps one free and knows of NUMA."""

LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Ranks that vLLM supports."""

ENVIRONMENT = {
    # Figures about this machine would be sent to the vLLM project.
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
    "VLLM_LOGGING_COLOR": "0",
    # Copies of a process with threads deadlock, and would keep our descriptors open.
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    # A worker ends only on a signal, for which vLLM waits five seconds by default.
    "VLLM_WORKER_SHUTDOWN_TIMEOUT_SECONDS": "1",
}

USER_FAULTS = re.compile(
    r"not supported|unsupported|not recognize|safetensors|max_model_len|trust_remote_code|dtype|divisible|"
    r"quantization|LoRA",
    re.I,
)
KNOWN_FAULTS = (
    (r"[Aa]rchitectures \['?(.+?)'?\] (?:are|is) not supported", "it does not know {0}; try --backend transformers"),
    (r"Cannot find the config file for (\w+)", "its weights are not quantised with {0}; leave --quantization out"),
    (
        r"max_model_len \((\d+)\) is greater than the derived max_model_len \(\w+=(\d+)",
        "--max-model-len {0} is more than its context of {1} tokens",
    ),
    (
        r"(The size of tensor .+? must match .+?|There is no module or parameter named '.+?')(?: at| in|$)",
        "its weights do not fit its config.json: {0}",
    ),
)
"""Pattern of a failure whose message is long or unhelpful, and the message shown instead."""
OUT_OF_MEMORY = re.compile(r"out of memory|MemoryError|memory utilization|memory is less|available memory", re.I)
CAUSE = re.compile(r"(?:^|\s)((?:[\w.]+\.)?\w*(?:Error|Exception): .+)$")
"""The last line of a traceback, whatever the engine's logger wrote in front of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Settings that an engine is started with."""

    path: Path
    options: ModelOptions
    needed_tokens: int | None = None
    """Tokens of the longest prompt and its answer together, if known."""

    @property
    def length(self) -> int | None:
        """The context to request; None if neither the user nor the need nor the checkpoint gives one."""
        if self.options.max_model_len:
            return self.options.max_model_len
        context = read_context_length(self.path)
        return min(context, self.needed_tokens) if context and self.needed_tokens else None


@contextmanager
def redirect_logging(log: Path) -> Iterator[None]:
    """Send this process's vLLM messages to `log`; those of the engine's own processes go there already."""
    logger = logging.getLogger("vllm")
    handler = logging.FileHandler(log)
    before = list(logger.handlers)
    logger.handlers = [handler]
    try:
        yield
    finally:
        logger.handlers = before
        handler.close()


def start_engine(settings: EngineSettings, log: Path, sockets: Path) -> Any:
    """Start a vLLM engine with the weights loaded; everything it prints goes to `log`.

    Its processes talk through files in `sockets`, which vLLM does not remove.

    Raises:
        ModelError: it does not start; the message has the cause and names `log`.
    """
    for key, value in ENVIRONMENT.items():
        os.environ.setdefault(key, value)
    begin = log.stat().st_size if log.exists() else 0
    with redirect_output(log), _set_environment("VLLM_RPC_BASE_PATH", str(sockets)):
        try:
            return _load_engine(settings)
        except (RuntimeError, ValueError, OSError, ImportError, KeyError, TypeError, AssertionError) as error:
            failure = error
    raise _explain_failure(failure, settings, log, begin) from failure


def watch_engine(engine: Any) -> None:
    """Wake those who wait for answers when the engine's process dies; vLLM 0.32 lets them wait for ever."""
    from vllm.v1.engine.exceptions import EngineDeadError

    client = engine.engine_core
    sentinels = [process.sentinel for process in client.resources.engine_manager.processes]

    def watch() -> None:
        connection.wait(sentinels)
        client.outputs_queue.put_nowait(EngineDeadError())

    Thread(target=watch, daemon=True, name="engine-watch").start()


def stop_engine(engine: Any) -> None:
    """Stop the engine's processes and wait for them."""
    # This version's engine has no method of its own for it.
    engine.engine_core.shutdown(timeout=20)


def _load_engine(settings: EngineSettings) -> Any:
    from vllm import EngineArgs
    from vllm.platforms import current_platform
    from vllm.usage.usage_lib import UsageContext
    from vllm.v1.engine.llm_engine import LLMEngine

    if current_platform.is_cpu():
        dtype = choose_cpu_dtype(settings.path, settings.options)
        settings = replace(settings, options=replace(settings.options, dtype=dtype))
    options = settings.options
    figures: dict[str, Any] = {
        "dtype": options.dtype,
        "max_model_len": settings.length,
        "max_num_seqs": options.batch_size,
        "quantization": _check_quantization(options.quantization),
        "tensor_parallel_size": options.tensor_parallel_size,
        "pipeline_parallel_size": options.pipeline_parallel_size,
        "seed": options.seed,
        "trust_remote_code": options.trust_remote_code,
        "load_format": "auto" if options.allow_pickle else "safetensors",
        "disable_log_stats": True,
        **_build_adapter_settings(options.adapters),
    }
    if options.gpu_memory_utilization is not None:
        figures["gpu_memory_utilization"] = options.gpu_memory_utilization
    if current_platform.is_cpu():
        figures |= _build_cpu_settings(settings)
    own = parse_engine_args(options.engine_args, (field.name for field in fields(EngineArgs)))
    arguments = EngineArgs(model=str(settings.path), **{**figures, **own})
    # The usage context only picks defaults: those for answering a list of prompts, not for a server.
    with _share_cores(options):
        engine = LLMEngine.from_engine_args(
            arguments, usage_context=UsageContext.LLM_CLASS, enable_multiprocessing=True
        )
    watch_engine(engine)
    try:
        for adapter in options.adapters:
            engine.add_lora(build_adapter_request(adapter, options.adapters))
    except BaseException:
        stop_engine(engine)
        raise
    return engine


def build_adapter_request(adapter: Adapter, all_of_them: Sequence[Adapter]) -> Any:
    """Build the request that tells the engine which adapter answers."""
    from vllm.lora.request import LoRARequest

    return LoRARequest(adapter.name, 1 + list(all_of_them).index(adapter), str(adapter.path))


def _build_adapter_settings(adapters: Sequence[Adapter]) -> dict[str, Any]:
    if not adapters:
        return {}
    rank = max(adapter.rank for adapter in adapters)
    fitting = next((known for known in LORA_RANKS if known >= rank), None)
    if fitting is None:
        raise UsageError(f"an adapter has the rank {rank}; vLLM loads up to {LORA_RANKS[-1]}")
    # One adapter answers at a time; the others wait in main memory.
    return {"enable_lora": True, "max_loras": 1, "max_cpu_loras": len(adapters), "max_lora_rank": fitting}


def _check_quantization(name: str | None) -> str | None:
    if name is not None:
        from vllm.model_executor.layers.quantization import QUANTIZATION_METHODS

        if name not in QUANTIZATION_METHODS:
            listed = ", ".join(QUANTIZATION_METHODS)
            raise UsageError(f'quantization "{name}" is not one of the installed vLLM: {listed}')
    return name


@contextmanager
def _share_cores(options: ModelOptions) -> Iterator[None]:
    """Share all cores among the processes of an engine started inside the block, if the cores are few."""
    cores = sorted(os.sched_getaffinity(0))
    processes = options.tensor_parallel_size * options.pipeline_parallel_size
    if not processes <= len(cores) <= FEW_CORES:
        yield
        return
    shares = (cores[number::processes] for number in range(processes))
    with _set_environment("VLLM_CPU_OMP_THREADS_BIND", "|".join(",".join(map(str, share)) for share in shares)):
        yield


@contextmanager
def _set_environment(name: str, value: str) -> Iterator[None]:
    """Set `name` inside the block, because the next engine needs another value; keep the user's own."""
    if name in os.environ:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


def _build_cpu_settings(settings: EngineSettings) -> dict[str, Any]:
    options = settings.options
    length = settings.length or min(read_context_length(settings.path) or CPU_CONTEXT, CPU_CONTEXT)
    # A prompt that is computed in parts rewinds its request's random generator, which a CPU's cannot: vLLM 0.32 dies.
    figures: dict[str, Any] = {"max_model_len": length, "enforce_eager": True, "enable_chunked_prefill": False}
    if options.gpu_memory_utilization is None and not os.environ.get("VLLM_CPU_KVCACHE_SPACE"):
        # Two of the longest sequences must fit, or nothing is ever batched.
        figures["kv_cache_memory_bytes"] = max(CPU_CACHE_BYTES, 2 * length * _estimate_cache_bytes(settings))
        # Only checked against the machine's memory, not taken, because the cache has its own size.
        figures["gpu_memory_utilization"] = 0.5
    return figures


def _estimate_cache_bytes(settings: EngineSettings) -> int:
    """Return the bytes of keys and values for one token; 0 if the configuration names its shape otherwise."""
    shape = read_configuration(settings.path)
    heads = shape.get("num_attention_heads")
    if not heads or not shape.get("hidden_size") or not shape.get("num_hidden_layers"):
        return 0
    width = shape.get("head_dim") or shape["hidden_size"] // heads
    element_bytes = 4 if settings.options.dtype == "float32" else 2
    return int(2 * shape["num_hidden_layers"] * (shape.get("num_key_value_heads") or heads) * width * element_bytes)


def _explain_failure(error: BaseException, settings: EngineSettings, log: Path, begin: int) -> ModelError:
    """Explain a failed start in one line; the cause in the engine's process is only in its log."""
    with log.open("rb") as stream:
        stream.seek(begin)
        written = stream.read().decode(errors="replace")
    causes = [match[1] for line in written.splitlines() if (match := CAUSE.search(line))]
    useful = [
        cause for cause in causes if "Engine core initialization failed" not in cause and "WorkerProc" not in cause
    ]
    own = f"{type(error).__name__}: {_extract_reason(error)}"
    cause = (useful[-1] if useful and "Engine core" in str(error) else own)[:400]
    if OUT_OF_MEMORY.search(cause):
        advice = "lower --max-model-len or the memory share, or use a smaller dtype"
        return ModelError(
            f"model {settings.path}: out of memory: {cause}; {advice} (log: {log})", exit_code=INFRASTRUCTURE
        )
    for pattern, said in KNOWN_FAULTS:
        if found := re.search(pattern, cause):
            return ModelError(f"model {settings.path} cannot be loaded by vLLM: {said.format(*found.groups())}")
    fault = USAGE if USER_FAULTS.search(cause) else INFRASTRUCTURE
    return ModelError(f"model {settings.path} cannot be loaded by vLLM: {cause} (log: {log})", exit_code=fault)


def _extract_reason(error: BaseException) -> str:
    """Extract the reason from a pydantic error, which puts it on the third line."""
    reason = re.search(r"Value error, (.+?)(?: \[type=|$)", str(error), re.M)
    return reason[1] if reason else summarize_error(error)
