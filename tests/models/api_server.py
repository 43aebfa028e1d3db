"""A web server that speaks OpenAI's protocol and has the troubles that real ones have."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.web_server import Silent, listening

USAGE = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}


@dataclass
class Api:
    """How a server behaves; `requests` collects the bodies it was sent, `keys` the Authorization headers."""

    model: str = "served"
    troubles: list[tuple[int, str]] = field(default_factory=list)
    """Status and message of the first answers; the status 0 drops the connection."""
    delay_s: float = 0.0
    context: int | None = None
    """Refuses a longer prompt and answer together, counted in words, as older servers do."""
    refuses: dict[str, str] = field(default_factory=dict)
    """Setting of a request -> the message that refuses it, as OpenAI's reasoning models do."""
    text: str | None = None
    """The answer to all; None: a function's body with the seed."""
    texts: list[str] = field(default_factory=list)
    """The first answers, in turn."""
    reasoning: str = ""
    """What is thought before the answer, sent apart from it."""
    reasoning_field: str = "reasoning_content"
    finish_reason: str = "stop"
    obeys_stop: bool = False
    """Cut answers at the stop strings, wherever they are."""
    owned_by: str = "tests"
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    at_once: int = 0
    """The most requests that were answered side by side."""
    url: str = ""
    busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def serving(api: Api) -> Iterator[Api]:
    """`api` at its `url`, on this machine."""

    class Answering(Silent, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            say(self, 200, {"object": "list", "data": [{"id": api.model, "object": "model", "owned_by": api.owned_by}]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with api.lock:
                api.requests.append(body)
                api.keys.append(self.headers.get("Authorization"))
                api.busy += 1
                api.at_once = max(api.at_once, api.busy)
                trouble = api.troubles.pop(0) if api.troubles else None
            time.sleep(api.delay_s)
            with api.lock:
                api.busy -= 1
            answer(self, api, body, trouble)

    with listening(Answering) as address:
        api.url = f"{address}/v1"
        yield api


def answer(request: BaseHTTPRequestHandler, api: Api, body: dict[str, Any], trouble: tuple[int, str] | None) -> None:
    if trouble and not trouble[0]:
        request.close_connection = True
        request.connection.close()
        return
    if trouble:
        say(request, trouble[0], {"error": {"message": trouble[1], "type": "test", "code": None}})
        return
    if refused := next((name for name in api.refuses if name in body), None):
        error = {"message": api.refuses[refused], "type": "invalid_request_error", "param": refused}
        say(request, 400, {"error": error | {"code": "unsupported_parameter"}})
        return
    asked = body["prompt"] if "prompt" in body else body["messages"][-1]["content"]
    words = len(asked.split())
    if api.context is not None and words + body["max_tokens"] > api.context:
        message = (
            f"This model's maximum context length is {api.context} tokens. However, you requested "
            f"{words + body['max_tokens']} tokens ({words} in the prompt, {body['max_tokens']} in the completion)."
        )
        say(request, 400, {"error": {"message": message, "type": "BadRequestError", "code": 400}})
        return
    text = f"    return {body.get('seed', 0)}\n" if api.text is None else api.text
    text = api.texts.pop(0) if api.texts else text
    for mark in body.get("stop", []) if api.obeys_stop else []:
        text = text.partition(mark)[0]
    chosen: dict[str, Any] = {"index": 0, "finish_reason": api.finish_reason}
    thought = {api.reasoning_field: api.reasoning} if api.reasoning else {}
    chosen |= {"text": text} if "prompt" in body else {"message": {"role": "assistant", "content": text, **thought}}
    if body.get("stream"):
        stream(request, "prompt" in body, text, api)
        return
    kind = "text_completion" if "prompt" in body else "chat.completion"
    made = {"id": "1", "object": kind, "created": 1, "model": body["model"], "choices": [chosen], "usage": USAGE}
    if api.reasoning:
        made["usage"] = USAGE | {"completion_tokens_details": {"reasoning_tokens": 2}}
    say(request, 200, made)


def stream(request: BaseHTTPRequestHandler, plain: bool, text: str, api: Api) -> None:
    """The reasoning and `text` in pieces of four characters, as server-sent events."""
    request.send_response(200)
    request.send_header("Content-Type", "text/event-stream")
    request.end_headers()
    thoughts = [] if plain else [(api.reasoning_field, piece) for piece in split(api.reasoning)]
    for name, piece in [*thoughts, *(("content", piece) for piece in split(text))]:
        choice = {"index": 0, **({"text": piece} if plain else {"delta": {name: piece}})}
        event = {"id": "1", "object": "chunk", "created": 1, "model": "served", "choices": [choice]}
        request.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        request.wfile.flush()
    request.wfile.write(b"data: [DONE]\n\n")
    request.close_connection = True


def split(text: str) -> list[str]:
    return [text[start : start + 4] for start in range(0, len(text), 4)]


def say(request: BaseHTTPRequestHandler, status: int, value: dict[str, Any]) -> None:
    content = json.dumps(value).encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(content)))
    if status >= 400:
        request.send_header("Retry-After", "0.05")
    request.end_headers()
    request.wfile.write(content)
