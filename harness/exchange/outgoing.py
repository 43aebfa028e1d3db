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
from ..optional import get_language
from ..store import make_folder, read_manifest, read_samples, read_verdicts, write_bytes, write_text
from ..store.cleaning import replace_surrogates
from ..store.journal import make_write_error
from ..store.records import SampleKey, serialize_sample, serialize_verdict
from ..tasks.suite import Suite, load_suite
from ..types import CodeForm, Sample, Status, Verdict
from . import multipl_e
from .inspect_log import write_inspect_log

PASS, FAIL, TIMEOUT = "pass", "fail", "timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedRun:
    """The judged samples of one benchmark of a run in order."""

    path: Path
    benchmark: str
    suite: Suite
    rows: tuple[tuple[Sample, Verdict], ...]
    manifest: Mapping[str, Any]
    replaced: list[str] = field(default_factory=list)
    """Names of fields with replaced text, one for each replacement."""

    def group_by_task(self) -> Iterator[tuple[str, list[tuple[Sample, Verdict]]]]:
        for task_id in self.suite.problems:
            yield task_id, [(sample, verdict) for sample, verdict in self.rows if sample.task_id == task_id]

    def build_program(self, sample: Sample) -> str:
        """Return the whole program of a sample."""
        return self.suite.build_work(sample)[1].source

    def build_whole_program(self, sample: Sample) -> str:
        """Return the program of a sample with its tests after it, unless it has them."""
        _, program, _ = self.suite.build_work(sample)
        tests = self.suite.problems[sample.task_id].tests
        return program.source if program.has_tests else f"{program.source}\n{tests}"

    def clean_value(self, value: Any, name: str = "") -> Any:
        """Replace what UTF-8 cannot hold in a JSON value with U+FFFD, and note the changed fields."""
        if isinstance(value, str):
            text = replace_surrogates(value)
            if text != value:
                self.replaced.append(name)
            return text
        if isinstance(value, Mapping):
            return {key: self.clean_value(inner, key) for key, inner in value.items()}
        return [self.clean_value(inner, name) for inner in value] if isinstance(value, list | tuple) else value


def export_run(
    path: Path, *, to: str, out: Path, benchmark: str | None = None, tell: Callable[[str], None] | None = None
) -> int:
    """Write the run of the folder `path` into `out`, a folder for MultiPL-E's format; return the number of samples.

    `tell` gets a line if text had to be replaced.

    Raises:
        UsageError: no such benchmark, or the run has several benchmarks and none is named.
        StoreError: the run is damaged or not wholly judged, or the file cannot be written.
    """
    manifest = read_manifest(path)
    name = _choose_benchmark(path, manifest, benchmark)
    samples, verdicts = read_samples(path), read_verdicts(path)
    own = {key: sample for key, sample in samples.items() if key[0] == name}
    failures = () if to in HOLDS_FAILURES else (Status.INFRASTRUCTURE,)
    unjudged = [key for key in own if key not in verdicts or verdicts[key].status in failures]
    if unjudged:
        raise StoreError(
            f"{path}: {len(unjudged)} samples of {name} have no verdict (first: {unjudged[0][1]}); finish it"
        )
    ordered: list[SampleKey] = sorted(own, key=lambda key: (list(manifest["tasks"][name]).index(key[1]), key[2]))
    suite = load_suite(name)
    if suite.data_digest != manifest["identity"]["benchmarks"][name]["data_digest"]:
        raise StoreError(f"{path} was made with another version of {name}'s data than the one here")
    rows = tuple((own[key], verdicts[key]) for key in ordered)
    run = ExportedRun(path=path, benchmark=name, suite=suite, rows=rows, manifest=manifest)
    FORMATS[to](run, out)
    if run.replaced and tell is not None:
        names = ", ".join(sorted(set(run.replaced)))
        tell(f"{len(run.replaced)} fields held text that UTF-8 cannot hold, replaced by U+FFFD ({names})")
    return len(run.rows)


def _choose_benchmark(path: Path, manifest: Mapping[str, Any], benchmark: str | None) -> str:
    names = list(manifest.get("tasks", {}))
    if benchmark is None and len(names) == 1:
        return str(names[0])
    if benchmark not in names:
        asked = f'benchmark "{benchmark}" is not in {path}' if benchmark else f"{path} has several benchmarks"
        raise UsageError(f"{asked}; choose one of {', '.join(names)} by --benchmark")
    return str(benchmark)


def _write_evalplus(run: ExportedRun, out: Path) -> None:
    found: dict[str, list[dict[str, Any]]] = {
        task_id: [
            {
                "task_id": task_id,
                "solution": run.build_program(sample),
                "base_status": _format_status(verdict.base_status or verdict.status),
                "plus_status": _format_status(verdict.status) if verdict.base_status else None,
                "base_fail_tests": [],
                "plus_fail_tests": [],
            }
            for sample, verdict in rows
        ]
        for task_id, rows in run.group_by_task()
        if rows
    }
    write_text(out, json.dumps({"eval": run.clean_value(found)}) + "\n")


def _write_human_eval(run: ExportedRun, out: Path) -> None:
    _write_lines(
        run,
        out,
        (
            {
                "task_id": sample.task_id,
                "completion": _format_completion(run, sample),
                "result": "passed" if verdict.status is Status.PASSED else _format_result(verdict),
                "passed": verdict.status is Status.PASSED,
            }
            for sample, verdict in run.rows
        ),
    )


def _write_bigcode(run: ExportedRun, out: Path) -> None:
    programs = [[run.build_program(sample) for sample, _ in rows] for _, rows in run.group_by_task()]
    write_text(out, json.dumps(run.clean_value(programs, "program")) + "\n")


def _write_lm_eval(run: ExportedRun, out: Path) -> None:
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
                "filtered_resps": [[run.build_program(sample) for sample, _ in rows]],
                "pass@1": sum(verdict.status is Status.PASSED for _, verdict in rows) / len(rows),
            }
            for at, (task_id, rows) in enumerate(run.group_by_task())
            if rows
        ),
    )


def _write_multipl_e(run: ExportedRun, out: Path) -> None:
    language = get_language(run.suite.benchmark)
    if language == "python":
        raise UsageError(
            f"format {multipl_e.FORMAT} is for programs in other languages, and {run.benchmark} has Python"
        )
    tag = next((tag for tag, name in multipl_e.TAGS.items() if name == language), language)
    temperature = run.manifest["identity"].get("sampling", {}).get("temperature")
    make_folder(out)
    for task_id, rows in run.group_by_task():
        problem = run.suite.problems[task_id]
        row = {
            "name": task_id,
            "language": tag,
            "prompt": problem.prompt,
            "tests": problem.tests,
            **({} if temperature is None else {"temperature": temperature}),
            "completions": [_format_completion(run, sample) for sample, _ in rows],
            "results": [
                multipl_e.build_result(run.build_whole_program(sample), verdict.status, verdict.detail)
                for sample, verdict in rows
            ],
        }
        if rows:
            name = f"{task_id.replace('/', '_')}{multipl_e.SUFFIXES[0]}"
            write_bytes(out / name, multipl_e.pack_results(run.clean_value(row)))


def _write_parquet(run: ExportedRun, out: Path) -> None:
    import pandas as pd

    rows = [run.clean_value({**serialize_sample(sample), **serialize_verdict(verdict)}) for sample, verdict in run.rows]
    beside = out.with_name(f".{out.name}.new")
    try:
        pd.DataFrame(rows).to_parquet(beside, index=False)
        beside.replace(out)
    except ImportError as error:
        raise UsageError(f"Parquet needs the package pyarrow: {install_hint('parquet')}") from error
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise make_write_error(out, error) from error


FORMATS: Mapping[str, Callable[[ExportedRun, Path], None]] = {
    "evalplus": _write_evalplus,
    "human-eval": _write_human_eval,
    "bigcode": _write_bigcode,
    "lm-eval": _write_lm_eval,
    multipl_e.FORMAT: _write_multipl_e,
    "parquet": _write_parquet,
    "inspect": write_inspect_log,
}
HOLDS_FAILURES = ("inspect",)
"""Formats that tell samples that the judge itself failed on from failed ones."""


def _format_status(status: Status) -> str:
    return {Status.PASSED: PASS, Status.TIMEOUT: TIMEOUT}.get(status, FAIL)


def _format_result(verdict: Verdict) -> str:
    return "timed out" if verdict.status is Status.TIMEOUT else f"failed: {verdict.detail}"


def _format_completion(run: ExportedRun, sample: Sample) -> str:
    """Return text that continues the benchmark's prompt; a whole solution begins at the margin."""
    if sample.form is CodeForm.COMPLETION:
        return sample.code
    prompt = run.suite.problems[sample.task_id].prompt
    return sample.code.removeprefix(prompt) if sample.code.startswith(prompt) else f"\n{sample.code}"


def _write_lines(run: ExportedRun, out: Path, rows: Iterator[Mapping[str, Any]]) -> None:
    write_text(out, "".join(json.dumps(run.clean_value(row)) + "\n" for row in rows))
