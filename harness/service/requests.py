"""Requests of `POST /v1/verdicts`, checked by pydantic: problems, and programs for each."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, MinLen
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]\w*$", max_length=200)]


class Checked(BaseModel):
    """A part of a request; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ProgramLimits(Checked):
    """Limits of each program of one's own problem, up to the server's."""

    cpu_time_s: Annotated[float, Gt(0)] = 3.0
    """CPU seconds; of `cases`, for each case."""
    memory_mb: Annotated[int, Ge(16)] = 1024
    """Megabytes (2**20 bytes)."""


class Task(Checked):
    """A benchmark's problem. It is judged as `harness score` judges it, under the benchmark's own limits."""

    kind: Literal["task"]
    benchmark: str
    """Name of the benchmark (`harness list benchmarks`)."""
    task_id: str
    """Its problem, such as HumanEval/0."""


class OwnProblem(Checked):
    """What all problems of one's own have."""

    environment: str = "core"
    """What programs may import: an environment that the server has."""
    limits: ProgramLimits = ProgramLimits()


class OwnTests(OwnProblem):
    """Tests as a program, which raises where the candidate is wrong. They never meet it in one process."""

    kind: Literal["tests"]
    tests: Annotated[str, MinLen(1)]
    """Python source, such as asserts."""
    exposes: Annotated[list[Name], MinLen(1)]
    """Names of the candidate's functions that the tests call."""
    preamble: str = ""
    """Python source that runs before the tests, such as imports and helpers."""
    reference: str = ""
    """A program that passes the tests. It is checked first; without one, nothing tells that the tests are right."""


class OwnCalls(OwnProblem):
    """Calls of one function, whose values must be equal to those that a reference returns."""

    kind: Literal["calls"]
    entry_point: Name
    """Function that is called."""
    inputs: Annotated[list[list[Any]], MinLen(1)]
    """The arguments of each call."""
    reference: Annotated[str, MinLen(1)]
    """A whole program that defines the function rightly. A call may take one second, or four times its time."""
    atol: Annotated[float, Ge(0)] = 0.0
    """Absolute tolerance of numbers."""


class Case(Checked):
    """What a script reads from standard input, and what it should print."""

    input: str
    output: str


class OwnCases(OwnProblem):
    """A script that reads standard input, judged by what it prints."""

    kind: Literal["cases"]
    cases: Annotated[list[Case], MinLen(1)]
    checker: Literal["lines", "floats", "program"] = "lines"
    """lines: equal but for white space at the ends of lines. floats: numbers may differ by `tolerance`."""
    tolerance: Annotated[float, Ge(0)] = 1e-9
    """Absolute or relative."""
    checker_program: str = ""
    """For "program": Python source that defines `check(given, output, expected) -> bool`."""


Problem = Annotated[Task | OwnTests | OwnCalls | OwnCases, Field(discriminator="kind")]


class Item(Checked):
    """A problem, and programs that are to solve it."""

    problem: Problem
    programs: Annotated[list[str], MinLen(1)]
    """Source of each program."""
    form: Literal["solution", "completion"] = "solution"
    """solution: a program stands alone. completion: it continues the prompt of a benchmark's problem."""


class VerdictsRequest(Checked):
    """Programs to judge."""

    items: Annotated[list[Item], MinLen(1)]
    score: Literal["all", "share"] = "all"
    """all: 1 for a program that passes everything, else 0. share: the share of asserts, calls or cases that it passes,
    each judged alone."""
    stream: bool = False
    """Answer with NDJSON: a line for each verdict as soon as it is known, and a last line {"done": NUMBER}."""


class VerdictRow(BaseModel):
    """Verdict on one program."""

    item: int
    """Index of the item."""
    program: int
    """Index of the program in it."""
    status: str
    """passed, wrong_answer, runtime_error, syntax_error, timeout, memory, output or tampered; infrastructure: the judge
    itself failed on the program, which says nothing about it. Send it again."""
    score: float | None
    """From 0 to 1; null where the judge itself failed."""
    trust: str
    """split: decided outside of the program's process, which cannot forge it. in-process: forgeable."""
    cpu_time_s: float
    wall_time_s: float
    peak_memory_bytes: int
    base_status: str | None = None
    """Status of the base part, of benchmarks that have one."""
    detail: str | None = None
    """What failed, where the server's owner allows that (--show-detail): it may quote expected values."""


class VerdictsAnswer(BaseModel):
    """Verdicts in the order of items and programs."""

    verdicts: list[VerdictRow]


class Refusal(BaseModel):
    """Why a request was not answered."""

    error: str
    """One line: what is wrong, where, which value, what to do."""
