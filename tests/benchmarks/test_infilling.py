"""HumanEval infilling: the authors' program, their references, and what models are asked."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from harness.benchmarks.infilling import Infilling, RandomSpanInfillingLight, SingleLineInfilling
from harness.errors import UsageError
from harness.registry import lookup
from harness.sandboxes import open_sandbox
from harness.tasks.recipes import recipe
from harness.tasks.suite import load_suite
from harness.types import CodeForm, Completion, Prompt, Status, Trust

pytestmark = pytest.mark.data

SETS = {"single-line": 1033, "multi-line": 5815, "random-span": 1640, "random-span-light": 164}


def load(name: str) -> Infilling:
    made: Infilling = lookup("benchmarks", f"humaneval-infilling-{name}")()
    return made


@pytest.mark.parametrize("name", SETS)
def test_the_sets_are_whole_and_nothing_is_stripped(name: str) -> None:
    """Prompt, reference and suffix are a program of HumanEval's, and the program is upstream's to the byte."""
    benchmark = load(name)
    problems = benchmark.problems()

    assert len({problem.task_id for problem in problems}) == len(problems) == SETS[name]
    for problem in problems:
        whole = problem.prompt + problem.reference + problem.metadata["suffix"]
        made = benchmark.program(problem, problem.reference, CodeForm.COMPLETION)
        upstream = f"{whole}\n{problem.tests}\ncheck({problem.entry_point})"
        assert made.source + benchmark.judge(problem).tests == upstream
        assert made.limits.cpu_time_s == 3.0
    ast.parse(whole)


def test_references_pass_and_other_fillings_do_not() -> None:
    """The light set, some single lines, and for each a statement that raises in the gap."""
    work = []
    for benchmark, step in ((RandomSpanInfillingLight(), 1), (SingleLineInfilling(), 20)):
        for problem in benchmark.problems()[::step]:
            judge = benchmark.judge(problem)
            for code in (problem.reference, "    raise ValueError\n"):
                program = benchmark.program(problem, code, CodeForm.COMPLETION)
                work.append(((problem.task_id, code == problem.reference), program, judge))

    with open_sandbox("process", environment="core") as opened:
        outcomes = dict(opened.run(work))

    assert [key for key, one in outcomes.items() if key[1] and one.status is not Status.PASSED] == []
    assert {one.trust for one in outcomes.values()} == {Trust.SPLIT}
    wrong = Counter(one.status for key, one in outcomes.items() if not key[1])
    # a raise within a text or behind a return changes nothing
    assert wrong[Status.PASSED] < sum(wrong.values()) / 20, wrong


def test_a_base_model_is_asked_by_prompt_and_suffix() -> None:
    """What a completion is, is taken as it is: no white space goes."""
    suite = load_suite("humaneval-infilling-random-span-light").with_recipe("fim")
    problem = next(iter(suite.problems.values()))

    assert suite.build_prompt(problem) == Prompt(text=problem.prompt, suffix=problem.metadata["suffix"])
    assert suite.extract_sample(problem.task_id, 0, Completion(text="\n  x\n\n")).code == "\n  x\n\n"
    assert suite.recipe is not None
    assert suite.with_recipe("completion").recipe == suite.recipe


@pytest.mark.parametrize("name", SETS)
def test_lines_behind_the_gap_are_cut(name: str) -> None:
    """Whatever follows the reference goes, also where a stop string took the last line break."""
    suite = load_suite(f"humaneval-infilling-{name}").with_recipe("fim-lines")
    assert suite.recipe is not None

    for problem in list(suite.problems.values())[::50]:
        for more in ("", "    return None\n\n\n# Test cases\n"):
            answer = problem.reference.removesuffix("\n") + "\n" + more
            for stop in suite.recipe.stop:
                answer = answer.partition(stop)[0]
            assert suite.extract_sample(problem.task_id, 0, Completion(text=answer)).code == problem.reference


def test_fewer_lines_than_the_gap_has_are_kept() -> None:
    """Nothing is invented but the line break that a gap of whole lines ends with."""
    suite = load_suite("humaneval-infilling-multi-line").with_recipe("fim-lines")
    problem = next(one for one in suite.problems.values() if one.reference.count("\n") > 2)

    assert suite.extract_sample(problem.task_id, 0, Completion(text="    pass")).code == "    pass\n"


def test_lm_evals_prompt_is_suffix_and_prompt() -> None:
    """Its doc_to_text, 1,024 tokens, and a line break as the only stop of single lines."""
    suite = load_suite("humaneval-infilling-single-line").with_recipe("lm-eval")
    problem = next(iter(suite.problems.values()))

    assert suite.build_prompt(problem) == Prompt(text=f"{problem.metadata['suffix']}\n\n{problem.prompt}")
    assert suite.recipe is not None
    assert (suite.recipe.stop, suite.recipe.max_tokens) == (("\n",), 1024)
    assert recipe("lm-eval", load("multi-line")).stop == ()


def test_a_chat_model_answers_with_the_whole_code() -> None:
    """Its block is the program; the prompt is not put before it."""
    suite = load_suite("humaneval-infilling-single-line").with_recipe("chat")
    problem = next(iter(suite.problems.values()))
    whole = problem.prompt + problem.reference + problem.metadata["suffix"]

    sample = suite.extract_sample(problem.task_id, 0, Completion(text=f"Here:\n```python\n{whole}\n```\n"))

    ((_, content),) = suite.build_prompt(problem).messages
    assert f"{problem.prompt}<FILL_ME>{problem.metadata['suffix']}" in content
    assert sample.form is CodeForm.SOLUTION
    with open_sandbox("process", environment="core", workers=1) as opened:
        ((_, outcome),) = opened.run([suite.build_work(sample)])
    assert outcome.status is Status.PASSED, outcome


def test_a_benchmark_without_a_gap_has_no_infilling_prompt() -> None:
    """One line with the recipe and the problem."""
    suite = load_suite("humaneval").with_recipe("fim")

    with pytest.raises(UsageError, match=r'recipe "fim" names \{suffix\}, which HumanEval/0 does not have'):
        suite.build_prompt(suite.problems["HumanEval/0"])
