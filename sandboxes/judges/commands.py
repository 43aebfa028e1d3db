"""Programs of other languages: files that commands build and run, judged by exit code, output and mark.

A program and its tests are one text, as their authors run them, so that every verdict is in-process. What can be had
on top is: a program that ends before its tests do has not written its mark.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from ...errors import UsageError
from ...types import Commands, Limits, Outcome, Program, Status, Trust
from ..compiling import compile_program
from ..expected import Expected
from ..inside import frames
from ..languages import BUILD_TIME_S, LANGUAGES, Command, Language, Rules
from ..link import Reply, Role
from ..outcomes import outcome_of
from ..workers import Job
from .kind import Screening, longer

if TYPE_CHECKING:
    from ..slot import Slot

BUILD_LIMITS = Limits(
    cpu_time_s=BUILD_TIME_S, wall_time_s=5 * BUILD_TIME_S, memory_bytes=2 << 30, output_bytes=256 << 20
)
OUT_OF_MEMORY = re.compile(
    r"std::bad_alloc|out of memory|OutOfMemoryError|OutOfMemoryException|heap limit|memory exhausted"
    r"|Allowed memory size|cannot allocate|failed to allocate memory|not enough memory|memory allocation of \d+ bytes"
    r"|Not enough space|v8::internal::(Heap|V8)::|index a string value \(local 'err'\)",
    re.IGNORECASE,
)
FAILED_ASSERTION = re.compile(
    r"Assert|assert|Test failed|Failure:|stopifnot|is not TRUE|expected:|DefaultTraceListener\.Fail|--- FAIL|FAILURE"
    r"|\[unittest\] unittest failure"
)
SYNTAX = re.compile(
    r"SyntaxError|syntax error|Parse error|\[build failed\]|\[setup failed\]|unexpected (symbol|input|end)"
    r"|read-syntax|lua5\.3: main\.lua:\d+: .* expected"
)
TIMED_OUT = re.compile(r"^panic: test timed out after", re.MULTILINE)
"""What `go test -timeout` says."""
PANIC = re.compile(r"^panic: |^Tests with errors:", re.MULTILINE)
"""What Go and Lua say of a crash, beside words that a failed assertion has too."""
MAX_DETAIL = 2000
UNHANDLED = "Unhandled Exception"
"""What C#'s machine says of a program that it ends, which therefore never comes to its mark."""
EARLY = "ended before its tests did"


class CommandsKind:
    """See the module and `kind.Kind`."""

    def outcome(self, slot: Slot, program: Program, judge: Commands) -> Outcome:
        """Implement `Kind.outcome`; the last way to build it decides."""
        _, rules = rules_of(judge)
        outcomes: list[Outcome] = []
        for build in rules.builds:
            outcomes.append(_run(slot, program, judge, build))
            if outcomes[-1].status in (Status.PASSED, Status.TIMEOUT, Status.MEMORY, Status.INFRASTRUCTURE):
                break
        return _sum(outcomes[-1], *outcomes[:-1])

    def name(self, judge: Commands) -> str:
        """Implement `Kind.name`; the table of languages is code, which a verdict's name covers."""
        return hashlib.sha256(repr(sorted(asdict(judge).items())).encode()).hexdigest()

    def exposes(self, judge: Commands) -> tuple[str, ...]:  # noqa: ARG002
        """Implement `Kind.exposes`: a program is run whole."""
        return ()

    def has_base(self, judge: Commands) -> bool:  # noqa: ARG002
        """Implement `Kind.has_base`."""
        return False

    def slower(self, program: Program, judge: Commands, factor: float) -> tuple[Program, Commands]:
        """Implement `Kind.slower`."""
        return replace(program, limits=longer(program.limits, factor)), judge

    def shorten(self, judge: Commands, inputs: int) -> Commands:  # noqa: ARG002
        """Implement `Kind.shorten`: tests are a program, which cannot be cut."""
        return judge

    def questions(self, judge: Commands) -> tuple[Commands, ...]:
        """Implement `Kind.questions`: tests are a program, which cannot be cut."""
        return (judge,)

    def canaries(self, judge: Commands, entry_point: str) -> Mapping[Status, str]:  # noqa: ARG002
        """Implement `Kind.canaries`: what misbehaves is a language's, which a benchmark knows."""
        return {}

    def seconds(self, judge: Commands, expected: Expected) -> float:  # noqa: ARG002
        """Implement `Kind.seconds`."""
        return 0.0

    def build_screening(self, judge: Commands, entry_point: str) -> Screening | None:  # noqa: ARG002
        """Implement `Kind.build_screening`: nothing is called by name."""
        return None


def rules_of(judge: Commands) -> tuple[Language, Rules]:
    """Return how programs of a judge's language are run, and what decides about them.

    Raises:
        UsageError: there is no such language, or the rule set does not have it.
    """
    language = LANGUAGES.get(judge.language)
    if language is None:
        raise UsageError(f'language "{judge.language}" is not known; choose one of {", ".join(LANGUAGES)}')
    rules = language.rules.get(judge.rules)
    if rules is None:
        raise UsageError(
            f'rule set "{judge.rules}" does not have {language.title}; choose one of {", ".join(language.rules)}'
        )
    return language, rules


def _run(slot: Slot, program: Program, judge: Commands, build: Command) -> Outcome:
    """Build a program in one way and run it."""
    language, rules = rules_of(judge)
    text = program.source if program.has_tests else f"{program.source}\n{judge.tests}"
    source = (rules.mark or language.mark)(text).encode("utf-8", "surrogatepass")
    run = _step(rules.run, program.limits, language)
    compiled = compile_program(slot, program, language, build, text=source, limits=BUILD_LIMITS)
    if compiled is not None:
        if not compiled.passed:
            return _make_refusal(compiled.reply)
        outcome = _execute(slot, program, rules, files=compiled.files, steps=[run])
        return _sum(outcome, outcome_of(compiled.reply, Trust.IN_PROCESS, outcome.status))
    files = {language.file: source}
    if language.extra_file is not None:
        name, content = language.extra_file(text)
        files[name] = content.encode()
    first = [_step(build, BUILD_LIMITS, language, text)] if build else []
    return _execute(slot, program, rules, files=files, steps=[*first, run])


def _make_refusal(reply: Reply) -> Outcome:
    """Return the outcome of a program that does not compile, or took the compiler too much."""
    if reply["status"] != "ended":
        return outcome_of(reply, Trust.IN_PROCESS)
    return outcome_of(reply, Trust.IN_PROCESS, _classify_build(reply["detail"]))


def _execute(
    slot: Slot, program: Program, rules: Rules, *, files: Mapping[str, bytes], steps: list[dict[str, Any]]
) -> Outcome:
    """Write the files of a program, run its commands, and decide."""
    job = Job(
        operation="execute",
        fields={"steps": steps, "files": list(files)},
        limits=replace(program.limits, wall_time_s=sum(step["limits"]["wall_time_s"] for step in steps)),
        blobs=tuple(map(frames.prefix_length, files.values())),
    )
    reply = slot.run(Role.REFERENCE if program.trusted else Role.IN_PROCESS, program, job)
    output, errors = (data.decode("utf-8", "replace") for data in frames.chunks(reply.read()))
    built = reply["more"]["command"] == len(steps) - 1
    if reply["status"] != "ended":
        detail = reply["detail"] if built else f"{steps[0]['command'][0]}: {reply['detail']}"
        return outcome_of(reply, Trust.IN_PROCESS, None, detail)
    if not built:
        return outcome_of(reply, Trust.IN_PROCESS, _classify_build(errors), (output + errors)[:MAX_DETAIL])
    return outcome_of(reply, Trust.IN_PROCESS, *_decide(rules, reply, output, errors))


def _step(command: Command, limits: Limits, language: Language, text: str = "") -> dict[str, Any]:
    """Return one command of a request; `text` is the program that it builds."""
    included, path = language.header or ("", "")
    return {
        "command": command,
        # compilers may be such machines too
        "limits": {**asdict(limits), "managed": language.managed or limits is BUILD_LIMITS},
        "variables": dict(language.variables),
        "if_present": (path if path and included in text else "", ("-include", path)),
    }


def _sum(last: Outcome, *others: Outcome) -> Outcome:
    """Return an outcome with what others before it took."""
    outcomes = (last, *others)
    return replace(
        last,
        cpu_time_s=round(sum(one.cpu_time_s for one in outcomes), 6),
        wall_time_s=round(sum(one.wall_time_s for one in outcomes), 6),
        peak_memory_bytes=max(one.peak_memory_bytes for one in outcomes),
    )


def _classify_build(said: str) -> Status:
    return Status.MEMORY if OUT_OF_MEMORY.search(said) else Status.SYNTAX_ERROR


def _decide(rules: Rules, reply: Reply, output: str, errors: str) -> tuple[Status, str]:
    """Return (status, detail) of a program that was run."""
    code, marked = reply["more"]["exit"], reply["more"]["marked"]
    printed = {"stderr": errors, "output": output + errors, "": ""}[rules.silent]
    refused = re.search(rules.refused, output + errors) if rules.refused else None
    if (code and rules.exit_code) or printed.strip() or refused:
        return _classify(code, output, errors), _describe(code, output, errors)
    if code and OUT_OF_MEMORY.search(errors):  # where the exit code does not count
        return Status.MEMORY, _describe(code, output, errors)
    if not marked and (rules.exit_code or UNHANDLED not in errors):
        return Status.RUNTIME_ERROR, EARLY
    return Status.PASSED, ""


def _classify(code: int, output: str, errors: str) -> Status:
    """Return the status of a program that failed, from what it printed; nothing depends on it but reports."""
    for pattern, status in (
        (SYNTAX, Status.SYNTAX_ERROR),
        (TIMED_OUT, Status.TIMEOUT),
        (OUT_OF_MEMORY, Status.MEMORY),
        (PANIC, Status.RUNTIME_ERROR),
        (FAILED_ASSERTION, Status.WRONG_ANSWER),
    ):
        if pattern.search(output + errors):
            return status
    # tests of Bash and Perl end with 1 and say nothing
    return Status.WRONG_ANSWER if code == 1 and not errors.strip() else Status.RUNTIME_ERROR


def _describe(code: int, output: str, errors: str) -> str:
    """Return what a failed program printed last, and how it ended."""
    said = (errors.strip() or output.strip())[-MAX_DETAIL + 40 :]
    return f"exit code {code}{': ' if said else ''}{said}"
