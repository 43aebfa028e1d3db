"""Calls of one function on many inputs, in the child: what EvalPlus's benchmarks ask of a candidate.

Semantics of evalplus 0.3.1 `unsafe_execute` (Apache-2.0): the base and the plus inputs run separately,
each after a fresh `exec` of the program in bare globals; arguments are passed as they are; each call has a
time limit of its own, and the first call that fails ends its part. Here the limit counts CPU time, so that
a loaded machine changes no verdict, and what a call returned leaves this process at once as bytes: the
expected values live elsewhere.
"""

import signal
import time
from typing import Any, Callable, Dict, List, Tuple

from . import codec, digests, frames
from .programs import describe

DONE, RAISED, SLOW, BROKEN, WRONG = "done", "raised", "slow", "broken", "wrong"
TOO_LARGE, NO_MEMORY = "too_large", "no_memory"
Sink = Callable[[int, Any], None]


class OverTime(Exception):
    """The alarm of one call's time limit."""


class Unsure(Exception):
    """A sink's word that it needs a value of which it has only the digest; `index` is the call's."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


class Wrong(Exception):
    """A sink's word that a value is not the right one."""


def run(request: Dict[str, Any], inputs: List[Any], sink: Sink) -> Tuple[str, str, List[float]]:
    """(end, detail, CPU seconds of each call) of a program's calls; each returned value goes to `sink(index, value)`.

    `request`: {"program", "entry_point", "limits_s": [seconds per call], "budget_s": seconds for all}; `inputs` are
    lists of arguments.
    """
    times: List[float] = []
    scope: Dict[str, Any] = {}
    try:
        exec(compile(request["program"], "<string>", "exec"), scope)
        function = scope[request["entry_point"]]
    except MemoryError as error:
        return NO_MEMORY, describe(error), times
    except BaseException as error:  # noqa: BLE001 - whatever a program raises is its verdict
        return BROKEN, describe(error), times
    signal.signal(signal.SIGPROF, _over_time)
    left_s = request["budget_s"]
    for index, (arguments, limit_s) in enumerate(zip(inputs, request["limits_s"])):
        start = time.process_time()
        try:
            signal.setitimer(signal.ITIMER_PROF, max(1e-3, min(limit_s, left_s)))
            value = function(*arguments)
            signal.setitimer(signal.ITIMER_PROF, 0)
            times.append(time.process_time() - start)
            left_s -= times[-1]
            sink(index, value)
        except OverTime:
            return SLOW, "call %d took more than %.3g s of CPU time" % (index, limit_s), times
        except codec.TooLarge as error:
            return TOO_LARGE, "call %d: %s" % (index, error), times
        except MemoryError as error:
            return NO_MEMORY, "call %d: %s" % (index, describe(error)), times
        except Unsure:
            raise
        except Wrong as error:
            return WRONG, str(error), times
        except BaseException as error:  # noqa: BLE001 - likewise
            return RAISED, "call %d raised %s" % (index, describe(error)), times
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
    return DONE, "", times


class Collector:
    """A sink that keeps the bytes of each value, and of a large one the digest.

    `reveal` names the calls whose values are wanted themselves; once it names any, all others are told too
    unless they are larger still. A reference (`trusted`) whose value is too large even then keeps to its digest.
    """

    def __init__(self, reveal: List[int], trusted: bool) -> None:
        self.items: List[bytes] = []
        self.reveal = reveal
        self.trusted = trusted
        self.large_bytes = digests.LARGER_BYTES if reveal else digests.LARGE_BYTES
        self.left = codec.MAX_BYTES // 2

    def __call__(self, index: int, value: Any) -> None:
        self.items.append(self._bytes(index, value))

    def _bytes(self, index: int, value: Any) -> bytes:
        if index in self.reveal:
            try:
                data = codec.encode(value, self.left)
                self.left -= len(data)
                return data
            except codec.TooLarge:
                if not self.trusted:
                    raise
        return digests.encode_or_digest(value, self.large_bytes)

    def report(self, end: str, detail: str, times: List[float]) -> bytes:
        """The result in three chunks: (end, detail), [CPU seconds], [returned values]."""
        return b"".join(
            map(frames.prefixed, (codec.encode((end, detail)), codec.encode(times), codec.join(b"l", self.items)))
        )


def _over_time(number: int, frame: Any) -> None:
    raise OverTime
