"""Tests apart from the candidate: in their place its functions are proxies, whose answers were given elsewhere.

`record` runs the tests on the reference and notes every call they make. `answer_all` answers calls in the candidate's
process, which sees arguments and no expectation, one call at a time. `judge` runs the tests again with proxies that
replay the answers. Tests are a function of the answers they get, so answers equal to the byte to those that passed
have passed. Where a test asks something that was not noted, because it follows from an earlier answer, or where there
is no reference, `converse` lets the tests ask as they go.

Arguments that a call changed are changed in the tests too (lists, dicts, sets, deques, bytearrays).
"""

import builtins
import collections
import hashlib
from typing import Any, Callable, Dict, Iterable, List, NoReturn, Optional, Sequence, Tuple

from . import calls, codec, oracle, programs, records

RETURNED = "returned"
ANSWER, ENDED, SAID = b"A", b"E", b"S"
"""What a chunk that is handed to `converse` begins with."""
Ending = Tuple[str, str]
"""(status, detail) of a candidate's process that ended before all its answers."""


class Asked(BaseException):
    """The tests ask what was not noted. Not an Exception: no test may swallow it."""


class Ended(BaseException):
    """The candidate's process gave no answer to this call: its end is the verdict."""

    def __init__(self, status: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class CandidateError(Exception):
    """An exception of the candidate's whose type cannot be carried."""


class Tests:
    """Tests that find proxies under the names in `exposes`, and `answer` under the name `slot`."""

    def __init__(self, request: Dict[str, Any], preamble: str, tests: str, answer: str) -> None:
        self.preamble, self.tests, self.answer = preamble, tests, answer
        self.exposes, self.slot = request["exposes"], request["slot"]

    def run(self, proxy: Callable[[str], Callable[..., Any]]) -> Ending:
        """Return (status, detail) of the tests."""
        scope: Dict[str, Any] = {}
        status, detail = programs.execute(self.preamble, scope)
        if status != "passed":
            return status, detail
        if self.slot:
            scope[self.slot] = self.answer
        for name in self.exposes:
            scope[name] = proxy(name)
        return programs.execute(self.tests, scope)


def call_data(name: str, arguments: Tuple[Any, ...], options: Dict[str, Any], opaque: Optional[List[str]]) -> bytes:
    """Return the carried form of one call; sets keep the order in which the tests would iterate them."""
    return codec.encode((name, arguments, options), opaque=opaque, arguments=True)


def answer_all(program: str, asked: Iterable[bytes], tell: Callable[[bytes], None]) -> Ending:
    """Give `tell` the carried answer of the program's functions to each call; return how the program ended.

    An answer is (how it ended, a word on it, the value, None or the call with the arguments as they are now).
    """
    scope: Dict[str, Any] = {}
    try:
        exec(compile(program + "\n\n", "<string>", "exec"), scope)
    except MemoryError as error:
        return calls.NO_MEMORY, programs.describe(error)
    except BaseException as error:  # noqa: BLE001 - whatever a program raises is its verdict
        return calls.BROKEN, programs.describe(error)
    for data in asked:
        tell(_answer(scope, codec.decode(data), data))
    return calls.DONE, ""


def _answer(scope: Dict[str, Any], call: Tuple[str, Tuple[Any, ...], Dict[str, Any]], data: bytes) -> bytes:
    name, arguments, options = call
    try:
        value = codec.encode(scope[name](*arguments, **options))
        after = codec.encode(call, arguments=True)
    except codec.TooLarge as error:
        return _without_value(calls.TOO_LARGE, str(error))
    except MemoryError as error:
        return _without_value(calls.NO_MEMORY, programs.describe(error))
    except BaseException as error:  # noqa: BLE001 - likewise
        return _without_value(calls.RAISED, programs.describe(error))
    return _join_answer(RETURNED, "", value, codec.encode(None) if after == data else after)


def _without_value(how: str, detail: str) -> bytes:
    return _join_answer(how, detail, codec.encode(None), codec.encode(None))


def _join_answer(how: str, detail: str, value: bytes, after: bytes) -> bytes:
    return codec.join(b"t", [codec.encode(how), codec.encode(detail), value, after])


def record(reference: str, tests: Tests, note: Callable[[bytes], None]) -> Ending:
    """Give `note` each call that the tests make of the reference.

    Returns (status, detail); the status is "uncarried" where something could not be carried, which `detail` names.
    """
    opaque: List[str] = []
    own: Dict[str, Any] = {}

    def proxy(name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            note(call_data(name, arguments, options, opaque))
            return codec.decode(codec.encode(own[name](*arguments, **options), opaque=opaque))

        return call

    status, detail = programs.execute(reference, own)
    if status == "passed":
        status, detail = tests.run(proxy)
    if status == "passed" and opaque:
        return "uncarried", opaque[0]
    return status, detail


def judge(tests: Tests, asked: Sequence[bytes], report: records.Report, end: Ending) -> Tuple[str, str, Dict[str, Any]]:
    """Return (status, detail, {"opaque": what of the answers could not be carried, "given": answers that were used}).

    Those are how many there were, and the digest of their digests.

    The status is "unsure" where a call is needed that was not made. `end` is how the process ended, if `report` does
    not say.
    """
    if report.end is not None:
        how, detail = report.end
        end = oracle.status_of_end(how, detail), detail
        if how == calls.DONE and len(report.values) < len(asked):
            return "tampered", "%d answers to %d calls" % (len(report.values), len(asked)), {"opaque": []}
    replay = _Replay(asked, report.values, (end[0], end[1]))
    status, detail = tests.run(replay.proxy)
    more = {"opaque": replay.opaque[:1]}
    if replay.asks:
        chain = hashlib.sha256()
        for value in report.values[: replay.at]:
            chain.update(hashlib.sha256(value).digest())
        return "unsure", "", {**more, "given": (replay.at, chain.hexdigest())}
    return (*replay.settle(status, detail), more)


def converse(tests: Tests, ask: Callable[[bytes], bytes]) -> Tuple[str, str, Dict[str, Any]]:
    """Run tests whose calls `ask` carries to the candidate; return as `judge`."""
    talk = _Talk(ask)
    status, detail = tests.run(talk.proxy)
    return (*talk.settle(status, detail), {"opaque": talk.opaque[:1]})


class _Answers:
    """Proxies, and what the tests met that is no answer."""

    def __init__(self) -> None:
        self.opaque: List[str] = []
        self.ended: Optional[Ending] = None
        self.last = ""

    def proxy(self, name: str) -> Callable[..., Any]:
        """Return what stands for the candidate's function `name`."""

        def call(*arguments: Any, **options: Any) -> Any:
            answer = self.answer(call_data(name, arguments, options, None))
            return self._give_answer(name, (arguments, options), answer)

        return call

    def answer(self, question: bytes) -> bytes:
        """Return the carried answer to a carried call."""
        raise NotImplementedError

    def settle(self, status: str, detail: str) -> Ending:
        """Return (status, detail) of tests that ended so."""
        if self.ended is not None:
            return self.ended
        if status != "passed" and self.last:
            return status, detail + "\n  " + self.last
        return status, detail

    def end(self, status: str, detail: str) -> NoReturn:
        """Break the tests off: there is no answer.

        Raises:
            Ended: always.
        """
        self.ended = status, detail
        raise Ended(status, detail)

    def _give_answer(self, name: str, call: Tuple[Any, Any], data: bytes) -> Any:
        how, detail, value, after = self._open_answer(data)
        if how != RETURNED:
            self.last = "%s(...) raised %s" % (name, detail)
            raise self._failure(how, detail)
        _change(call, after)
        self.last = "%s(...) returned %s" % (name, oracle.show(value))
        return value

    def _open_answer(self, data: bytes) -> Tuple[str, str, Any, Any]:
        try:
            answer = codec.decode(data, self.opaque)
        except codec.Damaged as error:
            return self.end("tampered", str(error))
        if type(answer) is not tuple or len(answer) != 4 or [type(part) for part in answer[:2]] != [str, str]:
            return self.end("tampered", "not an answer")
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


class _Replay(_Answers):
    """Answers in the order they were given, each to the call it was given to."""

    def __init__(self, asked: Sequence[bytes], given: Sequence[bytes], end: Ending) -> None:
        super().__init__()
        self._asked, self._given_before, self._end = asked, given, end
        self.at = 0
        self.asks = False

    def answer(self, question: bytes) -> bytes:
        if self.at >= len(self._asked) or self._asked[self.at] != question:
            self.asks = True
            raise Asked
        if self.at >= len(self._given_before):
            self.end(*self._end)
        self.at += 1
        return self._given_before[self.at - 1]


class _Talk(_Answers):
    """Answers that come as the tests ask."""

    def __init__(self, ask: Callable[[bytes], bytes]) -> None:
        super().__init__()
        self._ask = ask

    def answer(self, question: bytes) -> bytes:
        data = self._ask(question)
        if data[:1] == ENDED:
            self.end(*codec.decode(data[1:]))
        if data[:1] == SAID:
            self.end(*self._read_end(data[1:]))
        return data[1:]

    @staticmethod
    def _read_end(data: bytes) -> Ending:
        """Return (status, detail) of a program that says itself how it ended."""
        try:
            how, detail = records.parse_end(codec.decode(data))
        except codec.Damaged as error:
            return "tampered", str(error)
        status = oracle.status_of_end(how, detail)
        return ("runtime_error", "ended before its tests did") if status == "passed" else (status, detail)


def _change(call: Tuple[Any, Any], after: Any) -> None:
    """Do to the arguments of the tests what the candidate did to its copies."""
    if type(after) is not tuple or len(after) != 3:
        return
    arguments, options = call
    if type(after[1]) is not tuple or type(after[2]) is not dict:
        return
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
