"""Text -> code: a table of answers as models write them, and the published rules against published files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.extraction.rules import EXTRACTIONS, Extraction, extract, extract_answer
from harness.types import CodeForm, Problem

PROBLEM = Problem(
    task_id="T/0",
    prompt='from typing import List\n\n\ndef add(a: int, b: int) -> int:\n    """Add."""\n',
    entry_point="add",
    reference="    return a + b\n",
    tests="def check(candidate):\n    assert candidate(1, 2) == 3\n",
)
ADD = "def add(a, b):\n    return a + b"
SUB = "def sub(a, b):\n    return a - b"


def code_of(text: str, rule: str) -> str:
    return extract(text, PROBLEM, EXTRACTIONS[rule]).code


FENCED = {
    "a fence with a language": (f"Sure!\n```python\n{ADD}\n```\nIt adds.", ADD),
    "a fence without a language": (f"```\n{ADD}\n```", ADD),
    "a fence in capitals": (f"```Python\n{ADD}\n```", ADD),
    "a fence at the end of a line of prose": (f"Here it is: ```python\n{ADD}\n```", ADD),
    "a fence closed at the end of a line of code": (f"```python\n{ADD}```\nDone.", ADD),
    "the second of two fences defines the entry point": (f"```python\n{SUB}\n```\nand\n```python\n{ADD}\n```", ADD),
    "the last of two that define it": (f"```python\nadd = int.__sub__\n```\nno:\n```python\n{ADD}\n```", ADD),
    "a shell block before the code": (f"```bash\npip install add\n```\n```python\n{ADD}\n```", ADD),
    "an example block after the code": (f"```python\n{ADD}\n```\n```python\nprint(add(1, 2))\n```", ADD),
    "an unclosed fence": (f"Sure!\n```python\n{ADD}", ADD),
    "a fence closed by the next one": (f"```python\n{ADD}\n```python\nprint(add(1, 2))\n```", ADD),
    "a fence inside a list item": (
        "1. Code:\n   ```python\n   def add(a, b):\n       return a + b\n   ```\n2. Done",
        ADD,
    ),
    "a block that is indented as a whole": ("```python\n    def add(a, b):\n        return a + b\n```", ADD),
    "an empty first line and trailing blanks": (f"```python\n\n{ADD}\n\n\n```", ADD),
    "imports stay with the function that uses them": (
        f"```python\nimport math, os\nimport sys\n\n{ADD} + math.pi\n```",
        f"import math, os\n\n{ADD} + math.pi",
    ),
    "prose around code without fences": (f"Here is the function:\n\n{ADD}\n\nThis function adds.", ADD),
    "a heading after code without fences": (f"{ADD}\n\nExplanation:\nit adds", ADD),
    "a docstring at the left margin is code": (
        f'import math\n\n"""Adds two numbers."""\n{ADD} + math.pi',
        f'import math\n\n"""Adds two numbers."""\n{ADD} + math.pi',
    ),
    "code without anything": (ADD, ADD),
    "an import that is prose": (f"import the function below:\n{ADD}", ADD),
    "prose inside a docstring is code": (
        'def add(a, b):\n    """Add.\n\nThis function adds.\n"""\n    return a + b',
        'def add(a, b):\n    """Add.\n\nThis function adds.\n"""\n    return a + b',
    ),
    "a repeated signature": (
        "```python\nfrom typing import List\n\n\ndef add(a: List, b: int) -> int:\n    return a + b\n```",
        "from typing import List\n\n\ndef add(a: List, b: int) -> int:\n    return a + b",
    ),
    "a body only, fenced": ("```python\n    return a + b\n```", "    return a + b"),
    "a body only, bare": ("    return a + b\n", "    return a + b"),
    "a body only, blank lines first": ("\n\n    return a + b", "    return a + b"),
    "a body and prose after it": ("    c = a + b\n    return c\n\nThis function adds.", "    c = a + b\n    return c"),
    "a body that closes the prompt's fence": ("    return a + b\n```\n\nIt adds.", "    return a + b"),
    "a function that closes the prompt's fence": (f"{ADD}\n```\n\nIt adds `a` and `b`.", ADD),
    "tabs as indentation, not in strings": (
        '```python\ndef add(a, b):\n\tx = "\t"\n\treturn a + b\n```',
        'def add(a, b):\n    x = "\t"\n    return a + b',
    ),
    "carriage returns": (f"```python\r\n{ADD}\r\n```\r\n".replace("b):\n", "b):\r\n"), ADD),
    "example usage": (f"```python\n{ADD}\n\n# Example Usage:\nprint(add(1, input()))\n```", ADD),
    "a main guard": (f"```python\n{ADD}\n\nif __name__ == '__main__':\n    print(add(1, input()))\n```", ADD),
    "letters that grow in lower case": (
        f"```python\n{ADD}  # {'İ' * 40}\n# Example usage\nadd(1, 2)\n```",
        f"{ADD}  # {'İ' * 40}",
    ),
    "test examples": (f"```python\n{ADD}\n\n# Test examples\nassert add(1, 1) == 3\n```", ADD),
    "a cut mark before the definition": (
        f"```python\nimport math\n# Example usage: add(1, 2)\n{ADD} + math.pi\n```",
        f"import math\n# Example usage: add(1, 2)\n{ADD} + math.pi",
    ),
    "nothing that looks like code": ("I cannot help with that", "I cannot help with that"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize(("text", "code"), FENCED.values(), ids=FENCED.keys())
def test_a_chat_answer_becomes_its_code(text: str, code: str) -> None:
    """The block or the lines that solve the problem are taken, prose and examples are not."""
    assert code_of(text, "fenced") == code


HEADED = f"Here:\r\n\r\n```python\r\n{ADD}\r\n```\r\nIt adds."
PUBLISHED = {
    "humaneval: fence and carriage returns": ("wizardcoder-humaneval", HEADED, ADD),
    "humaneval: any three ticks close": ("wizardcoder-humaneval", '```python\nx = "```"\n```', 'x = "'),
    "humaneval: a plain fence is not one": ("wizardcoder-humaneval", f"```\n{ADD}\n```", f"```\n{ADD}\n```"),
    "humaneval: an unclosed fence keeps its line break": ("wizardcoder-humaneval", f"a```python\n{ADD}\n", f"\n{ADD}"),
    "humaneval: nothing found, nothing stripped": ("wizardcoder-humaneval", "\n    return 1 \n", "\n    return 1 \n"),
    "humaneval: tabs": ("wizardcoder-humaneval", "\treturn '\t'", "    return '    '"),
    "humaneval: main guard": ("wizardcoder-humaneval", f'{ADD}\n\nif __name__ == "__main__":\n    1', ADD),
    "humaneval: the other quotes stay": ("wizardcoder-humaneval", "x\nif __name__ == '__main__':", None),
    "humaneval: example usage": ("wizardcoder-humaneval", f"{ADD}\n\n# Example usage:\nadd(1, 2)", ADD),
    "humaneval: test examples stay": ("wizardcoder-humaneval", f"{ADD}\n# Test examples", None),
    "mbpp: only a fence on its own line closes": ("wizardcoder-mbpp", '```python\nx = "```"\n```', 'x = "```"'),
    "mbpp: test examples": ("wizardcoder-mbpp", f"{ADD}\n# Test examples\nassert add(1, 1) == 2", ADD),
    "mbpp: carriage returns stay": ("wizardcoder-mbpp", "x = 1\r\ny = 2", None),
    "mbpp: asserts stay": ("wizardcoder-mbpp", f"{ADD}\nassert add(1, 1) == 2", None),
    "mbpp-plus: the first assert": ("wizardcoder-mbpp-plus", f"{ADD}\n\nassert add(1, 1) == 2", ADD),
    "mbpp-plus: an assert inside the function too": (
        "wizardcoder-mbpp-plus",
        "def add(a, b):\n    assert a\n    return a + b",
        "def add(a, b):",
    ),
    "mbpp-plus: carriage returns": ("wizardcoder-mbpp-plus", "x = 1\r\ny = 2", "x = 1\ny = 2"),
    "mbpp-plus: test examples stay": ("wizardcoder-mbpp-plus", f"{ADD}\n# Test examples", None),
}


@pytest.mark.parametrize(("rule", "text", "code"), PUBLISHED.values(), ids=PUBLISHED.keys())
def test_a_published_rule_does_what_its_script_does(rule: str, text: str, code: str | None) -> None:
    """Each oddity of WizardCoder's three scripts is kept (None: the text passes unchanged)."""
    assert code_of(text, rule) == (text if code is None else code)


VERBATIM = {
    "a body": ("    return a + b", "    return a + b"),
    "the next function": ("    return a + b\n\n\ndef more():\n    pass", "    return a + b\n\n"),
    "the earliest mark wins": ("    x\n# note\nprint(1)", "    x"),
    "indented comments and prints stay": ("    # note\n    print(1)\n    if a:\n", None),
    "leading blank lines and carriage returns stay": ("\n\r\n    return 1", None),
}


@pytest.mark.parametrize(("text", "code"), VERBATIM.values(), ids=VERBATIM.keys())
def test_a_completion_ends_at_the_next_top_level_statement(text: str, code: str | None) -> None:
    """The completion rule cuts at its stop strings and changes nothing else."""
    assert code_of(text, "completion") == (text if code is None else code)


@pytest.mark.parametrize(
    "text",
    [
        f"Sure!\n```python\n{ADD}\n```",
        "    return a + b\n",
        "```python\n    return a + b\n```",
        f"Here:\n\n{ADD}\n\nIt adds.",
    ],
)
def test_extracted_code_runs_behind_the_prompt(text: str) -> None:
    """Prompt + code is a program that passes, for a whole function as for a body."""
    taken = extract(text, PROBLEM, EXTRACTIONS["fenced"])

    assert taken.form is CodeForm.COMPLETION
    scope: dict[str, object] = {}
    exec(f"{PROBLEM.prompt}{taken.code}\n{PROBLEM.tests}\ncheck(add)", scope)


def test_code_that_must_come_first_is_a_solution() -> None:
    """`from __future__` cannot follow a prompt, so such code stands alone."""
    text = f"```python\nfrom __future__ import annotations\n{ADD}\n```"

    taken = extract(text, PROBLEM, EXTRACTIONS["fenced"])

    assert taken.form is CodeForm.SOLUTION
    exec(f"{taken.code}\n{PROBLEM.tests}\ncheck(add)", {})


def test_the_first_block_counts_where_the_rule_says_so() -> None:
    """Which of several solving blocks is taken is data."""
    first = Extraction(name="first", style="fenced", block="first")

    assert extract(f"```\nadd = 1\n```\n```\n{ADD}\n```", PROBLEM, first).code == "add = 1"


@pytest.mark.parametrize(
    ("text", "pick", "answer"),
    [
        ("LEAD\n\ntask\n\nEND:one", "first", "one"),
        ("<s>LEAD\n\n\ntask\nEND:one", "first", "one"),
        ("LEAD task END:one END:two", "first", "one "),
        ("LEAD task END:one END:two", "last", "two"),
        ("one END:two", "first", "one "),
        ("one END:two", "last", "two"),
        ("one", "last", "one"),
        ("LEAD without the mark", "first", "LEAD without the mark"),
    ],
)
def test_an_echoed_prompt_is_dropped(text: str, pick: str, answer: str) -> None:
    """The answer is found whether or not the prompt stands before it, in either picking."""
    assert extract_answer(text, lead="LEAD", marker="END:", pick="last" if pick == "last" else "first") == answer


@pytest.mark.filterwarnings("ignore")
def test_evalplus_keeps_what_the_entry_point_needs() -> None:
    """The sanitizer drops prose and unrelated functions, for a body too, and the code stands alone."""
    pytest.importorskip("evalplus.sanitize", reason="the extra `evalplus` is not installed")

    whole = extract(f"Sure\n```python\n{SUB}\n\n{ADD}\n```\nprint(", PROBLEM, EXTRACTIONS["evalplus"])
    body = extract("    return a + b\n", PROBLEM, EXTRACTIONS["evalplus"])

    assert (whole.code, whole.form) == (ADD, CodeForm.SOLUTION)
    assert body.code.startswith("from typing import List\ndef add(") and body.code.endswith("return a + b")


def test_a_missing_extra_is_named() -> None:
    """Without EvalPlus its rule says what to install."""
    script = (
        "import sys; sys.modules['evalplus'] = None\n"
        "from harness.extraction.rules import EXTRACTIONS, extract\n"
        "from harness.errors import UsageError\n"
        "from harness.types import Problem\n"
        "problem = Problem(task_id='', prompt='', entry_point='f', reference='', tests='')\n"
        "try: extract('', problem, EXTRACTIONS['evalplus'])\n"
        "except UsageError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "pip install '.[evalplus]'" in done.stdout


@pytest.mark.data
def test_published_raw_outputs_give_the_published_completions() -> None:
    """WizardCoder-15B's 164 raw greedy outputs become, byte by byte, the completions its authors scored."""
    folder = os.environ.get("HARNESS_DATA_DIR")
    if not folder:
        pytest.skip("HARNESS_DATA_DIR is not set")
    lines = Path(folder, "golden", "wizardcoder-15b-humaneval.samples.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    lead = "Below is an instruction"

    texts = [extract_answer(row["raw"], lead=lead, marker="### Response:", pick="first") for row in rows]

    assert len(rows) == 164
    assert [code_of(text, "wizardcoder-humaneval") for text in texts] == [row["completion"] for row in rows]
