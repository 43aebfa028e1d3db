"""The queue in front of a sandbox that breaks, and judging in one's own process."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import pytest

from harness.errors import SandboxUnavailable, UsageError
from harness.sandboxes import open_sandbox
from harness.sandboxes.judges.own import build_tests
from harness.sandboxes.process import ProcessSandbox
from harness.service.dispatcher import Dispatcher, QueueFull, judge_now
from harness.service.judging import JudgeService, ServiceLimits
from harness.service.requests import VerdictsRequest
from harness.types import Judge, Key, Outcome, Program, Sandbox, Status, Trust, Work
from tests.service.servers import HONEST, TESTS, WRONG, item

JUDGE = build_tests(tests=str(TESTS["tests"]), exposes=["add_one"])


class Breaking(ProcessSandbox):
    """A sandbox whose engine goes away after a number of programs."""

    def __init__(self, after: int, error: Exception) -> None:
        super().__init__(environment="core", workers=1, trust=Trust.SPLIT, allow_unsafe=False)
        self._left, self._error = after, error

    def run(self, work: Iterable[Work]) -> Iterator[tuple[Key, Outcome]]:
        for one in super().run(work):
            if not self._left:
                raise self._error
            self._left -= 1
            yield one


def work(count: int) -> list[tuple[Program, Judge]]:
    return [(Program(source=f"{HONEST}# {number}\n", environment="core"), JUDGE) for number in range(count)]


@pytest.mark.parametrize("error", [SandboxUnavailable("the engine went away"), OSError("the engine went away")])
def test_a_broken_sandbox_is_replaced_and_fails_nobody(error: Exception) -> None:
    """What was inside or waited is infrastructure, whatever broke; a little later programs are judged again."""
    made: list[Sandbox] = []
    said: list[str] = []

    def make() -> Sandbox:
        made.append(open_sandbox("process", environment="core", workers=1) if made else Breaking(3, error))
        return made[-1]

    dispatcher = Dispatcher(make, workers=1, capacity=100, cache=False, tell=said.append)
    dispatcher.start()
    try:
        found = judge_now(dispatcher, work(20))
        with pytest.raises(SandboxUnavailable, match="the engine went away"):
            dispatcher.submit(work(1), lambda *_: None)
        deadline = time.monotonic() + 60
        while not dispatcher.is_ready and time.monotonic() < deadline:
            time.sleep(0.05)
        again = judge_now(dispatcher, work(3))
    finally:
        dispatcher.close()

    assert [one.status for one in found] == [Status.PASSED] * 3 + [Status.INFRASTRUCTURE] * 17
    assert [one.status for one in again] == [Status.PASSED] * 3
    assert len(made) == 2
    assert "17 programs were not judged" in said[0]


def test_callers_take_turns_and_a_full_queue_takes_nothing() -> None:
    """A short request does not wait for a long one that came first; one that does not fit is refused whole."""
    order: list[str] = []
    dispatcher = Dispatcher(
        lambda: open_sandbox("process", environment="core", workers=1),
        workers=1, capacity=120, cache=False, tell=print,
    )  # fmt: skip
    dispatcher.start()
    try:
        dispatcher.submit(work(100), lambda *_: order.append("long"))
        dispatcher.submit(work(2), lambda *_: order.append("short"))
        with pytest.raises(QueueFull):
            dispatcher.submit(work(121), lambda *_: None)
    finally:
        dispatcher.close()  # which finishes what was taken

    assert order.count("long") == 100
    assert order.count("short") == 2
    assert max(at for at, one in enumerate(order) if one == "short") < 50


def test_a_service_in_ones_own_process_may_show_details() -> None:
    """The owner decides; more programs than the queue holds come in parts."""
    limits = ServiceLimits(queue=2)
    request = VerdictsRequest.model_validate({"items": [item(TESTS, HONEST, WRONG, WRONG + "#")]})

    with JudgeService(sandbox="process", workers=1, show_detail=True, limits=limits) as service:
        rows = service.judge(request)

    assert [row.status for row in rows] == ["passed", "wrong_answer", "wrong_answer"]
    assert "assert add_one(41) == 42" in str(rows[1].detail)


def test_names_that_are_not_known() -> None:
    """They are refused before anything starts."""
    with pytest.raises(UsageError, match='environment "cor" is not known'):
        JudgeService(["cor"], sandbox="process")
