"""What engines print goes to their log, whatever the streams of the process are."""

from __future__ import annotations

import io
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.models.quiet import redirect_output


def test_what_is_printed_goes_to_the_file_and_a_notebooks_cell_stays_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell's streams have no descriptor; what processes and C++ write does not pass through them."""
    log = tmp_path / "engine.log"
    cell = io.StringIO()
    monkeypatch.setattr(sys, "stdout", cell)
    monkeypatch.setattr(sys, "stderr", cell)
    with redirect_output(log):
        sys.stdout.write("printed\n")
        os.write(2, b"from below\n")
        subprocess.run(["echo", "by a process"], check=True)
        sys.stderr.write("without an end of line")
    sys.stdout.write("shown\n")

    assert log.read_text() == "printed\nfrom below\nby a process\nwithout an end of line"
    assert cell.getvalue() == "shown\n"


def test_a_logger_made_meanwhile_can_write_later(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """vLLM's is made when it is imported, and keeps the stream that it found."""
    log = tmp_path / "engine.log"
    with redirect_output(log):
        handler = logging.StreamHandler(sys.stdout)
        handler.handle(logging.makeLogRecord({"msg": "inside"}))
    handler.handle(logging.makeLogRecord({"msg": "afterwards"}))

    assert log.read_text() == "inside\n"
    assert capfd.readouterr().out == "afterwards\n"
