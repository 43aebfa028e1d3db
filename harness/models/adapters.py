"""LoRA adapters (Hu et al. 2021, arXiv 2106.09685) in PEFT's layout, several on one load of their base.

Only the shapes are compared, so an adapter may have been trained on another base of the same shapes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ModelError, UsageError
from .checkpoint import WEIGHTS as BASE_WEIGHTS
from .checkpoint import digest_weights, read_json_object, read_tensor_shapes

CONFIGURATION = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
INNER, OUTER = ".lora_A.weight", ".lora_B.weight"
"""The two factors of a weight update: (rank, in) and (out, rank)."""
BASE = "base"
"""Name of the checkpoint without an adapter, beside its adapters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A checked folder of LoRA weights."""

    name: str
    path: Path
    rank: int
    digest: str
    """Digest of configuration and weights, by `digest_weights`."""


def parse_adapters(specs: Sequence[str]) -> tuple[Adapter, ...]:
    """Parse `NAME=PATH` specs and check the files of each adapter.

    Raises:
        UsageError: another form, or a name twice.
        ModelError: a folder is no adapter, or its weights are damaged.
    """
    adapters = [_parse_adapter(spec) for spec in specs]
    names = [adapter.name for adapter in adapters]
    for name in names:
        if name == BASE or names.count(name) > 1:
            raise UsageError(f'adapter name "{name}" is taken; each needs a name of its own, and "{BASE}" is the base')
    return tuple(adapters)


def _parse_adapter(spec: str) -> Adapter:
    name, separator, folder = spec.partition("=")
    if not separator or not folder or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise UsageError(f'adapter "{spec}" must be NAME=FOLDER, with letters, digits, ".", "_" and "-" in the name')
    path = Path(folder).expanduser()
    if not (path / CONFIGURATION).is_file():
        raise ModelError(f"adapter {path} has no {CONFIGURATION}; give the folder that PEFT's save_pretrained wrote")
    if not (path / WEIGHTS).is_file():
        raise ModelError(f"adapter {path} has no {WEIGHTS}: no weights that can be loaded safely")
    read_tensor_shapes(path / WEIGHTS)
    settings = read_json_object(path / CONFIGURATION)
    rank = settings.get("r")
    if settings.get("peft_type") != "LORA" or not isinstance(rank, int):
        raise ModelError(f"adapter {path} is of the type {settings.get('peft_type')!r}; only LORA can be loaded")
    return Adapter(name=name, path=path.resolve(), rank=rank, digest=digest_weights(path))


def check_fit(adapter: Adapter, base: Path) -> None:
    """Check that an adapter's matrices have the shapes of the base's; vLLM loads others without a word.

    Raises:
        ModelError: they have not, naming the first.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for shard in sorted(base.glob(BASE_WEIGHTS)):
        shapes |= read_tensor_shapes(shard)
    own = read_tensor_shapes(adapter.path / WEIGHTS)
    for name, inner in own.items():
        if not name.endswith(INNER):
            continue
        module = name.removeprefix("base_model.model.").removesuffix(INNER)
        outer = own.get(name.removesuffix(INNER) + OUTER, (0, 0))
        wanted = shapes.get(f"{module}.weight")
        if wanted is None and any(known.startswith(f"{module}.") for known in shapes):
            continue  # quantised: its shape is not that of the matrix
        if wanted != (outer[0], inner[-1]):
            has = f"{wanted[0]} x {wanted[1]}" if wanted else "none"
            raise ModelError(
                f'adapter "{adapter.name}" ({adapter.path}) is for another base: {module} is {outer[0]} x {inner[-1]} '
                f"in it, and {has} in {base}"
            )
