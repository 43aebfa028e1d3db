"""`python -m harness` is the command `harness`."""

from .cli import main

main()
