"""Read the versions of installed packages without importing them."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def read_versions(*distributions: str) -> dict[str, str]:
    """Return the version of each of `distributions` that is installed."""
    found = {}
    for name in distributions:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            # A missing package is left out.
            continue
    return found
