"""`harness view`: a web application over a folder of runs, for this machine alone unless asked otherwise.

`index` reads a run's journals as they grow, `folder` knows the runs, `board` and `payloads` make what pages show,
`access` decides who may ask, and `server` answers. The pages are the templates of `harness.report`.
"""

from .server import ServerSettings, serve

__all__ = ["ServerSettings", "serve"]
