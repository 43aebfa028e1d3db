"""Runs against runs: `compare` them, `gate` a candidate on its baseline."""

from .comparison import Comparison, Difference, compare
from .gate import Gate, Rules, Thresholds, gate

__all__ = ["Comparison", "Difference", "Gate", "Rules", "Thresholds", "compare", "gate"]
