"""Read a run's answers with their verdicts, and choose among the answers to one prompt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import StoreError, UsageError
from ..evolve.structure import list_nodes
from ..extraction.syntax import parse_shallow
from ..finetune.examples import build_instruction, check_for_training
from ..store import read_manifest, read_samples, read_verdicts
from ..store.records import build_key
from ..tasks.recipe_files import recall_recipe
from ..tasks.suite import Suite, load_suite
from ..types import Problem, Prompt, Sample, Status, Trust, Verdict

Pick = Literal["shortest", "first", "diverse"]
PICKS = ("shortest", "first", "diverse")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A completion that was judged, and where it came from."""

    text: str
    code: str
    run: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredPrompt:
    """The answers to one prompt, of all runs that asked it."""

    benchmark: str
    task_id: str
    instruction: str
    prompt: Prompt
    passed: list[Answer] = field(default_factory=list)
    failed: list[Answer] = field(default_factory=list)


def read_answers(runs: Sequence[Path], left_out: Counter[str]) -> list[AnsweredPrompt]:
    """Return the answers of all runs by their prompts; `left_out` counts those that prove nothing, by reason.

    Raises:
        UsageError: a benchmark is for evaluation, a run does not know its prompts, or no row can be made of them.
        StoreError: a folder is no run, or was made with other data than what is here.
    """
    answered_prompts: dict[tuple[str, str, Prompt], AnsweredPrompt] = {}
    for path in runs:
        manifest = read_manifest(path)
        suites = {name: _load_suite(path, name, manifest) for name in manifest["identity"]["benchmarks"]}
        verdicts = read_verdicts(path)
        prompts: dict[tuple[str, str], AnsweredPrompt] = {}
        for sample in read_samples(path).values():
            place = sample.benchmark, sample.task_id
            if place not in prompts:
                suite = suites[sample.benchmark]
                made = _build_prompt(suite, suite.problems[sample.task_id])
                prompts[place] = answered_prompts.setdefault((*place, made.prompt), made)
            verdict = verdicts.get(build_key(sample))
            if why := _find_doubt(sample, verdict):
                left_out[why] += 1
                continue
            assert verdict is not None
            answer = Answer(text=sample.completion.text, code=sample.code, run=str(path), index=sample.index)
            answered = prompts[place]
            (answered.passed if verdict.status is Status.PASSED else answered.failed).append(answer)
    return list(answered_prompts.values())


def choose(answers: Sequence[Answer], pick: Pick, count: int) -> list[Answer]:
    """Return at most `count` answers of different texts; diverse: of different structure, short ones first."""
    ordered = list(answers) if pick == "first" else sorted(answers, key=lambda answer: len(answer.text))
    kinds = {_describe(answer) if pick == "diverse" else answer.text.strip(): answer for answer in reversed(ordered)}
    chosen = set(map(id, kinds.values()))
    return [answer for answer in ordered if id(answer) in chosen][:count]


def _describe(answer: Answer) -> Any:
    tree = parse_shallow(answer.code)
    return answer.code if tree is None else tuple(list_nodes(tree))


def _find_doubt(sample: Sample, verdict: Verdict | None) -> str:
    """Return why an answer proves nothing; "" if its verdict counts."""
    if verdict is None or verdict.status is Status.INFRASTRUCTURE:
        return "not judged"
    if not sample.completion.text.strip():
        return "empty"
    if verdict.status is Status.PASSED and verdict.trust is not Trust.SPLIT:
        return "passed in-process, which can be forged"
    if verdict.status is Status.PASSED and sample.completion.finish_reason == "length":
        return "passed and cut off"
    return ""


def _load_suite(path: Path, name: str, manifest: Mapping[str, Any]) -> Suite:
    check_for_training(name)
    identity = manifest["identity"]
    recorded = identity.get("recipe", {}).get(name)
    if recorded is None:
        raise UsageError(f"{path} was not asked by a recipe, so its prompts are not known; name a run of `harness run`")
    suite = load_suite(name, identity.get("limit"), identity.get("tasks", ()))
    if suite.describe_data() != identity["benchmarks"][name]:
        raise StoreError(f"{path} was made with another version of {name}'s data than the one here")
    return suite.with_recipe(recall_recipe(manifest, recorded)).with_system(identity["sampling"].get("system"))


def _build_prompt(suite: Suite, problem: Problem) -> AnsweredPrompt:
    assert suite.recipe is not None
    return AnsweredPrompt(
        benchmark=suite.name,
        task_id=problem.task_id,
        instruction=build_instruction(suite, suite.recipe, problem),
        prompt=suite.build_prompt(problem),
    )


def locate(answered: AnsweredPrompt, answers: Sequence[Answer]) -> Iterator[dict[str, Any]]:
    """Yield where answers came from, JSON-ready."""
    for answer in answers:
        address = {"benchmark": answered.benchmark, "task_id": answered.task_id, "index": answer.index}
        yield {"run": answer.run, **address}
