"""Runs against runs: `compare` them, `gate` a candidate on its baseline."""

from .comparison import Comparison, Difference, compare

__all__ = ["Comparison", "Difference", "compare"]
