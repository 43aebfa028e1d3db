"""What programs of a benchmark may import, by name.

An environment is a set of packages, pinned in `images/NAME.txt`, that a Docker image or an interpreter
offers; `preload` is imported once per worker, before any program is forked.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Packages and what of them is imported before the fork."""

    name: str
    packages: tuple[str, ...]
    preload: tuple[str, ...]


# the modules that reference solutions and completions of the function benchmarks import
STANDARD = (
    "bisect cmath collections copy datetime decimal fractions functools hashlib heapq itertools json "
    "math operator random re statistics string typing"
)
ENVIRONMENTS = {
    "core": Environment(name="core", packages=("numpy",), preload=tuple(STANDARD.split())),
}


def environment(name: str) -> Environment:
    """The environment called `name`.

    Raises:
        UsageError: there is none.
    """
    if name not in ENVIRONMENTS:
        raise UsageError(f'environment "{name}" is not known; choose one of {", ".join(ENVIRONMENTS)}')
    return ENVIRONMENTS[name]
