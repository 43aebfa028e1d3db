"""Completions from any server that speaks OpenAI's protocol: vLLM, TGI, llama.cpp, hosted ones.

`openai:MODEL@http://HOST:PORT/v1`; without an address it is OPENAI_BASE_URL's, else api.openai.com. A recipe with a
text prompt asks /completions, a chat recipe /chat/completions, whose template is the server's. The key is
OPENAI_API_KEY of the environment and nothing else: it goes to the server and into no file or message.

A bounded number of samples is requested at a time, each by a request with its own seed. The client retries rate limits
(429), server errors (5xx) and lost connections with growing pauses. A setting that the model refuses is left out where
that changes nothing of what is asked for (`remarks` says so, and the manifest); otherwise the run ends.

Unknown to us: which weights answer, whether the server honours a seed or a stop string, and the exact prompt of a chat.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import ModelError, UsageError, install_hint
from ..store.provenance import read_versions
from ..types import Completion, Generated, Prompt, RenderedPrompt, Request, SamplingParams
from .infilling import join_around_gap
from .openai_protocol import (
    RequestBuilder,
    cut_at_stop,
    explain_error,
    find_room_for_answer,
    join_pieces,
    parse_completion,
)
from .options import ModelOptions
from .thinking import AS_TEMPLATE, TemplateSettings

if TYPE_CHECKING:
    from openai import AsyncOpenAI

KEY_VARIABLE = "OPENAI_API_KEY"
ADDRESS_VARIABLE = "OPENAI_BASE_URL"
DEFAULT_ADDRESS = "https://api.openai.com/v1"
CONCURRENCY = 16
"""Samples requested at a time."""
RETRIES = 8
"""Retries of one request, with pauses of half a second to eight, or as the server asks."""
TIMEOUT_S = 1800.0
"""Limit for one answer; a busy server on a CPU takes minutes."""
CONTINUING = ("vllm", "sglang")
"""Servers, by the owner that they name of their models, that take `continue_final_message`."""
SPEC = re.compile(r"(?P<model>.+?)(?:@(?P<url>https?://.+))?")
"""MODEL, or MODEL@ADDRESS."""

Answers = SimpleQueue[Generated | None]


class OpenAIModel:
    """A model behind a server; up to `concurrency` samples are requested at a time."""

    def __init__(
        self,
        model: str,
        url: str | None = None,
        *,
        concurrency: int | None = None,
        template: TemplateSettings = AS_TEMPLATE,
    ) -> None:
        self.name = model
        self.url = url or os.environ.get(ADDRESS_VARIABLE) or DEFAULT_ADDRESS
        self._concurrency = concurrency or CONCURRENCY
        self._template = template
        self._builder = RequestBuilder(model, template)
        self._served: dict[str, Any] = {}
        self._open = False

    @classmethod
    def from_spec(cls, spec: str, options: ModelOptions) -> OpenAIModel:
        """Create the model for `MODEL` or `MODEL@ADDRESS`.

        Raises:
            UsageError: no model is named, or the address holds a password or parameters, which would be recorded.
        """
        match = SPEC.fullmatch(spec)
        if not match:
            raise UsageError('model "openai:" names no model; give openai:MODEL@http://HOST:PORT/v1')
        if match["url"]:
            parts = urlsplit(match["url"])
            if parts.username or parts.password or parts.query or not parts.hostname:
                raise UsageError(
                    f'model "openai:{match["model"]}": the address must be http(s)://HOST[:PORT]/PATH without user, '
                    f"password or parameters; a key belongs into {KEY_VARIABLE}"
                )
        return cls(match["model"], match["url"], concurrency=options.batch_size, template=options.template)

    def __enter__(self) -> OpenAIModel:
        self._check_server()
        self._open = True
        return self

    def __exit__(self, *exc: object) -> None:
        self._open = False

    def describe(self) -> Mapping[str, Any]:
        """Return the address and what the server says of the model; weights behind a server have no digest."""
        parts = urlsplit(self.url)
        host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
        return {
            "adapter": "openai",
            "name": self.name,
            "address": f"{parts.scheme}://{host}{parts.path}",
            "revision": None,
            "weights_digest": None,
            "concurrency": self._concurrency,
            "versions": read_versions("openai"),
            **({"served": self._served} if self._served else {}),
            **({"not_sent": dict(self._builder.omitted)} if self._builder.omitted else {}),
        }

    @property
    def context_length(self) -> int | None:
        """Return the context that the server names, once it was asked."""
        length: int | None = self._served.get("max_model_len")
        return length

    @property
    def continues(self) -> bool:
        """Tell whether the server goes on with the beginning of a chat reply; known once it was asked."""
        return self._served.get("owned_by") in CONTINUING

    def may_reason(self, prompt: Prompt) -> bool:
        """Tell whether it is switched on; what a server's template does by itself is not known."""
        return prompt.text is None and self._template.thinking == "on"

    @property
    def remarks(self) -> Sequence[str]:
        """Return a line for each setting that is not sent."""
        return [f'model "{self.name}": {what}' for what in self._builder.omitted.values()]

    def render(self, prompt: Prompt) -> RenderedPrompt:
        """Return the text that is sent; chat messages are joined, because the server has the template."""
        if prompt.text is not None:
            return RenderedPrompt(text=join_around_gap(prompt), token_ids=None)
        joined = "".join(f"{role}: {content}\n" for role, content in prompt.messages)
        return RenderedPrompt(text=joined + prompt.prefill, token_ids=None)

    def generate(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Generated]:
        """Yield completions as they finish; a thread reads `requests` a bounded number ahead.

        A prompt that does not fit the context gets an empty answer with the finish reason "length".

        Raises:
            ModelError: the server is gone, refuses, or went on failing after all retries.
        """
        if not self._open:
            raise ModelError(f'model "{self.name}" is not loaded: use it as a context manager')
        answers: Answers = SimpleQueue()
        loop = asyncio.new_event_loop()
        work = loop.create_task(self._ask_all(requests, params, answers))

        def run() -> None:
            loop.run_until_complete(asyncio.wait([work]))
            answers.put(None)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            while (answer := answers.get()) is not None:
                yield answer
            work.result()
        finally:
            # If the caller stops early, connections are dropped, which tells the server to stop generating.
            loop.call_soon_threadsafe(work.cancel)
            thread.join()
            loop.close()

    def answer(self, prompt: Prompt, params: SamplingParams) -> Iterator[str]:
        """Yield one answer in pieces as the server sends it; reasoning that comes apart stands between think marks.

        Raises:
            ModelError: as `generate`.
        """
        import openai

        chat = prompt.text is None
        with openai.OpenAI(**self._build_client_settings()) as client:
            create: Any = client.chat.completions.create if chat else client.completions.create
            try:
                while (parts := self._open_stream(create, prompt, params)) is None:
                    pass
                yield from join_pieces(choice for part in parts for choice in part.choices[:1])
            except openai.OpenAIError as error:
                raise self._explain_error(error) from error

    def _open_stream(self, create: Any, prompt: Prompt, params: SamplingParams) -> Any:
        """Return the server's stream; None if it refused a setting that is left out from now on."""
        import openai

        given = self._builder.build(prompt, params, seed=params.seed, max_tokens=params.max_tokens)
        try:
            return create(**given, stream=True)
        except openai.BadRequestError as error:
            if not self._builder.omit_refused(error, params, given):
                raise
            return None

    async def _ask_all(self, requests: Iterable[Request], params: SamplingParams, answers: Answers) -> None:
        import openai

        waiting = ((request, offset) for request in requests for offset in range(request.count))
        running: set[asyncio.Task[Generated]] = set()
        more = True
        async with openai.AsyncOpenAI(**self._build_client_settings()) as client:
            try:
                while more or running:
                    while more and len(running) < self._concurrency and answers.qsize() < self._concurrency:
                        following = next(waiting, None)
                        more = following is not None
                        if following:
                            running.add(asyncio.create_task(self._request_sample(client, *following, params)))
                    if not running:
                        # Nobody takes the answers, so no more may pile up.
                        await asyncio.sleep(0.05 if more else 0)
                        continue
                    done, running = await asyncio.wait(running, timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        answers.put(task.result())
            finally:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)

    async def _request_sample(
        self, client: AsyncOpenAI, request: Request, offset: int, params: SamplingParams
    ) -> Generated:
        seed = request.seed + offset
        completion = await self._request_completion(client, request.prompt, params, seed)
        return Generated(request_id=request.request_id, index=request.start + offset, completion=completion)

    async def _request_completion(
        self, client: AsyncOpenAI, prompt: Prompt, params: SamplingParams, seed: int
    ) -> Completion:
        import openai

        chat = prompt.text is None
        create: Any = client.chat.completions.create if chat else client.completions.create
        limit = params.max_tokens
        while True:
            given = self._builder.build(prompt, params, seed=seed, max_tokens=limit)
            try:
                completion = parse_completion(await create(**given), chat=chat, seed=seed)
                return completion if "stop" in given else cut_at_stop(completion, params.stop)
            except openai.OpenAIError as error:
                refused = isinstance(error, openai.BadRequestError)
                if refused and self._builder.omit_refused(error, params, given):
                    continue
                room = find_room_for_answer(str(error)) if refused else None
                if room is None or room >= limit:
                    raise self._explain_error(error) from error
                if room == 0:
                    return Completion(text="", finish_reason="length", completion_tokens=0, seed=seed)
                limit = room

    def _check_server(self) -> None:
        """Check that the server answers and has the model; a server without a list of models is trusted."""
        try:
            import openai
        except ImportError as error:
            raise ModelError(f'model "{self.name}": for OpenAI-compatible servers {install_hint("openai")}') from error
        # Synchronous, because a notebook's thread runs an event loop already and cannot run a second one.
        with openai.OpenAI(**self._build_client_settings()) as client:
            try:
                rows = list(client.with_options(timeout=30.0, max_retries=2).models.list())
            except (openai.NotFoundError, AttributeError, TypeError):
                return
            except openai.OpenAIError as error:
                raise self._explain_error(error) from error
        served = next((row for row in rows if row.id == self.name), None)
        if rows and served is None:
            names = ", ".join(row.id for row in rows[:8])
            raise ModelError(f'model "{self.name}" is not served at {self.url}; it has {names}')
        facts = served.to_dict() if served else {}
        self._served = {key: facts[key] for key in ("owned_by", "root", "max_model_len") if key in facts}

    def _build_client_settings(self) -> dict[str, Any]:
        """Return the arguments for a client of this server."""
        import openai

        timeout = openai.Timeout(TIMEOUT_S, connect=10.0)
        return {"api_key": _read_key(), "base_url": self.url, "max_retries": RETRIES, "timeout": timeout}

    def _explain_error(self, error: Exception) -> ModelError:
        address = str(self.describe()["address"])
        return explain_error(error, model=self.name, url=address, key=os.environ.get(KEY_VARIABLE))


def _read_key() -> str:
    """Return the environment's key, or "none", because the client insists on a key."""
    return os.environ.get(KEY_VARIABLE) or "none"
