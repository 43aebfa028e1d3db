"""Every verb of the command line as a Python function; `import harness` offers all of them by name, lazily.

Paths may be texts. Errors are the `HarnessError`s of `harness.errors`. Functions that take a while accept a
`progress`, such as `harness.progress.open_progress()`, and some a `tell`, such as `print`, for remarks; without them
they say nothing. A `command` is recorded with what it made. `harness.VERBS` names the function of each verb.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .asking import *
from .comparing import *
from .evaluating import *
from .exchanging import *
from .installation import *
from .scoring import *
from .serving import *
from .training import *
from .viewing import *

if TYPE_CHECKING:
    from ..report.dataframes import Runs as Runs
    from ..report.dataframes import load_runs as load_runs
else:

    def __getattr__(name: str) -> Any:
        """Return `Runs` or `load_runs`, which need pandas and matplotlib."""
        if name in ("Runs", "load_runs"):
            from ..report import dataframes

            return getattr(dataframes, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
