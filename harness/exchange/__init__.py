"""Import and export runs of other harnesses, and export scores: `import_results`, `export_run`, `export_scores`."""

from .incoming import import_results
from .outgoing import FORMATS, export_run
from .scores import SCORE_FORMATS, export_scores

__all__ = ["FORMATS", "SCORE_FORMATS", "export_run", "export_scores", "import_results"]
