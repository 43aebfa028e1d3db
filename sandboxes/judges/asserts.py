"""Assert-style tests: run by the judge, with proxies for the candidate's functions where that can be done.

The calls that the tests make are noted once, on the reference. A candidate's process then answers them, each handed
over when the one before is answered, and where its answers are the reference's to the byte, the tests that passed with
those have passed with these. Else the judge's worker runs the tests on the answers. Where these ask what was not
noted, or there is no reference, judge and candidate talk: the judge asks, the host carries, the candidate answers, and
an answer that it gave before it must give again.

In the candidate's own interpreter instead (`trust=in-process`): where that was asked for, where a benchmark cannot
part its tests from the program, and where the reference itself does not pass apart from them. Neither depends on the
candidate.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ...types import Asserts, Limits, Outcome, Program, Status, Trust
from ..expected import Expected
from ..inside import codec, frames, proxies, records
from ..link import LinkLost, Reply, Role, is_value
from ..outcomes import JudgeLost, ReferenceFailed, outcome_of, unjudgeable
from ..workers import Job
from .kind import Screening, longer, make_misbehaving

if TYPE_CHECKING:
    from ..slot import Slot

MAX_ANSWERS_BYTES = 64 << 20
MAX_CALLS = 1_000_000
"""That tests may make."""
RECORD_LIMITS = Limits(cpu_time_s=240.0, wall_time_s=900.0, memory_bytes=4 << 30, output_bytes=64 << 20, processes=64)
"""Of the tests with the reference."""
SPARE_S = 10.0
"""CPU seconds that tests may take beyond four times what they took with the reference."""
UNKNOWN_S = 60.0
"""CPU seconds that tests may take where there is no reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """Calls that the tests make of the reference, and its answers."""

    name: str
    """Of everything it depends on."""
    reason: str
    """Why the tests cannot be run apart; "" where they can."""
    calls: tuple[bytes, ...]
    digest: str
    """Of the reference's answers, where candidates run."""
    seconds: float
    """CPU seconds that the tests took."""


class AssertsKind:
    """See the module and `kind.Kind`."""

    def outcome(self, slot: Slot, program: Program, judge: Asserts) -> Outcome:
        """Implement `Kind.outcome`."""
        if not judge.split or slot.trust is Trust.IN_PROCESS:
            return _in_process(slot, program, judge)
        if not judge.reference:
            return _dialogue(slot, program, judge, UNKNOWN_S, _Before(0, ""))
        facts = [program.group, *(getattr(judge, name) for name in FACTS)]
        transcript = slot.expected.of(facts, partial(_record, slot, program, judge), _read_transcript)
        if transcript.reason:
            return _in_process(slot, program, judge)
        return _apart(slot, program, judge, transcript)

    def name(self, judge: Asserts) -> str:
        """Implement `Kind.name`."""
        return hashlib.sha256(json.dumps(asdict(judge), sort_keys=True).encode()).hexdigest()

    def exposes(self, judge: Asserts) -> tuple[str, ...]:
        """Implement `Kind.exposes`."""
        return judge.exposes

    def has_base(self, judge: Asserts) -> bool:  # noqa: ARG002
        """Implement `Kind.has_base`."""
        return False

    def slower(self, program: Program, judge: Asserts, factor: float) -> tuple[Program, Asserts]:
        """Implement `Kind.slower`."""
        return replace(program, limits=longer(program.limits, factor)), judge

    def shorten(self, judge: Asserts, inputs: int) -> Asserts:  # noqa: ARG002
        """Implement `Kind.shorten`: tests are a program, which cannot be cut."""
        return judge

    def questions(self, judge: Asserts) -> Sequence[Asserts]:
        """Implement `Kind.questions`: a judge per assert of the tests' top level, or of one function in it."""
        return [replace(judge, tests=tests) for tests in split_asserts(judge.tests)] or [judge]

    def canaries(self, judge: Asserts, entry_point: str) -> Mapping[Status, str]:
        """Implement `Kind.canaries`: some tests also want a class of the candidate's, which these do not define."""
        if not entry_point or judge.exposes not in ((), (entry_point,)):
            return {}
        wrong = f"{entry_point} = lambda *_, **__: 'canary'\n"
        return {Status.WRONG_ANSWER: wrong, **make_misbehaving(entry_point if judge.exposes else "")}

    def seconds(self, judge: Asserts, expected: Expected) -> float:  # noqa: ARG002
        """Implement `Kind.seconds`."""
        return 0.0

    def build_screening(self, judge: Asserts, entry_point: str) -> Screening | None:  # noqa: ARG002
        """Implement `Kind.build_screening`."""
        return Screening(name=judge.exposes[0], tests=judge.tests) if len(judge.exposes) == 1 else None


def split_asserts(tests: str) -> list[str]:
    """Return programs that each keep one assert of `tests`, and all statements that are none; [] if there are no two.

    The asserts are those of the module's own level, or else of the first function that has several: a `check`.
    """
    try:
        lines, tree = tests.splitlines(keepends=True), ast.parse(tests)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.FunctionDef))]
    body = next((body for body in bodies if sum(map(_is_assert, body)) > 1), [])
    spans = [range(node.lineno - 1, node.end_lineno or node.lineno) for node in body]
    if sum(map(len, spans)) != len({at for span in spans for at in span}):
        return []  # statements share a line
    asserts = [span for node, span in zip(body, spans, strict=True) if _is_assert(node)]
    others = {at for span in asserts for at in span}
    return ["".join(line for at, line in enumerate(lines) if at in own or at not in others) for own in asserts]


def _is_assert(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assert)


CHANGED = (Status.WRONG_ANSWER.value, "its answers change from run to run")
FACTS = ("preamble", "tests", "exposes", "slot", "reference", "reference_answer")
"""What of a judge its transcript depends on."""


def _in_process(slot: Slot, program: Program, judge: Asserts) -> Outcome:
    """Run tests and program in one interpreter; what comes out can be forged."""
    source = (program.in_process or program.source) + judge.tests
    role = Role.REFERENCE if program.trusted else Role.IN_PROCESS
    job = Job(operation="program", limits=program.limits, blobs=(_chunk(source),))
    return outcome_of(slot.run(role, program, job), Trust.IN_PROCESS)


def _apart(slot: Slot, program: Program, judge: Asserts, transcript: Transcript) -> Outcome:
    """Let the candidate answer what was noted, and decide by the digest of its answers, or by the tests."""
    answer = slot.run(slot.role_of(program), program, _answers(program, program.limits, transcript.calls))
    if answer["status"] == "reported" and answer["done"] and answer["digest"] == transcript.digest:
        return outcome_of(answer, Trust.SPLIT, Status.PASSED, "")
    if answer["status"] == Status.MEMORY:  # killed by the kernel: nothing that was told after that counts
        return outcome_of(answer, Trust.SPLIT)
    judged = _tests(slot, program, judge, transcript, answer)
    if not judged["more"]:
        return unjudgeable(judged["detail"])
    if judged["status"] == "unsure":
        return _dialogue(slot, program, judge, transcript.seconds, _Before(*judged["more"]["given"]))
    return _decide(answer, judged)


def _decide(answer: Reply, judged: Reply) -> Outcome:
    """Return the tests' word; where they passed, the candidate's process must have come to its end too."""
    if judged["status"] == Status.PASSED:
        done = answer["status"] in ("reported", "ended")  # by itself, or since nothing more was asked
        return outcome_of(answer, Trust.SPLIT, *((Status.PASSED, "") if done else ()))
    opaque = judged["more"]["opaque"]
    return outcome_of(answer, Trust.SPLIT, judged["status"], judged["detail"], name=opaque[0] if opaque else "")


def _answers(program: Program, limits: Limits, calls: Sequence[bytes]) -> Job:
    fields = {"values": len(calls), "steps": True}
    blobs = (_chunk(program.source), *map(frames.prefix_length, calls))
    return Job(operation="answers", fields=fields, limits=limits, max_report=MAX_ANSWERS_BYTES, blobs=blobs)


def _tests(slot: Slot, program: Program, judge: Asserts, transcript: Transcript, answer: Reply) -> Reply:
    """Run the tests on what a candidate's process answered."""
    slot.worker(Role.JUDGE, program).store(
        transcript.name, "calls", lambda: ("raw", list(map(frames.prefix_length, transcript.calls)))
    )
    fields = {
        **_collect_facts(judge),
        "key": transcript.name,
        "asked": "calls",
        "end": _describe_ending(answer),
        "may_be_unsure": True,
    }
    job = Job(operation="tests", fields=fields, limits=_limits(transcript.seconds), blobs=_texts(judge, program.answer))
    return slot.run_judge(program, job, carry=answer)


class _Before:
    """Answers that a candidate gave before and must give again: how many, and the digest of their digests."""

    def __init__(self, count: int, digest: str) -> None:
        self._left, self._digest, self._chain = count, digest, hashlib.sha256()

    def contradicts(self, data: bytes) -> bool:
        """Take the next answer; tell whether it completes others than those."""
        if not self._left:
            return False
        self._chain.update(hashlib.sha256(data).digest())
        self._left -= 1
        return not self._left and self._chain.hexdigest() != self._digest

    @property
    def complete(self) -> bool:
        """Tell whether all of them were given again."""
        return not self._left


def _dialogue(slot: Slot, program: Program, judge: Asserts, seconds: float, before: _Before) -> Outcome:
    """Let tests and candidate talk; it must answer as `before`."""
    talk = {"dialogue": True, "values": MAX_CALLS}
    answers = replace(_answers(program, program.limits, ()), fields=talk)
    tests = Job(
        operation="dialogue",
        fields={**_collect_facts(judge), **talk},
        limits=_limits(seconds, program.limits.wall_time_s),
        max_report=MAX_ANSWERS_BYTES,
        blobs=_texts(judge, program.answer),
    )
    asking, answering = slot.begin(Role.JUDGE, program, tests), slot.begin(slot.role_of(program), program, answers)
    ended: Reply | None = None
    last_word = b""
    try:
        while is_value(question := asking.next()):
            if ended is not None:
                asking.hand(last_word)
                continue
            answering.hand(question.read())
            answer = answering.next()
            if not is_value(answer):
                ended = slot.end(program, answering, answer)
                last_word = _last_word(ended)
                asking.hand(last_word)
                continue
            data = answer.read()
            changed = before.contradicts(data)
            asking.hand(proxies.ENDED + codec.encode(CHANGED) if changed else proxies.ANSWER + data)
        judged = slot.end(program, asking, question)
    except LinkLost as error:
        raise JudgeLost(str(error)) from error
    if ended is None:
        ended = _dismiss(slot, program, answering)
    if not judged["more"]:
        return unjudgeable(judged["detail"])
    if judged["status"] == Status.PASSED and not before.complete:  # the tests asked less than before
        return outcome_of(ended, Trust.SPLIT, *CHANGED)
    return _decide(ended, judged)


def _last_word(ended: Reply) -> bytes:
    """Return what the tests are told of a program that answers no more: its own word, or its worker's."""
    said = ended.read()
    return (
        proxies.SAID + said if ended["status"] == "reported" else proxies.ENDED + codec.encode(_describe_ending(ended))
    )


def _dismiss(slot: Slot, program: Program, worker: Any) -> Reply:
    """Say that no question will follow; what the candidate's process was until then."""
    worker.hand(b"")
    while is_value(reply := worker.next()):
        reply.drop()
    return slot.end(program, worker, reply)


def _record(slot: Slot, program: Program, judge: Asserts) -> bytes:
    """Return a transcript's bytes: what the tests ask of the reference, and its answers as a candidate."""
    job = Job(
        operation="record",
        fields={**_collect_facts(judge), "values": MAX_CALLS},
        limits=RECORD_LIMITS,
        max_report=codec.MAX_BYTES,
        blobs=(*_texts(judge, judge.reference_answer), _chunk(judge.reference)),
    )
    recorded = slot.run_judge(program, job)
    if recorded["status"] != "reported":
        raise ReferenceFailed(f"a reference ended with {recorded['status']}: {recorded['detail']}")
    noted = records.parse(recorded.read())
    assert noted.end is not None
    status, detail = noted.end
    if status != Status.PASSED:
        return _pack(f"{detail} cannot be carried" if status == "uncarried" else f"the reference fails: {detail}")
    reference = replace(program, source=judge.reference, answer=judge.reference_answer, trusted=True)
    limits = replace(RECORD_LIMITS, memory_bytes=max(program.limits.memory_bytes, RECORD_LIMITS.memory_bytes))
    answer = slot.run(Role.REFERENCE, reference, _answers(reference, limits, noted.values))
    if answer["status"] == Status.TIMEOUT:
        raise ReferenceFailed(f"a reference was stopped: {answer['detail']}")
    name = hashlib.sha256(b"".join(map(frames.prefix_length, noted.values))).hexdigest()
    own = Transcript(
        name=name, reason="", calls=tuple(noted.values), digest=answer["digest"], seconds=recorded["cpu_time_s"]
    )
    judged = _tests(slot, reference, judge, own, answer)
    if judged["status"] != Status.PASSED or not answer["done"]:
        return _pack(f"the reference does not pass apart from its tests: {judged['status']} {judged['detail']}")
    return _pack("", own.calls, own.digest, own.seconds)


def _collect_facts(judge: Asserts) -> dict[str, Any]:
    """Return what the tests find beside their own text."""
    return {"exposes": judge.exposes, "slot": judge.slot}


def _texts(judge: Asserts, answer: str) -> tuple[bytes, ...]:
    return _chunk(judge.preamble), _chunk(judge.tests), _chunk(answer)


def _limits(seconds: float, waiting_s: float = 0.0) -> Limits:
    """Return the limits of tests that took so long with the reference, and wait so long for a candidate."""
    cpu_time_s = SPARE_S + 4 * seconds
    return replace(RECORD_LIMITS, cpu_time_s=cpu_time_s, wall_time_s=3 * cpu_time_s + 5 * waiting_s)


def _describe_ending(answer: Reply) -> tuple[str, str]:
    """Return how a candidate's process ended, for tests that get no answer."""
    if answer["status"] == "reported":
        return Status.RUNTIME_ERROR.value, "ended before its tests did"
    return str(answer["status"]), answer["detail"]


def _chunk(text: str) -> bytes:
    return frames.prefix_length(text.encode("utf-8", "surrogatepass"))


def _pack(reason: str, calls: Sequence[bytes] = (), digest: str = "", seconds: float = 0.0) -> bytes:
    facts = codec.encode((reason, digest, seconds))
    return frames.prefix_length(facts) + b"".join(map(frames.prefix_length, calls))


def _read_transcript(name: str, blob: bytes) -> Transcript:
    facts, *calls = frames.chunks(blob)
    reason, digest, seconds = codec.decode(facts)
    return Transcript(name=name, reason=reason, calls=tuple(calls), digest=digest, seconds=seconds)
