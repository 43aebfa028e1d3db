"""Tests apart from the candidate: in their place its functions are proxies, which replay answers given elsewhere.

Three steps, each in a child of its own. `record` runs the tests on the reference and notes every call they make.
`answers` makes those calls in the candidate's process, which sees arguments and no expectation. `judge` runs the
tests again with proxies that replay the answers. Tests are a function of the answers they get, so a transcript
equal to the byte to one that passed has passed; where a test asks something that was not noted, because it follows
from an earlier answer, `judge` says what, and the candidate is run anew with that call as well.

Arguments that a call changed are changed in the tests too (lists, dicts, sets, deques, bytearrays).
"""

import builtins
import collections
from typing import Any, Callable, Dict, Iterator, List, NoReturn, Optional, Tuple

from . import calls, codec, frames, oracle, programs

RETURNED = "returned"
Ending = Tuple[str, str]
"""(status, detail) of a candidate's process that ended before all its answers."""


class Asked(BaseException):
    """The tests ask what was not noted; `data` is the carried call. Not an Exception: no test may swallow it."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.data = data


class Ended(BaseException):
    """The candidate's process gave no answer to this call: its end is the verdict."""

    def __init__(self, status: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class CandidateError(Exception):
    """An exception of the candidate's whose type cannot be carried."""


def call_data(name: str, arguments: Tuple[Any, ...], options: Dict[str, Any], opaque: Optional[List[str]]) -> bytes:
    """The carried form of one call."""
    return codec.encode((name, arguments, options), opaque=opaque)


def answers(program: str, asked: List[bytes]) -> Iterator[bytes]:
    """The carried answer of the program's functions to each call; one answer alone where the program does not run.

    An answer is (how it ended, a word on it, the value, None or the call with the arguments as they are now).
    """
    scope: Dict[str, Any] = {}
    try:
        exec(compile(program + "\n\n", "<string>", "exec"), scope)
    except MemoryError as error:
        yield _ended(calls.NO_MEMORY, programs.describe(error))
        return
    except BaseException as error:  # noqa: BLE001 - whatever a program raises is its verdict
        yield _ended(calls.BROKEN, programs.describe(error))
        return
    for data in asked:
        yield _answer(scope, codec.decode(data), data)


def _answer(scope: Dict[str, Any], call: Tuple[str, Tuple[Any, ...], Dict[str, Any]], data: bytes) -> bytes:
    name, arguments, options = call
    try:
        value = codec.encode(scope[name](*arguments, **options))
        after = codec.encode(call)
    except codec.TooLarge as error:
        return _ended(calls.TOO_LARGE, str(error))
    except MemoryError as error:
        return _ended(calls.NO_MEMORY, programs.describe(error))
    except BaseException as error:  # noqa: BLE001 - likewise
        return _ended(calls.RAISED, programs.describe(error))
    return _told(RETURNED, "", value, codec.encode(None) if after == data else after)


def _ended(how: str, detail: str) -> bytes:
    return _told(how, detail, codec.encode(None), codec.encode(None))


def _told(how: str, detail: str, value: bytes, after: bytes) -> bytes:
    return codec.join(b"t", [codec.encode(how), codec.encode(detail), value, after])


def record(request: Dict[str, Any]) -> Iterator[bytes]:
    """The calls that the tests make of the reference, then (status, detail, what could not be carried).

    Chunks: each call, and at last the carried end.
    """
    opaque: List[str] = []
    noted: List[bytes] = []
    own: Dict[str, Any] = {}

    def proxy(name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            noted.append(call_data(name, arguments, options, opaque))
            return codec.decode(codec.encode(own[name](*arguments, **options), opaque=opaque))

        return call

    status, detail = programs.execute(request["reference"], own)
    if status == "passed":
        status, detail = _run_tests(request, proxy)
    yield from map(frames.prefixed, noted)
    yield frames.prefixed(codec.encode((status, detail, opaque)))


def judge(request: Dict[str, Any], asked: List[bytes], blob: bytes) -> Tuple[str, str, Dict[str, Any]]:
    """(status, detail, {"opaque": what of the answers could not be carried}).

    The status is "unsure" where a call is needed that was not made: {"index": its place, "call": its data in hex}.
    """
    try:
        told = frames.chunks(blob, request["complete"])
    except frames.FrameError as error:
        return "tampered", str(error), {"opaque": []}
    if len(told) > max(1, len(asked)):
        return "tampered", "%d answers to %d calls" % (len(told), len(asked)), {"opaque": []}
    replay = Replay(asked, told, tuple(request["end"]))
    status, detail = _run_tests(request, replay.proxy)
    if replay.asks is not None:
        return "unsure", "", {"index": replay.at, "call": replay.asks.hex()}
    if replay.ended is not None:
        status, detail = replay.ended
    elif status != "passed" and replay.last:
        detail += "\n  " + replay.last
    return status, detail, {"opaque": replay.opaque}


def _run_tests(request: Dict[str, Any], proxy: Callable[[str], Callable[..., Any]]) -> Ending:
    scope: Dict[str, Any] = {}
    status, detail = programs.execute(request["preamble"], scope)
    if status != "passed":
        return status, detail
    for name in request["exposes"]:
        scope[name] = proxy(name)
    return programs.execute(request["tests"], scope)


class Replay:
    """Proxies that answer in order what was `told`; what the tests met that is no answer is kept in the fields."""

    def __init__(self, asked: List[bytes], told: List[bytes], end: Ending) -> None:
        self.asked, self.told, self.end = asked, told, end
        self.at = 0
        self.opaque: List[str] = []
        self.asks: Optional[bytes] = None
        self.ended: Optional[Ending] = None
        self.last = ""

    def proxy(self, name: str) -> Callable[..., Any]:
        """Stands for the candidate's function `name`."""

        def call(*arguments: Any, **options: Any) -> Any:
            return self.answer(name, arguments, options)

        return call

    def answer(self, name: str, arguments: Tuple[Any, ...], options: Dict[str, Any]) -> Any:
        """The next answer, if it is to this call.

        Raises:
            Asked, Ended: there is none; `asks` or `ended` says why.
        """
        data = call_data(name, arguments, options, None)
        if self.at == 0 and len(self.told) == 1:
            self._check_start()
        if self.at >= len(self.asked) or self.asked[self.at] != data:
            self.asks = data
            raise Asked(data)
        if self.at >= len(self.told):
            self._end(*self.end)
        how, detail, value, after = self._told(self.at)
        self.at += 1
        if how != RETURNED:
            self.last = "%s(...) raised %s" % (name, detail)
            raise self._failure(how, detail)
        _change((arguments, options), after)
        self.last = "%s(...) returned %s" % (name, oracle.show(value))
        return value

    def _check_start(self) -> None:
        """A program that did not run has one answer to no call."""
        how, detail, _, _ = self._told(0)
        if how in (calls.BROKEN, calls.NO_MEMORY):
            self._end(oracle.status_of_end(how, detail), detail)

    def _end(self, status: str, detail: str) -> NoReturn:
        self.ended = status, detail
        raise Ended(status, detail)

    def _told(self, index: int) -> Tuple[str, str, Any, Any]:
        try:
            answer = codec.decode(self.told[index], self.opaque)
        except codec.Damaged as error:
            return self._end("tampered", str(error))
        if type(answer) is not tuple or len(answer) != 4 or [type(part) for part in answer[:2]] != [str, str]:
            return self._end("tampered", "not an answer")
        return answer

    def _failure(self, how: str, detail: str) -> BaseException:
        if how != calls.RAISED:
            self.ended = oracle.status_of_end(how, detail), detail
            return Ended(*self.ended)
        name, _, text = detail.partition(": ")
        kind = getattr(builtins, name, None)
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            return CandidateError(detail)
        try:
            return kind(text)
        except TypeError:  # one that takes more than a text
            return CandidateError(detail)


def _change(call: Tuple[Any, Any], after: Any) -> None:
    """Do to the arguments of the tests what the candidate did to its copies."""
    if type(after) is not tuple or len(after) != 3:
        return
    arguments, options = call
    for old, new in zip(arguments, after[1]):
        _become(old, new)
    for name, old in options.items():
        _become(old, after[2].get(name))


def _become(old: Any, new: Any) -> None:
    if type(old) is not type(new):
        return
    if isinstance(old, (list, bytearray)):
        old[:] = new
    elif isinstance(old, collections.deque):
        old.clear()
        old.extend(new)
    elif isinstance(old, (dict, set)):
        old.clear()
        old.update(new)
