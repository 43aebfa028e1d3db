"""Actors that do one kind of work: distribute items to them and collect the results.

An item is inside one actor at a time and comes out once: what an actor that is lost had inside goes to the others, and
whatever a lost actor may still say is not listened to. Actors are asked for results and given new items in one call,
one call at a time, so a slow reader of the results slows everything down to its own pace.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from ..errors import ClusterUnavailable
from .causes import find_cause, is_retryable, locate_error
from .events import Event, Events
from .intake import Intake
from .layout import Node, Seat
from .member import Member, Staff
from .record import Record
from .survey import list_alive_nodes

LOOK_EVERY_S = 2.0
"""How often the cluster's nodes are looked at."""
STARTS = 4
"""Starts of an actor on one seat, the first included."""
PATIENCE_S = 20.0
"""Wait for a new node if no actor is left."""
PENDING_S = 10.0
"""Wait before reporting that an actor has no resources yet."""
TRIES = 5
"""Actors that may be lost with an item before it is given up."""
TROUBLES = 3
"""Results in a row that may be an actor's own trouble before it is given up, if there are others."""
CLOSE_S = 20.0

Item = TypeVar("Item")
Result = TypeVar("Result")


class Fleet(Generic[Item, Result]):
    """Owns actors on the seats that `seats` finds for the cluster's nodes; `open` and `close` around `run`."""

    def __init__(
        self,
        ray: Any,
        staff: Staff[Item, Result],
        seats: Callable[[Sequence[Node]], Sequence[Seat]],
        record: Record,
    ) -> None:
        self._ray, self._staff, self._seats, self._record = ray, staff, seats, record
        self._members: dict[tuple[str, int], Member[Item]] = {}
        self._starts: Counter[tuple[str, int]] = Counter()
        self._events = Events()
        self._again: deque[Item] = deque()
        self._results: deque[Result] = deque()
        self._lost_with: Counter[Hashable] = Counter()
        self._stream = 0
        self._looked = 0.0
        self._lonely_since: float | None = None

    @property
    def members(self) -> list[Member[Item]]:
        """Return the actors that are ready."""
        return [member for member in self._members.values() if member.ready]

    def get_first(self) -> Member[Item]:
        """Return an actor on the first seat, which need not be ready."""
        if not self._members:
            self._start(self._seats(list_alive_nodes(self._ray))[0])
        return next(iter(self._members.values()))

    def open(self) -> None:
        """Start an actor on every seat and wait until all are ready.

        Raises:
            HarnessError: one is not, and why, with its node.
        """
        for seat in self._seats(list_alive_nodes(self._ray)):
            if seat.key not in self._members:
                self._start(seat)
        waiting = {id(member) for member in self._members.values()}
        for member in self._members.values():
            self._make_ready(member)
        reported = False
        while waiting:
            ended = list(self._events.collect(PENDING_S))
            for event in ended:
                self._handle_opened(event, strict=True)
                waiting.discard(id(event.member))
            reported = reported or (not ended and self._tell_pending())

    def run(self, items: Iterable[Item], order: Any, *, threaded: bool) -> Iterator[Result]:
        """Yield the result of each item as it comes; `order` holds what the actors are told about all of them.

        `threaded` reads the items in a thread, a bounded number ahead; else they are read as there is room.

        Raises:
            HarnessError: no actor is left, or as the actors'.
        """
        self._stream += 1
        intake = Intake(items, self._events.wake if threaded else None)
        try:
            while True:
                while self._results:
                    yield self._results.popleft()
                self._refresh_members()
                self._dispatch(intake, order)
                if intake.ended and not self._again and not any(one.inside for one in self._members.values()):
                    return
                for event in self._events.collect(LOOK_EVERY_S):
                    yield from self._handle_event(event)
        finally:
            intake.close()
            self._end_stream()

    def close(self) -> None:
        """End every actor and what it holds."""
        members = list(self._members.values())
        self._members.clear()
        refs = [member.handle.close.remote() for member in members]
        if refs:
            self._ray.wait(refs, num_returns=len(refs), timeout=CLOSE_S)
        for member in members:
            self._ray.kill(member.handle)

    def _start(self, seat: Seat) -> Member[Item]:
        self._starts[seat.key] += 1
        self._members[seat.key] = Member(seat, self._staff.start(self._ray, seat))
        return self._members[seat.key]

    def _make_ready(self, member: Member[Item]) -> None:
        self._events.listen(member, 0, member.handle.open.remote(*self._staff.build_open_arguments(member)))

    def _dispatch(self, intake: Intake[Item], order: Any) -> None:
        """Fill the actors that await no answer, the emptiest first, and call those that hold items."""
        # One in trouble gets nothing new before it has shown a result of another kind, or has been started anew.
        sound = [member for member in self.members if not member.troubles] or self.members
        idle = [member for member in self.members if not member.called]
        given: dict[int, list[Item]] = {id(member): [] for member in idle}
        item: Item | None
        while room := [one for one in idle if one in sound and len(one.inside) < one.capacity]:
            member = min(room, key=lambda one: len(one.inside) / one.capacity)
            for _ in range(min(self._staff.chunk, member.capacity - len(member.inside))):
                item = self._again.popleft() if self._again else intake.take()
                if item is None:
                    break
                member.inside[self._staff.get_key(item)] = item
                given[id(member)].append(item)
            if item is None:
                break
        for member in idle:
            if member.inside:
                new = given[id(member)]
                member.called = True
                payload = self._staff.pack(member, new)
                ref = member.handle.exchange.remote(self._stream, order, payload, len(new))
                self._events.listen(member, self._stream, ref)

    def _handle_event(self, event: Event) -> Iterator[Result]:
        member = event.member
        if member.lost:
            return
        if event.stream == 0:
            self._handle_opened(event, strict=False)
        elif event.error is not None:
            self._lose(member, event.error)
        elif event.stream == self._stream:
            member.called = False
            member.capacity, results = event.value
            yield from self._process_results(member, results)

    def _process_results(self, member: Member[Item], results: Sequence[Any]) -> Iterator[Result]:
        for raw in results:
            key = self._staff.get_result_key(raw)
            item = member.inside.pop(key, None)
            if item is None:
                continue
            result = self._staff.accept_result(raw, item, member, others=len(self.members) > 1)
            if result is None:
                self._again.append(self._staff.prepare_retry(item))
                continue
            self._lost_with.pop(key, None)
            yield result
        troubled = member.troubles >= TROUBLES or (member.troubles and not member.inside)
        if troubled and len(self.members) > 1:
            self._lose(member, ClusterUnavailable("it failed on programs by its own fault"))

    def _handle_opened(self, event: Event, *, strict: bool) -> None:
        """Accept an actor that is ready, or drop one that will never be: raise if `strict`, else record it."""
        member, error = event.member, event.error
        cause = find_cause(self._ray, error) if error is not None else None
        if error is not None and cause is None:
            raise error
        if cause is None and (unfit := self._staff.accept_member(member, event.value)):
            cause = ClusterUnavailable(unfit)
        if cause is None:
            if not strict:
                self._record.record_join(self._staff.kind, member.seat.name)
            return
        self._drop(member)
        if strict:
            raise locate_error(cause, member.seat.name)
        if not is_retryable(cause):
            self._starts[member.seat.key] = STARTS
        self._record.record_refusal(self._staff.kind, member.seat.name, str(cause))

    def _lose(self, member: Member[Item], error: BaseException) -> None:
        """Give an actor up; its items go to the others."""
        cause = find_cause(self._ray, error)
        if cause is None:
            raise error
        if not is_retryable(cause):
            raise locate_error(cause, member.seat.name)
        self._drop(member)
        for key, item in member.inside.items():
            self._lost_with[key] += 1
            if self._lost_with[key] >= TRIES:
                self._results.append(self._staff.give_up_item(item, cause))
            else:
                self._again.append(item)
        self._record.record_loss(
            self._staff.kind, member.seat.name, str(cause), self._staff.describe_loss(len(member.inside))
        )

    def _drop(self, member: Member[Item]) -> None:
        member.lost = True
        self._members.pop(member.seat.key, None)
        self._ray.kill(member.handle)

    def _refresh_members(self) -> None:
        """Drop actors whose node is gone, and start some on free seats; at most every `LOOK_EVERY_S` seconds."""
        if time.monotonic() - self._looked < LOOK_EVERY_S:
            return
        self._looked = time.monotonic()
        nodes = list_alive_nodes(self._ray)
        present = {node.id for node in nodes}
        for member in list(self._members.values()):
            if member.seat.node is not None and member.seat.node.id not in present:
                self._lose(member, ClusterUnavailable("its node left the cluster"))
        try:
            seats = self._seats(nodes)
        except ClusterUnavailable:
            seats = ()
        for seat in seats:
            if seat.key not in self._members and self._starts[seat.key] < STARTS:
                self._make_ready(self._start(seat))
        self._check_members_left()

    def _check_members_left(self) -> None:
        """End the run if no actor is left and none comes.

        Raises:
            HarnessError: so it is.
        """
        if self._members:
            self._lonely_since = None
            return
        self._lonely_since = self._lonely_since or time.monotonic()
        if time.monotonic() - self._lonely_since > PATIENCE_S:
            raise self._staff.make_desertion_error(self._record.last_loss)

    def _tell_pending(self) -> bool:
        """Report the actors that have no process yet; return whether there are any."""
        waiting = [
            member.seat.name
            for member in self._members.values()
            if not member.ready and not self._ray.wait([member.hello], timeout=0)[0]
        ]
        if waiting:
            self._record.tell(f"waiting for the cluster's resources on {', '.join(waiting)}: another job may hold them")
        return bool(waiting)

    def _end_stream(self) -> None:
        """Let actors drop their items, and ignore what they still answer."""
        self._again.clear()
        self._results.clear()
        self._lost_with.clear()
        for member in self._members.values():
            if member.called or member.inside:
                member.handle.stop.remote()
            member.called = False
            member.inside.clear()
