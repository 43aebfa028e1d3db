"""A model with a LoRA adapter on it, of engines that take one with each request: the base is loaded once for all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from ..types import Generated, Model, Prompt, RenderedPrompt, Request, SamplingParams
from .adapters import Adapter


class Base(Model, Protocol):
    """A model that adapters can be put on."""

    def stream(
        self, requests: Iterable[Request], params: SamplingParams, adapter: Adapter | None
    ) -> Iterator[Generated]:
        """Generate with an adapter."""


class AdaptedModel:
    """A LoRA adapter on its base, which stays its owner's to load and to close."""

    def __init__(self, base: Base, adapter: Adapter) -> None:
        self.name = f"{base.name}+{adapter.name}"
        self._base = base
        self._adapter = adapter

    def __enter__(self) -> AdaptedModel:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing of its own is open."""

    def describe(self) -> Mapping[str, Any]:
        """The base's facts and the adapter's."""
        adapter = self._adapter
        own = {"name": adapter.name, "path": str(adapter.path), "digest": adapter.digest, "rank": adapter.rank}
        return {**self._base.describe(), "name": self.name, "adapter_weights": own}

    def render(self, prompt: Prompt) -> RenderedPrompt:
        """Render as the base does."""
        return self._base.render(prompt)

    def generate(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Generated]:
        """Generate as the base does, with the adapter's weights added."""
        return self._base.stream(requests, params, self._adapter)
