"""Programs of other languages in Docker: what passes, what fails and how, and what no program can do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.checks.canaries import build_canaries
from harness.errors import SandboxUnavailable, UsageError
from harness.sandboxes import open_sandbox
from harness.sandboxes.building import build
from harness.sandboxes.images.languages import DEFAULT
from harness.sandboxes.inside.execution import select_variables
from harness.sandboxes.languages import LANGUAGES
from harness.tasks.suite import load_suite
from harness.types import Commands, Limits, Program, Sandbox, Status, Work

from .work import outcome, outcomes

LIMITS = Limits(cpu_time_s=10.0, wall_time_s=60.0, memory_bytes=2 << 30)
ATTACKS = sorted((Path(__file__).parent.parent / "attacks" / "languages").iterdir())
PASSING = {
    "cpp": "#include <cassert>\n#include <cstdio>\nint main() {\n    assert(1 + 1 == 2);\n}\n",
    "java": "class Problem {\n    public static void main(String[] args) {\n    assert 1 + 1 == 2;\n    }\n}\n",
    "js": "require('node:assert')(1 + 1 === 2);\n",
    "php": "<?php\nif (1 + 1 !== 2) { throw new Exception('no'); }\n",
    "sh": "set -e\n[[ $((1 + 1)) = 2 ]]\n",
    "ts": "declare var require: any;\nconst sum: number = 1 + 1;\nrequire('node:assert')(sum === 2);\n",
}
"""A whole program of each language, with its tests."""


@pytest.fixture(scope="module")
def docker(languages_image: str) -> Iterator[Sandbox]:
    """One slot with the image of the languages."""
    assert languages_image
    with open_sandbox("docker", environment="languages", workers=1) as sandbox:
        yield sandbox


def work(language: str, source: str, *, rules: str = "multipl-e", key: object = 0, limits: Limits = LIMITS) -> Work:
    """Return a whole program with its tests."""
    program = Program(source=source, environment="languages", group=language, limits=limits, has_tests=True)
    return key, program, Commands(language=language, rules=rules, tests="")


@pytest.mark.docker
@pytest.mark.data
@pytest.mark.parametrize("language", DEFAULT)
def test_known_failures_get_their_statuses(docker: Sandbox, language: str) -> None:
    """A wrong answer, an early exit or a crash, an endless loop and a memory hog."""
    canaries = build_canaries(load_suite(f"multipl-e-{language}"))

    found = outcomes(docker, [(number, program, judge) for number, (_, program, judge) in enumerate(canaries)])

    statuses = {canaries[number][0]: outcome.status for number, outcome in found.items()}
    assert len(statuses) == 4
    assert {wanted: (status, found) for wanted, status in statuses.items() if status is not wanted} == {}


@pytest.mark.docker
@pytest.mark.parametrize("path", ATTACKS, ids=lambda path: path.name)
def test_an_attack_gets_nowhere(docker: Sandbox, path: Path) -> None:
    """Twice on one worker, and an honest program after it passes."""
    source, language = path.read_text(encoding="utf-8"), path.suffix[1:]
    expected = re.findall(r"expect: (.+)", source)[0].split(" or ")
    attack = Limits(cpu_time_s=3.0, wall_time_s=9.0, memory_bytes=2 << 30)

    first, second = (outcome(docker, work(language, source, limits=attack)) for _ in range(2))
    honest = outcome(docker, work(language, PASSING[language]))

    assert first.status in expected, first
    assert second.status in expected, second
    assert honest.status is Status.PASSED, honest


@pytest.mark.docker
@pytest.mark.parametrize(
    ("language", "rules", "source", "status"),
    [
        # the mark does not touch the streams, which must be empty under this rule
        ("js", "deepseek", PASSING["js"], Status.PASSED),
        ("js", "deepseek", "console.log(1);\n" + PASSING["js"], Status.RUNTIME_ERROR),
        ("js", "multipl-e", "console.log(1);\n" + PASSING["js"], Status.PASSED),
        # a type error fails the sample whatever it does
        ("ts", "multipl-e", "const sum: string = 2;\n" + PASSING["ts"].replace("sum", "two"), Status.SYNTAX_ERROR),
        # the second build of this rule is for an older target, and a type error stays one
        ("ts", "deepseek", "const sum: string = 2;\n" + PASSING["ts"].replace("sum", "two"), Status.SYNTAX_ERROR),
        # an unhandled exception passes by this rule, whose text alone decides, and fails by the other
        ("cs", "deepseek", "class P {\n    static void Main() { throw new System.Exception(); }\n}\n", Status.PASSED),
        ("cs", "multipl-e", "class P {\n    static void Main() { throw new System.Exception(); }\n}\n", None),
        # what a program leaves unclosed swallows the tests, and the mark with them
        ("sh", "multipl-e", "cat <<'END'\n" + PASSING["sh"], Status.RUNTIME_ERROR),
        ("php", "multipl-e", PASSING["php"] + "?>\ntest();\n", Status.RUNTIME_ERROR),
        ("pl", "multipl-e", "print 'ERROR';\n", Status.RUNTIME_ERROR),
    ],
)
def test_rule_sets_decide(docker: Sandbox, language: str, rules: str, source: str, status: Status | None) -> None:
    """The same program may pass by one rule set and fail by the other."""
    found = outcome(docker, work(language, source, rules=rules))

    assert found.status is status or (status is None and found.status is not Status.PASSED), found


@pytest.mark.docker
def test_nothing_in_a_resident_compiler_carries_over(docker: Sandbox) -> None:
    """What one program declares, the next does not find."""
    java = "class Problem {\n    public static void main(String[] args) {\n    %s\n    }\n}\n"
    typescript = PASSING["ts"]
    items = [
        work("java", "class Left { static int n = 1; }\n" + java % "assert Left.n == 1;", key="java 1"),
        work("java", java % "assert Left.n == 1;", key="java 2"),
        work("ts", "interface Array<T> { left: number }\n" + typescript, key="ts 1"),
        work("ts", typescript + "const taken: number = [1].left;\n", key="ts 2"),
        work("ts", "declare var left: number;\n" + typescript, key="ts 3"),
        work("ts", typescript + "const other: number = left;\n", key="ts 4"),
        work("ts", typescript, key="ts 5"),
    ]

    found = {key: outcome(docker, (key, program, judge)).status for key, program, judge in items}

    lost = dict.fromkeys(("java 2", "ts 2", "ts 4"), Status.SYNTAX_ERROR)
    assert found == dict.fromkeys(("java 1", "ts 1", "ts 3", "ts 5"), Status.PASSED) | lost


@pytest.mark.docker
@pytest.mark.parametrize(
    ("language", "source", "status"),
    [
        ("js", "// " + "x" * (1 << 20) + "\n" + PASSING["js"], Status.PASSED),
        ("java", "// " + "x" * (1 << 20) + "\n" + PASSING["java"], Status.PASSED),
        ("sh", "yes output without end\n", Status.OUTPUT),
        ("cpp", "int left[1ULL << 40];\n" + PASSING["cpp"], None),
        ("cpp", "\x00\ud800\n" + PASSING["cpp"], None),
        ("java", "", Status.RUNTIME_ERROR),
    ],
    ids=("1 MB of JavaScript", "1 MB of Java", "output", "too large to load", "not text", "nothing"),
)
def test_odd_programs_get_a_verdict(docker: Sandbox, language: str, source: str, status: Status | None) -> None:
    """A verdict each, and never the judge's own trouble."""
    found = outcome(docker, work(language, source))

    assert found.status is status or (status is None and found.status not in (Status.PASSED, Status.INFRASTRUCTURE))


@pytest.mark.docker
@pytest.mark.slow
def test_a_compile_that_never_ends_is_stopped(docker: Sandbox) -> None:
    """By its CPU time."""
    endless = "template <int N> struct F { static const int n = F<N + 1>::n + F<N + 2>::n; };\n"

    found = outcome(docker, work("cpp", f"{endless}int main() {{ return F<0>::n; }}\n"))

    assert found.status in (Status.TIMEOUT, Status.SYNTAX_ERROR, Status.MEMORY), found


@pytest.mark.docker
def test_a_language_that_the_image_lacks_names_the_command(docker: Sandbox) -> None:
    """One line with what to do."""
    missing = next(name for name in LANGUAGES if name not in DEFAULT and name != "jl")

    with pytest.raises(SandboxUnavailable, match=f"harness sandbox build languages --only {missing}"):
        outcome(docker, work(missing, ""))


def test_a_variable_that_names_a_missing_folder_is_left_out(tmp_path: Path) -> None:
    """As Go's build cache, which the image alone has; Go refuses to start without the folder."""
    given = {"GOCACHE": str(tmp_path / "none"), "GOPATH": str(tmp_path), "GOFLAGS": "-count=1", "EMPTY": ""}

    assert select_variables(given) == {"GOPATH": str(tmp_path), "GOFLAGS": "-count=1", "EMPTY": ""}


@pytest.mark.parametrize(
    ("environment", "only", "said"),
    [
        ("languages", "java,klingon", "klingon"),
        ("languages", "swift", "download.swift.org"),
        ("core", "java", "leave it out"),
    ],
)
def test_only_refuses_what_is_no_language(environment: str, only: str, said: str) -> None:
    """Before anything is built."""
    with pytest.raises(UsageError, match=said):
        build(environment, only=only.split(","), report=print)
