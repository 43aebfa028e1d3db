"""What a run came to: scores.json, report.md and report.html in its folder, and a card for the terminal."""

from .card import card
from .page import write_page
from .summary import Summary, read
from .writing import write

__all__ = ["Summary", "card", "read", "write", "write_page"]
