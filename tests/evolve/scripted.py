"""A model as a third party would write one: it answers by a function of the request, and can fail as servers do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from harness.errors import INFRASTRUCTURE, ModelError
from harness.types import Completion, Generated, Prompt, RenderedPrompt, Request, SamplingParams

Script = Callable[[Request, int], "Completion | str"]
"""What to say to a request that is seen for the so-many-th time; it may raise."""


class ScriptedModel:
    """Keeps what it was asked; `asked` counts each request."""

    name = "scripted"

    def __init__(self, script: Script) -> None:
        self._script = script
        self.asked: dict[str, int] = {}
        self.params: list[SamplingParams] = []
        self.prompts: list[Prompt] = []

    def __enter__(self) -> ScriptedModel:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def describe(self) -> Mapping[str, Any]:
        return {"adapter": "scripted", "weights_digest": None}

    def render(self, prompt: Prompt) -> RenderedPrompt:
        return RenderedPrompt(text=prompt.text or prompt.messages[0][1], token_ids=None)

    def generate(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Generated]:
        self.params.append(params)
        for request in requests:
            count = self.asked[request.request_id] = self.asked.get(request.request_id, 0) + 1
            self.prompts.append(request.prompt)
            said = self._script(request, count)
            completion = Completion(text=said, finish_reason="stop") if isinstance(said, str) else said
            yield Generated(request_id=request.request_id, index=0, completion=completion)


def busy(status: int) -> ModelError:
    """What an adapter raises when its server does not answer well."""
    return ModelError(f"the server answers {status}", exit_code=INFRASTRUCTURE)
