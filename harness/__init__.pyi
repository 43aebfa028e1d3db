"""What `import harness` offers, for type checkers and editors; `harness.api` documents it."""

from collections.abc import Mapping
from typing import NamedTuple

from .api import *

class Verb(NamedTuple):
    function: str
    command: str = ...
    about: str = ...
    resumable: bool = ...

VERBS: Mapping[str, Verb]
__version__: str
