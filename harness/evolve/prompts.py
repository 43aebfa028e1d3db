"""Prompts other than the rewriting: the judge's question, the answer, and how a text is put to a model."""

from __future__ import annotations

import hashlib
import re
from typing import Literal

from ..tasks.prompt_format import LEAD
from ..tasks.recipes import RESPONSE
from ..types import Prompt

Form = Literal["chat", "alpaca", "plain"]

JUDGE_TEMPLATE = """\
Here are two instructions for an AI assistant. Are they equal? They are equal when both of this holds:
1. They have the same constraints and requirements.
2. They have the same depth and the same breadth of inquiry.

First instruction:
{first}

Second instruction:
{second}

Reply with "Equal" or "Not Equal" alone, without a reason.
"""
TESTS_TEMPLATE = """\
Write tests for a solution of this task.

{instruction}

The solution, which you do not see, defines in Python:
{interface}

Reply with one ```python block of at least three assert statements that call it with different arguments, edge cases \
among them, and compare what it returns with what the task demands. Do not define or import it.
"""
ANSWER_TEMPLATE = "{instruction}"
"""The instruction is asked as it is."""


def format_judge_prompt(first: str, second: str) -> str:
    """Format the question whether two instructions are equal."""
    head, _, rest = JUDGE_TEMPLATE.partition("{first}")
    middle, _, tail = rest.partition("{second}")
    return head + first + middle + second + tail


def format_tests_prompt(instruction: str, interface: str) -> str:
    """Format the request for tests of functions, whose heads are `interface`."""
    head, _, rest = TESTS_TEMPLATE.partition("{instruction}")
    middle, _, tail = rest.partition("{interface}")
    return head + instruction + middle + interface + tail


def parse_judgement(reply: str) -> bool | None:
    """Parse the judge's reply; return None if it is neither "Equal" nor "Not Equal"."""
    words = re.sub(r"[\W_]+", " ", reply.lower()).strip()
    if re.match(r"(?:not equal|unequal|no|different|they are not equal)\b", words):
        return False
    if re.match(r"(?:equal|they are equal)\b", words):
        return True
    if re.match(r"yes\b", words):
        return "not equal" not in words
    return None


def format_prompt(text: str, form: Form) -> Prompt:
    """Return `text` as a prompt: one chat message, Alpaca's format, or plain."""
    if form == "chat":
        return Prompt(messages=(("user", text),))
    return Prompt(text=f"{LEAD}\n\n### Instruction:\n{text}\n\n{RESPONSE}" if form == "alpaca" else text)


def digest_template(template: str) -> str:
    """Return the SHA-256 (hex) of a template."""
    return hashlib.sha256(template.encode()).hexdigest()
