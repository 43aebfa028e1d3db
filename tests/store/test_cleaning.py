"""Text of programs, made safe for terminals, CI logs, Markdown and CSV."""

from __future__ import annotations

import csv
import io
import json
import time

import pytest

from harness.store.cleaning import (
    clean_text,
    escape_markdown,
    format_code_span,
    format_csv_cell,
    format_json,
    format_line,
)

HOSTILE = (
    "\x1b]0;PWNED\x07\x1b[31mRED\u202e\x9b31m\n::error::pwn\r\n| x | [a](javascript:b) <img src=x> \ud800 ##vso[x]"
)


def obeyed(text: str) -> bool:
    """Whether a terminal or a CI system would do something for `text`."""
    hidden = any((ord(char) < 32 and char not in "\t\n") or 0x7F <= ord(char) < 0xA0 for char in text)
    commands = any(line.strip().startswith("::") for line in text.splitlines())
    marks = any(mark in text.lower() for mark in ("##[", "##vso[", "##teamcity[", "\u202e", "\u2066", "\u200f"))
    return hidden or commands or marks


@pytest.mark.parametrize(
    "text",
    [
        HOSTILE,
        "::error::x",
        "a\n \t::set-output name=x::y",
        "a\r::error::x",
        "a\u2028::error::x",
        "a\x0b::error::x",
        ":::error::x",
        "x ##[group]y",
        "###[error]",
        "##VSO[task.complete]",
        "##teamcity[buildStop]",
        "\x00\x7f\x85\x9b",
        "\u2066a\u2069\u200f\u061c\ufeff",
        "".join(map(chr, range(0x20))) * 2,
    ],
)
def test_nothing_is_obeyed_and_all_is_valid_utf8(text: str) -> None:
    """And what is safe stays as it is when it is made safe again."""
    safe = clean_text(text, 1000)

    assert not obeyed(safe), safe
    safe.encode()
    assert clean_text(safe, 1000) == safe


@pytest.mark.parametrize(
    "text", ["f(1):\n\texpected 'a', got <K object>", "Grüße 你好 🙂 שלום", "std::vector x[::2] a # b"]
)
def test_ordinary_text_stays(text: str) -> None:
    """Newlines, tabs, and every script."""
    assert clean_text(text, 1000) == text


def test_what_is_replaced_stays_visible() -> None:
    """Control pictures, U+FFFD, and a backslash in a command."""
    assert clean_text("\x1b[31m\x00\x9b\ud800\u202e", 99) == "\u241b[31m\u2400\ufffd\ufffd\ufffd"
    assert clean_text("::error::x\r\n##[x]", 99) == ":\\:error::x\n#\\#[x]"


@pytest.mark.parametrize("limit", [0, 1, 2, 10, 11, 12])
def test_no_more_than_the_limit_is_left(limit: int) -> None:
    """Also where a backslash is added."""
    assert len(clean_text("::a\n##[b]\n::c", limit)) <= limit
    assert clean_text("a" * 100, limit) == "a" * limit


def test_a_large_text_is_cut_before_anything_else() -> None:
    """A megabyte costs what its first characters do, and a whole one is a matter of a second."""
    text = "\x1b::\n##[" * 200_000
    start = time.monotonic()
    clean_text(text, 2000)
    assert time.monotonic() - start < 0.1
    assert not obeyed(clean_text(text[:1_000_000], 1_000_000))
    assert time.monotonic() - start < 10


def test_one_line_is_one_line_and_says_that_it_was_cut() -> None:
    """White space is one blank each."""
    assert format_line("a\n\t b \r\n c") == "a b c"
    assert format_line("x" * 30, 10) == "xxxxxxx..."
    assert format_line("x" * 10, 10) == "x" * 10


def test_a_code_span_cannot_be_left() -> None:
    """Its fence is longer than any in the text."""
    assert format_code_span("a`b``c") == "```a`b``c```"
    assert format_code_span("`") == "`` ` ``"
    assert format_code_span("<img>\n[a](b)") == "`<img> [a](b)`"
    assert format_code_span(" \n") == ""


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("<img src=x>", "\\<img src=x>"),
        ("[a](b)", "\\[a\\](b)"),
        ("a | b", "a \\| b"),
        ("**b** _i_ `c` ~d~", "\\*\\*b\\*\\* \\_i\\_ \\`c\\` \\~d\\~"),
        ("a\n# b", "a # b"),
        ("# b", "\\# b"),
        ("&lt; &#60;", "\\&lt; \\&#60;"),
        ("a\\|b", "a\\\\\\|b"),
        ("has_close_elements", "has_close_elements"),
        ("59.8 % (52.1 to 67.0), p < 0.001, -4.3 & x", "59.8 % (52.1 to 67.0), p < 0.001, -4.3 & x"),
    ],
)
def test_markdown_is_shown_as_it_is(text: str, escaped: str) -> None:
    """And figures keep their form."""
    assert escape_markdown(text) == escaped


@pytest.mark.parametrize("text", ["=cmd|'/c calc'!A1", "+1", "-1", "@SUM(A1)", "\t=1", " \n=1", "|x", "\uff1d1"])
def test_no_cell_is_a_formula(text: str) -> None:
    """Numbers are no texts, and stay."""
    assert format_csv_cell(text).startswith("'")
    assert format_csv_cell("model") == "model"
    assert format_csv_cell(-1.5) == -1.5
    file = io.StringIO()
    csv.writer(file).writerow([format_csv_cell("a\n=b\n::error::")])
    assert len(file.getvalue().splitlines()) == 1


@pytest.mark.parametrize("ascii_only", [False, True])
def test_json_keeps_the_value_and_is_not_obeyed(ascii_only: bool) -> None:
    """A lone surrogate alone is lost."""
    text = format_json({"a": [HOSTILE, "\U000e0041 ##[x] é"]}, ascii_only=ascii_only)

    assert not obeyed(text)
    assert text.isascii() is ascii_only
    assert json.loads(text) == {"a": [HOSTILE.replace("\ud800", "\ufffd"), "\U000e0041 ##[x] é"]}
