"""Prompts that other harnesses and model families evaluate models with, byte for byte.

Sources, each with its prefill, stop strings and token limit:
- EvalPlus 0.3.1 (github.com/evalplus/evalplus): provider/utility.py, codegen.py.
- BigCodeBench 0.2.5 (github.com/bigcode-project/bigcodebench): provider/utility.py, generate.py, split "instruct".
- lm-eval 0.4.13 (github.com/EleutherAI/lm-evaluation-harness): humaneval 1.0, mbpp 1.0, and for
  chat models humaneval_instruct 4.0, mbpp_instruct 1.0.
- Qwen2.5-Coder (github.com/QwenLM/Qwen2.5-Coder): qwencoder-eval/instruct/eval_plus, generate.py and model.py.
- DeepSeek-Coder (github.com/deepseek-ai/DeepSeek-Coder): Evaluation/HumanEval and Evaluation/MBPP, eval_instruct.py.
- The three examples are problems 2 to 4 of MBPP (github.com/google-research/google-research, CC BY 4.0).

Extraction is near the sources', not equal. EvalPlus's sanitizer is given the problem's prompt as well if an answer does
not define the function. lm-eval takes the first word of an MBPP answer for a language tag and an answer without a fence
for none. DeepSeek-Coder runs the function in its block alone, with what stands before it in the prompt.
"""

from __future__ import annotations

from dataclasses import replace

from ..extraction.rules import EXTRACTIONS, Extraction
from ..types import CodeForm
from .prompt_format import Recipe

SELF_CONTAINED = (
    "Please provide a self-contained Python script that solves the following problem in a markdown code block:"
)
SELF_CONTAINED_REPLY = (
    "Below is a Python script with a self-contained function that solves the problem and passes corresponding tests:"
    "\n```python\n"
)
ENDS = ("<|endoftext|>", "<|endofmask|>", "</s>", "\nif __name__", "\ndef main(", "\nprint(")
"""EvalPlus's `EOS`, which BigCodeBench and Qwen2.5-Coder share."""
SANITIZED = replace(EXTRACTIONS["evalplus"], name="evalplus-chat", tabs="all")

EXAMPLES = (
    (
        "Write a function to find the similar elements from the given two tuple lists.",
        "assert similar_elements((3, 4, 5, 6),(5, 7, 4, 10)) == (4, 5)\n"
        "assert similar_elements((1, 2, 3, 4),(5, 4, 3, 7)) == (3, 4)\n"
        "assert similar_elements((11, 12, 14, 13),(17, 15, 14, 13)) == (13, 14)",
        "def similar_elements(test_tup1, test_tup2):\r\n"
        "  res = tuple(set(test_tup1) & set(test_tup2))\r\n"
        "  return (res) ",
    ),
    (
        "Write a python function to identify non-prime numbers.",
        "assert is_not_prime(2) == False\nassert is_not_prime(10) == True\nassert is_not_prime(35) == True",
        "import math\r\n"
        "def is_not_prime(n):\r\n"
        "    result = False\r\n"
        "    for i in range(2,int(math.sqrt(n)) + 1):\r\n"
        "        if n % i == 0:\r\n"
        "            result = True\r\n"
        "    return result",
    ),
    (
        "Write a function to find the largest integers from a given list of numbers using heap queue algorithm.",
        "assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],3)==[85, 75, 65] \n"
        "assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],2)==[85, 75] \n"
        "assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],5)==[85, 75, 65, 58, 35]",
        "import heapq as hq\r\n"
        "def heap_queue_largest(nums,n):\r\n"
        "  largest_nums = hq.nlargest(n, nums)\r\n"
        "  return largest_nums",
    ),
)
"""Text, asserts and code of MBPP's problems 2, 3 and 4."""

EVALPLUS_CHAT = Recipe(
    name="evalplus-chat",
    description="EvalPlus 0.3.1's chat prompt with its reply prefix and stop strings; needs the extra evalplus",
    kind="chat",
    template=f"{SELF_CONTAINED}\n```\n{{prompt}}\n```\n",
    strip_problem=True,
    prefill=SELF_CONTAINED_REPLY,
    extract_prefill=False,
    stop=(*ENDS, "\n```\n"),
    max_tokens=768,
    extraction=SANITIZED,
)

BIGCODEBENCH_INSTRUCT = Recipe(
    name="bigcodebench-instruct",
    description="BigCodeBench 0.2.5's prompt of the split instruct, with its reply prefix; needs the extra evalplus",
    kind="chat",
    template=f"{SELF_CONTAINED}\n{{instruction}}\n",
    strip_problem=True,
    prefill=SELF_CONTAINED_REPLY,
    extract_prefill=False,
    stop=ENDS,
    max_tokens=1280,
    extraction=SANITIZED,
)

LM_EVAL_STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
"""The stop strings of humaneval and humaneval_instruct."""

LM_EVAL = Recipe(
    name="lm-eval",
    description="lm-eval 0.4.13's humaneval for base models: the bare prompt, no examples",
    kind="text",
    template="{prompt}",
    stop=LM_EVAL_STOPS,
    max_tokens=1024,
    extraction=Extraction(name="lm-eval", style="verbatim", cut_at=LM_EVAL_STOPS),
)

LM_EVAL_INSTRUCT = Recipe(
    name="lm-eval-instruct",
    description="lm-eval 0.4.13's humaneval_instruct: the reply begins with the problem's prompt and completes it",
    kind="chat",
    template=(
        "Write a solution to the following problem and make sure that it passes the tests:\n```python\n{prompt}\n```\n"
    ),
    prefill="Here is the completed function:\n```python\n{prompt}\n",
    extract_prefill=False,
    stop=LM_EVAL_STOPS,
    max_tokens=1024,
    extraction=Extraction(name="lm-eval-instruct", style="verbatim", cut_at=("```",)),
)

MBPP_BASE = (
    "You are an expert Python programmer, and here is your task: {} Your code should pass these tests:\n\n{}\n[BEGIN]\n"
)


def build_lm_eval_mbpp(shots: int) -> Recipe:
    """Return lm-eval's mbpp for base models with the first `shots` of its three examples, in one text."""
    examples = (f"{MBPP_BASE.format(text, tests)}{code}\n[DONE]\n\n" for text, tests, code in EXAMPLES[:shots])
    return Recipe(
        name="lm-eval-mbpp" if shots == len(EXAMPLES) else f"lm-eval-mbpp-{shots}-shot",
        description=f"lm-eval 0.4.13's mbpp for base models: {shots} examples, between [BEGIN] and [DONE]",
        kind="text",
        template="".join(examples) + MBPP_BASE.format("{text}", "{asserts}"),
        stop=("[DONE]",),
        max_tokens=256,
        extraction=Extraction(name="lm-eval-mbpp", style="verbatim", form=CodeForm.SOLUTION, cut_at=("[DONE]",)),
    )


LM_EVAL_MBPP = build_lm_eval_mbpp(len(EXAMPLES))

MBPP_EXPERT = "You are an expert Python programmer, and here is your task:\n{}\nYour code should pass these tests:\n{}"

LM_EVAL_INSTRUCT_MBPP = Recipe(
    name="lm-eval-instruct-mbpp",
    description="lm-eval 0.4.13's mbpp_instruct: three examples as turns of the chat",
    kind="chat",
    template=MBPP_EXPERT.format("{text}", "{asserts}"),
    shots=tuple((MBPP_EXPERT.format(text, tests), f"\n```python\n{code}\n```") for text, tests, code in EXAMPLES),
    prefill="\n```python\n",
    extract_prefill=False,
    max_tokens=256,
    extraction=Extraction(
        name="lm-eval-instruct-mbpp", style="verbatim", form=CodeForm.SOLUTION, cut_at=("\n```", "```")
    ),
)

QWEN_CODER = Recipe(
    name="qwen2.5-coder",
    description="Qwen2.5-Coder's evaluation by EvalPlus, with its system message; needs the extra evalplus",
    kind="chat",
    system="You are an intelligent programming assistant to produce Python algorithmic solutions",
    template="Can you complete the following Python function?\n```python\n{prompt}\n```\n",
    strip_problem=True,
    prefill="```python\n",
    extract_prefill=False,
    stop=(*ENDS, "\n#", "\n```"),
    max_tokens=2048,
    extraction=SANITIZED,
)

FIRST_BLOCK = Extraction(name="deepseek-coder", style="published", fence_open="```python", fence_close="```")

DEEPSEEK_CODER = Recipe(
    name="deepseek-coder",
    description="DeepSeek-Coder's instruct evaluation on HumanEval",
    kind="chat",
    template=(
        "Please help me to complete the function. Use the given packages only and DO NOT refer any new package. "
        "Please return all completed function in a codeblock. \n"
        "Here is the given code to do completion:\n```python\n{prompt}\n```"
    ),
    max_tokens=512,
    extraction=FIRST_BLOCK,
)

MBPP_PROBLEM = ">>> Problem:\n{}\n>>> Test Cases:\n{}\n"

DEEPSEEK_CODER_MBPP = Recipe(
    name="deepseek-coder-mbpp",
    description="DeepSeek-Coder's instruct evaluation on MBPP: three examples in the message",
    kind="chat",
    template=(
        "Please refer the given examples and generate a python function for my problem.\n"
        "Examples are listed as follows:\n"
        + "\n\n".join(
            f"- Example {number}:\n{MBPP_PROBLEM.format(text, tests)}\n>>> Code:\n```python\n{code}\n```"
            for number, (text, tests, code) in enumerate(EXAMPLES, start=1)
        ).replace("\r", "")
        + f"\n\nHere is my problem:\n{MBPP_PROBLEM.format('{text}', '{asserts}')}"
    ),
    max_tokens=512,
    extraction=replace(FIRST_BLOCK, name="deepseek-coder-mbpp", form=CodeForm.SOLUTION),
)

PUBLISHED = (
    EVALPLUS_CHAT,
    BIGCODEBENCH_INSTRUCT,
    LM_EVAL,
    LM_EVAL_MBPP,
    LM_EVAL_INSTRUCT,
    LM_EVAL_INSTRUCT_MBPP,
    QWEN_CODER,
    DEEPSEEK_CODER,
    DEEPSEEK_CODER_MBPP,
)
