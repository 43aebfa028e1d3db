"""Switching reasoning through chat templates, with a real tokenizer and the templates' own ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.errors import ModelError, UsageError
from harness.models.loading import open_model
from harness.models.options import ModelOptions
from harness.models.thinking import TemplateSettings, find_open_mark, find_switches, parse_template_args
from harness.optional import CanReason
from harness.types import Model, Prompt
from tests.checkpoints import OPENING, SWITCH, write_thinking

pytest.importorskip("torch", reason="the package torch is not installed")
pytest.importorskip("transformers", reason="the package transformers is not installed")

PROMPT = Prompt(messages=(("user", "Add."),))
LATER = SWITCH.replace("{% if enable_thinking is defined and enable_thinking is false %}", "{% if not thinking %}")


def opened(smollm2: Path, folder: Path, template: str, thinking: str = "auto", *args: str) -> Model:
    settings = TemplateSettings(thinking=thinking, args=args)
    spec = str(write_thinking(folder, smollm2, template))
    return open_model(spec, backend="transformers", options=ModelOptions(template=settings))


@pytest.mark.parametrize(
    ("template", "switches"),
    [
        (SWITCH, ("enable_thinking",)),
        (LATER, ("thinking",)),
        ("{% if not thinking is defined %}{% set thinking = false %}{% endif %}{{ thinking }}", ("thinking",)),
        ("{% for m in messages %}{{ m.thinking }}<thinking>{% endfor %}", ()),
        ("{% generation %}{{ enable_thinking }}{% endgeneration %}", ("enable_thinking",)),
        ("{{ enable_thinking }}{% if", ()),
        (OPENING, ()),
    ],
)
def test_a_switch_is_an_argument_that_the_template_reads(template: str, switches: tuple[str, ...]) -> None:
    """Not a word in its text, nor a field of a message."""
    assert find_switches(template) == switches


@pytest.mark.parametrize(
    ("template", "thinking", "end", "reasons"),
    [
        (SWITCH, "auto", "assistant\n", True),
        (SWITCH, "on", "assistant\n", True),
        (SWITCH, "off", "<think>\n\n</think>\n\n", False),
        (LATER, "auto", "<think>\n\n</think>\n\n", False),
        (LATER, "on", "assistant\n", True),
        (OPENING, "auto", "assistant\n<think>\n", True),
    ],
)
def test_the_switch_decides_the_prompt(
    smollm2: Path, tmp_path: Path, template: str, thinking: str, end: str, *, reasons: bool
) -> None:
    """Under whichever name; left alone, the template's own default holds."""
    model = opened(smollm2, tmp_path / "model", template, thinking)
    assert isinstance(model, CanReason)
    assert model.render(PROMPT).text.endswith(end)
    assert model.may_reason(PROMPT) is reasons


def test_a_template_without_a_switch_is_refused(smollm2: Path, tmp_path: Path) -> None:
    """In one line, which says what else can be done."""
    with pytest.raises(ModelError, match=r"--thinking off needs a switch.*--chat-template-arg") as caught:
        opened(smollm2, tmp_path / "model", OPENING, "off").render(PROMPT)
    assert caught.value.exit_code == 2


def test_an_argument_of_ones_own_reaches_the_template(smollm2: Path, tmp_path: Path) -> None:
    """As JSON, or as text; it wins over the switch."""
    template = "{{ messages[0].content }} {{ effort }} {{ most + 1 }} {{ enable_thinking }}"
    args = ("effort=high", "most=2", "enable_thinking=false")
    assert opened(smollm2, tmp_path / "model", template, "on", *args).render(PROMPT).text == "Add. high 3 False"


@pytest.mark.parametrize("specs", [["enable_thinking"], ["a b=1"], ["messages=[]"], ["a=1", "a=2"]])
def test_an_argument_that_cannot_be_set_is_refused(specs: list[str]) -> None:
    """With the argument."""
    with pytest.raises(UsageError, match=specs[-1].replace("[", r"\[").replace("]", r"\]")):
        parse_template_args(specs)


@pytest.mark.parametrize(("text", "mark"), [("a\n<think>\n", "<think>"), ("[THINK]", "[THINK]"), ("<think>a", None)])
def test_a_prompt_may_open_the_reasoning(text: str, mark: str | None) -> None:
    """At its end."""
    found: Any = find_open_mark(text)
    assert (found and found[0]) == mark
