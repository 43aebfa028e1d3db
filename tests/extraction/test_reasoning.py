"""Reasoning and answer are parted, whatever marks the model uses; an answer without reasoning stays as it is."""

from __future__ import annotations

import time

import pytest

from harness.extraction.reasoning import cut_at_stop, lacks_answer, split_reasoning, split_stream
from harness.models.thinking import MARKS
from harness.types import Completion

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
def test_a_long_text_is_read_in_linear_time(piece: str) -> None:
    """Less than a second or two; in quadratic time it would take hours."""
    start = time.process_time()

    split_reasoning(piece * 100_000)

    assert time.process_time() - start < 60


@pytest.mark.parametrize(
    ("text", "opened", "kept"),
    [
        ("<think>\ndef f\n</think>\na\ndef g", False, "<think>\ndef f\n</think>\na"),
        ("x\ndef f\n</think>\na\ndef g", True, "x\ndef f\n</think>\na"),
        ("x\ndef f\n</think>\na\ndef g", False, "x\ndef f\n</think>\na"),
        ("x\ndef f", True, "x\ndef f"),
        ("a\ndef f", False, "a"),
        ("<think></think>\ndef f", False, "<think></think>"),
        ("a", False, "a"),
    ],
)
def test_a_stop_string_cuts_the_answer_alone(text: str, kept: str, *, opened: bool) -> None:
    """In whatever way the reasoning was opened."""
    assert cut_at_stop(text, ["\ndef"], opened=opened) == kept


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize(
    ("text", "opened", "reasoning", "answer"),
    [
        ("<think>\nHm < 3.\n</think>\n\nYes.", False, "\nHm < 3.\n", "Yes."),
        ("Hm.</think>Yes.", True, "Hm.", "Yes."),
        ("[THINK]Hm.", False, "Hm.", ""),
        ("Yes <think>.", False, "", "Yes <think>."),
        ("<th", False, "", "<th"),
    ],
)
def test_a_stream_is_split_as_it_comes(text: str, reasoning: str, answer: str, size: int, *, opened: bool) -> None:
    """Whatever the pieces are."""
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    split = list(split_stream(pieces, opened=opened))

    assert "".join(piece for inside, piece in split if inside) == reasoning
    assert "".join(piece for inside, piece in split if not inside) == answer


def test_a_completion_that_ended_within_its_reasoning_has_no_answer() -> None:
    """Whether the reasoning came apart or not."""
    assert lacks_answer(Completion(text="<think>Hm."))
    assert lacks_answer(Completion(text="\n", reasoning="Hm."))
    assert not lacks_answer(Completion(text="Yes.", reasoning="Hm."))
    assert not lacks_answer(Completion(text=""))
