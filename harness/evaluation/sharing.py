"""Find the questions that benchmarks of a run have in common, so that each is asked once.

Two questions are equal if the model gets the same input (text and token ids) and draws with the same parameters.
Task ids do not matter: HumanEval+ has HumanEval's, and other prompts for some of them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace

from .. import registry
from ..config import RunConfig
from ..optional import AnswersById
from ..store.records import SampleKey
from ..tasks.suite import Suite
from ..types import Prompt, RenderedPrompt, Sample

Task = tuple[str, str]
"""Benchmark and task id."""


class SharedQuestions:
    """The tasks of a run that ask the same question as a task of another benchmark."""

    def __init__(self, config: RunConfig, suites: Sequence[Suite], render: Callable[[Prompt], RenderedPrompt]) -> None:
        self._n = config.n
        self._equal: dict[Task, dict[str, Task]] = {}
        """Task -> the first task of each benchmark that asks the same, its own benchmark included."""
        if len(suites) < 2 or answers_by_id(config.model):
            return
        asking: dict[object, dict[str, Task]] = {}
        for suite in suites:
            if suite.asks_twice:  # its second questions are not known yet
                continue
            params = suite.build_params(config)
            for task_id, problem in suite.problems.items():
                prompt = suite.build_prompt(problem)
                rendered = render(prompt)
                # Without token ids, a chat and a text may look alike.
                question = rendered, prompt if rendered.token_ids is None else None, params
                equal = asking.setdefault(question, {})
                equal.setdefault(suite.name, (suite.name, task_id))
                self._equal[suite.name, task_id] = equal

    def find_sources(self, suite: Suite, present: Container[SampleKey]) -> dict[SampleKey, SampleKey]:
        """Return the missing samples of `suite` that another benchmark's sample answers, and that sample."""
        found = {}
        for task_id in suite.problems:
            others = [task for name, task in self._equal.get((suite.name, task_id), {}).items() if name != suite.name]
            for index in range(self._n if others else 0):
                if (suite.name, task_id, index) in present:
                    continue
                answered = ((*task, index) for task in others if (*task, index) in present)
                if (source := next(answered, None)) is not None:
                    found[suite.name, task_id, index] = source
        return found


def copy_samples(
    suite: Suite, samples: Mapping[SampleKey, Sample], sources: Mapping[SampleKey, SampleKey]
) -> Iterator[Sample]:
    """Yield samples of `suite` with the answers of other benchmarks' samples."""
    for (_, task_id, index), source in sources.items():
        answered = samples[source]
        sample = suite.extract_sample(task_id, index, answered.completion)
        yield replace(sample, shared_with=answered.shared_with or f"{answered.benchmark}:{answered.task_id}")


def answers_by_id(spec: str) -> bool:
    """Tell whether the model `spec` looks answers up by request id, so that equal prompts have answers of their own."""
    prefix, separator, _ = spec.partition(":")
    if not separator or prefix not in registry.list_registered("models"):
        return False
    model = registry.lookup("models", prefix)
    return isinstance(model, AnswersById) and model.answers_by_id
