"""`harness decontaminate` as a function: any Alpaca file without duplicates and without what repeats a benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..digests import file_digest
from ..errors import StoreError
from ..progress import Progress, Quiet
from ..store import make_folder, write_json, write_rows
from .dataset import DATA_MANIFEST, ROWS
from .folder import REMOVED
from .records import Row
from .seeds import alpaca_rows
from .sieve import Sieve, counted, load, sift


def decontaminate(data: Path, out: Path, sieve: Sieve, progress: Progress | None = None) -> dict[str, Any]:
    """Write the rows of `data` that are left, with all their fields, what was removed, and a manifest; the manifest.

    Raises:
        DataError: a row does not fit, or a benchmark's data is missing.
        StoreError: `out` holds data already, or cannot be written.
        UsageError, SandboxUnavailable: as `sift`.
    """
    if (out / ROWS).exists():
        raise StoreError(f"{out} holds {ROWS} already; choose another --out")
    given = alpaca_rows(data)
    rows = [
        Row(
            id=f"{number}",
            seed_id=f"{number}",
            instruction=row["instruction"],
            input=row["input"],
            output=row["output"],
        )
        for number, row in enumerate(given, 1)
    ]
    with progress or Quiet() as shown:
        sifted = sift(rows, sieve, load(sieve), shown)
    make_folder(out)
    write_rows(out / ROWS, (given[int(row.id) - 1] for row in sifted.rows))
    write_rows(out / REMOVED, (one.as_json() for one in sifted.removed))
    manifest = {
        "data": {"name": data.name, "sha256": f"sha256:{file_digest(data)}"},
        "rows_before": len(rows),
        "rows": len(sifted.rows),
        "files": {ROWS: f"sha256:{file_digest(out / ROWS)}"},
        "removed": counted(sifted.removed),
        "contamination": sifted.contamination,
    }
    write_json(out / DATA_MANIFEST, manifest)
    return manifest
