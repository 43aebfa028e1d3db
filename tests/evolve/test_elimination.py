"""What is thrown away and what is only tidied."""

from __future__ import annotations

import pytest

from harness.evolve.cleaning import clean_answer, clean_instruction, share_script, tidy_text
from harness.evolve.elimination import RejectionReason, check_answer, check_instruction
from harness.evolve.operators import MARKERS

PARENT = "Write a function that adds two numbers."
HARDER = "Write a function that adds two numbers of any base below 37."
ANSWER = "```python\ndef add(a, b):\n    return a + b\n```"


@pytest.mark.parametrize(
    ("evolved", "finish", "reason"),
    [
        (HARDER, "stop", None),
        (HARDER, None, None),
        (HARDER, "length", RejectionReason.TRUNCATED),
        ("write  a function that adds two numbers .", "stop", RejectionReason.NO_GAIN),
        ("", "stop", RejectionReason.NO_CONTENT),
        ("and the... of it?!", "stop", RejectionReason.NO_CONTENT),
        (f"{HARDER} As the Given Prompt says.", "stop", RejectionReason.MARKERS),
        (f"{HARDER} #Rewritten_Prompt#", "stop", RejectionReason.MARKERS),
        ("Напишите функцию, которая складывает два числа.", "stop", RejectionReason.LANGUAGE),
    ],
)
def test_an_evolved_instruction(evolved: str, finish: str | None, reason: RejectionReason | None) -> None:
    """Each condition that needs no judge."""
    assert check_instruction(PARENT, evolved, finish, MARKERS) is reason


@pytest.mark.parametrize(
    ("answer", "finish", "reason"),
    [
        (ANSWER, "stop", None),
        (ANSWER, "length", RejectionReason.TRUNCATED),
        ("```python\ndef add(a, b):", "stop", RejectionReason.TRUNCATED),
        ("I'm Sorry, but I can not do that.", "stop", RejectionReason.SORRY),
        ("sorry " + "word " * 78, "stop", RejectionReason.SORRY),
        ("sorry " + "word " * 79, "stop", None),
        ("", "stop", RejectionReason.NO_CONTENT),
        ("... the, and: or!", "stop", RejectionReason.NO_CONTENT),
        ("42", "stop", None),
    ],
)
def test_an_answer(answer: str, finish: str | None, reason: RejectionReason | None) -> None:
    """Each condition; 80 words are enough for an answer that happens to say sorry."""
    assert check_answer(answer, finish) is reason


@pytest.mark.parametrize(
    "said",
    [
        "#Rewritten Prompt#:\nDo it.",
        "### Rewritten prompt\n\nDo it.",
        "**Rewritten Prompt:** Do it.",
        "Sure, here is the rewritten prompt: Do it.",
        "Sure!\n\nDo it.",
        "Here's a harder version of the question:\n\nDo it.",
        '"Do it."',
        "```text\nDo it.\n```",
        "Rewritten question:\r\n\r\nDo it.\r\n",
    ],
)
def test_what_models_put_around_an_instruction_is_taken_off(said: str) -> None:
    """Labels, prefaces, quotes, fences and line ends."""
    assert clean_instruction(said) == "Do it."


@pytest.mark.parametrize(
    "kept",
    [
        "20. Say why.\n21. Say how.",
        "Here is some code: `a < b && c > d`. Say what it does.",
        'Print "a" and then "b"',
        "Given this:\n\n```python\nx = 1\n```\nSay what it does.",
        "Certainly wrong: explain why.",
    ],
)
def test_what_belongs_to_an_instruction_stays(kept: str) -> None:
    """Nothing is cut at a stop string or escaped, and an honest text is left alone."""
    assert clean_instruction(kept) == kept


def test_code_is_neither_escaped_nor_reindented() -> None:
    """Tabs that indent become spaces; others, and <, > and &, stay."""
    assert clean_answer('```c\r\nif (a < b && c > d) {\r\n\treturn "\t&amp;";\r\n}\n```\n') == (
        '```c\nif (a < b && c > d) {\n    return "\t&amp;";\n}\n```'
    )
    assert tidy_text("\n\n  x\n") == "  x"


def test_scripts_are_told_apart() -> None:
    """Code does not make a text foreign, and a text without letters is of no script."""
    assert share_script("Write it in French: déjà vu", "Encore là")
    assert not share_script("写一个函数", "Write a function")
    assert share_script("1 + 1", "写一个函数")
