"""`harness decontaminate` as a function: any Alpaca file without duplicates and without what repeats a benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..digests import digest_file
from ..errors import StoreError
from ..progress import Progress, Quiet
from ..store import make_folder, write_json, write_rows
from .dataset import DATA_MANIFEST, ROWS
from .dataset_filter import DatasetFilter, count_removed, filter_rows, load_suites
from .folder import REMOVED
from .records import InstructionRow
from .seeds import read_alpaca_rows


def decontaminate(
    data: Path, out: Path, dataset_filter: DatasetFilter, progress: Progress | None = None
) -> dict[str, Any]:
    """Write the rows of `data` that are left, with all their fields, and what was removed; return the manifest.

    Raises:
        DataError: a row does not fit, or a benchmark's data is missing.
        StoreError: `out` holds data already, or cannot be written.
        UsageError, SandboxUnavailable: as `filter_rows`.
    """
    if (out / ROWS).exists():
        raise StoreError(f"{out} holds {ROWS} already; choose another --out")
    given = read_alpaca_rows(data)
    rows = [
        InstructionRow(
            id=f"{number}",
            seed_id=f"{number}",
            instruction=row["instruction"],
            input=row["input"],
            output=row["output"],
        )
        for number, row in enumerate(given, 1)
    ]
    with progress or Quiet() as shown:
        filtered = filter_rows(rows, dataset_filter, load_suites(dataset_filter), shown)
    make_folder(out)
    write_rows(out / ROWS, (given[int(row.id) - 1] for row in filtered.rows))
    write_rows(out / REMOVED, (one.to_json() for one in filtered.removed))
    manifest = {
        "data": {"name": data.name, "sha256": f"sha256:{digest_file(data)}"},
        "rows_before": len(rows),
        "rows": len(filtered.rows),
        "files": {ROWS: f"sha256:{digest_file(out / ROWS)}"},
        "removed": count_removed(filtered.removed),
        "contamination": filtered.contamination,
    }
    write_json(out / DATA_MANIFEST, manifest)
    return manifest
