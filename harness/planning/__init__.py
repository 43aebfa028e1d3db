"""What a run would take: `--dry-run` and `harness plan`."""
