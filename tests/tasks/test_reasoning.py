"""Reasoning and answer are parted, whatever marks the model uses; an answer without reasoning stays as it is."""

from __future__ import annotations

import time

import pytest

from harness.tasks.reasoning import MARKS, split_reasoning

CODE = "```python\ndef add(a, b):\n    return a + b\n```"
DRAFT = "A draft:\n```python\ndef add(a, b):\n    return a - b\n```\nNo."


@pytest.mark.parametrize(("opening", "closing"), MARKS)
def test_each_mark_parts_reasoning_from_the_answer(opening: str, closing: str) -> None:
    """In upper case and in lower case, with white space in front."""
    for first, last in ((opening, closing), (opening.upper(), closing.lower())):
        parted = split_reasoning(f"\n {first}{DRAFT}{last}\n\n{CODE}\n")

        assert (parted.reasoning, parted.answer.strip(), parted.closed) == (DRAFT, CODE, True)


@pytest.mark.parametrize(("opening", "closing"), MARKS)
def test_a_mark_that_nothing_closes_leaves_no_answer(opening: str, closing: str) -> None:
    """The text was cut within the reasoning."""
    parted = split_reasoning(f"{opening}\n{DRAFT}")

    assert (parted.answer, parted.closed) == ("", False)
    assert parted.reasoning == f"\n{DRAFT}"


@pytest.mark.parametrize(("opening", "closing"), MARKS)
def test_the_opening_mark_may_stand_in_the_template(opening: str, closing: str) -> None:
    """The closing mark alone parts the text, at the end of a line and in the middle of one."""
    for rest in (f"\n\n{CODE}", f" Here it is:\n{CODE}"):
        parted = split_reasoning(f"Okay. {DRAFT}{closing}{rest}")

        assert (parted.reasoning, parted.answer) == (f"Okay. {DRAFT}", rest)


@pytest.mark.parametrize(
    "text",
    [
        CODE,
        "",
        '```python\ndef strip(text):\n    return re.sub("<think>.*</think>", "", text)\n```',
        "```python\ndef strip(text):\n    return text.split('</think>')[-1]\n```",
        "```xml\n<think>\nx\n</think>\n```\n" + CODE,
        "analysis of the problem: it adds.\n" + CODE,
        "Here is my thought process: none.\n" + CODE,
        "The tag `</think>` is not used.\n" + CODE,
    ],
)
def test_a_text_without_reasoning_is_all_answer(text: str) -> None:
    """Also where code or prose mentions a mark."""
    parted = split_reasoning(text)

    assert (parted.reasoning, parted.answer, parted.closed) == ("", text, True)


def test_several_reasonings_are_taken_off() -> None:
    """Interleaved with parts of the answer."""
    parted = split_reasoning(f"<think>a</think>First.\n<think>b</think>\n{CODE}\n<thinking>c</thinking>")

    assert parted.reasoning == "a\nb\nc"
    assert parted.answer.split() == f"First. {CODE}".split()


def test_a_later_reasoning_that_is_cut_leaves_what_stood_before() -> None:
    """And says that it was cut."""
    parted = split_reasoning(f"{CODE}\n<think>Wait, is that")

    assert (parted.answer, parted.closed) == (f"{CODE}\n", False)


def test_harmony_without_special_tokens() -> None:
    """gpt-oss where the server drops them."""
    assert split_reasoning(f"analysisWe add.assistantfinal{CODE}").answer == CODE


def test_harmony_ends_with_tokens_of_its_own() -> None:
    """They are no part of the answer."""
    text = f"<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>{CODE}<|return|>"

    assert split_reasoning(text).answer == CODE


def test_marks_of_ones_own() -> None:
    """Beside those of the table."""
    parted = split_reasoning(f"(((hm)))\n{CODE}", [("(((", ")))")])

    assert (parted.reasoning, parted.answer) == ("hm", f"\n{CODE}")


@pytest.mark.parametrize(
    "piece", ["<think>a</think>\nb\n", "<think>\n", "</think>", "```\n<think>\n```\n", "'</think>'\n", "<|channel|>"]
)
def test_time_grows_with_the_length_alone(piece: str) -> None:
    """Sixteen times the text takes nowhere near 256 times the time."""

    def measure(times: int) -> float:
        start = time.process_time()
        split_reasoning(piece * times)
        return time.process_time() - start

    measure(100)
    assert measure(32_000) < 64 * max(measure(2_000), 1e-3)
