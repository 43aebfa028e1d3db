"""Write a run's samples and verdicts in the formats of other harnesses, and as one Parquet table.

A model's answer may hold lone surrogates, which UTF-8 cannot hold. Every format gets U+FFFD in their place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import StoreError, UsageError, install_hint
from ..store import read_manifest, read_samples, read_verdicts, write_text
from ..store.cleaning import replace_surrogates
from ..store.journal import write_error
from ..store.records import Key, sample_row, verdict_row
from ..tasks.suite import Suite, load_suite
from ..types import CodeForm, Sample, Status, Verdict

PASS, FAIL, TIMEOUT = "pass", "fail", "timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Run to export: the judged samples of one benchmark, in order."""

    benchmark: str
    suite: Suite
    rows: tuple[tuple[Sample, Verdict], ...]
    replaced: list[str] = field(default_factory=list)
    """The fields in which something was replaced, one entry for each time."""

    def by_task(self) -> Iterator[tuple[str, list[tuple[Sample, Verdict]]]]:
        for task_id in self.suite.problems:
            yield task_id, [(sample, verdict) for sample, verdict in self.rows if sample.task_id == task_id]

    def program(self, sample: Sample) -> str:
        """A whole program."""
        return self.suite.work(sample)[1].source

    def utf8(self, value: Any, name: str = "") -> Any:
        """Return `value`, JSON, with U+FFFD for what UTF-8 cannot hold, and note the fields that had any."""
        if isinstance(value, str):
            text = replace_surrogates(value)
            if text != value:
                self.replaced.append(name)
            return text
        if isinstance(value, Mapping):
            return {key: self.utf8(inner, key) for key, inner in value.items()}
        return [self.utf8(inner, name) for inner in value] if isinstance(value, list | tuple) else value


def export_run(
    path: Path, *, to: str, out: Path, benchmark: str | None = None, tell: Callable[[str], None] | None = None
) -> int:
    """Write the run of the folder `path` into the file `out`, and return the number of samples written.

    `tell` is given a line if text had to be replaced.

    Raises:
        UsageError: no such format or benchmark, or the run has several benchmarks and none is named.
        StoreError: the run is damaged or not wholly judged, or the file cannot be written.
    """
    if to not in FORMATS:
        raise UsageError(f'format "{to}" is not known; choose one of {", ".join(FORMATS)}')
    manifest = read_manifest(path)
    name = _chosen(path, manifest, benchmark)
    samples, verdicts = read_samples(path), read_verdicts(path)
    own = {key: sample for key, sample in samples.items() if key[0] == name}
    unjudged = [key for key in own if key not in verdicts or verdicts[key].status is Status.INFRASTRUCTURE]
    if unjudged:
        raise StoreError(
            f"{path}: {len(unjudged)} samples of {name} have no verdict (first: {unjudged[0][1]}); finish it"
        )
    ordered: list[Key] = sorted(own, key=lambda key: (list(manifest["tasks"][name]).index(key[1]), key[2]))
    suite = load_suite(name)
    if suite.data_digest != manifest["identity"]["benchmarks"][name]["data_digest"]:
        raise StoreError(f"{path} was made with another version of {name}'s data than the one here")
    run = _Run(benchmark=name, suite=suite, rows=tuple((own[key], verdicts[key]) for key in ordered))
    FORMATS[to](run, out)
    if run.replaced and tell is not None:
        names = ", ".join(sorted(set(run.replaced)))
        tell(f"{len(run.replaced)} fields held text that UTF-8 cannot hold, replaced by U+FFFD ({names})")
    return len(run.rows)


def _chosen(path: Path, manifest: Mapping[str, Any], benchmark: str | None) -> str:
    names = list(manifest.get("tasks", {}))
    if benchmark is None and len(names) == 1:
        return str(names[0])
    if benchmark not in names:
        asked = f'benchmark "{benchmark}" is not in {path}' if benchmark else f"{path} has several benchmarks"
        raise UsageError(f"{asked}; choose one of {', '.join(names)} by --benchmark")
    return str(benchmark)


def _evalplus(run: _Run, out: Path) -> None:
    found: dict[str, list[dict[str, Any]]] = {
        task_id: [
            {
                "task_id": task_id,
                "solution": run.program(sample),
                "base_status": _word(verdict.base_status or verdict.status),
                "plus_status": _word(verdict.status) if verdict.base_status else None,
                "base_fail_tests": [],
                "plus_fail_tests": [],
            }
            for sample, verdict in rows
        ]
        for task_id, rows in run.by_task()
        if rows
    }
    write_text(out, json.dumps({"eval": run.utf8(found)}) + "\n")


def _human_eval(run: _Run, out: Path) -> None:
    _write_lines(
        run,
        out,
        (
            {
                "task_id": sample.task_id,
                "completion": _continuing(run, sample),
                "result": "passed" if verdict.status is Status.PASSED else _result(verdict),
                "passed": verdict.status is Status.PASSED,
            }
            for sample, verdict in run.rows
        ),
    )


def _bigcode(run: _Run, out: Path) -> None:
    programs = [[run.program(sample) for sample, _ in rows] for _, rows in run.by_task()]
    write_text(out, json.dumps(run.utf8(programs, "program")) + "\n")


def _lm_eval(run: _Run, out: Path) -> None:
    _write_lines(
        run,
        out,
        (
            {
                "doc_id": at,
                "doc": {"task_id": task_id, "prompt": run.suite.problems[task_id].prompt},
                "target": "",
                "arguments": [],
                "resps": [[sample.completion.text for sample, _ in rows]],
                "filtered_resps": [[run.program(sample) for sample, _ in rows]],
                "pass@1": sum(verdict.status is Status.PASSED for _, verdict in rows) / len(rows),
            }
            for at, (task_id, rows) in enumerate(run.by_task())
            if rows
        ),
    )


def _parquet(run: _Run, out: Path) -> None:
    import pandas as pd

    rows = [run.utf8({**sample_row(sample), **verdict_row(verdict)}) for sample, verdict in run.rows]
    beside = out.with_name(f".{out.name}.new")
    try:
        pd.DataFrame(rows).to_parquet(beside, index=False)
        beside.replace(out)
    except ImportError as error:
        raise UsageError(f"Parquet needs the package pyarrow: {install_hint('parquet')}") from error
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise write_error(out, error) from error


FORMATS: Mapping[str, Callable[[_Run, Path], None]] = {
    "evalplus": _evalplus,
    "human-eval": _human_eval,
    "bigcode": _bigcode,
    "lm-eval": _lm_eval,
    "parquet": _parquet,
}


def _word(status: Status) -> str:
    return {Status.PASSED: PASS, Status.TIMEOUT: TIMEOUT}.get(status, FAIL)


def _result(verdict: Verdict) -> str:
    return "timed out" if verdict.status is Status.TIMEOUT else f"failed: {verdict.detail}"


def _continuing(run: _Run, sample: Sample) -> str:
    """Text that continues the benchmark's prompt, as human-eval has it; a whole solution begins at the margin."""
    if sample.form is CodeForm.COMPLETION:
        return sample.code
    prompt = run.suite.problems[sample.task_id].prompt
    return sample.code.removeprefix(prompt) if sample.code.startswith(prompt) else f"\n{sample.code}"


def _write_lines(run: _Run, out: Path, rows: Iterator[Mapping[str, Any]]) -> None:
    write_text(out, "".join(json.dumps(run.utf8(row)) + "\n" for row in rows))
