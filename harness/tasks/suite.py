"""A benchmark as one run uses it: its problems, the recipe, and the missing requests."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..config import RunConfig
from ..errors import UsageError
from ..extraction.rules import EXTRACTIONS, Extraction
from ..optional import AsksTwice, get_recipes, get_slices
from ..registry import make_benchmark, make_unknown_error
from ..sandboxes.judges import kind_of
from ..store.records import SampleKey, build_key
from ..types import (
    Benchmark,
    CodeForm,
    Completion,
    Generated,
    Problem,
    Prompt,
    Request,
    Sample,
    SamplingParams,
    Work,
)
from .problem_digest import digest_problems
from .prompt_format import Recipe
from .questions import build_first_prompt, build_second_prompt
from .recipes import COMPLETION, check_system, recipe
from .selection import select_tasks, split_tasks

AS_IS = replace(
    COMPLETION,
    name="as-is",
    description="the benchmark's bare prompt; the answer is taken as code, whole",
    stop=(),
    max_tokens=2048,
    extraction=Extraction(name="as-is", style="verbatim"),
)
"""Recipe for models that return code, such as replayed samples files."""

SEEDS = 1 << 30
"""Base seeds lie below this, so that adding a sample's index stays below 2**31."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A benchmark's problems in a run, and the recipe for prompts and answers."""

    benchmark: Benchmark
    problems: Mapping[str, Problem]
    """By task id, in order; cut to the run's tasks and its limit."""
    data_digest: str
    """Digest of all problems as they were read, whatever file they came from."""
    recipe: Recipe | None = None
    """None: the code is given, not extracted."""
    system: str = ""
    """System message in place of the recipe's."""
    extractor: str | None = None
    """Extraction rule in place of the recipe's own."""
    requests: Mapping[str, Problem] = field(default_factory=dict)
    """The problems by request id."""

    @property
    def name(self) -> str:
        """The benchmark's name."""
        return self.benchmark.name

    def with_recipe(self, chosen: str | Recipe, extractor: str | None = None) -> Suite:
        """Return the same suite with a recipe, for a name in the benchmark's own variant if it has one.

        `extractor` names another extraction rule than the recipe's.

        Raises:
            UsageError: there is no such recipe, or no such rule.
        """
        if extractor is not None and extractor not in (rules := self.list_extractors()):
            raise make_unknown_error("extractors", extractor, rules)
        if isinstance(chosen, str):
            chosen = AS_IS if chosen == AS_IS.name else recipe(chosen, self.benchmark)
        return replace(self, recipe=chosen, extractor=extractor)

    def with_system(self, system: str | None) -> Suite:
        """Return the same suite with a system message in place of the recipe's; as it is for None.

        Raises:
            UsageError: the recipe's prompt is a text.
        """
        if system is None:
            return self
        assert self.recipe is not None
        check_system(self.recipe)
        return replace(self, system=system)

    def list_extractors(self) -> dict[str, Extraction]:
        """Return the general rules, the unchanged text, and the rules of the benchmark's recipes, by name."""
        own = {known.extraction.name: known.extraction for known in get_recipes(self.benchmark).values()}
        return {**EXTRACTIONS, AS_IS.extraction.name: AS_IS.extraction, **own}

    def select(self, tasks: Sequence[str], limit: int | None) -> Suite:
        """Return the suite with the problems that `tasks` name (all if it is empty), the first `limit` of them.

        Raises:
            UsageError: none is left.
        """
        chosen = select_tasks(tasks, list(self.problems)) if tasks else self.problems.keys()
        kept = [problem for task_id, problem in self.problems.items() if task_id in chosen][:limit]
        if not kept:
            raise UsageError(
                f'tasks: benchmark "{self.name}" has none of {", ".join(split_tasks(tasks))}; leave it out'
            )
        return replace(
            self,
            problems={problem.task_id: problem for problem in kept},
            requests={f"{self.name}:{problem.task_id}": problem for problem in kept},
        )

    def build_work(self, sample: Sample) -> Work:
        """Return the program and the judge that decide whether `sample` solves its problem, under its key."""
        problem = self.problems[sample.task_id]
        program = self.benchmark.program(problem, sample.code, sample.form)
        return build_key(sample), program, self.benchmark.judge(problem)

    def build_sample(self, generated: Generated) -> Sample:
        """Build a sample from a model's answer."""
        return self.extract_sample(self.requests[generated.request_id].task_id, generated.index, generated.completion)

    def extract_sample(self, task_id: str, index: int, completion: Completion) -> Sample:
        """Build a sample from `completion` with the code that the recipe extracts."""
        assert self.recipe is not None
        problem = self.problems[task_id]
        reader = self._get_extracting_recipe(self.recipe)
        found = reader.extract(completion.text, problem, self.benchmark.instruction(problem))
        sample = self.attach_code(task_id, index, completion, found.code, found.form)
        notes = dict(found.notes)
        if completion.reasoning:
            notes["reasoning"] = "apart" if completion.text.strip() else "unclosed"
        return replace(sample, extraction=notes) if notes else sample

    def attach_code(self, task_id: str, index: int, completion: Completion, code: str, form: CodeForm) -> Sample:
        """Build a sample from `completion` and its code."""
        return Sample(benchmark=self.name, task_id=task_id, index=index, completion=completion, code=code, form=form)

    @property
    def asks_twice(self) -> bool:
        """Whether each question is made of the answer to a first one."""
        return isinstance(self.benchmark, AsksTwice) and self.benchmark.asks_twice

    def build_prompt(self, problem: Problem) -> Prompt:
        """Build the recipe's prompt for `problem`; that of the first question if there are two.

        Raises:
            UsageError: the recipe does not show the first question.
        """
        assert self.recipe is not None
        made = replace(self.recipe, system=self.system) if self.system else self.recipe
        if isinstance(self.benchmark, AsksTwice) and self.asks_twice:
            return build_first_prompt(made, self.benchmark, problem)
        return made.build(problem, self.benchmark.instruction(problem))

    def build_second_prompt(self, problem: Problem, first: Completion) -> Prompt:
        """Build the prompt of the second question about `problem` from the answer to the first, its reasoning apart."""
        assert self.recipe is not None
        assert isinstance(self.benchmark, AsksTwice)
        made = replace(self.recipe, system=self.system) if self.system else self.recipe
        return build_second_prompt(made, self.benchmark, problem, first)

    def build_params(self, config: RunConfig) -> SamplingParams:
        """Build the sampling parameters of this suite."""
        assert self.recipe is not None
        return SamplingParams(
            n=config.n,
            temperature=config.temperature,
            top_p=config.top_p,
            top_k=config.top_k,
            min_p=config.min_p,
            max_tokens=config.max_tokens or self.recipe.max_tokens,
            stop=tuple(dict.fromkeys((*self.recipe.stop, *config.stop))),
            seed=config.seed,
        )

    def find_missing(self, present: Iterable[SampleKey], config: RunConfig) -> list[Request]:
        """Return requests for the samples 0 .. n-1 of each problem that are not among `present`."""
        assert self.recipe is not None
        taken: dict[str, set[int]] = {}
        for benchmark, task_id, index in present:
            if benchmark == self.name:
                taken.setdefault(task_id, set()).add(index)
        found = []
        for request_id, problem in self.requests.items():
            gaps = _find_gaps(taken.get(problem.task_id, set()), config.n)
            if not gaps:
                continue
            prompt = self.build_prompt(problem)
            base = derive_seed(config.seed, self.name, problem.task_id)
            found += [
                Request(request_id=request_id, prompt=prompt, start=start, count=count, seed=base + start)
                for start, count in gaps
            ]
        return found

    def describe_data(self) -> dict[str, Any]:
        """Return what identifies the benchmark in a run."""
        return {"data_digest": self.data_digest, "problems": len(self.problems)}

    def group_problems(self) -> dict[str, dict[str, list[str]]]:
        """Group the problems by the benchmark's metadata: key -> group -> task ids."""
        found: dict[str, dict[str, list[str]]] = {}
        for by in get_slices(self.benchmark):
            for task_id, problem in self.problems.items():
                found.setdefault(by, {}).setdefault(str(problem.metadata[by]), []).append(task_id)
        return found

    def find_entry_points(self) -> dict[str, str]:
        """Return task id -> the function that the problem's judge calls, if it calls one by name."""
        found = {}
        for task_id, problem in self.problems.items():
            judge = self.benchmark.judge(problem)
            if problem.entry_point in kind_of(judge).exposes(judge):
                found[task_id] = problem.entry_point
        return found

    def describe_recipe(self) -> dict[str, str] | None:
        """Return what identifies the recipe; None if there is none."""
        return {"name": self.recipe.name, "digest": self.recipe.digest} if self.recipe else None

    def describe_extraction(self) -> dict[str, str] | None:
        """Return what identifies how code is extracted; None if it is given."""
        found = self.describe_recipe()
        if self.recipe is None or self.extractor is None:
            return found
        digest = self._get_extracting_recipe(self.recipe).digest
        return {"name": self.recipe.name, "digest": digest, "extractor": self.extractor}

    def _get_extracting_recipe(self, of: Recipe) -> Recipe:
        """Return the recipe that reads the answers: `of` with the extraction rule that was chosen."""
        return of if self.extractor is None else replace(of, extraction=self.list_extractors()[self.extractor])


def load_suite(name: str, limit: int | None = None, tasks: Sequence[str] = ()) -> Suite:
    """Load the benchmark called `name` with the problems that `tasks` name (all if it is empty), the first `limit`.

    Raises:
        UsageError: no benchmark has that name, it was written for an older version, or it has none of `tasks`.
        DataError: its data is missing, damaged or of another version.
    """
    benchmark: Benchmark = make_benchmark(name)
    _check_interface(name, benchmark)
    problems = benchmark.problems()
    if not problems:
        raise UsageError(f'benchmark "{name}" has no problems')
    whole = {problem.task_id: problem for problem in problems}
    suite = Suite(benchmark=benchmark, problems=whole, data_digest=digest_problems(problems))
    return suite.select(tasks, limit)


def _check_interface(name: str, benchmark: Any) -> None:
    """Refuse a benchmark that was written for an older version of the harness.

    Raises:
        UsageError: it is one; the message says what to write instead.
    """
    missing = [method for method in ("judge", "program") if not callable(getattr(benchmark, method, None))]
    if missing:
        raise UsageError(
            f'benchmark "{name}" ({type(benchmark).__module__}) has no {" and no ".join(missing)}; '
            "write judge(problem) and program(problem, code, form) in place of trial (docs/add-a-benchmark.md)"
        )


def derive_seed(run_seed: int, benchmark: str, task_id: str) -> int:
    """Derive the seed of a problem's sample 0; it is the same everywhere and differs between problems."""
    named = f"{run_seed}\0{benchmark}\0{task_id}".encode()
    return int.from_bytes(hashlib.sha256(named).digest()[:8]) % SEEDS


def _find_gaps(taken: set[int], n: int) -> list[tuple[int, int]]:
    """Return the runs of indices below `n` that are not taken, as (start, count)."""
    gaps: list[tuple[int, int]] = []
    for index in range(n):
        if index in taken:
            continue
        if gaps and sum(gaps[-1]) == index:
            gaps[-1] = (gaps[-1][0], gaps[-1][1] + 1)
        else:
            gaps.append((index, 1))
    return gaps
