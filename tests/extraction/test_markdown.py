"""Fenced blocks as CommonMark has them, and as models mean them."""

from __future__ import annotations

import time

import pytest

from harness.extraction.markdown import find_blocks

CODE = "def add(a, b):\n    return a + b\n"


def codes(text: str, **how: bool) -> list[str]:
    """Return the code of each block."""
    return [block.code for block in find_blocks(text, **how)]


@pytest.mark.parametrize(
    "text",
    [
        f"```\n{CODE}```",
        f"```python\n{CODE}```\nIt adds.",
        f"~~~python\n{CODE}~~~\n",
        f"`````python\n{CODE}`````\n",
        f"````python\n{CODE}`````\n",
        f'```python title="add.py" {{1,2}}\n{CODE}```\n',
        f"```{{.python}}\n{CODE}```\n",
        f"Sure:\n```Python\n{CODE}```  \n",
        "> ```python\n> def add(a, b):\n>     return a + b\n> ```\n",
        "1. So:\n   ```python\n   def add(a, b):\n       return a + b\n   ```\n2. Done.\n",
        "- So:\n\n  ~~~\n  def add(a, b):\n      return a + b\n  ~~~\n",
        f"Cut:\n```python\n{CODE}",
        f"<answer>\n```python\n{CODE}```\n</answer>",
        "```python\r\ndef add(a, b):\r\n    return a + b\r\n```",
        "```python\ndef add(a, b):\n    return a + b```\nIt adds.",
        "  ```python\n  def add(a, b):\n      return a + b\n  ```\n",
    ],
)
def test_one_block(text: str) -> None:
    """Whatever its fence looks like and wherever it stands, the code is the same."""
    assert codes(text) == [CODE]


@pytest.mark.parametrize("quote", ['"""', "'''"])
@pytest.mark.parametrize("fence", ["```", "```python", "~~~"])
@pytest.mark.parametrize("margin", ["", "    "])
def test_a_fence_inside_a_string_belongs_to_it(quote: str, fence: str, margin: str) -> None:
    """As in a docstring with an example."""
    code = f"def f():\n    {quote}Say:\n{margin}{fence}\n    f()\n{margin}{fence[:3]}\n    {quote}\n    return 1\n"

    assert codes(f"So:\n```python\n{code}```\nDone.\n```\nmore\n```\n") == [code, "more\n"]


def test_plain_commonmark_ends_a_block_within_a_string() -> None:
    """Where it is asked for."""
    assert codes('```python\nx = """\n```\nend"""\n```', strings=False)[0] == 'x = """\n'


@pytest.mark.parametrize("line", ['x = \'"""\'', '# """', "x = \"'''\"", 'x = "\\""  # """', "'''a''' '''b'''"])
def test_a_quote_that_opens_no_string(line: str) -> None:
    """In another string or in a comment."""
    assert codes(f"```python\n{line}\n```\ntext '''  \"\"\"\n") == [f"{line}\n"]


def test_a_string_that_nothing_ends_does_not_swallow_the_rest() -> None:
    """A slip of the model's."""
    assert codes(f'```python\ndef f():\n    """Cut\n```\nAgain:\n```python\n{CODE}```') == [
        'def f():\n    """Cut\n',
        CODE,
    ]


def test_a_second_opening_fence_ends_the_first_block() -> None:
    """Models forget to close."""
    assert codes(f"```python\nimport math\n```python\n{CODE}```") == ["import math\n", CODE]


def test_a_fence_that_is_indented_deeply_is_code_unless_asked_for() -> None:
    """CommonMark has an indented block there."""
    text = "    ```python\n    def add(a, b):\n        return a + b\n    ```\n"

    assert codes(text) == []
    assert codes(text, deep=True) == [CODE]


def test_tags_and_lines() -> None:
    """The tag is the info's first word in lower case; lines are counted from 0."""
    first, second = find_blocks("a\n```Bash x\nls\n```\nb\n~~~\nx\n")

    assert (first.tag, first.first_line, first.end_line, first.closed) == ("bash", 1, 4, True)
    assert (second.tag, second.first_line, second.end_line, second.closed) == ("", 5, 7, False)
    assert (first.may_be_python, second.may_be_python) == (False, True)


@pytest.mark.parametrize(
    "piece", ["```\n", "```python\nx='''\n```\n", '"""\n', "> - ```\n", "~~~\n```\n", "- a\n", "> a\n", "`", "a\n", "'"]
)
def test_a_long_text_is_read_in_linear_time(piece: str) -> None:
    """Less than a second or two; in quadratic time it would take hours."""
    start = time.process_time()

    find_blocks("```python\n" + piece * 100_000)

    assert time.process_time() - start < 60
