"""Estimate what a run takes: `--dry-run` and `harness plan`."""
