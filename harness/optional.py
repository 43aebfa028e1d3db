"""Optional parts of benchmarks and models, beside `harness.types.Benchmark` and `Model`: each is used if it is there.

A class or module need not name these protocols: having the attribute is enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from .types import Benchmark, BenchmarkFacts, Model, Problem, Prompt, SamplingParams, Status


@runtime_checkable
class HasRecipes(Protocol):
    """A benchmark with variants of its own of the general recipes."""

    recipes: Mapping[str, Any]
    """`harness.recipes.Recipe` by name."""


@runtime_checkable
class HasSplits(Protocol):
    """A benchmark that has its data's other splits beside it."""

    splits: Mapping[str, str]
    """Split -> the benchmark that it is; "test" is the one whose score is reported."""


@runtime_checkable
class Restates(Protocol):
    """A benchmark that asks about another's problems; data compared with that one needs no second look."""

    restates: str
    """Name of the other benchmark."""


@runtime_checkable
class HasOptions(Protocol):
    """A benchmark that can be varied: for `NAME@OPTION=VALUE,...` it is made with `options={"OPTION": "VALUE"}`.

    Its `name` then tells each option that differs from the default, so that variants are never taken for each other.
    """

    options: Mapping[str, str]
    """What each option chooses."""


@runtime_checkable
class HasLanguage(Protocol):
    """A benchmark whose programs are in another language than Python."""

    language: str
    """A short name, such as "cpp", that pygments knows as well."""


@runtime_checkable
class AsksTwice(Benchmark, Protocol):
    """A benchmark whose questions are made of a model's answers to first ones, if it says so.

    Its problems as they are read serve to judge answers, and to ask neither question.
    """

    asks_twice: bool

    def first_problem(self, problem: Problem) -> Problem:
        """Return the problem as it is asked first; the whole answer counts, and nothing of it is run."""

    def second_problem(self, problem: Problem, answer: str) -> Problem:
        """Return the problem as it is asked after the first answer."""


@runtime_checkable
class HasSlices(Protocol):
    """A benchmark whose problems fall into groups, by which a report also counts."""

    slices: Sequence[str]
    """Keys of `Problem.metadata`."""


@runtime_checkable
class HasKnownFailures(Protocol):
    """A benchmark with references that fail through no fault of the sandbox."""

    known_failures: Mapping[str, str]
    """Task id -> reason."""


@runtime_checkable
class HasCanaries(Protocol):
    """A benchmark with programs of its own that must fail, where those of its kind of judge do not fit."""

    def canaries(self) -> Mapping[Status, tuple[Problem, str]]:
        """Return, for each status, a problem and the code that must get that status on it."""


@runtime_checkable
class HasFile(Protocol):
    """A benchmark that reads one data file."""

    file: Any
    """A `harness.data.DataFile`."""


@runtime_checkable
class HasFiles(Protocol):
    """A benchmark that reads several data files."""

    files: Sequence[Any]
    """`harness.data.DataFile`s."""


@runtime_checkable
class OnHub(Protocol):
    """A benchmark whose problems the Hugging Face hub has as a dataset, under which scores are published there."""

    hub_dataset: str


@runtime_checkable
class HasFacts(Protocol):
    """A benchmark with a row in the documentation's table of all benchmarks."""

    facts: BenchmarkFacts


@runtime_checkable
class ForTraining(Protocol):
    """A benchmark whose problems may be trained on, if it says so."""

    for_training: bool


@runtime_checkable
class CanFit(Protocol):
    """A model that can be loaded with no more context than is needed."""

    def fit(self, tokens: int) -> None:
        """Make room for prompts and answers of `tokens` tokens together; called before the model is entered."""


@runtime_checkable
class CanAnswer(Protocol):
    """A model that gives one answer as it is generated."""

    def answer(self, prompt: Prompt, params: SamplingParams) -> Iterator[str]:
        """Yield the pieces of one answer."""


@runtime_checkable
class CanReason(Protocol):
    """A model that can tell whether it reasons before it answers."""

    @property
    def context_length(self) -> int | None:
        """Return the tokens of a prompt and its answer together, if they are known before the model is entered."""

    def may_reason(self, prompt: Prompt) -> bool:
        """Tell whether the model may reason before its answer to `prompt`."""


@runtime_checkable
class CanContinue(Protocol):
    """A model that tells whether it can go on with a chat reply that it is given the beginning of."""

    @property
    def continues(self) -> bool:
        """Return whether it can."""


@runtime_checkable
class Adaptable(Protocol):
    """A model that LoRA adapters can be put on without loading it again."""

    def adapted(self, adapter: Any) -> Model:
        """Return the model with an adapter on it (`harness.models.adapters.Adapter`)."""


@runtime_checkable
class Idles(Protocol):
    """A model whose `generate` may be fed by an iterator that has nothing now and more later."""

    idles: bool


@runtime_checkable
class HasBatchSize(Protocol):
    """A model that knows how many samples it generates side by side."""

    side_by_side: int


@runtime_checkable
class HasRemarks(Protocol):
    """A model that tells its user how its requests differ from what was asked for."""

    remarks: Sequence[str]
    """A line for each difference, in the order in which they came up; it may grow while completions are generated."""


@runtime_checkable
class AnswersById(Protocol):
    """A model class that answers by request ids and not by prompts, so that benchmarks do not share its answers."""

    answers_by_id: bool


@runtime_checkable
class HasDefaultRecipe(Protocol):
    """A model class that knows the recipe it was trained with."""

    default_recipe: str


def is_for_training(benchmark: Any) -> bool:
    """Tell whether a benchmark says that it may be trained on."""
    return isinstance(benchmark, ForTraining) and benchmark.for_training


def get_files(benchmark: Any) -> Sequence[Any]:
    """Return the data files that a benchmark reads."""
    if isinstance(benchmark, HasFiles):
        return benchmark.files
    return [benchmark.file] if isinstance(benchmark, HasFile) else []


def get_splits(benchmark: Any) -> Mapping[str, str]:
    """Return a benchmark's splits; empty if it has no others."""
    return benchmark.splits if isinstance(benchmark, HasSplits) else {}


def get_options(benchmark: Any) -> Mapping[str, str]:
    """Return what a benchmark's options choose, by name; empty if it has none."""
    return benchmark.options if isinstance(benchmark, HasOptions) else {}


def get_language(benchmark: Any) -> str:
    """Return the language of a benchmark's programs."""
    return benchmark.language if isinstance(benchmark, HasLanguage) else "python"


def get_recipes(benchmark: Any) -> Mapping[str, Any]:
    """Return a benchmark's own recipes."""
    return benchmark.recipes if isinstance(benchmark, HasRecipes) else {}


def get_slices(benchmark: Any) -> Sequence[str]:
    """Return the keys by which a benchmark's problems fall into groups."""
    return benchmark.slices if isinstance(benchmark, HasSlices) else ()


def get_remarks(model: Any) -> Sequence[str]:
    """Return what a model has to tell its user by now."""
    return model.remarks if isinstance(model, HasRemarks) else ()


def get_known_failures(benchmark: Any) -> Mapping[str, str]:
    """Return the references that are known to fail, with the reason."""
    return benchmark.known_failures if isinstance(benchmark, HasKnownFailures) else {}
