"""`harness serve` as users start it, and a client."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

from tests.commands import start

TOKEN = "a token of the tests, 32 letters"
TESTS = {"kind": "tests", "tests": "assert add_one(1) == 2\nassert add_one(41) == 42\n", "exposes": ["add_one"]}
HONEST = "def add_one(n):\n    return n + 1\n"
WRONG = "def add_one(n):\n    return 2\n"
LOOP = "def add_one(n):\n    while True:\n        pass\n"


@dataclass
class Server:
    """A server and its process."""

    url: str
    process: subprocess.Popen[str]
    token: str | None = TOKEN

    def get(self, path: str, **more: Any) -> requests.Response:
        return requests.get(self.url + path, headers=self.headers, timeout=60, **more)

    def post(self, path: str, body: Any, **more: Any) -> requests.Response:
        return requests.post(self.url + path, json=body, headers=self.headers, timeout=120, **more)

    def verdicts(self, *items: Any, **more: Any) -> list[dict[str, Any]]:
        """The verdicts on items, which must be answered."""
        answer = self.post("/v1/verdicts", {"items": items, **more})
        assert answer.status_code == 200, answer.text
        return answer.json()["verdicts"]

    def statuses(self, *items: Any, **more: Any) -> list[str]:
        return [row["status"] for row in self.verdicts(*items, **more)]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def stop(self) -> tuple[int, str]:
        """Send SIGTERM; the exit code, and what it said."""
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


def item(problem: Any, *programs: str, **more: Any) -> dict[str, Any]:
    """An item of a request."""
    return {"problem": problem, "programs": programs, **more}


@contextmanager
def serving(*flags: str, token: str | None = TOKEN) -> Iterator[Server]:
    """A server with two workers in the process sandbox, at a port of its own."""
    environment = {**os.environ, **({"HARNESS_SERVE_TOKEN": token} if token else {})}
    process = start("serve", "--port", "0", "--sandbox", "process", "--workers", "2", *flags, environment=environment)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert " at http://" in line, process.communicate()
        yield Server(line.split()[-1], process, token)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
