"""Run folders: a run's files, written so that a crash loses nothing that was finished."""

from .files import make_folder, write_bytes, write_json, write_rows, write_text
from .run_folder import (
    MANIFEST,
    PAGE,
    REPORT,
    SAMPLES,
    SCORES,
    VERDICTS,
    RunFolder,
    read_first_answers,
    read_manifest,
    read_samples,
    read_verdicts,
)

__all__ = [
    "MANIFEST",
    "PAGE",
    "REPORT",
    "SAMPLES",
    "SCORES",
    "VERDICTS",
    "RunFolder",
    "make_folder",
    "read_first_answers",
    "read_manifest",
    "read_samples",
    "read_verdicts",
    "write_bytes",
    "write_json",
    "write_rows",
    "write_text",
]
