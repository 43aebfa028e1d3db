"""The prompts of other harnesses and model families, written out by hand from their sources."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from harness.benchmarks.mbpp import Mbpp
from harness.errors import UsageError
from harness.models.rendering import load_tokenizer, render_prompt
from harness.tasks.published import EXAMPLES, PUBLISHED
from harness.tasks.recipes import RECIPES, recipe
from harness.tasks.suite import load_suite
from harness.types import CodeForm, Completion, Problem

PROBLEM = Problem(
    task_id="T/0",
    prompt='\ndef add(a, b):\n    """Add {prompt}."""\n',
    entry_point="add",
    reference="    return a + b\n",
    tests="",
    metadata={"text": "Add two numbers.", "asserts": "assert add(1, 2) == 3\nassert add(0, 0) == 0 "},
)
STRIPPED = 'def add(a, b):\n    """Add {prompt}."""'
EOS = ("<|endoftext|>", "<|endofmask|>", "</s>", "\nif __name__", "\ndef main(", "\nprint(")

SHOTS = (
    (
        "You are an expert Python programmer, and here is your task:\n"
        "Write a function to find the similar elements from the given two tuple lists.\n"
        "Your code should pass these tests:\n"
        "assert similar_elements((3, 4, 5, 6),(5, 7, 4, 10)) == (4, 5)\n"
        "assert similar_elements((1, 2, 3, 4),(5, 4, 3, 7)) == (3, 4)\n"
        "assert similar_elements((11, 12, 14, 13),(17, 15, 14, 13)) == (13, 14)",
        "\n```python\n"
        "def similar_elements(test_tup1, test_tup2):\r\n"
        "  res = tuple(set(test_tup1) & set(test_tup2))\r\n"
        "  return (res) \n"
        "```",
    ),
    (
        "You are an expert Python programmer, and here is your task:\n"
        "Write a python function to identify non-prime numbers.\n"
        "Your code should pass these tests:\n"
        "assert is_not_prime(2) == False\n"
        "assert is_not_prime(10) == True\n"
        "assert is_not_prime(35) == True",
        "\n```python\n"
        "import math\r\n"
        "def is_not_prime(n):\r\n"
        "    result = False\r\n"
        "    for i in range(2,int(math.sqrt(n)) + 1):\r\n"
        "        if n % i == 0:\r\n"
        "            result = True\r\n"
        "    return result\n"
        "```",
    ),
    (
        "You are an expert Python programmer, and here is your task:\n"
        "Write a function to find the largest integers from a given list of numbers using heap queue algorithm.\n"
        "Your code should pass these tests:\n"
        "assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],3)==[85, 75, 65] \n"
        "assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],2)==[85, 75] \n"
        "assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],5)==[85, 75, 65, 58, 35]",
        "\n```python\n"
        "import heapq as hq\r\n"
        "def heap_queue_largest(nums,n):\r\n"
        "  largest_nums = hq.nlargest(n, nums)\r\n"
        "  return largest_nums\n"
        "```",
    ),
)

DEEPSEEK_MBPP = """Please refer the given examples and generate a python function for my problem.
Examples are listed as follows:
- Example 1:
>>> Problem:
Write a function to find the similar elements from the given two tuple lists.
>>> Test Cases:
assert similar_elements((3, 4, 5, 6),(5, 7, 4, 10)) == (4, 5)
assert similar_elements((1, 2, 3, 4),(5, 4, 3, 7)) == (3, 4)
assert similar_elements((11, 12, 14, 13),(17, 15, 14, 13)) == (13, 14)

>>> Code:
```python
def similar_elements(test_tup1, test_tup2):
  res = tuple(set(test_tup1) & set(test_tup2))
  return (res)\x20
```

- Example 2:
>>> Problem:
Write a python function to identify non-prime numbers.
>>> Test Cases:
assert is_not_prime(2) == False
assert is_not_prime(10) == True
assert is_not_prime(35) == True

>>> Code:
```python
import math
def is_not_prime(n):
    result = False
    for i in range(2,int(math.sqrt(n)) + 1):
        if n % i == 0:
            result = True
    return result
```

- Example 3:
>>> Problem:
Write a function to find the largest integers from a given list of numbers using heap queue algorithm.
>>> Test Cases:
assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],3)==[85, 75, 65]\x20
assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],2)==[85, 75]\x20
assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],5)==[85, 75, 65, 58, 35]

>>> Code:
```python
import heapq as hq
def heap_queue_largest(nums,n):
  largest_nums = hq.nlargest(n, nums)
  return largest_nums
```

Here is my problem:
>>> Problem:
Add two numbers.
>>> Test Cases:
assert add(1, 2) == 3
assert add(0, 0) == 0\x20
"""


@pytest.mark.parametrize(
    ("name", "messages", "prefill", "stop", "max_tokens"),
    [
        (
            "evalplus-chat",
            [
                "Please provide a self-contained Python script that solves the following problem in a markdown code "
                f"block:\n```\n{STRIPPED}\n```\n"
            ],
            "Below is a Python script with a self-contained function that solves the problem and passes corresponding "
            "tests:\n```python\n",
            (*EOS, "\n```\n"),
            768,
        ),
        (
            "bigcodebench-instruct",
            [
                "Please provide a self-contained Python script that solves the following problem in a markdown code "
                "block:\nThe task.\n"
            ],
            "Below is a Python script with a self-contained function that solves the problem and passes corresponding "
            "tests:\n```python\n",
            EOS,
            1280,
        ),
        (
            "lm-eval-instruct",
            [
                "Write a solution to the following problem and make sure that it passes the tests:\n"
                f"```python\n{PROBLEM.prompt}\n```\n"
            ],
            f"Here is the completed function:\n```python\n{PROBLEM.prompt}\n",
            ("\nclass", "\ndef", "\n#", "\nif", "\nprint"),
            1024,
        ),
        (
            "lm-eval-instruct-mbpp",
            [
                *(turn for shot in SHOTS for turn in shot),
                "You are an expert Python programmer, and here is your task:\nAdd two numbers.\n"
                "Your code should pass these tests:\nassert add(1, 2) == 3\nassert add(0, 0) == 0 ",
            ],
            "\n```python\n",
            (),
            256,
        ),
        (
            "deepseek-coder",
            [
                "Please help me to complete the function. Use the given packages only and DO NOT refer any new "
                "package. Please return all completed function in a codeblock. \n"
                f"Here is the given code to do completion:\n```python\n{PROBLEM.prompt}\n```"
            ],
            "",
            (),
            512,
        ),
        ("deepseek-coder-mbpp", [DEEPSEEK_MBPP], "", (), 512),
    ],
)
def test_a_chat_has_these_bytes(
    name: str, messages: list[str], prefill: str, stop: tuple[str, ...], max_tokens: int
) -> None:
    """Turns of user and assistant, the beginning of the reply, and the limits."""
    made = recipe(name)
    built = made.build(PROBLEM, " The task.\n")

    assert built.messages == tuple(zip(("user", "assistant") * len(messages), messages, strict=False))
    assert built.prefill == prefill
    assert (made.stop, made.max_tokens) == (stop, max_tokens)


def test_qwens_chat_has_the_bytes_of_its_script(smollm2: Path) -> None:
    """The script writes ChatML itself; SmolLM2's template is ChatML."""
    made = recipe("qwen2.5-coder")
    rendered = render_prompt(made.build(PROBLEM, ""), load_tokenizer(smollm2), "smollm2")

    assert rendered.text == (
        "<|im_start|>system\n"
        "You are an intelligent programming assistant to produce Python algorithmic solutions<|im_end|>\n"
        "<|im_start|>user\n"
        "Can you complete the following Python function?\n"
        f"```python\n{STRIPPED}\n```\n"
        "<|im_end|>\n"
        "<|im_start|>assistant\n"
        "```python\n"
    )
    assert (made.stop, made.max_tokens) == ((*EOS, "\n#", "\n```"), 2048)


def test_evalpluss_own_function_makes_the_same_prompt(smollm2: Path) -> None:
    """By the tokenizer of a real checkpoint, stop strings included."""
    theirs = pytest.importorskip("evalplus.provider.utility", reason="evalplus is not installed")
    source = Path(theirs.__file__).parents[1].joinpath("codegen.py").read_text(encoding="utf-8")
    tokenizer = load_tokenizer(smollm2)
    lines = [line.strip() for line in source.splitlines()]
    said, begun = (
        next(line for line in lines if line.startswith(f"{name} = ")).partition(" = ")[2].strip('"')
        for name in ("instruction_prefix", "response_prefix")
    )
    made = recipe("evalplus-chat")

    rendered = render_prompt(made.build(PROBLEM, ""), tokenizer, "smollm2")

    assert rendered.text == theirs.make_raw_chat_prompt(PROBLEM.prompt.strip() + "\n", said, begun, tokenizer)
    assert made.stop == (*theirs.EOS, "\n```\n")


LM_EVAL_MBPP = {
    "lm-eval-0-shot": "4f259f964218fd2df021d1fa9bd1d81a6993c2e7d2780aa60fbdb7c690508a2f",
    "lm-eval-1-shot": "10171f9f7fb9de7ec24c7a933c55523c7c70591e8f191f14876f7519644c04aa",
    "lm-eval-2-shot": "cad4e514a9d2adc6cfc9357308e704f81b6743acf794128ffb2377ff2e78c5b8",
    "lm-eval": "b09746904aefaa696bf54d6663046bc5f84f3e32d0d239213c3e5ba298aa697c",
}
"""SHA-256 of the 500 prompts that lm-eval 0.4.13's own templates and examples give, joined by NUL."""


@pytest.mark.data
@pytest.mark.parametrize("name", LM_EVAL_MBPP)
def test_base_models_get_lm_evals_mbpp(name: str) -> None:
    """All 500 prompts, the stop string, and the code in front of it, alone."""
    suite = load_suite("mbpp").with_recipe(name)
    texts = [suite.build_prompt(problem).text or "" for problem in suite.problems.values()]
    answer = Completion(text="def f():\n    return 1\n[DONE]\n\nYou are")

    sample = suite.extract_sample("Mbpp/11", 0, answer)
    echoed = suite.extract_sample("Mbpp/11", 0, dataclasses.replace(answer, text=texts[0] + answer.text))

    assert hashlib.sha256("\0".join(texts).encode()).hexdigest() == LM_EVAL_MBPP[name]
    assert suite.recipe is not None
    assert (suite.recipe.stop, suite.recipe.max_tokens) == (("[DONE]",), 256)
    assert (sample.code, sample.form) == ("def f():\n    return 1\n", CodeForm.SOLUTION)
    assert echoed.code == sample.code


@pytest.mark.data
def test_base_models_get_the_other_harnesses_bytes() -> None:
    """HumanEval's prompt as lm-eval and as bigcode send it, bigcode's docstring for MBPP, and their stop strings."""
    lm_eval, bigcode = recipe("lm-eval"), recipe("completion-stripped")
    problem = Mbpp().problems()[0]
    text, first = problem.metadata["text"], problem.metadata["asserts"].partition("\n")[0]

    assert lm_eval.build(PROBLEM, "").text == PROBLEM.prompt
    assert (lm_eval.stop, lm_eval.max_tokens) == (("\nclass", "\ndef", "\n#", "\nif", "\nprint"), 1024)
    assert lm_eval.extract("    return a + b\n\nprint(add(1, 2))", PROBLEM).code == "    return a + b\n"
    assert bigcode.build(PROBLEM, "").text == STRIPPED
    assert bigcode.stop == ("\nclass", "\ndef", "\n#", "\n@", "\nif", "\nprint", "\n```")
    docstring = recipe("completion", Mbpp())
    assert docstring.build(problem, "").text == f'"""\n{text}\n{first}\n"""\n'
    assert docstring.stop == ("\nclass", "\nassert", '\n"""', "\nprint", "\nif", "\n<|/", "\n```")


@pytest.mark.parametrize("made", [made for made in PUBLISHED if made.kind == "chat"], ids=lambda made: made.name)
def test_the_code_of_a_reply_is_extracted(made: Any) -> None:
    """Of a reply as each prompt forces it to begin: the body, the code in the opened fence, or a block."""
    if made.extraction.style == "evalplus":
        pytest.importorskip("evalplus.sanitize", reason="evalplus is not installed")
    whole = "def add(a, b):\n    return a + b\n"
    begun = {"lm-eval-instruct": "    return a + b\n"}.get(made.name, whole)
    reply = f"{begun}```\nIt adds.\n" if made.prefill else f"Sure:\n```python\n{whole}```\nIt adds.\n"

    found = made.extract(reply, PROBLEM)

    assert (found.code.rstrip(), found.form) == (
        begun.rstrip() if made.prefill else whole.rstrip(),
        CodeForm.COMPLETION if made.name in ("lm-eval-instruct", "deepseek-coder") else CodeForm.SOLUTION,
    )


def test_mbpp_brings_its_own_variants() -> None:
    """By the general name; each is a recipe of its own name as well."""
    for name in ("lm-eval", "lm-eval-instruct", "deepseek-coder"):
        assert recipe(name, Mbpp()) is RECIPES[f"{name}-mbpp"]
        assert recipe(name) is RECIPES[name]


def test_a_problem_without_mbpps_texts_is_refused() -> None:
    """The message names the recipe, the placeholder and the problem."""
    with pytest.raises(UsageError, match=r'recipe "deepseek-coder-mbpp" names \{text\}, which T/0 does not have'):
        recipe("deepseek-coder-mbpp").build(dataclasses.replace(PROBLEM, metadata={}), "")


@pytest.mark.data
def test_the_examples_are_mbpps() -> None:
    """Problems 2, 3 and 4 of the official file."""
    folder = os.environ.get("HARNESS_DATA_DIR")
    if not folder:
        pytest.skip("HARNESS_DATA_DIR is not set")
    rows = [json.loads(line) for line in Path(folder, "mbpp.jsonl").read_text(encoding="utf-8").splitlines()]

    assert (
        tuple((row["text"], "\n".join(row["test_list"]), row["code"]) for row in rows if row["task_id"] in (2, 3, 4))
        == EXAMPLES
    )
