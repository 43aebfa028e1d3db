"""A benchmark as one run uses it: its problems, the recipe, and what is still to be asked of the model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from ..config import RunConfig
from ..digests import json_digest
from ..errors import UsageError
from ..optional import slices_of, splits_of
from ..registry import lookup
from ..sandboxes.judges import kind_of
from ..store.records import Key, key_of
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
from .extraction import Extraction
from .recipes import COMPLETION, Recipe, recipe

AS_IS = replace(
    COMPLETION,
    name="as-is",
    description="the benchmark's bare prompt; the answer is taken as code, whole",
    stop=(),
    max_tokens=2048,
    extraction=Extraction(name="as-is", style="verbatim"),
)
"""For models that give code, such as replayed samples files."""

SEEDS = 1 << 30
"""Base seeds lie below this, so that adding a sample's index stays below 2**31."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """A benchmark's problems in a run, and the recipe that asks and reads them."""

    benchmark: Benchmark
    problems: Mapping[str, Problem]
    """By task id, in order; cut to the run's limit."""
    data_digest: str
    """Of all problems as they were read, whatever file they came from."""
    recipe: Recipe | None = None
    """None: the code is given, not extracted."""
    requests: Mapping[str, Problem] = field(default_factory=dict)
    """The problems by request id."""

    @property
    def name(self) -> str:
        """The benchmark's."""
        return self.benchmark.name

    def with_recipe(self, name: str) -> Suite:
        """The same suite with the recipe called `name`, in the benchmark's own variant where it has one.

        Raises:
            UsageError: there is no such recipe.
        """
        return replace(self, recipe=AS_IS if name == AS_IS.name else recipe(name, self.benchmark))

    def work(self, sample: Sample) -> Work:
        """Return the program and the judge that decide whether `sample` solves its problem, under its address."""
        problem = self.problems[sample.task_id]
        program = self.benchmark.program(problem, sample.code, sample.form)
        return key_of(sample), program, self.benchmark.judge(problem)

    def sample(self, generated: Generated) -> Sample:
        """A model's answer with the code taken out of it."""
        return self.extracted(self.requests[generated.request_id].task_id, generated.index, generated.completion)

    def extracted(self, task_id: str, index: int, completion: Completion) -> Sample:
        """`completion` with the code that the recipe takes out of it."""
        assert self.recipe is not None
        code, form = self.recipe.extract(completion.text, self.problems[task_id])
        return self.given(task_id, index, completion, code, form)

    def given(self, task_id: str, index: int, completion: Completion, code: str, form: CodeForm) -> Sample:
        """`completion` with its code."""
        return Sample(benchmark=self.name, task_id=task_id, index=index, completion=completion, code=code, form=form)

    def prompt(self, problem: Problem) -> Prompt:
        """Return what the recipe asks for `problem`."""
        assert self.recipe is not None
        return self.recipe.build(problem, self.benchmark.instruction(problem))

    def params(self, config: RunConfig) -> SamplingParams:
        """How this suite's completions are drawn."""
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

    def missing(self, present: Iterable[Key], config: RunConfig) -> list[Request]:
        """Requests for the samples 0 .. n-1 of each problem that are not among `present`."""
        assert self.recipe is not None
        taken: dict[str, set[int]] = {}
        for benchmark, task_id, index in present:
            if benchmark == self.name:
                taken.setdefault(task_id, set()).add(index)
        found = []
        for request_id, problem in self.requests.items():
            gaps = _gaps(taken.get(problem.task_id, set()), config.n)
            if not gaps:
                continue
            prompt = self.prompt(problem)
            base = base_seed(config.seed, self.name, problem.task_id)
            found += [
                Request(request_id=request_id, prompt=prompt, start=start, count=count, seed=base + start)
                for start, count in gaps
            ]
        return found

    def facts(self) -> dict[str, Any]:
        """Return what identifies the benchmark's part in a run."""
        return {"data_digest": self.data_digest, "problems": len(self.problems)}

    def slices(self) -> dict[str, dict[str, list[str]]]:
        """The groups that the benchmark tells its problems by: what by -> group -> task ids."""
        found: dict[str, dict[str, list[str]]] = {}
        for by in slices_of(self.benchmark):
            for task_id, problem in self.problems.items():
                found.setdefault(by, {}).setdefault(str(problem.metadata[by]), []).append(task_id)
        return found

    def entry_points(self) -> dict[str, str]:
        """Task id -> the function that the problem's judge calls, where it calls one by name."""
        found = {}
        for task_id, problem in self.problems.items():
            judge = self.benchmark.judge(problem)
            if problem.entry_point in kind_of(judge).exposes(judge):
                found[task_id] = problem.entry_point
        return found

    def recipe_facts(self) -> dict[str, str] | None:
        """Return what identifies the recipe."""
        return {"name": self.recipe.name, "digest": self.recipe.digest} if self.recipe else None


def load_suite(name: str, limit: int | None = None) -> Suite:
    """The benchmark called `name` with its first `limit` problems.

    Raises:
        UsageError: no benchmark has that name, or it was written for an older version.
        DataError: its data is missing, damaged or of another version.
    """
    benchmark: Benchmark = lookup("benchmarks", name)()
    _check_form(name, benchmark)
    problems = benchmark.problems()
    if not problems:
        raise UsageError(f'benchmark "{name}" has no problems')
    kept = problems[:limit]
    return Suite(
        benchmark=benchmark,
        problems={problem.task_id: problem for problem in kept},
        data_digest=_digest(problems),
        requests={f"{benchmark.name}:{problem.task_id}": problem for problem in kept},
    )


def _check_form(name: str, benchmark: Any) -> None:
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


def in_split(name: str, split: str | None) -> str:
    """The benchmark that is `split` of the one called `name`; `name` itself where no split is asked for.

    Raises:
        UsageError: no such benchmark, or it has no such split.
    """
    if split is None:
        return name
    splits = splits_of(lookup("benchmarks", name))
    if split not in splits:
        offer = f"choose one of {', '.join(splits)}" if splits else "it has none: leave --split out"
        raise UsageError(f'benchmark "{name}" has no split "{split}"; {offer}')
    return splits[split]


def base_seed(run_seed: int, benchmark: str, task_id: str) -> int:
    """The seed of a problem's sample 0; the same everywhere, and unlike those of other problems."""
    named = f"{run_seed}\0{benchmark}\0{task_id}".encode()
    return int.from_bytes(hashlib.sha256(named).digest()[:8]) % SEEDS


def _digest(problems: Sequence[Problem]) -> str:
    """SHA-256 (hex) of problems; their inputs may hold what JSON does not."""
    return json_digest(problems, default=_beyond_json, allow_nan=True)


def _beyond_json(value: Any) -> Any:
    if is_dataclass(value):  # its fields alone: `asdict` would copy every value of every input first
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, set):
        return {"set": sorted(map(repr, value))}
    raise TypeError(f"{type(value).__name__} has no canonical form")


def _gaps(taken: set[int], n: int) -> list[tuple[int, int]]:
    """The runs of indices below `n` that are not taken, as (start, count)."""
    gaps: list[tuple[int, int]] = []
    for index in range(n):
        if index in taken:
            continue
        if gaps and sum(gaps[-1]) == index:
            gaps[-1] = (gaps[-1][0], gaps[-1][1] + 1)
        else:
            gaps.append((index, 1))
    return gaps
