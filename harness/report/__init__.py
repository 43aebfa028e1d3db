"""Report what a run came to: scores.json, report.md and report.html in its folder, and a card for the terminal."""

from .card import card
from .page import write_page
from .summary import Summary, read
from .writing import run_json, write

__all__ = ["Summary", "card", "read", "run_json", "write", "write_page"]
