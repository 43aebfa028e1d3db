"""A client of `harness serve` that waits where it is told to."""

from __future__ import annotations

import time

import requests

from ..errors import SandboxUnavailable, UsageError, reason
from ..service.requests import VerdictRow, VerdictsAnswer, VerdictsRequest

PATIENCE_S = 600.0
"""How long a server may refuse or be away before a request is given up."""
PAUSE_S = 2.0
ANSWER_S = 3600.0
AWAY = (429, 502, 503, 504)
"""Codes after which the same request may be answered later."""


class JudgeClient:
    """Asks the server at `url`, with its bearer token.

    Raises (judge):
        UsageError: the server refuses the request.
        SandboxUnavailable: it has not answered for ten minutes.
    """

    def __init__(self, url: str, token: str | None = None, *, patience_s: float = PATIENCE_S) -> None:
        self._url = f"{url.rstrip('/')}/v1/verdicts"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._patience_s = patience_s

    def judge(self, request: VerdictsRequest) -> list[VerdictRow]:
        """Return the verdicts on a request's programs."""
        body = request.model_dump_json().encode()
        headers = {**self._headers, "Content-Type": "application/json"}
        deadline = time.monotonic() + self._patience_s
        while True:
            pause_s = PAUSE_S
            try:
                answer = requests.post(self._url, data=body, headers=headers, timeout=(30, ANSWER_S))
            except (requests.ConnectionError, requests.Timeout) as error:
                why = reason(error)
            else:
                if answer.status_code == 200:
                    return VerdictsAnswer.model_validate_json(answer.content).verdicts
                why = _read_error(answer)
                if answer.status_code not in AWAY:
                    raise UsageError(f"{self._url} refuses the request ({answer.status_code}): {why}")
                after = answer.headers.get("Retry-After", "")
                pause_s = float(after) if after.isdigit() else PAUSE_S
            if time.monotonic() + pause_s > deadline:
                raise SandboxUnavailable(f"{self._url} does not answer: {why}")
            time.sleep(pause_s)


def _read_error(answer: requests.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return answer.reason
