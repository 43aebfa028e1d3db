"""The command `harness`: parses, calls a Python function, prints.

`harness.errors` has the exit codes.
Nothing heavy is imported before a verb needs it: `harness --help` answers at once.
"""

from .main import main

__all__ = ["main"]
