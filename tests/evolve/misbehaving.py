"""A server that speaks OpenAI's protocol and behaves as real ones do: busy, broken, cutting, apologising."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from harness.models.thinking import MARKS
from tests.web_server import Silent, listening

MODEL = "scripted"
LABELLED = "#Rewritten Question#:\nSure, here is the rewritten question:\n"


@dataclass
class Server:
    """`asked` counts each text that was sent to it; `stages` the same by (seed, stage)."""

    url: str = ""
    thinking: str = ""
    """How replies hold reasoning: "marked" in the text, or "apart" from it; "": they hold none."""
    asked: Counter[str] = field(default_factory=Counter)
    stages: Counter[tuple[int, str]] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)


def behave(seed: int, stage: str, count: int) -> tuple[int, str, str]:
    """(status, text, finish reason) for the so-many-th request about a seed in a stage."""
    good = {
        "evolve": f"Write case{seed} so that x < y && y > {count} holds for <b> as well.",
        "judge": "Not Equal",
        "answer": f"```python\ndef case{seed}(x, y):\n    return x < y\n```",
    }[stage]
    # The first round's troubles; what is asked again in the second round goes well.
    match (seed, stage):
        case (1, "evolve") if count <= 2:
            return 429, "", ""
        case (2, "evolve"):
            return 500, "", ""
        case (3, "answer") if count == 1:
            return 200, good[:-9], "length"
        case (4, "answer") if count == 1:
            return 200, "", "stop"
        case (5, "evolve") if count == 1:
            return 200, f"{good} This is the rewritten question.", "stop"
        case (6, "answer") if count == 1:
            return 200, "Sorry, I can not help with that.", "stop"
        case (7, "judge") if count == 1:
            return 200, "Equal.", "stop"
        case (8, "evolve"):
            return 200, LABELLED + good, "stop"
    return 200, good, "stop"


THOUGHT = "Are they Equal? Sorry, I first write:\n```python\ndef draft(\n"


def think(thinking: str, said: str, reason: str, *, cut: bool, number: int) -> tuple[dict[str, str | None], str]:
    """(message, finish reason) of a reply with reasoning before it, or with nothing else if it is cut.

    Each `number` marks it in another way.
    """
    if thinking == "apart":
        return {"content": None if cut else said, "reasoning_content": THOUGHT}, "length" if cut else reason
    if thinking == "marked":
        opening, closing = MARKS[number % len(MARKS)]
        marked = f"{opening}\n{THOUGHT}" + ("" if cut else f"{closing}\n\n{said}")
        return {"content": marked}, "length" if cut else reason
    return {"content": said}, reason


@contextmanager
def misbehaving(thinking: str = "") -> Iterator[Server]:
    """The server at its `url`, on this machine."""
    server = Server(thinking=thinking)

    class Answering(Silent, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.say(
                200, {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "us"}]}
            )

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            text = body["messages"][-1]["content"]
            stage = (
                "evolve" if "difficulty of the given" in text else "judge" if "Are they equal?" in text else "answer"
            )
            seed = int(text.split("case")[1].split()[0])
            with server.lock:
                server.asked[text] += 1
                # A judge is given a few tokens at first, in which no reasoning ends.
                short = bool(server.thinking) and body["max_tokens"] < 100
                server.stages[seed, stage] += not short
                status, said, reason = behave(seed, stage, server.stages[seed, stage])
            if status != 200:
                self.say(status, {"error": {"message": "not now", "type": "busy"}})
                return
            # The first round's answer about case 9 is never reached.
            cut = short or (seed, stage, server.stages[seed, stage]) == (9, "answer", 1)
            message, reason = think(server.thinking, said, reason, cut=cut, number=seed + 7 * len(stage))
            choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
            usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
            self.say(
                200,
                {
                    "id": "x",
                    "object": "chat.completion",
                    "created": 0,
                    "model": MODEL,
                    "choices": [choice],
                    "usage": usage,
                },
            )

        def say(self, status: int, content: dict[str, Any]) -> None:
            data = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("retry-after-ms", "1")
            self.end_headers()
            self.wfile.write(data)

    with listening(Answering) as address:
        server.url = f"{address}/v1"
        yield server
