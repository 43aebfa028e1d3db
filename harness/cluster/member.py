"""An actor of a fleet as the driver sees it, and the behaviour of its kind."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from ..errors import HarnessError
from .layout import Seat

Item = TypeVar("Item")
Result_co = TypeVar("Result_co", covariant=True)


class Member(Generic[Item]):
    """One actor on its seat."""

    def __init__(self, seat: Seat, handle: Any) -> None:
        self.seat, self.handle = seat, handle
        self.hello = handle.report_pid.remote()
        """Ends once the actor's process runs."""
        self.facts: Mapping[str, Any] = {}
        self.capacity = 0
        """Items it may have inside at a time; 0 until it is ready."""
        self.inside: dict[Hashable, Item] = {}
        self.called = self.lost = False
        """Whether an answer is awaited, and whether none will be listened to."""
        self.known: set[str] = set()
        """What it was sent once and need not be sent again."""
        self.troubles = 0
        """Results in a row that were the actor's own trouble."""

    @property
    def ready(self) -> bool:
        """Return whether the actor can be given items."""
        return self.capacity > 0 and not self.lost


class Staff(Protocol[Item, Result_co]):
    """Behaviour that is particular to one kind of actors."""

    kind: str
    """For people."""
    chunk: int
    """Items that follow each other and should stay together."""

    def start(self, ray: Any, seat: Seat) -> Any:
        """Start an actor; return its handle, with the methods report_pid, open, exchange, stop and close."""

    def build_open_arguments(self, member: Member[Item]) -> tuple[Any, ...]:
        """Return the arguments of the actor's `open`."""

    def accept_member(self, member: Member[Item], facts: Mapping[str, Any]) -> str:
        """Take the result of `open`; return why the actor does not fit the others, "" if it does."""

    def get_key(self, item: Item) -> Hashable:
        """Return the key of an item, unique in its stream."""

    def get_result_key(self, raw: Any) -> Hashable:
        """Return the key of the item whose result is `raw`, as the actor returned it."""

    def pack(self, member: Member[Item], items: Sequence[Item]) -> Any:
        """Return what is sent for `items`."""

    def accept_result(self, raw: Any, item: Item, member: Member[Item], *, others: bool) -> Result_co | None:
        """Return the result; None if another actor should try the item, which needs `others`."""

    def prepare_retry(self, item: Item) -> Item:
        """Return the item for its retry after a result was not accepted."""

    def give_up_item(self, item: Item, cause: HarnessError) -> Result_co:
        """Return the result for an item with which too many actors were lost.

        Raises:
            HarnessError: there can be none.
        """

    def describe_loss(self, count: int) -> str:
        """Return what becomes of `count` items of an actor that was lost."""

    def make_desertion_error(self, last: str) -> HarnessError:
        """Return the error if no actor is left; `last` says how the last one was lost."""
