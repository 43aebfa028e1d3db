"""What a run asks of a model: which samples, with which seeds, in which prompts."""

from __future__ import annotations

import pytest

from harness.config import RunConfig
from harness.errors import UsageError
from harness.tasks.suite import AS_IS, derive_seed, load_suite
from harness.types import CodeForm, Completion


def config(n: int, seed: int = 0) -> RunConfig:
    return RunConfig(model="m", benchmarks=("humaneval",), n=n, seed=seed)


def test_a_fresh_run_asks_for_all_samples_of_each_problem_at_once() -> None:
    """One request per problem, addressed by benchmark and task."""
    requests = load_suite("humaneval", limit=3).with_recipe("completion").find_missing((), config(20))

    assert [(request.request_id, request.start, request.count) for request in requests] == [
        (f"humaneval:HumanEval/{number}", 0, 20) for number in range(3)
    ]


def test_only_missing_samples_are_asked_for() -> None:
    """Each gap is a request; problems without one, and other benchmarks' samples, do not count."""
    present = [("humaneval", "HumanEval/0", index) for index in (0, 1, 4, 9)]
    present += [("humaneval", "HumanEval/1", index) for index in range(10)]
    present += [("other", "HumanEval/0", 2)]
    requests = load_suite("humaneval", limit=2).with_recipe("completion").find_missing(present, config(10))

    assert [(request.request_id[-1], request.start, request.count) for request in requests] == [
        ("0", 2, 2),
        ("0", 5, 4),
    ]


def test_a_samples_seed_does_not_depend_on_what_is_asked_for_together() -> None:
    """Sample 7 is drawn with the same seed in one go, after a stop, and when n grows."""
    suite = load_suite("humaneval", limit=1).with_recipe("completion")

    def seeds(present: list[int], n: int) -> dict[int, int]:
        requests = suite.find_missing([("humaneval", "HumanEval/0", index) for index in present], config(n))
        return {request.start + i: request.seed + i for request in requests for i in range(request.count)}

    whole = seeds([], 200)
    assert seeds(list(range(20)), 200) == {index: seed for index, seed in whole.items() if index >= 20}
    assert seeds([0, 3, 5], 10) == {index: whole[index] for index in (1, 2, 4, 6, 7, 8, 9)}
    assert all(0 <= seed < 2**31 for seed in whole.values())


def test_base_seeds_are_stable_and_differ_by_run_benchmark_and_task() -> None:
    """The value is written down: another one would change every sampled run that is resumed."""
    known = derive_seed(0, "humaneval", "HumanEval/0")
    changed = [(1, "humaneval", "HumanEval/0"), (0, "mbpp", "HumanEval/0"), (0, "humaneval", "HumanEval/1")]
    others = {derive_seed(*parts) for parts in changed}

    assert known == 564524540
    assert len({known, *others}) == 4


def test_sampling_is_the_configurations_and_stop_texts_join_the_recipes() -> None:
    """A text that both name is sent once."""
    suite = load_suite("humaneval", limit=1).with_recipe("completion")
    assert suite.recipe is not None
    asked = RunConfig(
        model="m", benchmarks=("humaneval",), temperature=0.8, top_p=0.9, top_k=40, min_p=0.05, stop=("\ndef", "END")
    )

    params = suite.build_params(asked)

    assert (params.temperature, params.top_p, params.top_k, params.min_p) == (0.8, 0.9, 40, 0.05)
    assert params.stop == (*suite.recipe.stop, "END")


def test_the_benchmarks_own_variant_of_a_recipe_is_used() -> None:
    """WizardCoder's HumanEval prompt has bytes of its own."""
    recipe = load_suite("humaneval").with_recipe("wizardcoder").recipe

    assert recipe is not None
    assert recipe.name == "wizardcoder-humaneval"


def test_as_is_keeps_the_text() -> None:
    """Nothing is cut or stripped, fences and carriage returns included."""
    text = "  x = 1\r\n```\ndef f():\n\n"
    sample = load_suite("humaneval").with_recipe(AS_IS.name).extract_sample("HumanEval/0", 0, Completion(text=text))

    assert (sample.code, sample.form) == (text, CodeForm.COMPLETION)


def test_the_limit_cuts_problems_but_not_the_data_digest() -> None:
    """A trial on a few problems identifies the same data."""
    few, all_of_them = load_suite("humaneval", 5), load_suite("humaneval")

    assert (len(few.problems), len(all_of_them.problems)) == (5, 164)
    assert few.data_digest == all_of_them.data_digest


def test_unknown_names_are_refused_with_the_nearest() -> None:
    """Benchmarks and recipes alike."""
    with pytest.raises(UsageError, match='Did you mean "humaneval"'):
        load_suite("humanevl")
    with pytest.raises(UsageError, match='Did you mean "chat"'):
        load_suite("humaneval").with_recipe("chatt")


@pytest.mark.parametrize(
    ("text", "reasoning", "told", "code"),
    [
        ("<think>\nhm\n</think>\n```python\ndef f():\n    pass\n```", "", "closed", "def f():\n    pass"),
        ("<think>\nhm", "", "unclosed", ""),
        ("```python\ndef f():\n    pass\n```", "hm", "apart", "def f():\n    pass"),
        ("", "hm", "unclosed", ""),
    ],
)
def test_a_sample_says_what_became_of_its_reasoning(text: str, reasoning: str, told: str, code: str) -> None:
    """Whether it stood in the text or came apart, and where it was cut there is no answer."""
    suite = load_suite("humaneval", 1).with_recipe("chat")

    sample = suite.extract_sample("HumanEval/0", 0, Completion(text=text, reasoning=reasoning))

    assert sample.extraction is not None
    assert (sample.extraction["reasoning"], sample.code) == (told, code)
