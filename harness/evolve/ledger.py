"""The journal of requests: every one with its reply, one line each, append-only; what is in it is never asked again.

A request is known by the digest of what decides its reply: stage, template, model, parameters, seed and text. A
killed run loses at most the replies that were on their way. Verdicts on answers' code are kept in it as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..digests import digest_json
from ..errors import StoreError
from ..store.journal import Journal, read_whole_lines
from ..types import SamplingParams

LEDGER = "ledger.jsonl"
CHARACTERS_PER_TOKEN = 4
"""For models that do not count tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One request."""

    id: str
    """For people and for replayed files: round, row and stage; unique in a run."""
    stage: str
    """evolve, judge, answer, repair or tests."""
    text: str
    template: str
    """The template's digest."""
    model: str
    seed: int
    params: SamplingParams

    @property
    def digest(self) -> str:
        """Return the SHA-256 (hex) of what decides the reply."""
        return digest_json(
            [self.stage, self.template, self.model, serialize_sampling(self.params), self.seed, self.text, self.id]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryReply:
    """Answer to a request. If there was none, `error` is set and the text empty."""

    text: str
    finish_reason: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    error: str | None = None


class Ledger:
    """The journal of one folder; a context manager. `replies` and `verdicts` are what is known."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / LEDGER
        self.replies: dict[str, QueryReply] = {}
        self.verdicts: dict[str, str] = {}
        self.requests = 0
        self.tokens = 0

    def __enter__(self) -> Ledger:
        self._journal = Journal(self.path)
        try:
            for number, line in read_whole_lines(self.path):
                try:
                    self._take(json.loads(line))
                except (KeyError, ValueError, TypeError) as error:
                    raise StoreError(f"{self.path} line {number} is damaged: {error!r}") from error
        except BaseException:
            self._journal.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._journal.close()

    @property
    def digest(self) -> str:
        """Return the SHA-256 of all requests and replies, in any order."""
        total = hashlib.sha256()
        for key, reply in sorted(self.replies.items()):
            total.update(f"{key}\0{reply.finish_reason}\0{reply.text}\0".encode())
        return f"sha256:{total.hexdigest()}"

    def record(self, query: Query, reply: QueryReply) -> None:
        """Append a reply to the ledger."""
        row = {
            "key": query.digest,
            "id": query.id,
            "stage": query.stage,
            "template": query.template,
            "model": query.model,
            "params": serialize_sampling(query.params),
            "seed": query.seed,
            "prompt": query.text,
            "text": reply.text,
            "finish_reason": reply.finish_reason,
            "prompt_tokens": reply.prompt_tokens,
            "completion_tokens": reply.completion_tokens,
        }
        if reply.error is not None:
            row["error"] = reply.error
        self._journal.append(row)
        self._take(row)

    def record_verdict(self, key: str, status: str) -> None:
        """Append a sandbox's verdict on an answer's code to the ledger."""
        row = {"verdict": key, "status": status}
        self._journal.append(row)
        self._take(row)

    def _take(self, row: Mapping[str, Any]) -> None:
        if "verdict" in row:
            self.verdicts[row["verdict"]] = str(row["status"])
            return
        reply = QueryReply(
            text=row["text"],
            finish_reason=row["finish_reason"],
            prompt_tokens=row["prompt_tokens"],
            completion_tokens=row["completion_tokens"],
            error=row.get("error"),
        )
        self.replies[row["key"]] = reply
        self.requests += 1
        self.tokens += reply.prompt_tokens + reply.completion_tokens


def serialize_sampling(params: SamplingParams) -> dict[str, Any]:
    """Return the sampling parameters that decide a reply."""
    return {"temperature": params.temperature, "top_p": params.top_p, "max_tokens": params.max_tokens}


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text for models that do not count them."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)
