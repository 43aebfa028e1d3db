"""Find a checkpoint, check that it is whole, and identify its weights.

A checkpoint is a folder in the Hugging Face layout, or a hub name that becomes one. Weights are read
from safetensors only, unless pickled ones are allowed: unpickling runs the code of whoever made the file.

A folder that passes these checks may still hold an architecture that no backend knows.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data import get_cache_dir
from ..digests import digest_files
from ..errors import INFRASTRUCTURE, ModelError, install_hint
from .table import OWN_MANIFEST

WEIGHTS = "*.safetensors"
PICKLED = ("*.bin", "*.pt", "*.pth")
DESCRIPTION = ("*.json", "*.jinja", "*.txt", "*.model")
"""Configuration and tokenizer; they influence answers, so they are part of the digest."""
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A checked folder of weights and its origin."""

    name: str
    """Name given by the user."""
    path: Path
    revision: str | None = None
    """Commit on the hub; None for a folder."""


def check_checkpoint(
    folder: Path, *, name: str | None = None, revision: str | None = None, pickled: bool = False
) -> Checkpoint:
    """Check the files in `folder` and return its checkpoint.

    Raises:
        ModelError: no such folder, no config.json, no weights, or damaged ones.
    """
    if not folder.is_dir():
        raise ModelError(f"checkpoint {folder} does not exist; give a folder, a hub name (owner/name) or a builtin")
    if not (folder / "config.json").is_file() and (folder / "adapter_config.json").is_file():
        raise ModelError(
            f"checkpoint {folder} is an adapter; run its base with --lora NAME={folder}, or `harness merge` it first"
        )
    if not (folder / "config.json").is_file():
        raise ModelError(f"checkpoint {folder} has no config.json; give the folder that save_pretrained wrote")
    shards = sorted(folder.glob(WEIGHTS))
    if not shards and not (pickled and any(_find_pickled(folder))):
        weights = next(_find_pickled(folder), None)
        advice = (
            f"{weights.name} is pickled, convert it to safetensors, or trust it with --allow-pickle"
            if weights
            else "no *.safetensors file is there"
        )
        raise ModelError(f"checkpoint {folder} has no weights that can be loaded safely: {advice}")
    _check_index(folder)
    for shard in shards:
        read_tensor_shapes(shard)
    return Checkpoint(name=name or str(folder), path=folder.resolve(), revision=revision)


def download_checkpoint(name: str, *, revision: str | None = None, pickled: bool = False) -> Checkpoint:
    """Return the checkpoint `name` (owner/name) from the hub or its local cache.

    Raises:
        ModelError: the hub does not answer or does not know it, or as `check_checkpoint`.
    """
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ImportError as error:
        raise ModelError(f'model "{name}": hub names need an extra: {install_hint("cpu", "gpu")}') from error
    wanted = [WEIGHTS, *DESCRIPTION, *(PICKLED if pickled else ())]
    try:
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=wanted))
    except HFValidationError as error:
        raise ModelError(f'model "{name}" is neither a folder nor a hub name (owner/name)') from error
    except (HfHubHTTPError, OSError, ValueError) as error:
        # An offline hub answers with OSError or ValueError subclasses, depending on its version.
        reason = summarize_error(error)
        raise ModelError(
            f'model "{name}" is not a folder here and cannot be fetched from the hub: {reason}',
            exit_code=INFRASTRUCTURE,
        ) from error
    return check_checkpoint(folder, name=name, revision=folder.name, pickled=pickled)


def read_configuration(folder: Path) -> dict[str, Any]:
    """Read config.json.

    Raises:
        ModelError: it is not a JSON object.
    """
    return read_json_object(folder / "config.json")


def read_context_length(folder: Path) -> int | None:
    """Return the most tokens of a prompt and its answer together, if the configuration says so."""
    settings = read_configuration(folder)
    for source in (settings, settings.get("text_config") or {}):
        for key in ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length"):
            if isinstance(source.get(key), int):
                return int(source[key])
    return None


def digest_weights(folder: Path) -> str:
    """Return SHA-256 over names and contents of weights, configuration and tokenizer, as "sha256:HEX".

    Our own manifest is left out: it says when and where a checkpoint was trained and decides no answer. Hashing large
    weights takes long, so the digest is cached by the files' names, sizes and times.
    """
    files = sorted({file for pattern in (WEIGHTS, *PICKLED, *DESCRIPTION) for file in folder.glob(pattern)})
    files = [file for file in files if file.name != OWN_MANIFEST]
    stats = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    memory = get_cache_dir() / "digests" / hashlib.sha256(repr(stats).encode()).hexdigest()
    # An interrupted write leaves less than a digest.
    if memory.is_file() and DIGEST.fullmatch(remembered := memory.read_text(errors="replace")):
        return remembered
    digest = f"sha256:{digest_files(files)}"
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(digest)
    except OSError:
        # Only the cache is lost: the digest is computed again next time.
        pass
    return digest


def summarize_error(error: BaseException, limit: int = 300) -> str:
    """Return the first non-empty line of an error, for a one-line message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:limit]


def read_json_object(file: Path) -> dict[str, Any]:
    """Read the JSON object in a checkpoint's file.

    Raises:
        ModelError: it cannot be read, or is none.
    """
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"checkpoint file {file} cannot be read: {summarize_error(error)}") from error
    if not isinstance(value, dict):
        raise ModelError(f"checkpoint file {file} is not a JSON object")
    return value


def read_tensor_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors in a safetensors file, by name.

    Raises:
        ModelError: it is cut or garbled, which an engine would report by a traceback.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise ModelError(f"checkpoint file {file} needs an extra to be read: {install_hint('cpu', 'gpu')}") from error
    try:
        with safe_open(file, framework="np") as tensors:
            return {name: tuple(tensors.get_slice(name).get_shape()) for name in sorted(tensors.keys())}
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"checkpoint file {file} is cut or damaged: {summarize_error(error)}; copy it again"
        ) from error


def _find_pickled(folder: Path) -> Iterator[Path]:
    for pattern in PICKLED:
        yield from sorted(folder.glob(pattern))


def _check_index(folder: Path) -> None:
    """Check that every shard in the index exists; an interrupted download lacks some."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return
    shards = read_json_object(index).get("weight_map")
    if not isinstance(shards, dict):
        raise ModelError(f"checkpoint file {index} has no weight_map")
    missing = sorted({name for name in shards.values() if not (folder / str(name)).is_file()})
    if missing:
        raise ModelError(f"checkpoint {folder} lacks {len(missing)} of its weight files, the first is {missing[0]}")
