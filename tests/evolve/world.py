"""Seeds, and a replayed model that evolves them well but where a test says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.commands import write_rows

STAGES = ("evolve", "judge", "answer", "repair", "tests")
_PLACES = "Lima Oslo Cairo Quito Delhi Seoul Accra Hanoi Minsk Tunis Dakar Sofia Perth Kyoto Davao Turin"
PLACES = _PLACES.split()


def write_seeds(path: Path, count: int = 6) -> Path:
    """Seeds that are alike in no run of five words."""
    rows = []
    for number in range(count):
        name, other = f"{PLACES[number % 16]}{number}", f"{PLACES[(number * 7 + 3) % 16]}{number}"
        code = f"def {name.lower()}(x):\n    return x + {number}"
        rows.append({"instruction": f"Write {name} a {other} routine.", "output": f"```python\n{code}\n```"})
    return write_rows(path, rows)


def reply(seed: int, number: int, stage: str) -> str:
    """What the model says where nothing else is wanted."""
    name, other = f"{PLACES[seed % 16]}{seed}r{number}", f"{PLACES[(seed * 5 + number) % 16]}{number}{seed}"
    code = f"def {name.lower()}(x, y):\n    if x < y and y > {seed}:\n        return x\n    return {number}"
    return {
        "evolve": f"Write {name} a {other} routine that {name} checks <b> & c.",
        "judge": "Not Equal",
        "answer": f"```python\n{code}\n```",
        "tests": f"```python\nassert {name.lower()}(1, {seed + 5}) == 1\nassert {name.lower()}(5, 1) == {number}\n```",
        "repair": f"```python\ndef {name.lower()}(x):\n    return x\n```",
    }[stage]


def write_replies(
    path: Path, seeds: int = 6, rounds: int = 3, other: Mapping[str, str | Mapping[str, Any] | None] | None = None
) -> Path:
    """A file for the replay model; `other` maps request ids to a text, to fields, or to None: no reply at all."""
    other = other or {}
    rows = []
    for seed in range(seeds):
        for number in range(1, rounds + 1):
            for stage in STAGES:
                request = f"s{seed:06d}.r{number}/{stage}"
                said = other.get(request, reply(seed, number, stage))
                if said is not None:
                    fields = {"completion": said} if isinstance(said, str) else dict(said)
                    rows.append({"task_id": request, "finish_reason": "stop", **fields})
    rows += [
        {"task_id": request, "completion": said, "finish_reason": "stop"}
        for request, said in other.items()
        if isinstance(said, str) and ".r" not in request
    ]
    return write_rows(path, rows)
