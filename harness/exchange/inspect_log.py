"""Write a judged benchmark of a run as a log of Inspect, which `inspect view` shows (https://inspect.aisi.org.uk).

The records are those of `inspect_ai` (extra `inspect`). A sample's id is its task id, and its epoch is its index + 1.

The file is a zip with the members that Inspect's own writer makes. That writer (0.3.285) is not used: it holds all
samples in memory, and compares each with all before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZipFile

from .. import report
from ..errors import UsageError, install_hint
from ..report import headline
from ..store import provenance
from ..store.journal import make_write_error
from ..types import Completion, Sample, Status, Verdict

if TYPE_CHECKING:
    from .outgoing import ExportedRun

SUFFIX = ".eval"
SCORER = "verdict"
STOP_REASONS = {"stop": "stop", "length": "max_tokens"}


def write_inspect_log(run: ExportedRun, out: Path) -> None:
    """Write the log `out`, sample by sample. A sample that the judge itself failed on has an error and no score.

    Raises:
        UsageError: another suffix than .eval, or inspect_ai is missing.
        StoreError: the file cannot be written.
    """
    if out.suffix != SUFFIX:
        raise UsageError(f'"{out.name}" must end in {SUFFIX}: Inspect knows its logs by their names')
    try:
        from inspect_ai.log import EvalLog, EvalSample
    except ImportError as error:
        raise UsageError(f"Inspect's logs need the package inspect_ai: {install_hint('inspect')}") from error
    header = EvalLog.model_validate(run.clean_value(_build_header(run)))
    summaries = []
    beside = out.with_name(f".{out.name}.new")
    try:
        with ZipFile(beside, "w", ZIP_DEFLATED) as log:
            for row in _build_samples(run):
                sample = EvalSample.model_validate(run.clean_value(row))
                log.writestr(f"samples/{sample.id}_epoch_{sample.epoch}.json", sample.model_dump_json())
                summaries.append(sample.summary().model_dump_json())
            log.writestr("summaries.json", f"[{','.join(summaries)}]")
            log.writestr("header.json", header.model_dump_json(exclude_none=True))
        beside.replace(out)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise make_write_error(out, error) from error


def _build_header(run: ExportedRun) -> dict[str, Any]:
    """Return the log without its samples."""
    manifest, model = run.manifest, headline.name_model(run.manifest)
    identity, sessions = manifest["identity"], manifest.get("sessions") or [{}]
    sampling: Mapping[str, Any] = identity.get("sampling") or {}
    tasks: list[str] = manifest["tasks"][run.benchmark]
    n = manifest["config"].get("n", 1)
    started = sessions[0].get("started_at") or provenance.read_clock()
    completions = [sample.completion for sample, _ in run.rows]
    return {
        "status": "success" if len(run.rows) >= n * len(tasks) else "cancelled",
        "eval": {
            "created": started,
            "run_id": manifest["digest"],
            "task": run.benchmark,
            "task_version": identity["benchmarks"][run.benchmark]["data_digest"],
            "dataset": {"name": run.benchmark, "samples": len(tasks), "sample_ids": tasks},
            "model": model,
            "model_generate_config": {
                **{key: sampling.get(key) for key in ("temperature", "top_p", "top_k", "max_tokens", "seed")},
                "stop_seqs": sampling.get("stop"),
            },
            "config": {"epochs": max((sample.index + 1 for sample, _ in run.rows), default=n)},
            "packages": manifest.get("versions", {}),
            "metadata": {
                "weights_digest": (manifest.get("model") or {}).get("weights_digest"),
                **{key: (identity.get(key) or {}).get(run.benchmark) for key in ("recipe", "extraction")},
                **{key: identity.get(key) for key in ("kind", "sandbox", "trust")},
                "harness_version": manifest.get("harness_version"),
            },
        },
        "results": {
            "total_samples": n * len(tasks),
            "completed_samples": sum(verdict.status is not Status.INFRASTRUCTURE for _, verdict in run.rows),
            "scores": [{"name": SCORER, "scorer": SCORER, "metrics": _build_metrics(run)}],
        },
        "stats": {
            "started_at": started,
            "completed_at": sessions[-1].get("ended_at") or started,
            "model_usage": {
                model: _build_usage(
                    sum(completion.prompt_tokens or 0 for completion in completions),
                    sum(completion.completion_tokens or 0 for completion in completions),
                )
            },
        },
    }


def _build_metrics(run: ExportedRun) -> dict[str, Any]:
    return {
        score.metric: {
            "name": score.metric,
            "value": score.value,
            "metadata": {"interval": score.interval, "problems": score.n_problems, "samples": score.n_samples},
        }
        for score in report.read(run.path).scores
        if score.benchmark == run.benchmark and not math.isnan(score.value)
    }


def _build_samples(run: ExportedRun) -> Iterator[dict[str, Any]]:
    model = headline.name_model(run.manifest)
    for sample, verdict in run.rows:
        problem = run.suite.problems[sample.task_id]
        message = _build_message(sample.completion)
        completion = sample.completion
        usage = _build_usage(completion.prompt_tokens or 0, completion.completion_tokens or 0)
        yield {
            "id": sample.task_id,
            "epoch": sample.index + 1,
            "input": problem.prompt,
            "target": problem.reference,
            "messages": [{"role": "user", "content": problem.prompt}, message],
            "output": {
                "model": model,
                "choices": [
                    {"message": message, "stop_reason": STOP_REASONS.get(completion.finish_reason or "", "unknown")}
                ],
                "usage": usage,
            },
            "model_usage": {model: usage},
            "metadata": {"status": verdict.status.value, "extraction": sample.extraction},
            **_build_outcome(sample, verdict),
        }


def _build_outcome(sample: Sample, verdict: Verdict) -> dict[str, Any]:
    """Return the score of a sample, or the error of the judge."""
    if verdict.status is Status.INFRASTRUCTURE:
        return {"error": {"message": verdict.detail, "traceback": "", "traceback_ansi": ""}}
    return {
        "scores": {
            SCORER: {
                "value": "C" if verdict.status is Status.PASSED else "I",
                "answer": sample.code,
                "explanation": f"{verdict.status.value}: {verdict.detail}".removesuffix(": "),
                "metadata": {
                    "status": verdict.status.value,
                    "base_status": verdict.base_status.value if verdict.base_status else None,
                    "trust": verdict.trust.value,
                    "cpu_time_s": verdict.cpu_time_s,
                    "peak_memory_bytes": verdict.peak_memory_bytes,
                },
            }
        }
    }


def _build_message(completion: Completion) -> dict[str, Any]:
    text: Any = completion.text
    if completion.reasoning:
        text = [{"type": "reasoning", "reasoning": completion.reasoning}, {"type": "text", "text": text}]
    return {"role": "assistant", "content": text}


def _build_usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    total = prompt_tokens + completion_tokens
    return {"input_tokens": prompt_tokens, "output_tokens": completion_tokens, "total_tokens": total}
