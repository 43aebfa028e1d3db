"""Download a file: resume, retry, and check it before it gets its name.

The received bytes are in NAME.part until the file is complete and passes its check, so a stopped download resumes and
a reader never sees half a file. If a server ignores the request for the rest, the file begins anew.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, cast

from ..errors import reason, root_cause

PAUSES_S = (0.0, 0.5, 1.0, 2.0)
"""Pause before each attempt."""
TIMEOUT_S = (10.0, 30.0)
"""Timeouts to connect, and between two chunks."""
PASSING = (408, 425, 429, 500, 502, 503, 504)
"""HTTP status codes worth a retry."""
LOCK = ".lock"

Check = Callable[[Path], str]
"""Returns what is wrong with a file, or ""."""


class DownloadError(Exception):
    """Why a download failed; the caller says what to do about it."""


def download(url: str, target: Path, check: Check) -> None:
    """Download `url`, or copy the file of that path, to `target`, unless it is there and right.

    Progress goes to stderr.

    Raises:
        DownloadError: no server answers, it has no such file, or `check` objects to it.
        OSError: the folder cannot be written.
    """
    from filelock import FileLock

    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    with FileLock(target.parent / LOCK, fallback_to_soft=False):
        if target.is_file() and not check(target):
            return  # another process has downloaded it meanwhile
        resumed = part.exists()
        _fill(part, url)
        wrong = check(part)
        if wrong and resumed:  # its beginning was of another file
            part.unlink()
            _fill(part, url)
            wrong = check(part)
        if wrong:
            part.unlink()
            raise DownloadError(wrong)
        part.replace(target)


def _fill(part: Path, url: str) -> None:
    """Fetch the rest of the file, in a bounded number of attempts."""
    if "://" not in url:
        try:
            shutil.copyfile(url, part)
        except OSError as error:
            raise DownloadError(reason(error)) from error
        return None
    import requests
    from urllib3.exceptions import HTTPError

    why = ""
    for pause_s in PAUSES_S:
        time.sleep(pause_s)
        try:
            return _receive(part, url)
        except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
            why = reason(root_cause(error))
        except requests.RequestException as error:
            raise DownloadError(str(error)) from error
    raise DownloadError(f"{why} ({len(PAUSES_S)} attempts)")


def _receive(part: Path, url: str) -> None:
    """Fetch what one connection gives; urllib3 raises an error if that is less than the server promised."""
    import requests
    from rich.console import Console
    from rich.progress import wrap_file
    from urllib3.exceptions import HTTPError

    offset = part.stat().st_size if part.exists() else 0
    # The bytes as they are on the server: their digest is known, and packed files must stay packed.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
        if offset and response.status_code == 416:
            return  # there is no rest; the check decides whether it is the file
        if response.status_code in PASSING:
            raise HTTPError(f"HTTP {response.status_code} {response.reason}")
        if response.status_code not in (200, 206):
            raise DownloadError(f"HTTP {response.status_code} {response.reason}")
        if response.status_code == 200:  # the whole file, whether requested or not
            offset = 0
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
            raise DownloadError(f"the server answered with another part: {response.headers.get('Content-Range')}")
        length, name, start = response.headers.get("Content-Length", ""), url.rpartition("/")[2], time.monotonic()
        resumed = f" after the first {offset}" if offset else ""
        sys.stderr.write(f"fetching {url} ({length or 'unknown'} bytes{resumed})\n")
        raw, console, hidden = cast("BinaryIO", response.raw), Console(stderr=True), not sys.stderr.isatty()
        bar = wrap_file(raw, int(length or 0), description=name, console=console, transient=True, disable=hidden)
        with part.open("ab" if offset else "wb") as file, bar as source:
            shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
    sys.stderr.write(f"fetched {name} in {time.monotonic() - start:.1f} s\n")
