"""The data as others load it: JSON lines, plain Alpaca JSON, Parquet, a card and a manifest with digests.

`datasets.load_dataset("OUT/dataset")` reads the rows by the card's header. All files follow from the rows alone, so
that the same rows give the same bytes.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..digests import digest_file
from ..report.tables import format_table
from ..store import make_folder, write_json, write_rows, write_text
from ..store.journal import make_write_error
from .operators import compute_fraction
from .records import InstructionRow
from .verification import build_problem

ROWS = "train.jsonl"
PLAIN = "alpaca.json"
PROBLEMS = "problems.jsonl"
"""Rows that have tests, as `harness.rewards` takes them."""
PARQUET = "train.parquet"
CARD = "README.md"
DATA_MANIFEST = "manifest.json"


def shuffle_rows(rows: Sequence[InstructionRow], seed: int) -> list[InstructionRow]:
    """Shuffle seeds and all rounds by the seed alone: the same rows give the same order."""
    return sorted(rows, key=lambda row: compute_fraction(seed, "shuffle", row.id))


def write_dataset(folder: Path, rows: Sequence[InstructionRow], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Write the data set of `rows`; return its manifest, which holds `facts` and the files' digests.

    Raises:
        StoreError: a file cannot be written.
    """
    make_folder(folder)
    records = [row.to_json() for row in rows]
    write_rows(folder / ROWS, records)
    plain = [{key: row[key] for key in ("instruction", "input", "output")} for row in records]
    write_text(folder / PLAIN, json.dumps(plain, indent=1, ensure_ascii=False) + "\n")
    files = [ROWS, PLAIN]
    if problems := [build_problem(row) for row in rows if row.tests]:
        write_rows(folder / PROBLEMS, problems)
        files.append(PROBLEMS)
    if _write_parquet(folder / PARQUET, records):
        files.append(PARQUET)
    manifest = {"rows": len(rows), "files": {name: f"sha256:{digest_file(folder / name)}" for name in files}, **facts}
    write_json(folder / DATA_MANIFEST, manifest)
    write_text(folder / CARD, format_card(manifest))
    return manifest


def format_card(manifest: Mapping[str, Any]) -> str:
    """Format the data set's README.md; its header tells `datasets` which file has the rows."""
    rounds = manifest.get("rounds", {})
    removed = manifest.get("removed", {})
    models = sorted(manifest.get("models", {}))
    lines = [
        "---",
        "configs:",
        "- config_name: default",
        "  data_files:",
        "  - split: train",
        f"    path: {ROWS}",
        "tags:",
        "- evol-instruct",
        "- code",
        "---",
        "",
        "# Evolved instructions",
        "",
        f"{manifest['rows']} rows in Alpaca's form (`instruction`, `input`, `output`), made by Evol-Instruct "
        f"(arXiv 2304.12244, 2306.08568) with the model {', '.join(models) or 'none'}.",
        "",
        *format_table(["round", "rows"], [[str(number), str(count)] for number, count in rounds.items()]),
        "",
        "Each row names its seed, its parent, the operator, the round, the model and the attempts from the same parent "
        "that were thrown away. Round 0 are the seeds.",
        "",
        "Removed in the end: " + (", ".join(f"{count} {why}" for why, count in removed.items()) or "nothing") + ".",
        "",
        _describe_contamination(manifest.get("contamination")),
        "",
        _describe_verification(manifest.get("verified")),
        "",
    ]
    return "\n".join(lines)


def _describe_verification(tests: int | None) -> str:
    checked = "Answers are a model's and were not checked by people"
    if tests is None:
        return f"{checked}."
    return (
        f"{checked}; those of {tests} evolved rows pass tests that the model wrote without seeing them, and that fail "
        f"without the answers (`{PROBLEMS}`)."
    )


def _describe_contamination(facts: Mapping[str, Any] | None) -> str:
    if not facts:
        return "The rows were not compared with any benchmark."
    names = ", ".join(facts["benchmarks"])
    run = "their code was run against the tests as well" if facts["executed"] else "no code was run"
    return f"Compared with {names}: texts, and {run}. `{DATA_MANIFEST}` has the method and what was found."


def _write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Write the rows as Parquet; return False if pyarrow is not installed."""
    try:
        pyarrow = importlib.import_module("pyarrow")
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        return False
    text, number = pyarrow.string(), pyarrow.int64()
    attempt = pyarrow.struct([("round", number), ("operator", text), ("reason", text)])
    names = ("instruction", "input", "output", "id", "seed_id")
    later = ("parent_id", "operator", "model", "judged")
    first, second = ([(name, text) for name in part] for part in (names, later))
    schema = pyarrow.schema([*first, ("round", number), *second, ("rejected", pyarrow.list_(attempt))])
    beside = path.with_name(f".{path.name}.new")
    try:
        parquet.write_table(pyarrow.Table.from_pylist([dict(row) for row in rows], schema=schema), beside)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise make_write_error(path, error) from error
    return True
