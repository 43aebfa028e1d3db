"""Hostile programs are data: each file of tests/attacks says what it does and which status it must get.

Its header: `attack` (what it does), `problem` (the kinds of problem it attacks, see problems.py; asserts where it
is missing), `with` (the file of attacks/parts that stands before it), `limits`, `slow` (why it is), and `expect`.
What it must get in one mode, sandbox or kind of problem alone is `expect-KIND-SANDBOX-MODE` with any of the three left
out; the longest that fits counts.
In-process some forgeries succeed, as they do upstream: `expect-in-process: passed` says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from harness.sandboxes import open_sandbox
from harness.types import Limits, Sandbox, Status, Trust

from .problems import PROBLEMS, work_on
from .work import outcomes

ATTACKS = sorted((Path(__file__).parent.parent / "attacks").glob("*.py"))
KEYS = {"attack", "problem", "limits", "expect", "slow", "with"}
MODES = [
    pytest.param(("process", Trust.SPLIT), id="process-split"),
    pytest.param(("process", Trust.IN_PROCESS), id="process-in-process", marks=pytest.mark.slow),
    pytest.param(("docker", Trust.SPLIT), id="docker-split", marks=[pytest.mark.docker, pytest.mark.slow]),
    pytest.param(("docker", Trust.IN_PROCESS), id="docker-in-process", marks=[pytest.mark.docker, pytest.mark.slow]),
]


def headers(path: Path) -> dict[str, str]:
    """The lines "# key: value" that a file begins with."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        line_found = re.fullmatch(r"# ([a-z0-9-]+): (.+)", line)
        if line_found is None:
            break
        found[line_found[1]] = line_found[2]
    return found


def kinds(path: Path) -> list[str]:
    """The problems that a file attacks."""
    return headers(path).get("problem", "asserts").split()


def expected(path: Path, kind: str, sandbox: str, trust: Trust) -> list[str]:
    """The statuses that fit, by the longest key."""
    found = headers(path)
    for parts in sorted(product((kind, ""), (sandbox, ""), (trust.value, "")), key=lambda one: one.count("")):
        key = "-".join(filter(None, ("expect", *parts)))
        if key in found:
            return found[key].split(" or ")
    raise AssertionError(f"{path.name} does not say what to expect")


def source_of(path: Path) -> str:
    """The program of an attack, behind the part that its header names."""
    part = headers(path).get("with")
    shared = (path.parent / "parts" / f"{part}.py").read_text(encoding="utf-8") if part else ""
    return f"{shared}\n{path.read_text(encoding='utf-8')}"


def limits_of(path: Path) -> Limits:
    pairs = (pair.split("=") for pair in headers(path).get("limits", "").split())
    return Limits(**{name: int(value) if name.endswith("_bytes") else float(value) for name, value in pairs})


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> Iterator[tuple[Sandbox, Trust]]:
    """A sandbox with one worker: what runs next runs where the last program ran."""
    name, trust = request.param
    if name == "docker":
        request.getfixturevalue("core_image")
    with open_sandbox(name, environment="core", workers=1, trust=trust) as sandbox:
        yield sandbox, trust


def cases() -> list[object]:
    """A test per attack and problem."""
    return [
        pytest.param(path, kind, id=f"{path.stem}-{kind}", marks=[pytest.mark.slow] if "slow" in headers(path) else [])
        for path in ATTACKS
        for kind in kinds(path)
    ]


@pytest.mark.parametrize(("path", "kind"), cases())
def test_an_attack_gets_its_status_and_the_next_program_is_untouched(
    mode: tuple[Sandbox, Trust], path: Path, kind: str
) -> None:
    """The status of the header; an honest program passes on the same worker after it."""
    sandbox, _ = mode
    hostile = work_on(kind, source_of(path), key="hostile", limits=limits_of(path))
    honest = work_on(kind, PROBLEMS[kind][1], key="honest", limits=Limits())

    found = outcomes(sandbox, [hostile, honest])

    assert found["hostile"].status in expected(path, kind, sandbox.name, found["hostile"].trust), found
    assert found["honest"].status is Status.PASSED, found


def test_verdicts_are_computed_where_the_mode_says(mode: tuple[Sandbox, Trust]) -> None:
    """A figure alone is judged by the interpreter that drew it, and marked so."""
    sandbox, trust = mode
    honest = [work_on(kind, source, key=kind, limits=Limits()) for kind, (_, source) in PROBLEMS.items()]

    found = {kind: outcome.trust for kind, outcome in sandbox.run(honest)}

    assert found == dict.fromkeys(PROBLEMS, trust) | {"ds1000-figure": Trust.IN_PROCESS}


@pytest.mark.parametrize("path", ATTACKS, ids=lambda path: path.stem)
def test_a_header_can_be_read(path: Path) -> None:
    """No key is mistyped, every status and every problem is known."""
    found = headers(path)
    statuses = {status.value for status in Status}
    values = {value for key, value in found.items() if key.startswith("expect")}

    assert found["attack"]
    assert {key for key in found if not key.startswith("expect-")} <= KEYS
    assert {status for value in values for status in value.split(" or ")} <= statuses
    assert set(kinds(path)) <= set(PROBLEMS)
    for key in found:
        if key.startswith("expect-"):
            assert re.fullmatch(r"expect(-(asserts|calls|ds1000))?(-(process|docker))?(-(split|in-process))?", key), key
