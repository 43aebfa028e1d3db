"""Run folders with chosen outcomes, written through the store as a run writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import report
from harness.store import RunFolder
from harness.types import Completion, Sample, Status, Trust, Verdict

PASSED, FAILED = Status.PASSED, Status.WRONG_ANSWER
Outcomes = Mapping[str, Sequence[Status]]
"""Task id -> the statuses of its samples."""


def outcomes(passed: Sequence[int], n: int = 164) -> dict[str, list[Status]]:
    """One sample of each of HumanEval's first `n` tasks; those numbered in `passed` pass."""
    return {f"HumanEval/{at}": [PASSED if at in passed else FAILED] for at in range(n)}


def write_run(
    path: Path,
    found: Outcomes,
    *,
    model: str = "m",
    benchmark: str = "humaneval",
    temperature: float = 0.0,
    data_digest: str = "d" * 64,
    recipe: str = "completion",
    n: int | None = None,
    base: Outcomes | None = None,
    code: str = "    return {index}\n",
    raw: str = "    return {index}\n",
    reasoning_tokens: int | None = None,
) -> Path:
    """A run of `model` in the folder `path`; `n` is how many samples were asked for."""
    recipes = {benchmark: {"name": recipe, "digest": "e" * 64}}
    identity: dict[str, Any] = {
        "kind": "run",
        "model": model,
        "benchmarks": {benchmark: {"data_digest": data_digest, "problems": len(found)}},
        "recipe": recipes,
        "extraction": recipes,
        "sampling": {"temperature": temperature, "top_p": 1.0, "max_tokens": None, "seed": 0},
        "sandbox": "process",
    }
    asked = n or max(map(len, found.values()))
    with RunFolder(path, identity) as folder:
        folder.update_manifest(
            config={"model": model, "n": asked, "k": []},
            tasks={benchmark: list(found)},
            harness_version="0",
            versions={},
        )
        for task_id, statuses in found.items():
            for index, status in enumerate(statuses):
                key = {"benchmark": benchmark, "task_id": task_id, "index": index}
                completion = Completion(
                    text=raw.format(index=index),
                    finish_reason="stop",
                    completion_tokens=5 + index,
                    reasoning_tokens=reasoning_tokens,
                )
                folder.append_sample(Sample(**key, completion=completion, code=code.format(index=index)))  # type: ignore[arg-type]
                detail = "" if status is PASSED else "f(1): expected 2, got 3"
                base_status = base[task_id][index] if base else None
                verdict = Verdict(**key, status=status, detail=detail, trust=Trust.SPLIT, base_status=base_status)  # type: ignore[arg-type]
                folder.append_verdict(verdict)
    report.write(path)
    return path
