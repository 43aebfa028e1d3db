"""HumanEvalPack: HumanEval in six languages by hand, asked in three ways: write a function, mend it, explain it.

Paper: Muennighoff et al. 2023 (OctoPack), arXiv 2308.07124. Data: huggingface.co/datasets/bigcode/humanevalpack, MIT.
Semantics: bigcode-evaluation-harness, tasks/humanevalpack.py, and code_eval_octopack (Apache-2.0).

- synthesize: the task as prose and the beginning of the function.
- fix: a function with a bug and its tests ("fixtests"); the answer is the whole function.
- explain: two questions. First to describe a function within as many characters as its docstring has; then to write
  it from the description alone, which is passed on without lines of the code.

Not kept: several answers to one description (each has a description of its own); and the import of "rand" or "md5" that
is added to Go, which no program compiles with: the whole path is added.
Limit: the tests are HumanEval's few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..data import DataFile, read_rows
from ..errors import UsageError
from ..recipes import Recipe
from ..registry import format_variant
from ..sandboxes.languages import LANGUAGES, PACK
from ..types import Asserts, BenchmarkFacts, CodeForm, Commands, Limits, Problem, Program, Status
from .humanevalpack_programs import PYTHON_IMPORTS, adapt_tests, build_program
from .humanevalpack_recipes import build_recipes
from .multipl_e_canaries import list_canaries

NAME = "humanevalpack"
OPTION = "question"
SYNTHESIZE, FIX, EXPLAIN = QUESTIONS = ("synthesize", "fix", "explain")
FACTS = BenchmarkFacts(
    problems="164",
    judge="Commands",
    trust="in-process",
    licence="MIT",
    published="pass@1 of 20 samples at 0.2, by language and question",
)
KEPT = ("docstring", "declaration", "test_setup", "bug_type")
"""Fields of a row that its problem keeps as metadata."""
MEMORY_BYTES = 3 << 30
KNOWN_FAILURES: Mapping[str, str] = {
    "JavaScript/162": "needs js-md5, which Debian does not have",
    "Go/95": "depends on the order of a map",
    "Rust/32": "its search for a root of random polynomials need not end",
}
DOCUMENTED = {"Go/27": "its documented prompt imports a package that it does not use"}
"""Those of the documented prompt, beside."""
DECLARED = dict.fromkeys(("Go/10", "Go/32", "Go/38", "Go/50"), "its declaration lacks a function that it needs")
"""Those of the bare declaration, beside."""
SHORTEST_LINE = 20
"""Lines of code longer than this are taken out of a description."""
REPLACED = 13
"""Place of the problem whose function MultiPL-E's canaries replace, a divisor of two numbers. Not problem 23: the
tests of its `strlen` call C's in C++."""

DATA: Mapping[str, tuple[str, str]] = {
    "python": ("python", "45dc4aceb0535d52e00c967d8584384f8001ab622bd96a4a4f2edeff754fef0e"),
    "js": ("js", "a4f5086455ab5b109f49e9e2178fdfb1a0539990e547324b4da63d985e396e6d"),
    "java": ("java", "bf5d329b99baefc179e7b060e2e297ba79d0c6b74b010c067927040108e09fdf"),
    "go": ("go", "f77111410bd1ae4ce320dfcfb5e3ab57d126504e59cba6042ec5b8d985563e8a"),
    "cpp": ("cpp", "3ee58c28f5ab48f80606a2171bc71f82bf32a51fb99ba5d8d5cd13d89a21ee99"),
    "rust": ("rs", "cd9475250f7d1630f485d01070097882e5ffd601892252752d4759c4621a64dd"),
}
"""By the name in the data: the language in `LANGUAGES`, and the digest of the parsed rows."""


def _file(name: str) -> DataFile:
    return DataFile(
        name=f"humanevalpack/humanevalpack-{name}.jsonl.gz",
        sha256=DATA[name][1],
        digest_of="rows",
        origin="huggingface.co/datasets/bigcode/humanevalpack",
        url=f"https://huggingface.co/datasets/bigcode/humanevalpack/resolve/main/data/{name}/data/humanevalpack.jsonl",
    )


class _HumanEvalPack:
    """Hold what all languages have; `data` is an explicit path of the data file, `options` may have a "question".

    Raises:
        UsageError: there is no such question.
    """

    name: str
    language: str
    title: str
    file: DataFile
    facts = FACTS
    hub_dataset = "bigcode/humanevalpack"
    options: Mapping[str, str] = {OPTION: f"{', '.join(QUESTIONS)} (default: {SYNTHESIZE})"}

    def __init__(self, data: Path | None = None, options: Mapping[str, str] | None = None) -> None:
        self._data = data
        self._question = (options or {}).get(OPTION, SYNTHESIZE)
        if self._question not in QUESTIONS:
            raise UsageError(f'--question is "{self._question}"; {self.name} has {", ".join(QUESTIONS)}')
        self.name = format_variant(self.name, {OPTION: "" if self._question == SYNTHESIZE else self._question})
        self.known_failures = {**KNOWN_FAILURES, **(DOCUMENTED if self._question == SYNTHESIZE else DECLARED)}
        self.asks_twice = self._question == EXPLAIN
        self.slices = ("bug_type",) if self._question == FIX else ()
        self.recipes: Mapping[str, Recipe] = build_recipes(self.language, self.title, self._question == SYNTHESIZE)

    def problems(self) -> Sequence[Problem]:
        """Return all 164 problems; the prompt is what an answer goes on from."""
        return [self._parse(row) for row in read_rows(self.file, self._data)]

    def instruction(self, problem: Problem) -> str:
        """Return the question with its code or description after it."""
        return _join(problem.metadata["question"], problem.metadata["context"])

    def first_problem(self, problem: Problem) -> Problem:
        """Implement `AsksTwice`: there is nothing to go on from."""
        return replace(problem, prompt="")

    def second_problem(self, problem: Problem, answer: str) -> Problem:
        """Implement `AsksTwice`: ask for the code; lines of the reference are taken out of its description."""
        description = answer.strip()[: len(problem.metadata["docstring"])].rstrip()
        for line in map(str.strip, problem.reference.split("\n")):
            if len(line) > SHORTEST_LINE:
                description = description.replace(line, "")
        return _ask(problem, f"Write functional code in {self.title} according to the description.", description)

    def _parse(self, row: Mapping[str, Any]) -> Problem:
        documented = self._question == SYNTHESIZE
        main = "fn main(){}\n" if self.language == "rs" and not documented else ""
        begun = (row["prompt"] if documented else main + row["declaration"]).rstrip()
        problem = Problem(
            task_id=row["task_id"],
            prompt=begun,
            entry_point=row["entry_point"],
            reference=f"\n{row['canonical_solution']}",
            tests=row["test"],
            metadata={
                key: row.get(key, "") for key in ("docstring", "declaration", "import", "test_setup", "bug_type")
            },
        )
        code = main + row["declaration"]
        if self._question == FIX:
            return _ask(problem, f"Fix bugs in {row['entry_point']}.", f"{code}{row['buggy_solution']}\n{row['test']}")
        if self._question == EXPLAIN:
            length = len(row["docstring"])
            question = f"Provide a concise natural language description of the code using at most {length} characters."
            return _ask(problem, question, code + row["canonical_solution"])
        return _ask(problem, row["instruction"].strip(), "")


class HumanEvalPackPython(_HumanEvalPack):
    """HumanEvalPack in Python."""

    name = f"{NAME}-python"
    language = "python"
    title = "Python"
    environment = "core"
    restates = "humaneval"
    file = _file("python")
    facts = replace(FACTS, judge="Asserts", trust="split")

    def judge(self, problem: Problem) -> Asserts:
        """Return the tests, which call the entry point themselves."""
        reference = PYTHON_IMPORTS + problem.prompt + problem.reference
        return Asserts(
            tests=f"\n{problem.tests}", exposes=(problem.entry_point,), preamble=reference, reference=reference
        )

    def program(self, problem: Problem, code: str, form: CodeForm) -> Program:
        """Return the authors' imports, and prompt + completion or the solution."""
        source = problem.prompt + code if form is CodeForm.COMPLETION else code
        return Program(
            source=PYTHON_IMPORTS + source, environment=self.environment, limits=Limits(cpu_time_s=10.0, wall_time_s=30)
        )


class HumanEvalPackCommands(_HumanEvalPack):
    """HumanEvalPack in a language that commands build and run."""

    environment = "languages"

    def judge(self, problem: Problem) -> Commands:
        """Return the tests, which follow the program."""
        return Commands(language=self.language, rules=PACK, tests=adapt_tests(self.language, problem.tests))

    def program(self, problem: Problem, code: str, form: CodeForm) -> Program:
        """Return prompt + completion, or the solution, with what its language needs; a whole program as it is."""
        source = problem.prompt + code if form is CodeForm.COMPLETION else code
        whole = form is CodeForm.PROGRAM
        time_s = LANGUAGES[self.language].rules[PACK].time_s
        return Program(
            source=source if whole else build_program(self.language, source, problem),
            environment=self.environment,
            group=self.language,
            limits=Limits(cpu_time_s=time_s, wall_time_s=3 * time_s, memory_bytes=MEMORY_BYTES),
            has_tests=whole,
        )

    def canaries(self) -> Mapping[Status, tuple[Problem, str]]:
        """Implement `HasCanaries`."""
        problem = self.problems()[REPLACED]
        bodies = list_canaries(self.language, whole=True)
        return {status: (problem, f"{problem.prompt}\n{body}\n") for status, body in bodies.items()}


def _join(*parts: str) -> str:
    return "\n".join(filter(None, parts))


def _ask(problem: Problem, question: str, context: str) -> Problem:
    """Return the problem with a question and what it is about; `text` has them in the other order."""
    asked = {"question": question, "context": context, "text": _join(context, question).strip()}
    return replace(problem, metadata={**problem.metadata, **asked})


def _make(name: str) -> type[HumanEvalPackCommands]:
    """Return the benchmark of one language."""
    language = DATA[name][0]
    title = LANGUAGES[language].title
    fields = {"__doc__": f"HumanEvalPack in {title}.", "name": f"{NAME}-{name}", "language": language, "title": title}
    return type(f"HumanEvalPack_{name}", (HumanEvalPackCommands,), {**fields, "file": _file(name)})


# the registry names each of these classes
globals().update({f"HumanEvalPack_{name}": _make(name) for name in DATA if name != "python"})
