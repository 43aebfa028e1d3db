"""Benchmarks code models: completions under vLLM, verdicts from sandboxes, pass@k in reports."""

__version__ = "0.1.0"
