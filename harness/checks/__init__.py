"""Checks before anything is measured: of sandboxes, of this machine, of data files."""
