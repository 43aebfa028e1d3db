"""Bring a file from a web address: resumed where it was left, retried, checked before it gets its name.

What has arrived lies beside the target as NAME.part until it is whole and its check is content, so a stop in
the middle costs nothing but the rest, and a reader never sees half a file.
Not promised: a server may ignore the request for the rest; then the file begins anew.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PAUSES_S = (0.0, 0.5, 1.0, 2.0)
"""Before each attempt."""
TIMEOUT_S = (10.0, 30.0)
"""To connect, and between two pieces."""
CHUNK_BYTES = 1 << 16
PASSING = (408, 425, 429, 500, 502, 503, 504)
"""HTTP status codes that may be gone with the next attempt."""
LOCK = ".lock"

Check = Callable[[Path], str]
"""What is wrong with a file, or "" where nothing is."""


class NotFetched(Exception):
    """Why a file was not brought; the caller says what to do about it."""


class _Interrupted(Exception):
    """The connection broke: what has arrived stays, and the rest is asked for again."""


def download(url: str, target: Path, check: Check) -> None:
    """Make `target` the file at `url`, unless it is there and right; progress goes to stderr.

    Raises:
        NotFetched: no server answers, it has no such file, or `check` objects to it.
        OSError: the folder cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    with _alone(target.parent):
        if target.is_file() and not check(target):
            return  # another process has brought it meanwhile
        resumed = part.exists()
        _fill(part, url)
        wrong = check(part)
        if wrong and resumed:  # it was begun with something else
            part.unlink()
            _fill(part, url)
            wrong = check(part)
        if wrong:
            part.unlink()
            raise NotFetched(wrong)
        part.replace(target)


def _fill(part: Path, url: str) -> None:
    """Bring the rest of the file, in a bounded number of attempts."""
    import requests
    import urllib3

    reason: Exception | None = None
    for pause_s in PAUSES_S:
        time.sleep(pause_s)
        try:
            _receive(part, url)
        except (
            requests.ConnectionError,
            requests.Timeout,
            urllib3.exceptions.HTTPError,
            _Interrupted,
        ) as error:
            reason = error
        except requests.RequestException as error:
            raise NotFetched(str(error)) from error
        else:
            return
    raise NotFetched(f"{_cause(reason)} ({len(PAUSES_S)} attempts)")


def _receive(part: Path, url: str) -> None:
    import requests

    there = part.stat().st_size if part.exists() else 0
    # The bytes as they lie on the server: their digest is known, and packed files must stay packed.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={there}-"} if there else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
        if there and response.status_code == 416:
            return  # there is no rest; whether it is the file, its check will say
        if response.status_code in PASSING:
            raise _Interrupted(f"HTTP {response.status_code} {response.reason}")
        if response.status_code not in (200, 206):
            raise NotFetched(f"HTTP {response.status_code} {response.reason}")
        if response.status_code == 200:  # all of it, asked for or not
            there = 0
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {there}-"):
            raise NotFetched(f"the server answered with another part: {response.headers.get('Content-Range')}")
        length = response.headers.get("Content-Length", "")
        total = there + int(length) if length.isdecimal() else None
        with part.open("ab" if there else "wb") as file, _shown(url, there, total) as advance:
            for chunk in response.raw.stream(CHUNK_BYTES, decode_content=False):
                file.write(chunk)
                advance(len(chunk))
            file.flush()
            os.fsync(file.fileno())
    if total is not None and part.stat().st_size != total:
        raise _Interrupted(f"the connection ended after {part.stat().st_size} of {total} bytes")


def _cause(error: Exception | None) -> str:
    """The innermost reason: the outer ones repeat the address."""
    inner: object = error
    while isinstance(inner, Exception):
        following = getattr(inner, "reason", None) or next((a for a in inner.args if isinstance(a, Exception)), None)
        if not isinstance(following, Exception):
            break
        inner = following
    return str(inner).rpartition(">: ")[2] or type(inner).__name__


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time brings files into `folder`; the kernel lets go when it ends in any way."""
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


@contextmanager
def _shown(url: str, there: int, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar where stderr is a terminal, else two lines."""
    name, stream = url.rpartition("/")[2], sys.stderr
    if stream.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, console=Console(file=stream)) as bars:
            task = bars.add_task(name, total=total, completed=there)
            yield lambda count: bars.advance(task, count)
        return
    resumed = f", {there} bytes are here" if there else ""
    size = f" ({total} bytes{resumed})" if total is not None else ""
    print(f"fetching {url}{size}", file=stream, flush=True)
    start = time.monotonic()
    yield lambda _: None
    print(f"fetched {name} in {time.monotonic() - start:.1f} s", file=stream, flush=True)
