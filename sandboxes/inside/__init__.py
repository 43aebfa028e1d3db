"""Code that runs inside a sandbox, on the far side of the frames.

Standard library only, Python 3.8 or newer, no `from __future__` (candidate code compiled here must
not inherit it). The host sends these files as text when a worker starts, so an image holds an
environment and never a copy of the harness.
"""
