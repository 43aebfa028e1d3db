"""A model with a LoRA adapter, for engines that take an adapter with each request; the base is loaded once for all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from ..optional import CanReason
from ..types import Generated, Model, Prompt, RenderedPrompt, Request, SamplingParams
from .adapters import Adapter


class AdaptableModel(Model, CanReason, Protocol):
    """A model that LoRA adapters can be put on."""

    def stream(
        self, requests: Iterable[Request], params: SamplingParams, adapter: Adapter | None
    ) -> Iterator[Generated]:
        """Generate completions with `adapter`."""


class AdaptedModel:
    """A LoRA adapter on a base model; the base's owner loads and closes it."""

    def __init__(self, base: AdaptableModel, adapter: Adapter) -> None:
        self.name = f"{base.name}+{adapter.name}"
        self._base = base
        self._adapter = adapter

    def __enter__(self) -> AdaptedModel:
        return self

    def __exit__(self, *exc: object) -> None:
        """Leave the base open; the adapter holds nothing of its own."""

    def describe(self) -> Mapping[str, Any]:
        """Return the base's facts and the adapter's."""
        adapter = self._adapter
        own = {"name": adapter.name, "path": str(adapter.path), "digest": adapter.digest, "rank": adapter.rank}
        return {**self._base.describe(), "name": self.name, "adapter_weights": own}

    def render(self, prompt: Prompt) -> RenderedPrompt:
        """Render the prompt as the base does."""
        return self._base.render(prompt)

    @property
    def context_length(self) -> int | None:
        """Return the base's context."""
        return self._base.context_length

    def may_reason(self, prompt: Prompt) -> bool:
        """Tell it as the base does."""
        return self._base.may_reason(prompt)

    def generate(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Generated]:
        """Generate as the base does, with the adapter's weights."""
        return self._base.stream(requests, params, self._adapter)
