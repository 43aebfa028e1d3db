"""Report what a run came to: scores.json, report.md and report.html in its folder, and a card for the terminal."""

from .card import format_card, format_everything
from .page import write_page
from .summary import Summary, read
from .writing import build_run_json, write

__all__ = ["Summary", "build_run_json", "format_card", "format_everything", "read", "write", "write_page"]
