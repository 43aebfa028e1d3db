"""The exact bytes that WizardCoder's checkpoints are asked with, written down by hand."""

from __future__ import annotations

import subprocess

import pytest

from tests.commands import COMMAND

NO_IDS = b"\nnone: this model has no tokenizer\n"

HUMANEVAL_0 = (
    b"Below is an instruction that describes a task. Write a response that appropriately completes the request.\n"
    b"\n"
    b"\n"
    b"### Instruction:\n"
    b"Create a Python script for this problem:\n"
    b"from typing import List\n"
    b"\n"
    b"\n"
    b"def has_close_elements(numbers: List[float], threshold: float) -> bool:\n"
    b'\t""" Check if in given list of numbers, are any two numbers closer to each other than\n'
    b"\tgiven threshold.\n"
    b"\t>>> has_close_elements([1.0, 2.0, 3.0], 0.5)\n"
    b"\tFalse\n"
    b"\t>>> has_close_elements([1.0, 2.8, 3.0, 4.0, 5.0, 2.0], 0.3)\n"
    b"\tTrue\n"
    b'\t"""\n'
    b"\n"
    b"\n"
    b"### Response:"
)

MBPP_11 = (
    b"Below is an instruction that describes a task. Write a response that appropriately completes the request.\n"
    b"\n"
    b"### Instruction:\n"
    b"Create a Python script for this problem:\n"
    b"\n"
    b"Write a python function to remove first and last occurrence of a given character from the string.\n"
    b"Test examples:\n"
    b'assert remove_Occ("hello","l") == "heo"\n'
    b'assert remove_Occ("abcda","a") == "bcd"\n'
    b'assert remove_Occ("PHP","P") == "H"\n'
    b"\n"
    b"### Response:"
)


def previewed(benchmark: str) -> bytes:
    """What `harness run --preview` prints for a model that needs no files yet."""
    command = [*COMMAND, "run", "replay:none", "-b", benchmark, "-r", "wizardcoder", "--preview"]
    return subprocess.run(command, capture_output=True, timeout=60, check=True).stdout


def test_the_first_problem_of_humaneval_byte_for_byte() -> None:
    """Two blank lines after the first line, tabs for every four spaces, and nothing after the last colon."""
    assert previewed("humaneval") == HUMANEVAL_0 + NO_IDS


@pytest.mark.data
def test_the_first_problem_of_mbpp_byte_for_byte() -> None:
    """One blank line after the first line, the text, and the three asserts, a line each."""
    assert previewed("mbpp") == MBPP_11 + NO_IDS
