"""The command `harness`: parses, calls a Python function, prints.

Exit codes: 0 done, 1 a comparison found a regression, 2 usage or data, 3 infrastructure, 130 interrupted.
Nothing heavy is imported before a verb needs it: `harness --help` answers at once.
"""

from .main import main

__all__ = ["main"]
