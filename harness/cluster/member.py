"""An actor of a fleet as the driver sees it, what happens to it, and what its kind has to say."""

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
        self.hello = handle.hello.remote()
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
        """Whether it can be given items."""
        return self.capacity > 0 and not self.lost


class Staff(Protocol[Item, Result_co]):
    """Behaviour that is particular to one kind of actors."""

    kind: str
    """For people."""
    chunk: int
    """Items that follow each other and should stay together."""

    def start(self, ray: Any, seat: Seat) -> Any:
        """The handle of a new actor, with the methods hello, open, exchange, stop and close."""

    def opening(self, member: Member[Item]) -> tuple[Any, ...]:
        """The arguments of its `open`."""

    def opened(self, member: Member[Item], facts: Mapping[str, Any]) -> str:
        """Take what `open` returned; why the actor does not fit the others, "" where it does."""

    def key(self, item: Item) -> Hashable:
        """Names an item among those of its stream."""

    def result_key(self, raw: Any) -> Hashable:
        """The key of the item that `raw`, as the actor gave it, is the result of."""

    def pack(self, member: Member[Item], items: Sequence[Item]) -> Any:
        """Return what is sent for `items`."""

    def accepted(self, raw: Any, item: Item, member: Member[Item], *, others: bool) -> Result_co | None:
        """The result; None where another actor should try the item, which is so only where there are `others`."""

    def again(self, item: Item) -> Item:
        """The item as it is tried again where a result was not accepted."""

    def blamed(self, item: Item, cause: HarnessError) -> Result_co:
        """The result for an item with which too many actors were lost.

        Raises:
            HarnessError: there can be none.
        """

    def told(self, count: int) -> str:
        """Return what becomes of `count` items of an actor that was lost."""

    def deserted(self, last: str) -> HarnessError:
        """The error where no actor is left; `last` says how the last one went."""
