"""What a run came to: scores.json and report.md in its folder, and a card for the terminal."""

from .card import card
from .summary import Summary, read
from .writing import write

__all__ = ["Summary", "card", "read", "write"]
