"""Calls of one function on many inputs, in the child: what EvalPlus's benchmarks ask of a candidate.

Semantics of evalplus 0.3.1 `unsafe_execute` (Apache-2.0): the base and the plus inputs run separately, each after a
fresh `exec` of the program in bare globals; arguments are passed as they are; the first call that fails ends its part.
What a call returned leaves this process as bytes: the expected values live elsewhere. Each call has a limit of CPU
time, which the worker watches from outside (see `running`): nothing in this process keeps time.
"""

import json
import time
from typing import Any, Callable, Dict, FrozenSet, Iterable, List, Tuple

from . import codec, digests, records
from .programs import describe

DONE, RAISED, BROKEN, WRONG = records.DONE, "raised", "broken", "wrong"
TOO_LARGE, NO_MEMORY = "too_large", "no_memory"
Sink = Callable[[int, Any], None]


class Wrong(Exception):
    """Says of a value that it is not the right one."""


def inputs_of(data: bytes) -> List[List[Any]]:
    """Return the inputs of a part: JSON, as which no value of `codec` begins, where nothing is lost by it."""
    found: List[List[Any]] = json.loads(data) if data[:1] == b"[" else codec.decode(data)
    return found


def run(
    program: str, entry_point: str, inputs: Iterable[List[Any]], sink: Sink, ready: Callable[[], None], *, timed: bool
) -> Tuple[str, str, List[Tuple[float, float]]]:
    """Call a program's function on each of `inputs`; each returned value goes to `sink(index, value)`.

    `ready` is called once the program has run. Returns how it ended, a word on it, and if `timed` the CPU seconds of
    each call: its own, and those of carrying its arguments and its value.
    """
    clock = time.process_time if timed else _no_time  # a system call costs more than many a program's call
    times: List[Tuple[float, float]] = []
    scope: Dict[str, Any] = {}
    try:
        exec(compile(program, "<string>", "exec"), scope)
        function = scope[entry_point]
    except MemoryError as error:
        return NO_MEMORY, describe(error), times
    except BaseException as error:  # noqa: BLE001 - whatever a program raises is its verdict
        return BROKEN, describe(error), times
    ready()
    before = clock()
    for index, arguments in enumerate(inputs):
        start = clock()
        try:
            value = function(*arguments)
            took = clock() - start
            sink(index, value)
            now = clock()
            times.append((took, now - before - took))
            before = now
        except codec.TooLarge as error:
            return TOO_LARGE, "call %d: %s" % (index, error), times
        except MemoryError as error:
            return NO_MEMORY, "call %d: %s" % (index, describe(error)), times
        except Wrong as error:
            return WRONG, str(error), times
        except BaseException as error:  # noqa: BLE001 - likewise
            return RAISED, "call %d raised %s" % (index, describe(error)), times
    return DONE, "", times


def _no_time() -> float:
    return 0.0


def before(longer: Iterable[str]) -> FrozenSet[int]:
    """Return the calls before those that may take longer than others (the names of `timing.longer`).

    What they returned is reported at once, so that the worker's clock for the longer one starts with it.
    """
    return frozenset(int(index) - 1 for index in longer)


class Collector:
    """A sink that reports the bytes of each value, and of a large one the digest.

    `reveal` names the calls whose values are wanted in full as well; `longer` is as in `before`.
    """

    def __init__(self, out: records.Writer, reveal: Iterable[int], longer: Iterable[str]) -> None:
        self._out = out
        self._reveal = frozenset(reveal)
        self._flush_after = before(longer)
        self._revealed: List[bytes] = []
        self._left = codec.MAX_BYTES // 2

    def __call__(self, index: int, value: Any) -> None:
        if index in self._reveal:
            self._keep(index, value)
        self._out.value(digests.encode_or_digest(value))
        if index in self._flush_after:
            self._out.flush()

    def finish(self, end: str, detail: str, times: List[Tuple[float, float]], timed: bool) -> None:
        """Report how the calls ended."""
        for data in self._revealed:
            self._out.put(records.REVEALED, data)
        if timed:
            self._out.put(records.TIMES, codec.encode(times))
        self._out.put(records.END, codec.encode((end, detail)))

    def _keep(self, index: int, value: Any) -> None:
        try:
            data = codec.encode(value, self._left)
        except codec.TooLarge:
            return  # its digest must do
        self._left -= len(data)
        self._revealed.append(records.pack_revealed(index, data))
