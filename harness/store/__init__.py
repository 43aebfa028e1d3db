"""Run folders: what is kept of a run, written so that a crash loses nothing that was finished."""

from .run_folder import (
    MANIFEST,
    PAGE,
    REPORT,
    SAMPLES,
    SCORES,
    VERDICTS,
    RunFolder,
    locked,
    make_folder,
    read_manifest,
    read_samples,
    read_verdicts,
    write_json,
    write_rows,
    write_text,
)

__all__ = [
    "MANIFEST",
    "PAGE",
    "REPORT",
    "SAMPLES",
    "SCORES",
    "VERDICTS",
    "RunFolder",
    "locked",
    "make_folder",
    "read_manifest",
    "read_samples",
    "read_verdicts",
    "write_json",
    "write_rows",
    "write_text",
]
