"""Merge a LoRA adapter into its base's weights: a full checkpoint in safetensors that every engine loads.

The sum is computed in float32 and written in the type that the base has on disk, so it is as close to base and adapter
together as that type allows. If another tool made the adapter, only shapes show whether it belongs to the base.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

from ..errors import INFRASTRUCTURE, ModelError, StoreError
from ..models.adapters import CONFIGURATION, Adapter, check_fit, parse_adapters
from ..models.checkpoint import Checkpoint, digest_weights, read_json_object, summarize_error
from ..models.loading import find_checkpoint
from ..models.options import ModelOptions
from ..models.quiet import redirect_output
from ..models.rendering import load_tokenizer
from ..models.table import OWN_MANIFEST
from ..models.trained import read_training
from ..store import make_folder, write_json
from ..store.journal import make_write_error
from ..store.provenance import read_clock
from .machine import check_installed


def merge(adapter: Path, out: Path, *, base: str | None = None) -> Path:
    """Merge `adapter` into its base and write the checkpoint to the folder `out`, which must not exist yet.

    `base` defaults to the one that the adapter's manifest or its configuration names.

    Raises:
        ModelError: the adapter or its base is missing, damaged, or they do not fit.
        StoreError: `out` exists or cannot be written.
    """
    check_installed()
    if out.exists():
        raise StoreError(f"{out} exists; choose another --out, or remove it")
    (checked,) = parse_adapters([f"adapter={adapter}"])
    checkpoint = _find_base(adapter, base)
    check_fit(checked, checkpoint.path)
    manifest = _extend_manifest(checked, checkpoint)
    make_folder(out.parent)
    scratch = Path(tempfile.mkdtemp(prefix=".merging-", dir=out.parent))
    try:
        # Outside the scratch folder, which becomes the checkpoint.
        with tempfile.NamedTemporaryFile(prefix="harness-", suffix=".log") as log, redirect_output(Path(log.name)):
            _merge_weights(checkpoint.path, checked.path, scratch)
        write_json(scratch / OWN_MANIFEST, manifest)
        scratch.chmod(0o755)
        scratch.rename(out)
    except OSError as error:
        raise make_write_error(out, error) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return out


def _find_base(adapter: Path, requested: str | None) -> Checkpoint:
    """Find the adapter's base; its weights must be those that the adapter was trained on."""
    trained = read_training(adapter) or {}
    known = trained.get("base", {})
    named = read_json_object(adapter / CONFIGURATION).get("base_model_name_or_path")
    spec = requested or known.get("name") or named
    if not isinstance(spec, str) or not spec:
        raise ModelError(f"adapter {adapter} does not say its base; name it with --base")
    checkpoint = find_checkpoint(spec, ModelOptions())
    digest = known.get("weights_digest")
    if digest is not None and digest != digest_weights(checkpoint.path):
        raise ModelError(
            f"adapter {adapter} was trained on the weights {digest[:19]}..., and {spec} has "
            f"{digest_weights(checkpoint.path)[:19]}...; name the right base with --base"
        )
    return checkpoint


def _extend_manifest(adapter: Adapter, base: Checkpoint) -> dict[str, Any]:
    """Return the adapter's manifest, with where the merged weights come from."""
    trained = read_training(adapter.path) or {}
    facts = {"adapter": adapter.digest, "base": digest_weights(base.path), "rank": adapter.rank, "when": read_clock()}
    return {**trained, "merged": facts}


def _merge_weights(base: Path, adapter: Path, out: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoConfig, AutoModelForCausalLM

    with warnings.catch_warnings():
        warnings.simplefilter("default")
        try:
            config = AutoConfig.from_pretrained(base, local_files_only=True)
            model: Any = AutoModelForCausalLM.from_pretrained(
                base, dtype=torch.float32, use_safetensors=True, local_files_only=True
            )
            model = PeftModel.from_pretrained(model, adapter).merge_and_unload(safe_merge=True)
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            machine = isinstance(error, torch.OutOfMemoryError | MemoryError)
            raise ModelError(
                f"adapter {adapter} cannot be merged into {base}: {summarize_error(error)}",
                exit_code=INFRASTRUCTURE if machine else None,
            ) from error
        published = getattr(config, "dtype", None)
        if isinstance(published, torch.dtype):
            model = model.to(published)
        model.save_pretrained(out)
        _load_tokenizer(base, adapter).save_pretrained(out)


def _load_tokenizer(base: Path, adapter: Path) -> Any:
    """Load the adapter's own tokenizer, which has a pad token, else the base's."""
    return load_tokenizer(adapter if (adapter / "tokenizer_config.json").is_file() else base)
