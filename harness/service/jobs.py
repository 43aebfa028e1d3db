"""Programs of one request in the queue, as the event loop sees them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from starlette.requests import Request

from ..types import Judge, Outcome, Program
from .dispatcher import Dispatcher

T = TypeVar("T")


class ClientGone(Exception):
    """The client closed its connection before it had its answer."""


class Job:
    """Programs that were submitted; `outcomes` yields what becomes of them, and drops the rest when it is closed.

    Raises:
        QueueFull, SandboxUnavailable: as `Dispatcher.submit`.
    """

    def __init__(
        self,
        dispatcher: Dispatcher,
        work: Sequence[tuple[Program, Judge]],
        count: Callable[[Outcome], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self._found: asyncio.Queue[tuple[int, Outcome]] = asyncio.Queue()
        self._dispatcher, self._size = dispatcher, len(work)

        def settle(index: int, outcome: Outcome) -> None:
            count(outcome)
            with suppress(RuntimeError):  # the loop was closed: the server was stopped the hard way
                loop.call_soon_threadsafe(self._found.put_nowait, (index, outcome))

        self._ticket = dispatcher.submit(work, settle)

    async def outcomes(self) -> AsyncIterator[tuple[int, Outcome]]:
        """Yield the index and the outcome of each program, in the order they finish."""
        try:
            for _ in range(self._size):
                yield await self._found.get()
        finally:
            self._dispatcher.cancel(self._ticket)

    async def collect(self) -> list[Outcome]:
        """Return all outcomes, in the order of the programs."""
        try:
            settled = [await self._found.get() for _ in range(self._size)]
        finally:
            self._dispatcher.cancel(self._ticket)
        return [outcome for _, outcome in sorted(settled, key=lambda one: one[0])]


async def attend(request: Request, answer: Coroutine[Any, Any, T]) -> T:
    """Return what `answer` does, unless the client goes away before; then it is cancelled.

    Raises:
        ClientGone: the client went away.
    """
    working = asyncio.ensure_future(answer)
    leaving = asyncio.ensure_future(_wait_for_leave(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientGone
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _wait_for_leave(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
