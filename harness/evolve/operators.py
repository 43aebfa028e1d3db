"""Operators that make an instruction harder, or new: data with a digest, built in or from a TOML file.

The presets are the six operators of WizardLM (Xu et al. 2023) and the five heuristics of WizardCoder (Luo et al.
2023), in words of our own that hold every element those papers name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Gt, Lt

from ..config import read_toml
from ..config.checking import build_config
from ..digests import digest_json
from ..errors import UsageError, suggest

DEPTH_TEMPLATE = """\
You are a rewriter of prompts. Turn the given prompt into a more complex version, a bit harder to handle for \
well-known AI assistants such as ChatGPT and GPT-4.
The rewritten prompt has to stay reasonable: people must be able to understand it and to respond to it.
Keep the parts of the given prompt that are not prose, such as tables and code, and keep its input.
Make it more complex in this way:
{method}
Keep it short: the rewritten prompt may have only 10 to 20 words more than the given prompt.
The words "given prompt" and "rewritten prompt" must not appear in what you write. Reply with the new text alone, in \
the language it was given in.

### Given prompt
{instruction}

### Rewritten prompt
"""

BREADTH_TEMPLATE = """\
You are a writer of prompts. Take the given prompt as inspiration and create a brand-new prompt.
{method}
The created prompt has to be reasonable: people must be able to understand it and to respond to it.
The words "given prompt" and "created prompt" must not appear in what you write. Reply with the new text alone, in \
the language it was given in.

### Given prompt
{instruction}

### Created prompt
"""

CODE_TEMPLATE = """\
Increase the difficulty of the given programming question a bit.
You may use the following method, among others:
{method}
The words "given question" and "rewritten question" must not appear in what you write. Reply with the new text alone, \
in the language it was given in.

### Given question
{instruction}

### Rewritten question
"""

MARKERS = ("given prompt", "rewritten prompt", "created prompt", "given question", "rewritten question")
"""Words of the templates that an evolved text must not repeat."""

SLOTS = re.compile(r"\{(method|instruction)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One way to change an instruction."""

    name: str
    kind: Literal["in-depth", "in-breadth"]
    template: str
    """Holds `{instruction}` and, where there is a method, `{method}`."""
    method: str = ""
    markers: tuple[str, ...] = MARKERS
    weight: Annotated[float, Gt(0), Lt(inf)] = 1.0
    """How often it is drawn, relative to the others."""

    @property
    def digest(self) -> str:
        """Return the SHA-256 (hex) of all that decides what is asked; the weight is not part of it."""
        fields = {key: value for key, value in asdict(self).items() if key != "weight"}
        return digest_json(fields)

    def render_prompt(self, instruction: str) -> str:
        """Return the prompt for the model; braces inside the instruction are never taken for a slot."""
        values = {"method": self.method, "instruction": instruction}
        return SLOTS.sub(lambda found: values[found[1]], self.template)


def _make_depth(name: str, method: str) -> Operator:
    return Operator(name=name, kind="in-depth", template=DEPTH_TEMPLATE, method=method)


def _make_code(name: str, method: str) -> Operator:
    return Operator(name=name, kind="in-depth", template=CODE_TEMPLATE, method=method)


PRESETS: Mapping[str, tuple[Operator, ...]] = {
    "wizardlm": (
        _make_depth("add-constraints", "Add one more constraint or requirement."),
        _make_depth("deepen", "If it asks about certain issues, ask about them in more depth and in more breadth."),
        _make_depth("concretise", "Replace general concepts by more specific ones."),
        _make_depth(
            "add-reasoning",
            "If a few simple thoughts are enough to solve it, demand explicitly that several steps of reasoning are "
            "taken.",
        ),
        _make_depth(
            "complicate-input",
            "Add input that the task has to work on, in a form that suits it: a table, program code, XML, an SQL "
            "database or JSON.",
        ),
        Operator(
            name="breadth",
            kind="in-breadth",
            template=BREADTH_TEMPLATE,
            method="It belongs to the same domain but is rarer, and it is similar in length and difficulty.",
        ),
    ),
    "wizardcoder": (
        _make_code("add-constraints", "Add new constraints and requirements to the question, in about 10 words."),
        _make_code(
            "replace-requirement", "Replace a requirement that is common in programming by a rarer, more specific one."
        ),
        _make_code("add-reasoning", "If a few logical steps are enough to solve it, demand more steps of reasoning."),
        _make_code("misdirect", "Show a piece of erroneous code as a reference, so that it misleads."),
        _make_code("raise-complexity", "Demand a higher time or space complexity, but do not do this often."),
    ),
}


def choose_operators(
    preset: str, names: Sequence[str] = (), file: Path | None = None, weights: Mapping[str, float] | None = None
) -> tuple[Operator, ...]:
    """Return the operators of `file`, else of `preset`: only those in `names` if there are any, with `weights` set.

    Raises:
        UsageError: an unknown preset or name, a file that does not fit, or a weight that is not above 0.
    """
    if preset not in PRESETS:
        raise UsageError(f'preset "{preset}" is not known; choose one of {", ".join(PRESETS)}')
    known = {one.name: one for one in (read_operators(file) if file else PRESETS[preset])}
    weights = weights or {}
    for name in [*names, *weights]:
        if name not in known:
            raise UsageError(f'operator "{name}" is not known.{suggest(name, known)}')
    known |= {name: _set_weight(known[name], weight) for name, weight in weights.items()}
    return tuple(known[name] for name in dict.fromkeys(names)) or tuple(known.values())


def _set_weight(operator: Operator, weight: float) -> Operator:
    values = {**asdict(operator), "weight": weight}
    return build_config(Operator, values, lambda _: f"operator {operator.name}: ")


def read_operators(file: Path) -> tuple[Operator, ...]:
    """Read a TOML file of operators: tables `[[operator]]` with the fields of `Operator`, or a `base` for the template.

    Raises:
        UsageError: it cannot be read, has no operator, or one that does not fit.
    """
    content = read_toml(file)
    tables = content.pop("operator", [])
    if content or not isinstance(tables, list):
        stray = next(iter(content), "operator")
        raise UsageError(f'operator file {file}: "{stray}" is not known; it holds [[operator]] tables alone')
    if not tables:
        raise UsageError(f"operator file {file} has no operator; it needs at least one [[operator]] table")
    operators = [
        _parse_operator(table, f"operator file {file}, operator {number}") for number, table in enumerate(tables, 1)
    ]
    names = [one.name for one in operators]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f'operator file {file} has two operators called "{name}"')
    return tuple(operators)


BASES = {"depth": DEPTH_TEMPLATE, "breadth": BREADTH_TEMPLATE, "code": CODE_TEMPLATE}


def _parse_operator(table: Any, where: str) -> Operator:
    if not isinstance(table, dict):
        raise UsageError(f"{where} is no table")
    values = dict(table)
    base = values.pop("base", None)
    if ("template" in table) == (base is not None) or (base is not None and base not in [*BASES]):
        raise UsageError(f"{where} needs either a template or a base: {', '.join(BASES)}")
    if base is not None:
        values["template"] = BASES[base]
    values.setdefault("kind", "in-breadth" if base == "breadth" else "in-depth")
    operator = build_config(Operator, values, lambda _: f"{where}: ")
    if not re.fullmatch(r"[\w.-]+", operator.name):
        raise UsageError(f"{where}: its name is {operator.name!r}; letters, digits, - and _ are needed")
    slots = set(SLOTS.findall(operator.template))
    if "instruction" not in slots or ("method" in slots) != bool(operator.method.strip()):
        raise UsageError(f"{where}: its template must hold {{instruction}}, and {{method}} where it has one")
    markers = [marker.lower() for marker in table.get("markers", ())]
    if not all(marker.strip() for marker in markers):
        raise UsageError(f"{where}: markers is {markers}; none may be blank")
    return replace(operator, markers=tuple(dict.fromkeys([*MARKERS, *markers])), weight=float(operator.weight))


def draw_operator(operators: Sequence[Operator], *where: object) -> Operator:
    """Draw the operator for `where` (seed, round, row): the same for the same words, on every machine."""
    share = compute_fraction(*where) * sum(one.weight for one in operators)
    for one in operators:
        share -= one.weight
        if share < 0:
            return one
    return operators[-1]


def compute_fraction(*where: object) -> float:
    """Return a number in [0, 1) that the words of `where` decide."""
    named = "\0".join(map(str, where)).encode()
    return int.from_bytes(hashlib.sha256(named).digest()[:6]) / 2**48
