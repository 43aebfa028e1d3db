"""A recipe: how a problem is put to a model, and how code is extracted from its answer; frozen data with a digest.

A recipe does not know the model; chat templates and BOS tokens are the adapter's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any, Literal

from ..config.checking import PositiveInt, Text
from ..digests import digest_json
from ..errors import UsageError
from ..extraction.rules import Extracted, Extraction, extract, extract_answer
from ..types import Problem, Prompt

LEAD = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
LEAD_WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request."
)

PLACEHOLDERS = ("prompt", "instruction", "entry_point", "text", "asserts", "suffix")
"""Names that a template may have in braces. From the problem's metadata: `text` and `asserts` (MBPP), `suffix`."""
_PLACEHOLDER = re.compile(rf"\{{({'|'.join(PLACEHOLDERS)})\}}")

_FIRST_FIELDS = {
    *("name", "kind", "template", "indent_to_tab", "strip_problem", "prefill", "stop", "max_tokens", "extraction"),
    *("response_marker", "style", "form", "answer", "tabs", "drop_carriage_returns", "fence_open", "fence_close"),
    *("block", "cut_at"),
}
"""Fields of `Recipe` and `Extraction` that every digest has; later ones count if they are set, so old runs resume."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A prompt format with the rule that extracts code from the answer."""

    name: Text
    description: str
    """Text for people; the only field that is not in the digest."""
    kind: Literal["text", "chat"]
    """text: `template` is the model's whole input. chat: it is the user's last message."""
    template: Text
    """`{prompt}` is the benchmark's own prompt, `{instruction}` the task as the benchmark tells it, `{entry_point}` the
    function that is called; `{text}` and `{asserts}` are MBPP's, `{suffix}` what follows the place to fill."""
    suffix: str = ""
    """text: what follows the place to fill, mostly "{suffix}"; the model's infilling tokens go around both."""
    system: str = ""
    """chat: the system message. "": none, or the one that the chat template brings."""
    shots: tuple[tuple[str, str], ...] = ()
    """chat: examples before the task, as (user, assistant); they have no placeholders."""
    indent_to_tab: bool = False
    """Replace every four spaces of the problem with a tab, as WizardCoder's scripts do before generation."""
    strip_problem: bool = False
    """Drop white space around the problem."""
    prefill: str = ""
    """chat: the forced beginning of the reply; `{prompt}` is the benchmark's own prompt."""
    extract_prefill: bool = True
    """Extract from the prefill and the completion together. False: from the completion alone."""
    stop: tuple[Text, ...] = ()
    max_tokens: PositiveInt = 2048
    extraction: Extraction
    response_marker: str = ""
    """Ends the prompt; finds the answer in texts that still hold the prompt."""
    reasoning_marks: tuple[tuple[Text, Text], ...] = ()
    """What opens and what closes the model's reasoning, in addition to `harness.extraction.reasoning.MARKS`."""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the fields but the description, as canonical JSON."""
        deciding = _collect_deciding(self) | {"extraction": _collect_deciding(self.extraction)}
        del deciding["description"]
        return digest_json(deciding)

    def build(self, problem: Problem, instruction: str) -> Prompt:
        """Build the prompt for `problem`; `instruction` is `Benchmark.instruction(problem)`.

        Raises:
            UsageError: the template names what the problem does not have.
        """
        text = self._fill(self.template, problem, instruction)
        if self.kind == "text":
            return Prompt(text=text, suffix=self._fill(self.suffix, problem, "") if self.suffix else None)
        shown = tuple(turn for asked, said in self.shots for turn in (("user", asked), ("assistant", said)))
        return Prompt(
            messages=(*self._open_chat(), *shown, ("user", text)), prefill=self._fill(self.prefill, problem, "")
        )

    def ask(self, instruction: str, context: str = "") -> Prompt:
        """Build the prompt for a user's own instruction, with `context` (such as a piece of code) if given.

        Recipes with a response marker use the exact text that their checkpoints were trained on.
        """
        if self.response_marker:
            lead, section = (LEAD_WITH_INPUT, f"### Input:\n{context}\n\n") if context else (LEAD, "")
            return Prompt(text=f"{lead}\n\n### Instruction:\n{instruction}\n\n{section}{self.response_marker}")
        text = f"{instruction}\n\n{context}" if context else instruction
        return Prompt(messages=(*self._open_chat(), ("user", text))) if self.kind == "chat" else Prompt(text=text)

    def extract(self, text: str, problem: Problem, instruction: str = "") -> Extracted:
        """Extract the code from a raw answer after dropping an echoed prompt.

        Raises:
            UsageError: the extraction rule needs a package that is not installed.
        """
        if self.kind == "text" and not self.response_marker:
            asked = self._fill(self.template, problem, instruction)
            shown = problem.prompt.strip() if self.strip_problem else problem.prompt
            text = text.removeprefix(asked if text.startswith(asked) else shown)
        lead = self.template.partition("\n")[0]
        text = extract_answer(text, lead=lead, marker=self.response_marker, pick=self.extraction.answer)
        begun = self._fill(self.prefill, problem, "") if self.extract_prefill else ""
        return extract(begun + text, problem, self.extraction, self.reasoning_marks)

    def _open_chat(self) -> tuple[tuple[str, str], ...]:
        return (("system", self.system),) if self.system else ()

    def _fill(self, template: str, problem: Problem, instruction: str) -> str:
        values = {"prompt": problem.prompt, "instruction": instruction, "entry_point": problem.entry_point}

        def find_value(match: re.Match[str]) -> str:
            value = values.get(match[1], problem.metadata.get(match[1]))
            if not isinstance(value, str):
                raise UsageError(
                    f'recipe "{self.name}" names {match[0]}, which {problem.task_id} does not have; '
                    "write {prompt} or {instruction}"
                )
            return self._shape_text(value)

        # One pass, so braces in a problem's code are never taken for a placeholder.
        return _PLACEHOLDER.sub(find_value, template)

    def _shape_text(self, problem_text: str) -> str:
        text = problem_text.strip() if self.strip_problem else problem_text
        return text.replace("    ", "\t") if self.indent_to_tab else text


def _collect_deciding(made: Recipe | Extraction) -> dict[str, Any]:
    """Return the fields of a digest."""
    values = {field.name: (getattr(made, field.name), field.default) for field in fields(made)}
    return {name: value for name, (value, unset) in values.items() if name in _FIRST_FIELDS or value != unset}
