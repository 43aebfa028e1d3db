"""Import and export runs of other harnesses: `import_results` and `export_run`."""

from .incoming import import_results
from .outgoing import FORMATS, export_run

__all__ = ["FORMATS", "export_run", "import_results"]
