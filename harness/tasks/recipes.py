"""Named prompt formats with their decoding limits and extraction rules: frozen data with a digest.

Sources: WizardCoder's generation and training scripts (github.com/nlpxucan/WizardLM; Luo et al. 2023,
arXiv 2306.08568), whose bytes are kept because the checkpoints were trained and published on them; Alpaca's
format (Taori et al. 2023); stop strings of HumanEval's paper (Chen et al. 2021) as bigcode extends them.

A benchmark may carry `recipes: Mapping[str, Recipe]`, its own published variants by general name.
A recipe does not know the model; chat templates and BOS tokens are the adapter's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from ..digests import digest_json
from ..optional import get_recipes
from ..registry import make_unknown_error
from ..types import Benchmark, Problem, Prompt
from .extraction import EXTRACTIONS, HUMANEVAL_STOPS, Extracted, Extraction, extract, extract_answer

LEAD = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
LEAD_WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request."
)
RESPONSE = "### Response:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A prompt format with the rule that extracts code from the answer."""

    name: str
    description: str
    """Text for people; the only field that is not in the digest."""
    kind: Literal["text", "chat"]
    """text: `template` is the model's whole input. chat: it is the user's message."""
    template: str
    """`{prompt}` is the benchmark's own prompt, `{instruction}` the task as the benchmark tells it."""
    indent_to_tab: bool = False
    """Replace every four spaces of the problem with a tab, as WizardCoder's scripts do before generation."""
    strip_problem: bool = False
    """Drop white space around the problem."""
    prefill: str = ""
    """chat: the forced beginning of the reply."""
    stop: tuple[str, ...] = ()
    max_tokens: int = 2048
    extraction: Extraction
    response_marker: str = ""
    """Ends the prompt; finds the answer in texts that still hold the prompt."""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of all fields but the description, as canonical JSON."""
        fields = {key: value for key, value in asdict(self).items() if key != "description"}
        return digest_json(fields)

    def build(self, problem: Problem, instruction: str) -> Prompt:
        """Build the prompt for `problem`; `instruction` is `Benchmark.instruction(problem)`."""
        values = {"prompt": self._shape_text(problem.prompt), "instruction": self._shape_text(instruction)}
        # One pass, so braces in a problem's code are never taken for a placeholder.
        text = re.sub(r"\{(prompt|instruction)\}", lambda found: values[found[1]], self.template)
        if self.kind == "chat":
            return Prompt(messages=(("user", text),), prefill=self.prefill)
        return Prompt(text=text)

    def ask(self, instruction: str, context: str = "") -> Prompt:
        """Build the prompt for a user's own instruction, with `context` (such as a piece of code) if given.

        Recipes with a response marker use the exact text that their checkpoints were trained on.
        """
        if self.response_marker:
            lead, section = (LEAD_WITH_INPUT, f"### Input:\n{context}\n\n") if context else (LEAD, "")
            return Prompt(text=f"{lead}\n\n### Instruction:\n{instruction}\n\n{section}{self.response_marker}")
        text = f"{instruction}\n\n{context}" if context else instruction
        return Prompt(messages=(("user", text),)) if self.kind == "chat" else Prompt(text=text)

    def extract(self, text: str, problem: Problem) -> Extracted:
        """Extract the code from a raw answer after dropping an echoed prompt.

        Raises:
            UsageError: the extraction rule needs a package that is not installed.
        """
        if self.kind == "text" and not self.response_marker:
            text = text.removeprefix(problem.prompt.strip() if self.strip_problem else problem.prompt)
        lead = self.template.partition("\n")[0]
        text = extract_answer(text, lead=lead, marker=self.response_marker, pick=self.extraction.answer)
        return extract(self.prefill + text, problem, self.extraction)

    def _shape_text(self, problem_text: str) -> str:
        text = problem_text.strip() if self.strip_problem else problem_text
        return text.replace("    ", "\t") if self.indent_to_tab else text


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
    if name in own:
        return own[name]
    if name in RECIPES:
        return RECIPES[name]
    raise make_unknown_error("recipes", name, [*RECIPES, *own])
