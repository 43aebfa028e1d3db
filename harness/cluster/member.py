"""An actor of a fleet as the driver sees it, what happens to it, and what its kind has to say."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from ..errors import INFRASTRUCTURE, ClusterUnavailable, HarnessError
from .layout import Seat

Item = TypeVar("Item")
Result = TypeVar("Result")


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


@dataclass(frozen=True, slots=True)
class Event:
    """A call of an actor ended: with `value`, or with `error`."""

    member: Member[Any]
    stream: int
    """0: the call that makes it ready."""
    value: Any
    error: BaseException | None


class Staff(Protocol[Item, Result]):
    """What is particular to one kind of actors."""

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
        """What is sent for `items`."""

    def accepted(self, raw: Any, item: Item, member: Member[Item], *, others: bool) -> Result | None:
        """The result; None where another actor should try the item, which is so only where there are `others`."""

    def again(self, item: Item) -> Item:
        """The item as it is tried again where a result was not accepted."""

    def blamed(self, item: Item, cause: HarnessError) -> Result:
        """The result for an item with which too many actors were lost.

        Raises:
            HarnessError: there can be none.
        """

    def told(self, count: int) -> str:
        """What becomes of `count` items of an actor that was lost."""

    def deserted(self, last: str) -> HarnessError:
        """The error where no actor is left; `last` says how the last one went."""


def cause_of(ray: Any, error: BaseException) -> HarnessError | None:
    """What is behind an error of a call: our own, or Ray's in our words; None where it is a defect of ours."""
    if isinstance(error, HarnessError):
        return error
    cause = getattr(error, "cause", None)
    if isinstance(cause, HarnessError):
        return cause
    if isinstance(error, ray.exceptions.RayTaskError):
        return None
    told = {
        "ActorDiedError": "its process ended",
        "ActorUnavailableError": "it does not answer",
        "ActorUnschedulableError": "its node is gone",
        "OutOfMemoryError": "its process was ended by Ray for the memory it used",
    }
    if isinstance(error, ray.exceptions.RayError):
        return ClusterUnavailable(told.get(type(error).__name__, f"Ray gave it up ({type(error).__name__})"))
    return None


def forgiven(error: HarnessError) -> bool:
    """Whether another actor may do better: it is the machine's fault, not what was asked for."""
    return error.exit_code == INFRASTRUCTURE


def located(error: HarnessError, where: str) -> HarnessError:
    """The same error with the node it happened on."""
    return type(error)(f"node {where}: {error}", exit_code=error.exit_code)
