"""Extract code from completions: pure functions over named rules; the raw text is stored elsewhere.

Three rules are the published ones of WizardCoder, step by step as its scripts process_humaneval.py,
process_mbpp.py and mbppplus_process_preds.py do it (github.com/nlpxucan/WizardLM, Apache-2.0), oddities
included: white space is stripped only where a fence or a cut was found, all three look for "```python"
alone, and the MBPP script keeps carriage returns. "evalplus" calls EvalPlus's sanitizer (extra `evalplus`).

"fenced" and "verbatim-block" are ours, for chat models (`harness.extraction.answers`); they, EvalPlus's and those of
`infill` that look for a fence read the answer without its reasoning. A body without indentation is not re-indented.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ..errors import UsageError, install_hint
from ..models.thinking import Mark
from ..types import CodeForm, Problem
from .answers import defines, find_code
from .assertions import cut_assertion
from .first_block import cut_first_block
from .infill import clean_answer, clean_fenced_answer
from .reasoning import split_reasoning
from .stubs import replace_stub


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """A rule that turns a completion's text into code."""

    name: str
    style: Literal[
        "published",
        "fenced",
        "verbatim-block",
        "enclosed",
        "verbatim",
        "evalplus",
        "answer",
        "fenced-answer",
        "assertion",
        "stub",
        "first-block",
    ]
    """published: WizardCoder's steps. fenced: what the entry point needs of the block that solves the problem.
    verbatim-block: that block, whole. enclosed: LiveCodeBench's, what stands between the last two lines with a fence.
    verbatim: the text itself, cut. *answer: `infill`. assertion: one side of one.
    stub: the block in one of `tags`, in place of the prompt's stub (`stubs`).
    first-block: the text up to the end of the function that the prompt opened (`first_block`)."""
    form: CodeForm = CodeForm.COMPLETION
    """Form of the code; a block's may be `SOLUTION` if it cannot follow a prompt."""
    answer: Literal["first", "last"] = "first"
    """Part that counts if the text repeats the response marker."""
    tabs: Literal["keep", "all", "indent"] = "keep"
    """Which tabs become four spaces."""
    drop_carriage_returns: bool = False
    side: Literal["call", "value"] = "value"
    """assertion: the side of `==` that is asked for."""
    fence_open: str = ""
    """published: the opening fence, anywhere in the text. assertion: the tag before the answer."""
    fence_close: str = ""
    """published: the first occurrence after the opening ends the code."""
    block: Literal["first", "last"] = "first"
    """The block that counts if several really define the entry point."""
    cut_at: tuple[str, ...] = ()
    """The code ends before the first occurrence. fenced: only if it is no valid Python; case-insensitive, after the
    entry point's definition."""

    gap_lines: bool = False
    """verbatim: whether as many lines are kept as the reference has."""
    tags: tuple[str, ...] = ()
    """stub: tags of the language's fences."""
    open_braces: int = 0
    """first-block: braces that the prompt leaves open; 0 for a language of indentation."""

    @property
    def reads_answers(self) -> bool:
        """Whether it takes the model's reasoning off first."""
        return self.style not in ("published", "verbatim", "answer", "first-block")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """Code that was taken from a completion."""

    code: str
    form: CodeForm
    notes: Mapping[str, Any] = field(default_factory=dict)
    """How it was found, JSON-ready; empty where the rule has nothing to decide."""


MAIN_GUARD = 'if __name__ == "__main__":'

HUMANEVAL_STOPS = ("\nclass", "\ndef", "\n#", "\n@", "\nif", "\nprint", "\n```")
"""The five stop strings of Chen et al. 2021 and two that bigcode-evaluation-harness adds.

bigcode's eighth, "<file_sep>", is a special token of StarCoder, which adapters do not decode.
"""

ABOUT: Mapping[str, str] = {
    "wizardcoder-humaneval": "the steps of WizardCoder's process_humaneval.py",
    "wizardcoder-mbpp": "the steps of WizardCoder's process_mbpp.py",
    "wizardcoder-mbpp-plus": "the steps of WizardCoder's mbppplus_process_preds.py",
    "fenced": "what the entry point needs of the last block that defines it; tests and demonstrations go",
    "verbatim-block": "the last block that defines the entry point, whole",
    "completion": "the text up to the next statement at the left margin",
    "untrimmed": "the text between the model's infilling tokens, as it is",
    "lines": "as many lines of that text as the gap has",
    "evalplus": "EvalPlus's sanitizer (extra `evalplus`)",
}
"""Name of a rule -> a line for people."""

EXTRACTIONS: Mapping[str, Extraction] = {
    rule.name: rule
    for rule in (
        Extraction(
            name="wizardcoder-humaneval",
            style="published",
            tabs="all",
            drop_carriage_returns=True,
            fence_open="```python",
            fence_close="```",
            cut_at=(MAIN_GUARD, "# Example usage"),
        ),
        Extraction(
            name="wizardcoder-mbpp",
            style="published",
            form=CodeForm.SOLUTION,
            answer="last",
            tabs="all",
            fence_open="```python",
            fence_close="\n```",
            cut_at=(MAIN_GUARD, "# Example usage", "# Test examples"),
        ),
        Extraction(
            name="wizardcoder-mbpp-plus",
            style="published",
            answer="last",
            tabs="all",
            drop_carriage_returns=True,
            fence_open="```python",
            fence_close="\n```",
            cut_at=(MAIN_GUARD, "# Example usage", "assert"),
        ),
        Extraction(
            name="fenced",
            style="fenced",
            tabs="indent",
            drop_carriage_returns=True,
            block="last",
            cut_at=("\nif __name__ ==", "\n# example usage", "\n# test examples", "\n# test cases"),
        ),
        Extraction(
            name="verbatim-block", style="verbatim-block", tabs="indent", drop_carriage_returns=True, block="last"
        ),
        Extraction(name="completion", style="verbatim", cut_at=HUMANEVAL_STOPS),
        Extraction(name="untrimmed", style="verbatim"),
        Extraction(name="lines", style="verbatim", gap_lines=True),
        Extraction(name="evalplus", style="evalplus", form=CodeForm.SOLUTION, drop_carriage_returns=True),
    )
}


def extract(text: str, problem: Problem, rule: Extraction, marks: Sequence[Mark] = ()) -> Extracted:
    """Take the code out of `text`, the answer alone without an echoed prompt.

    `marks` open and close reasoning, beside those that are known.

    Raises:
        UsageError: the rule needs a package that is not installed.
    """
    notes: dict[str, Any] = {}
    if rule.reads_answers:
        parted = split_reasoning(text, marks)
        if parted.reasoning or not parted.closed:
            notes["reasoning"] = "closed" if parted.closed else "unclosed"
        text = parted.answer
    if rule.drop_carriage_returns:
        text = text.replace("\r", "")
    text = _expand_tabs(text, rule.tabs)
    form = rule.form
    match rule.style:
        case "published":
            code = _extract_published(text, rule)
        case "fenced" | "verbatim-block":
            whole = rule.style == "verbatim-block"
            answer = find_code(text, problem, pick=rule.block, whole=whole, cut_at=rule.cut_at)
            code, form = answer.code, _decide_form(answer.code, problem.entry_point, rule)
            notes |= answer.notes
        case "enclosed":
            code = _extract_enclosed(text)
        case "verbatim":
            code = _extract_verbatim(text, problem.reference, rule)
        case "evalplus":
            code = _extract_evalplus(text, problem)
        case "stub":
            code, why = replace_stub(text, problem, rule.tags)
            notes["why"] = why
        case "first-block":
            code = cut_first_block(text, rule.open_braces, rule.cut_at)
        case "answer" | "fenced-answer":
            code = clean_answer(text) if rule.style == "answer" else clean_fenced_answer(text, problem)
        case "assertion":
            code = cut_assertion(text[: _find_first(text, rule.cut_at)], rule.fence_open, rule.side)
    return Extracted(code=code, form=form, notes=notes)


def extract_answer(text: str, *, lead: str, marker: str, pick: Literal["first", "last"]) -> str:
    """Return the model's answer from a text that may begin with the prompt and may repeat the marker.

    The prompt counts as echoed if `lead` stands before the first `marker`, whatever surrounds both, because published
    files differ from the published scripts in blank lines.
    """
    if not marker:
        return text
    parts = text.split(marker)
    if lead and len(parts) > 1 and lead in parts[0]:
        parts = parts[1:]
    return parts[0] if pick == "first" else parts[-1]


def _expand_tabs(text: str, which: str) -> str:
    if which == "all":
        return text.replace("\t", "    ")
    if which == "indent":
        return re.sub(r"^[ \t]+", lambda found: found[0].replace("\t", "    "), text, flags=re.MULTILINE)
    return text


def _find_first(text: str, marks: tuple[str, ...]) -> int:
    """Return the position of the earliest of `marks`, or the end of `text`."""
    return min((at for mark in marks if (at := text.find(mark)) >= 0), default=len(text))


def _extract_verbatim(text: str, reference: str, rule: Extraction) -> str:
    text = text[: _find_first(text, rule.cut_at)]
    if not rule.gap_lines:
        return text
    lines = text.split("\n")[: len(reference.removesuffix("\n").split("\n"))]
    # the end is the gap's, since a stop string may have taken the line break
    return "\n".join(lines) + ("\n" if reference.endswith("\n") else "")


def _extract_published(text: str, rule: Extraction) -> str:
    if rule.fence_open in text:
        # Every opening fence goes, not only the first: with "\n```" as the end, a second block joins the first.
        text = text[text.index(rule.fence_open) :].strip().replace(rule.fence_open, "")
        if rule.fence_close in text:
            text = text[: text.index(rule.fence_close)].strip()
    for mark in rule.cut_at:
        if mark in text:
            text = text[: text.index(mark)].strip()
    return text


def _extract_enclosed(text: str) -> str:
    lines = text.split("\n")
    fences = [number for number, line in enumerate(lines) if "```" in line]
    return "\n".join(lines[fences[-2] + 1 : fences[-1]]) if len(fences) > 1 else ""


def _decide_form(code: str, entry_point: str, rule: Extraction) -> CodeForm:
    # "from __future__" is a syntax error anywhere but at the top of a file, so nothing may stand before it.
    if re.search(r"^from __future__ import", code, re.MULTILINE) and defines(code, entry_point):
        return CodeForm.SOLUTION
    return rule.form


def _extract_evalplus(text: str, problem: Problem) -> str:
    """Run EvalPlus's sanitizer; its time grows with the square of the number of lines."""
    try:
        sanitize = importlib.import_module("evalplus.sanitize").sanitize
    except ImportError as error:
        raise UsageError(f'extraction "evalplus" needs the package {error.name}: {install_hint("evalplus")}') from error
    whole = text if defines(text, problem.entry_point) else f"{problem.prompt}\n{text}"
    code: str = sanitize(whole, problem.entry_point)
    return code
