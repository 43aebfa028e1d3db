"""Named prompt formats with their decoding limits and extraction rules: frozen data with a digest.

Sources: WizardCoder's generation and training scripts (github.com/nlpxucan/WizardLM; Luo et al. 2023,
arXiv 2306.08568), whose bytes are kept because the checkpoints were trained and published on them; Alpaca's
format (Taori et al. 2023); stop strings of HumanEval's paper (Chen et al. 2021) as bigcode extends them.

A benchmark may carry `recipes: Mapping[str, Recipe]`, its own published variants by general name.
The prompts of other harnesses and model families are in `published`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..errors import UsageError
from ..extraction.rules import EXTRACTIONS, HUMANEVAL_STOPS
from ..optional import get_recipes
from ..registry import make_unknown_error
from ..types import Benchmark
from .prompt_format import LEAD, Recipe
from .published import PUBLISHED

RESPONSE = "### Response:"

WIZARDCODER = Recipe(
    name="wizardcoder",
    description="WizardCoder's format; a benchmark's published variant is used where there is one",
    kind="text",
    template=f"{LEAD}\n\n### Instruction:\nCreate a Python script for this problem:\n{{instruction}}\n\n{RESPONSE}",
    indent_to_tab=True,
    extraction=EXTRACTIONS["wizardcoder-humaneval"],
    response_marker=RESPONSE,
)

WIZARDCODER_HUMANEVAL = Recipe(
    name="wizardcoder-humaneval",
    description="the bytes of WizardCoder's humaneval_gen.py: two blank lines after the first line",
    kind="text",
    template=f"{LEAD}\n\n\n### Instruction:\nCreate a Python script for this problem:\n{{prompt}}\n\n{RESPONSE}",
    indent_to_tab=True,
    extraction=EXTRACTIONS["wizardcoder-humaneval"],
    response_marker=RESPONSE,
)

WIZARDCODER_MBPP = Recipe(
    name="wizardcoder-mbpp",
    description='the bytes of WizardCoder\'s mbpp_gen.py; the instruction is text, "Test examples:", asserts, by lines',
    kind="text",
    # The blank line before the task is the script's own; the instruction begins with the text.
    template=f"{LEAD}\n\n### Instruction:\nCreate a Python script for this problem:\n\n{{instruction}}\n\n{RESPONSE}",
    indent_to_tab=True,
    extraction=EXTRACTIONS["wizardcoder-mbpp"],
    response_marker=RESPONSE,
)

WIZARDCODER_MBPP_PLUS = Recipe(
    name="wizardcoder-mbpp-plus",
    description="the bytes of WizardCoder's mbppplus_gen.py; the instruction is mbppplus.json's text",
    kind="text",
    template=f"{LEAD}\n\n\n### Instruction:\n{{instruction}}\n\n{RESPONSE}",
    indent_to_tab=True,
    extraction=EXTRACTIONS["wizardcoder-mbpp-plus"],
    response_marker=RESPONSE,
)

ALPACA = Recipe(
    name="alpaca",
    description="the format WizardCoder and Alpaca are trained on, without an input section",
    kind="text",
    template=f"{LEAD}\n\n### Instruction:\n{{instruction}}\n\n{RESPONSE}",
    stop=("\n### Instruction:",),
    extraction=EXTRACTIONS["fenced"],
    response_marker=RESPONSE,
)

CHAT = Recipe(
    name="chat",
    description="one user message in the tokenizer's own template, asking for a fenced solution",
    kind="chat",
    template=(
        "Write a self-contained Python solution to the following problem. "
        "Answer with the complete code in one markdown code block.\n\n"
        "```python\n{prompt}\n```"
    ),
    strip_problem=True,
    max_tokens=768,
    extraction=EXTRACTIONS["fenced"],
)

COMPLETION = Recipe(
    name="completion",
    description="the benchmark's bare prompt, for base models; stops where the next top-level statement begins",
    kind="text",
    template="{prompt}",
    stop=HUMANEVAL_STOPS,
    max_tokens=512,
    extraction=EXTRACTIONS["completion"],
)

COMPLETION_STRIPPED = Recipe(
    name="completion-stripped",
    description='as "completion", white space around the prompt dropped as bigcode-evaluation-harness does',
    kind="text",
    template="{prompt}",
    strip_problem=True,
    stop=HUMANEVAL_STOPS,
    max_tokens=512,
    extraction=EXTRACTIONS["completion"],
)

FIM = Recipe(
    name="fim",
    description="infilling by the model's own tokens: prefix, suffix, middle; nothing is trimmed",
    kind="text",
    template="{prompt}",
    suffix="{suffix}",
    max_tokens=512,
    extraction=EXTRACTIONS["untrimmed"],
)

FIM_LINES = replace(
    FIM,
    name="fim-lines",
    description='as "fim", cut to as many lines as the gap has, as InCoder\'s evaluation does',
    extraction=EXTRACTIONS["lines"],
)

RECIPES: Mapping[str, Recipe] = {
    known.name: known
    for known in (
        WIZARDCODER,
        WIZARDCODER_HUMANEVAL,
        WIZARDCODER_MBPP,
        WIZARDCODER_MBPP_PLUS,
        ALPACA,
        CHAT,
        COMPLETION,
        COMPLETION_STRIPPED,
        FIM,
        FIM_LINES,
        *PUBLISHED,
    )
}


def list_recipes() -> dict[str, str]:
    """Return name -> description of all general recipes."""
    return {name: known.description for name, known in RECIPES.items()}


def recipe(name: str, benchmark: Benchmark | None = None) -> Recipe:
    """Return the recipe called `name`: the benchmark's own variant if it has one, otherwise the general one.

    Raises:
        UsageError: the name is unknown; the message offers the nearest one.
    """
    own: Mapping[str, Recipe] = get_recipes(benchmark)
    named = {variant.name: variant for variant in own.values()} | dict(own)
    if name in named:
        return named[name]
    if name in RECIPES:
        return RECIPES[name]
    raise make_unknown_error("recipes", name, [*RECIPES, *own])


def check_system(made: Recipe) -> None:
    """Refuse a system message for a recipe whose prompt is a text.

    Raises:
        UsageError: it is one.
    """
    if made.kind == "text":
        raise UsageError(
            f'a system message goes with chat recipes, and the prompt of "{made.name}" is a text; '
            "leave --system out, or choose a chat recipe (`harness list recipes`)"
        )
