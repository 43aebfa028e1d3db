"""Record what happened to the actors of a run: said at once, and kept for the manifest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..store.provenance import read_clock


class Record:
    """Log of what happened to actors; each entry is also passed to `tell`."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self.happenings: list[dict[str, Any]] = []
        """JSON-ready, in order."""
        self.last_loss = ""

    def record_loss(self, kind: str, where: str, why: str, then: str) -> None:
        """Record that an actor is gone, and what becomes of its work."""
        self.last_loss = f"{kind} on node {where}: {why}"
        self._add("lost", kind, where, f"{why}; {then}")
        self.tell(f"{kind} on node {where} lost ({why}): {then}")

    def record_join(self, kind: str, where: str) -> None:
        """Record that an actor takes part from now on."""
        self._add("joined", kind, where, "")
        self.tell(f"{kind} on node {where} joined")

    def record_refusal(self, kind: str, where: str, why: str) -> None:
        """Record that an actor could not take part."""
        self.last_loss = f"{kind} on node {where}: {why}"
        self._add("refused", kind, where, why)
        self.tell(f"{kind} on node {where} cannot take part: {why}")

    def _add(self, what: str, kind: str, where: str, why: str) -> None:
        self.happenings.append({"at": read_clock(), "what": what, "kind": kind, "node": where, "why": why})
