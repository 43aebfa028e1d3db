"""Log runs to experiment trackers: Weights & Biases, MLflow and TensorBoard, each an extra of its name."""

from .live import RunTracker
from .metrics import name_metric
from .replay import log_run
from .trackers import TRACKERS, check_trackers

__all__ = ["TRACKERS", "RunTracker", "check_trackers", "log_run", "name_metric"]
