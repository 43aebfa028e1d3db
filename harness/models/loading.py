"""Open the model that a user names: choose its checkpoint and its backend, and say why.

A name is `PREFIX:REST` of a registered model (as `replay:FILE`), a builtin checkpoint, a folder, or a
hub name (owner/name, owner/name@revision).

An installed backend may still fail to start; that shows when the model is entered.
"""

from __future__ import annotations

import importlib.util
import platform
import tempfile
from pathlib import Path

from .. import registry
from ..errors import ModelError, UsageError, install_hint, suggest
from ..types import Model
from .adapters import check_fit
from .builtin import BUILTIN, build_checkpoint
from .checkpoint import Checkpoint, check_checkpoint, download_checkpoint, summarize_error
from .options import ModelOptions
from .quiet import redirect_output

BACKENDS = ("auto", "vllm", "transformers")


def open_model(spec: str, *, backend: str = "auto", options: ModelOptions | None = None) -> Model:
    """Return the model that `spec` names without loading it; entering it loads the weights.

    Raises:
        UsageError: the name or the backend is not known.
        ModelError: the checkpoint is missing or damaged, or no backend is installed.
    """
    options = options or ModelOptions()
    if backend not in BACKENDS:
        raise UsageError(_describe_unknown("backend", backend, BACKENDS))
    if not has_engine(spec):
        prefix, _, rest = spec.partition(":")
        model: Model = registry.lookup("models", prefix).from_spec(rest, options)
        return model
    # A wrong name is told before vLLM is imported, which takes seconds, and nothing is fetched for want of a backend.
    checkpoint = None if _is_fetched(spec) else find_checkpoint(spec, options)
    chosen, reason = choose_backend(backend)
    checkpoint = checkpoint or find_checkpoint(spec, options)
    if chosen == "vllm":
        for adapter in options.adapters:
            check_fit(adapter, checkpoint.path)
        from .vllm import VllmModel

        return VllmModel(
            checkpoint.name, checkpoint.path, revision=checkpoint.revision, options=options, backend_reason=reason
        )
    _refuse_vllm_options(options, reason)
    from .transformers import TransformersModel

    return TransformersModel(
        checkpoint.name,
        checkpoint.path,
        revision=checkpoint.revision,
        dtype=options.dtype,
        max_model_len=options.max_model_len,
        batch_size=options.batch_size,
        trust_remote_code=options.trust_remote_code,
        allow_pickle=options.allow_pickle,
        template=options.template,
        backend_reason=reason,
    )


def has_engine(spec: str) -> bool:
    """Tell whether `spec` names a checkpoint that a backend loads, not a registered model such as replay:FILE."""
    prefix, separator, _ = spec.partition(":")
    # Registered models without `from_spec` take a checkpoint and are chosen by `backend`.
    return not (
        separator
        and prefix in registry.list_registered("models")
        and hasattr(registry.lookup("models", prefix), "from_spec")
    )


def _refuse_vllm_options(options: ModelOptions, reason: str) -> None:
    """Refuse options that transformers would ignore."""
    asked = {
        "--quantization": options.quantization,
        "--engine-arg": options.engine_args,
        "--lora": options.adapters,
        "--tensor-parallel-size": options.tensor_parallel_size > 1,
        "--pipeline-parallel-size": options.pipeline_parallel_size > 1,
    }
    for flag, value in asked.items():
        if value:
            raise UsageError(f"{flag} needs the backend vllm, and transformers is used: {reason}")


def find_checkpoint(spec: str, options: ModelOptions) -> Checkpoint:
    """Find the checkpoint that `spec` names: a builtin, a folder, or a hub name.

    Raises:
        UsageError: it is none of these.
        ModelError: it is missing or damaged.
    """
    if spec in BUILTIN:
        return build_checkpoint(spec)
    if _is_folder(spec):
        return check_checkpoint(Path(spec).expanduser(), name=spec, pickled=options.allow_pickle)
    if "/" in spec:
        name, _, revision = spec.partition("@")
        return download_checkpoint(name, revision=revision or None, pickled=options.allow_pickle)
    raise UsageError(
        _describe_unknown(
            "model",
            spec,
            [*BUILTIN, *(f"{name}:" for name in registry.list_registered("models") if name not in BACKENDS)],
        )
        + " It is no folder here either; hub names have the form owner/name"
    )


def _is_folder(spec: str) -> bool:
    return Path(spec).expanduser().exists() or spec.startswith(("/", ".", "~")) or spec.count("/") > 1


def _is_fetched(spec: str) -> bool:
    return spec in BUILTIN or ("/" in spec and not _is_folder(spec))


def choose_backend(wanted: str) -> tuple[str, str]:
    """Return the backend to use, "vllm" or "transformers", and the reason.

    Raises:
        ModelError: the wanted one, or any, is not installed.
    """
    installed = {name: importlib.util.find_spec(name) is not None for name in ("vllm", "transformers", "torch")}
    hf = installed["transformers"] and installed["torch"]
    if (wanted == "transformers" and hf) or (wanted == "vllm" and installed["vllm"]):
        return wanted, "asked for"
    if wanted != "auto" or not (hf or installed["vllm"]):
        what = "no backend" if wanted == "auto" else f'backend "{wanted}"'
        raise ModelError(f"{what} is installed; {install_hint('cpu', 'gpu')} (cpu needs no GPU)")
    if not installed["vllm"]:
        return "transformers", "vLLM is not installed"
    trouble = diagnose_vllm()
    if trouble and hf:
        return "transformers", f"vLLM is installed but {trouble}"
    return "vllm", "vLLM is installed and supports this processor"


def diagnose_vllm() -> str | None:
    """Return why the installed vLLM cannot start on this processor; None if it can."""
    with tempfile.NamedTemporaryFile(prefix="harness-", suffix=".log") as log, redirect_output(Path(log.name)):
        try:
            from vllm.platforms import current_platform

            device = current_platform.device_type
        except (ImportError, OSError, RuntimeError) as error:
            return f"cannot be imported ({type(error).__name__}: {summarize_error(error)})"
    if not device:
        return "its build supports no processor of this machine"
    if device == "cpu" and platform.machine() in ("x86_64", "AMD64") and "avx2" not in _read_cpu_flags():
        # Its kernels would end the process with an illegal instruction.
        return "its CPU build needs AVX2, which this processor lacks"
    return None


def _read_cpu_flags() -> set[str]:
    information = Path("/proc/cpuinfo")
    if not information.is_file():
        return {"avx2"}
    lines = information.read_text().splitlines()
    return set(next((line for line in lines if line.startswith("flags")), "").split())


def _describe_unknown(kind: str, name: str, known: list[str] | tuple[str, ...]) -> str:
    return f'{kind} "{name}" is not known.{suggest(name, known)}'
