"""Extract code from completions: pure functions over named rules; the raw text is stored elsewhere.

Three rules are the published ones of WizardCoder, step by step as its scripts process_humaneval.py,
process_mbpp.py and mbppplus_process_preds.py do it (github.com/nlpxucan/WizardLM, Apache-2.0), oddities
included: white space is stripped only where a fence or a cut was found, all three look for "```python"
alone, and the MBPP script keeps carriage returns. "evalplus" calls EvalPlus's sanitizer (extra `evalplus`).

"fenced" is a heuristic over text; it never parses the code. A body without indentation is not re-indented, and helpers
in a second fenced block are not merged in.
"""

from __future__ import annotations

import importlib
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ..errors import UsageError, install_hint
from ..types import CodeForm, Problem
from .infill import clean_answer, clean_fenced_answer

FENCE = "```"
PYTHON_TAGS = ("py", "python", "python2", "python3", "py3")

CODE_START = re.compile(
    r"""import[ ]+[\w.]+(?:[ ]+as[ ]+\w+)?(?:[ ]*,.*)?[ ]*(?:\#.*)?$
    |from[ ]+[\w.]+[ ]+import\b
    |(?:async[ ]+)?def[ ]+\w+[ ]*\(
    |class[ ]+\w+[ ]*[:(]
    |@\w
    |[A-Za-z_][\w.]*(?:[ ]*:[^=]+)?[ ]*=(?!=)""",
    re.VERBOSE,
)
"""Matches a line that starts code at the left margin."""

PROSE = re.compile(r"""[A-Z`][\w`'-]*[,:]?[ ]+[\w`'"(]|[A-Z]\w*:[ ]*$|[-*][ ]|\d+\.[ ]|\*\*|<""")
"""Matches a line at the left margin where code has ended and prose begins again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """A rule that turns a completion's text into code."""

    name: str
    style: Literal["published", "fenced", "verbatim", "evalplus", "answer", "fenced-answer"]
    """published: WizardCoder's steps. fenced: ours, for chat. verbatim: the text itself, cut. *answer: `infill`."""
    form: CodeForm = CodeForm.COMPLETION
    """Form of the code; "fenced" may return `SOLUTION` if the code cannot follow a prompt."""
    answer: Literal["first", "last"] = "first"
    """Part that counts if the text repeats the response marker."""
    tabs: Literal["keep", "all", "indent"] = "keep"
    """Which tabs become four spaces."""
    drop_carriage_returns: bool = False
    fence_open: str = ""
    """published: the opening fence, anywhere in the text."""
    fence_close: str = ""
    """published: the first occurrence after the opening ends the code."""
    block: Literal["first", "last"] = "first"
    """fenced: the block that counts if several define the entry point."""
    cut_at: tuple[str, ...] = ()
    """The code ends before the first occurrence; fenced: case-insensitive, after the entry point's definition."""


MAIN_GUARD = 'if __name__ == "__main__":'

HUMANEVAL_STOPS = ("\nclass", "\ndef", "\n#", "\n@", "\nif", "\nprint", "\n```")
"""The five stop strings of Chen et al. 2021 and two that bigcode-evaluation-harness adds.

bigcode's eighth, "<file_sep>", is a special token of StarCoder, which adapters do not decode.
"""

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
            cut_at=("\nif __name__ ==", "\n# example usage", "\n# test examples", "\n# test cases"),
        ),
        Extraction(name="completion", style="verbatim", cut_at=HUMANEVAL_STOPS),
        Extraction(name="evalplus", style="evalplus", form=CodeForm.SOLUTION, drop_carriage_returns=True),
    )
}


def extract(text: str, problem: Problem, rule: Extraction) -> tuple[str, CodeForm]:
    """Return the code in `text` (the answer alone, without an echoed prompt) and its form.

    Raises:
        UsageError: the rule needs a package that is not installed.
    """
    if rule.drop_carriage_returns:
        text = text.replace("\r", "")
    text = _expand_tabs(text, rule.tabs)
    match rule.style:
        case "published":
            return _extract_published(text, rule), rule.form
        case "fenced":
            code = _extract_fenced(text, problem.entry_point, rule)
            return code, _decide_form(code, problem.entry_point, rule)
        case "verbatim":
            return text[: _find_first(text, rule.cut_at)], rule.form
        case "evalplus":
            return _extract_evalplus(text, problem), rule.form
        case "answer" | "fenced-answer":
            return (clean_answer(text) if rule.style == "answer" else clean_fenced_answer(text, problem)), rule.form


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


def defines(code: str, name: str) -> bool:
    """Tell whether `code` defines `name` at the left margin (def, class or assignment)."""
    return _find_definition(code, name) is not None


def _find_definition(code: str, name: str) -> re.Match[str] | None:
    name = re.escape(name)
    pattern = rf"^(?:(?:async[ \t]+)?(?:def|class)[ \t]+{name}\b|{name}[ \t]*(?::[^=\n]*)?=(?!=))"
    return re.search(pattern, code, re.MULTILINE)


def _expand_tabs(text: str, which: str) -> str:
    if which == "all":
        return text.replace("\t", "    ")
    if which == "indent":
        return re.sub(r"^[ \t]+", lambda found: found[0].replace("\t", "    "), text, flags=re.MULTILINE)
    return text


def _find_first(text: str, marks: tuple[str, ...]) -> int:
    """Return the position of the earliest of `marks`, or the end of `text`."""
    return min((at for mark in marks if (at := text.find(mark)) >= 0), default=len(text))


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


def _extract_fenced(text: str, entry_point: str, rule: Extraction) -> str:
    code = _drop_blank_head(_choose_code(text, entry_point, rule)).rstrip()
    flat = textwrap.dedent(code)
    if not defines(code, entry_point) and defines(flat, entry_point):
        # Otherwise a whole solution in an indented block would become a nested function of the prompt's function.
        code = flat
    found = _find_definition(code, entry_point)
    ends = re.compile("|".join(map(re.escape, rule.cut_at)) or r"\Z", re.IGNORECASE)
    end = ends.search(code, found.end() if found else 0)
    return code[: end.start() if end else len(code)].rstrip()


def _choose_code(text: str, entry_point: str, rule: Extraction) -> str:
    head, blocks = _split_blocks(text)
    solving = [code for _, code in blocks if defines(textwrap.dedent(code), entry_point)]
    if solving:
        return solving[0] if rule.block == "first" else solving[-1]
    if _drop_blank_head(head).startswith(" ") or defines(head, entry_point):
        # The code came first and the only fences follow it: an example, or the end of a block that the prompt opened.
        return _drop_prose(head)
    python = [code for tag, code in blocks if code.strip() and tag in ("", *PYTHON_TAGS)]
    if python:
        return python[0] if rule.block == "first" else python[-1]
    return _drop_prose(text)


def _split_blocks(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the text before the first fence, and (language tag, code) of each block; the last may be unclosed."""
    head: list[str] = []
    blocks: list[tuple[str, list[str]]] = []
    margin: str | None = None
    for line in text.split("\n"):
        before, fence, after = line.rpartition(FENCE)
        tag = after.strip().lower()
        if margin is None:
            if fence and re.fullmatch(r"[\w.+-]*", tag):
                margin = before if not before.strip() else ""
                blocks.append((tag, []))
                if len(blocks) == 1 and before.strip():
                    head.append(before)
            elif not blocks:
                head.append(line)
            continue
        opened_again = tag in PYTHON_TAGS
        if fence and (not before.strip() or (not tag and not before.strip().startswith("#"))):
            if before.strip():
                blocks[-1][1].append(before.removeprefix(margin))
            margin = before if opened_again else None
            if opened_again:
                blocks.append((tag, []))
        else:
            blocks[-1][1].append(line.removeprefix(margin))
    return "\n".join(head), [(tag, "\n".join(lines)) for tag, lines in blocks]


def _drop_prose(text: str) -> str:
    """Return an answer without fences from its first line of code to where prose begins again."""
    lines = text.split("\n")
    first = next((line for line in lines if line.strip()), "")
    starts = [at for at, line in enumerate(lines) if CODE_START.match(line)]
    indented = [at for at, line in enumerate(lines) if line.startswith(" ") and line.strip()]
    if first.startswith(" ") or not starts:
        starts = indented
    if not starts:
        return text
    kept: list[str] = []
    quote = ""
    for line in lines[starts[0] :]:
        if not quote and PROSE.match(line) and not CODE_START.match(line):
            break
        kept.append(line)
        quote = _track_quote(line, quote)
    return "\n".join(kept)


def _track_quote(line: str, quote: str) -> str:
    """Return the triple quote that is open after `line`, given the one open before it."""
    for mark in re.findall(r'"""|\'\'\'', line):
        if not quote:
            quote = mark
        elif quote == mark:
            quote = ""
    return quote


def _drop_blank_head(code: str) -> str:
    return re.sub(r"\A(?:[ \t]*\n)+", "", code)


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
