"""Find out whether a model reasons before it answers, and switch that on or off through its chat template.

Models mark their reasoning in the text itself, each family in its own way; `MARKS` is the table of the ways. Many
templates have a switch, an argument that `SWITCHES` names; some open the reasoning themselves, at the prompt's end.

Sources: the models' own chat templates and the reasoning parsers of vLLM (docs.vllm.ai, "Reasoning Outputs"); for
gpt-oss, OpenAI's harmony format (github.com/openai/harmony).

A model that was trained to reason and whose template says nothing of it is not recognized.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ModelError, UsageError

Mark = tuple[str, str]
"""What opens and what closes a reasoning."""

MARKS: tuple[Mark, ...] = (
    ("<think>", "</think>"),  # DeepSeek-R1, Qwen3, QwQ, GLM-4.5, SmolLM3
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),  # EXAONE Deep
    ("<reasoning>", "</reasoning>"),
    ("<reason>", "</reason>"),
    ("<reflection>", "</reflection>"),
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("[THINK]", "[/THINK]"),  # Magistral
    ("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A Reasoning
    ("<|begin_of_thought|>", "<|end_of_thought|>"),  # Sky-T1, OpenThinker
    ("◁think▷", "◁/think▷"),  # Kimi-VL
    ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),  # gpt-oss
    ("<|channel|>commentary<|message|>", "<|channel|>final<|message|>"),
)
"""A text that opens with the first and lacks the second was cut before its answer."""

SWITCHES = ("enable_thinking", "thinking")
"""Arguments of chat templates that switch reasoning: Qwen3, SmolLM3 and GLM; DeepSeek-V3.1 and Granite."""
EFFORT = "reasoning_effort"
"""Argument of templates whose models always reason (gpt-oss)."""
OWN = ("messages", "conversation", "chat_template", "add_generation_prompt", "continue_final_message", "tokenize")
"""Arguments of `apply_chat_template` that the harness sets itself."""
TEMPLATE_FILES = ("chat_template.jinja", "chat_template.json", "tokenizer_config.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateSettings:
    """How a chat template is filled in, beside the messages."""

    thinking: str = "auto"
    """"on", "off", or "auto": as the template has it."""
    args: tuple[str, ...] = ()
    """Arguments KEY=VALUE of the template; a value that is not JSON is text."""

    @property
    def user_args(self) -> dict[str, Any]:
        """Return the arguments as the user gave them, by name.

        Raises:
            UsageError: one has another form, or is set by the harness itself.
        """
        return parse_template_args(self.args)

    @property
    def server_args(self) -> dict[str, Any]:
        """Return the arguments for a server, whose template is not known: every known switch is set."""
        return (
            self.user_args
            if self.thinking == "auto"
            else {**dict.fromkeys(SWITCHES, self.thinking == "on"), **self.user_args}
        )

    def build_args(self, template: str, name: str) -> dict[str, Any]:
        """Return the arguments for the chat template of the model `name`.

        Raises:
            ModelError: thinking is to be switched, and the template has no switch that is known.
        """
        if self.thinking == "auto":
            return self.user_args
        switches = find_switches(template)
        if not switches:
            raise ModelError(
                f'model "{name}": --thinking {self.thinking} needs a switch, and its chat template knows none of '
                f"{', '.join(SWITCHES)}; leave --thinking out, or name its own argument with --chat-template-arg"
            )
        return {**dict.fromkeys(switches, self.thinking == "on"), **self.user_args}


AS_TEMPLATE = TemplateSettings()
"""Leaves everything to the template."""


def parse_template_args(specs: Sequence[str]) -> dict[str, Any]:
    """Parse `KEY=VALUE` specs; a value that is not JSON is kept as text.

    Raises:
        UsageError: another form, a key that is named twice, or one that the harness sets itself.
    """
    arguments: dict[str, Any] = {}
    for spec in specs:
        key, separator, text = spec.partition("=")
        if not separator or not key.isidentifier():
            raise UsageError(f'chat template argument "{spec}" must be KEY=VALUE, such as enable_thinking=false')
        if key in OWN or key in arguments:
            why = "the harness sets it itself" if key in OWN else "it is given twice"
            raise UsageError(f'chat template argument "{spec}" cannot be set: {why}; leave it out')
        try:
            arguments[key] = json.loads(text)
        except ValueError:
            arguments[key] = text
    return arguments


def find_switches(template: str) -> tuple[str, ...]:
    """Return the switches of reasoning that a chat template reads."""
    return tuple(name for name in SWITCHES if name in _find_arguments(template))


def has_effort(template: str) -> bool:
    """Tell whether a chat template reads how much the model is to reason."""
    return EFFORT in _find_arguments(template)


def find_open_mark(text: str) -> Mark | None:
    """Return the mark that a prompt ends with, so that the model's answer begins within its reasoning."""
    end = text.rstrip().lower()
    return next((mark for mark in MARKS if end.endswith(mark[0].lower())), None)


def may_mention_reasoning(folder: Path) -> bool:
    """Tell whether the chat template in a checkpoint's folder may speak of reasoning; quick, for most do not."""
    texts = (file.read_text("utf-8", "replace") for name in TEMPLATE_FILES if (file := folder / name).is_file())
    return any(re.search("think|thought|reason", text, re.I) for text in texts)


def _find_arguments(template: str) -> set[str]:
    """Return the names that a chat template expects from outside."""
    if not any(name in template for name in (*SWITCHES, EFFORT)):
        return set()
    from jinja2 import Environment, TemplateError, meta

    # transformers' own tag, which only marks the assistant's tokens
    plain = re.sub(r"{%-?\s*(?:end)?generation\s*-?%}", "", template)
    try:
        # Only parsed, never rendered.
        return meta.find_undeclared_variables(
            Environment(extensions=["jinja2.ext.loopcontrols"]).parse(plain)  # noqa: S701
        )
    except TemplateError:
        return set()
