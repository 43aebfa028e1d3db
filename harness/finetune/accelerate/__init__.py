"""Configurations of accelerate for several accelerators, as files: `fsdp.yaml` and `zero3.yaml`."""
