"""Runs against runs: `compare` them, `check_regression` of a candidate against its baseline."""

from .comparison import Comparison, Difference, compare
from .gate import Gate, GateThresholds, Rules, check_regression

__all__ = ["Comparison", "Difference", "Gate", "GateThresholds", "Rules", "check_regression", "compare"]
