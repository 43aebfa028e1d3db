"""Completions that the shell offers where a name is to be typed."""

from __future__ import annotations

from collections.abc import Callable


def make_completion(kind: str) -> Callable[[str], list[tuple[str, str]]]:
    """Return a completion by the names of `kind`, as `harness list` shows them, each with its line."""

    def complete(incomplete: str) -> list[tuple[str, str]]:
        from ..tasks.listing import describe_names

        # FOLDER and OWNER/NAME stand for what the user knows and we do not.
        return [(name, about) for name, about in describe_names(kind).items() if _matches(name, incomplete)]

    return complete


def _matches(name: str, incomplete: str) -> bool:
    return name.startswith(incomplete) and not name.isupper() and "/" not in name
