"""Scripts that read standard input and print: what counts as right, what a script may do, what it may not learn."""

from __future__ import annotations

import pytest

from harness.sandboxes import open_sandbox
from harness.types import Case, Limits, Program, Sandbox, Status, Stdio, Trust, Work

from .search import SECRET, search
from .work import outcome

ECHO = "print(input())\n"
HEAVY = Limits(cpu_time_s=1.0, wall_time_s=6.0)


def script(source: str, *cases: tuple[str, str], limits: Limits = HEAVY, **rule: object) -> Work:
    """Return a script judged by (input, expected output) pairs."""
    judge = Stdio(cases=tuple(Case(given=given, expected=expected) for given, expected in cases), **rule)  # type: ignore[arg-type]
    return "script", Program(source=source, environment="core", limits=limits), judge


@pytest.mark.parametrize(
    ("source", "case", "expected"),
    [
        # white space at the ends of lines and of the text is no difference, inside a line it is
        (ECHO, ("hello\n", "hello\n"), Status.PASSED),
        (ECHO, ("hello\n", "hello"), Status.PASSED),
        ("print('a  ')\nprint('b')\nprint()\n", ("", "a\nb\n"), Status.PASSED),
        ("print('a  b')\n", ("", "a b\n"), Status.WRONG_ANSWER),
        ("print(' a')\n", ("", "a\n"), Status.WRONG_ANSWER),
        ("print('a')\n", ("", "a\nb\n"), Status.WRONG_ANSWER),
        ("print('a\\n\\nb')\n", ("", "a\nb\n"), Status.WRONG_ANSWER),
        ("pass\n", ("", ""), Status.PASSED),
        ("print(0.1 + 0.2)\n", ("", "0.3\n"), Status.WRONG_ANSWER),
        # every way to read
        ("import sys\nprint(sum(int(line) for line in sys.stdin))\n", ("1\n2\n3\n", "6\n"), Status.PASSED),
        ("import sys\nfor line in sys.stdin:\n    print(line.strip())\n", ("a\nb", "a\nb\n"), Status.PASSED),
        ("import sys\nprint(len(sys.stdin.buffer.read()))\n", ("x" * 200_000, "200000\n"), Status.PASSED),
        ("print(len(open(0).read()))\n", ("abc", "3\n"), Status.PASSED),
        ("import os\nprint(len(os.read(0, 10)))\n", ("abc", "3\n"), Status.PASSED),
        ("import sys\nprint(sys.stdin.readline() == '')\n", ("", "True\n"), Status.PASSED),
        ("print(input() + input())\n", ("one\n", "one\n"), Status.RUNTIME_ERROR),
        ("print(input())\n", ("\u00e9\u4e2d\n", "\u00e9\u4e2d\n"), Status.PASSED),
        # every way to print
        ("import sys\nsys.stdout.write('a')\nsys.stdout.buffer.write(b'')\n", ("", "a"), Status.PASSED),
        ("import os\nos.write(1, b'a')\n", ("", "a"), Status.PASSED),
        ("import sys\nprint('noise', file=sys.stderr)\nprint('a')\n", ("", "a"), Status.PASSED),
        ("import subprocess\nsubprocess.run(['/bin/echo', 'a'])\n", ("", "a"), Status.PASSED),
        # every way to end
        ("print('a')\nraise SystemExit\n", ("", "a"), Status.PASSED),
        ("import sys\nprint('a')\nsys.exit(0)\n", ("", "a"), Status.PASSED),
        ("import os\nos.write(1, b'a')\nos._exit(0)\n", ("", "a"), Status.PASSED),
        ("import sys\nprint('a')\nsys.exit(3)\n", ("", "a"), Status.RUNTIME_ERROR),
        ("import sys\nprint('a')\nsys.exit('no')\n", ("", "a"), Status.RUNTIME_ERROR),
        ("import os\nos.write(1, b'a')\nos._exit(1)\n", ("", "a"), Status.RUNTIME_ERROR),
        ("print('a')\n1 / 0\n", ("", "a"), Status.RUNTIME_ERROR),
        ("print('a'\n", ("", "a"), Status.SYNTAX_ERROR),
        ("eval('1 +')\n", ("", "a"), Status.RUNTIME_ERROR),
        ("while True: pass\n", ("", "a"), Status.TIMEOUT),
        ("import signal\nsignal.raise_signal(11)\n", ("", "a"), Status.RUNTIME_ERROR),
        # a guard that is not last, and names that live in __main__
        (
            "def main():\n    print(helper())\nif __name__ == '__main__':\n    pass\n"
            "def helper():\n    return 'a'\nif __name__ == '__main__':\n    main()\n",
            ("", "a"),
            Status.PASSED,
        ),
        ("import __main__\nx = 'a'\nprint(__main__.x)\n", ("", "a"), Status.PASSED),
        (
            "import sys\nsys.setrecursionlimit(5000)\ndef f(n):\n    return n and f(n - 1)\nf(4000)\nprint('a')\n",
            ("", "a"),
            Status.PASSED,
        ),
        # threads and hooks that outlive the last line
        (
            "import threading, time\ndef late():\n    time.sleep(0.2)\n    print('a')\n"
            "threading.Thread(target=late).start()\n",
            ("", "a"),
            Status.PASSED,
        ),
        ("import atexit\natexit.register(print, 'a')\n", ("", "a"), Status.PASSED),
        ("import threading\nthreading.Thread(target=lambda: 1 / 0).start()\nprint('a')\n", ("", "a"), Status.PASSED),
    ],
)
def test_a_script_is_judged_by_what_it_prints_and_how_it_ends(
    sandbox: Sandbox, source: str, case: tuple[str, str], expected: Status
) -> None:
    """As `python main.py` would read, print and end."""
    found = outcome(sandbox, script(source, case))

    assert (found.status, found.trust) == (expected, Trust.SPLIT), found


def test_the_first_case_that_fails_decides_and_is_named(sandbox: Sandbox) -> None:
    """Each case runs in a process of its own, which finds nothing of the one before."""
    source = "open('left', 'x').close()\nn = int(input())\nprint(n if n < 3 else 0)\n"

    passes = outcome(sandbox, script(source, ("1", "1"), ("2", "2")))
    fails = outcome(sandbox, script(source, ("1", "1"), ("2", "2"), ("3", "3"), ("4", "4")))

    assert passes.status is Status.PASSED, passes
    assert fails.status is Status.WRONG_ANSWER, fails
    assert fails.detail.startswith("case 3: line 1: expected '3', got '0'")


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("0.30000000000000004 x", Status.PASSED),
        ("0.3000001 x", Status.PASSED),
        ("3e-1 x", Status.PASSED),
        ("0.31 x", Status.WRONG_ANSWER),
        ("0.3 y", Status.WRONG_ANSWER),
        ("0.3 x x", Status.WRONG_ANSWER),
        ("0.3", Status.WRONG_ANSWER),
        ("nan x", Status.WRONG_ANSWER),
        ("inf x", Status.WRONG_ANSWER),
    ],
)
def test_floats_may_differ_by_the_tolerance_and_words_may_not(sandbox: Sandbox, printed: str, expected: Status) -> None:
    """Word by word."""
    found = outcome(sandbox, script(f"print('{printed}')\n", ("", "0.3 x\n"), checker="floats", tolerance=1e-6))

    assert found.status is expected, found


CHECKER = """
def check(given, output, expected):
    a, b = map(int, output.split())
    assert a + b == int(given), "another sum"
    return a != b
"""


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("1 3", Status.PASSED),
        ("3 1", Status.PASSED),
        ("2 2", Status.WRONG_ANSWER),
        ("1 2", Status.WRONG_ANSWER),
        ("word", Status.OUTPUT),
        ("1 2 3", Status.OUTPUT),
    ],
)
def test_a_checker_program_decides_even_where_the_output_is_the_expected_one(
    sandbox: Sandbox, printed: str, expected: Status
) -> None:
    """An output over which it breaks cannot be judged, and is no trouble of the sandbox's."""
    item = script(f"print('{printed}')\n", ("4\n", f"{printed}\n"), checker="program", checker_program=CHECKER)

    found = outcome(sandbox, item)

    assert found.status is expected, found


@pytest.mark.parametrize("checker", ["lines", "floats"])
def test_an_output_beyond_the_cap_is_a_failure(sandbox: Sandbox, checker: str) -> None:
    """However short the expected one is; the script is stopped."""
    limits = Limits(cpu_time_s=20, wall_time_s=60, output_bytes=1 << 20)
    endless = script("while True:\n    print('a' * 1000)\n", ("", "a"), limits=limits, checker=checker)

    found = outcome(sandbox, endless)

    assert found.status is Status.OUTPUT, found
    assert found.wall_time_s < 10


def test_an_output_just_under_the_cap_is_judged(sandbox: Sandbox) -> None:
    """Nothing is cut off."""
    size = (1 << 20) - 10
    limits = Limits(output_bytes=1 << 20)

    found = outcome(sandbox, script(f"print('a' * {size})\n", ("", "a" * size), limits=limits))

    assert found.status is Status.PASSED, found


@pytest.mark.parametrize("name", [pytest.param("docker", marks=pytest.mark.docker), "process"])
def test_what_a_script_should_print_is_not_in_its_memory(name: str, request: pytest.FixtureRequest) -> None:
    """Neither after the judge compared an output with it, nor after a script before this one printed it."""
    if name == "docker":
        request.getfixturevalue("core_image")
    with open_sandbox(name, environment="core", workers=1) as opened:
        wrong = outcome(opened, script("print('another')\n", ("", SECRET)))
        right = outcome(opened, script(f"print({SECRET!r})\n", ("", SECRET)))
        found = outcome(opened, script(search() + "print(found())\n", ("", SECRET)))
        control = outcome(opened, script(f"held = {SECRET!r}\n{search()}print(found())\n", ("", SECRET)))

    assert wrong.status is Status.WRONG_ANSWER, wrong
    assert right.status is Status.PASSED, right
    assert "got 'nothing'" in found.detail, found
    assert "got 'found'" in control.detail, control


@pytest.mark.parametrize(
    "source",
    [
        f"print({SECRET!r})\n",
        f"raise ValueError({SECRET!r})\n",
        f"import sys\nsys.exit({SECRET!r})\n",
        f"# {SECRET}\n1 / 0\n",
    ],
)
def test_a_script_finds_nothing_of_the_one_before(source: str) -> None:
    """Neither what that printed nor what it said at its end."""
    with open_sandbox("process", environment="core", workers=1) as opened:
        outcome(opened, script(source, ("", SECRET[::-1])))
        found = outcome(opened, script(search() + "print(found())\n", ("", "nothing")))

    assert found.status is Status.PASSED, found


def test_a_script_is_handed_its_input_and_nothing_else(sandbox: Sandbox) -> None:
    """Whatever descriptor it reads to the end."""
    source = """
import os
read = []
for name in sorted(os.listdir("/proc/self/fd")):
    try:
        while part := os.read(int(name), 1 << 16):
            read.append(part)
    except OSError:
        pass
raise ValueError(read)
"""

    found = outcome(sandbox, script(source, ("given", SECRET)))

    assert "given" in found.detail, found
    assert SECRET not in found.detail, found
