"""What every sandbox promises for ordinary programs."""

from __future__ import annotations

import gc
import threading
import time

import pytest

from harness.errors import SandboxUnavailable, UsageError
from harness.sandboxes import open_sandbox
from harness.types import Key, Limits, Sandbox, Status, Trust

from .work import HONEST, outcome, outcomes, work

ENDLESS = "def add_one(n):\n    while True: pass\n"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (HONEST, Status.PASSED),
        ("def add_one(n):\n    return n\n", Status.WRONG_ANSWER),
        ("def add_one(n):\n    return n / 0\n", Status.RUNTIME_ERROR),
        ("def add_one(n)\n    return n\n", Status.SYNTAX_ERROR),
        ("def add_one(n):\n    return '\x00'\n", Status.SYNTAX_ERROR),
        ("x = '\ud800'\n", Status.SYNTAX_ERROR),
        ("def plus(n):\n    return n + 1\n", Status.RUNTIME_ERROR),
        (ENDLESS, Status.TIMEOUT),
    ],
)
def test_a_program_gets_the_status_of_what_it_did(sandbox: Sandbox, source: str, expected: Status) -> None:
    """One outcome per program, with the status of the program's end."""
    found = list(sandbox.run([work(source, limits=Limits(cpu_time_s=0.5))]))

    assert [outcome.status for _, outcome in found] == [expected], found
    assert found[0][1].trust is Trust.IN_PROCESS


def test_a_failing_assertion_is_named(sandbox: Sandbox) -> None:
    """The detail shows the line that failed."""
    found = outcome(sandbox, work("def add_one(n):\n    return 2\n"))

    assert "assert add_one(41) == 42" in found.detail


def test_many_programs_each_get_one_outcome(sandbox: Sandbox) -> None:
    """Nothing is lost or doubled over two workers."""
    found = list(sandbox.run(work(HONEST, key=("toy", number)) for number in range(300)))

    assert sorted(key for key, _ in found) == [("toy", number) for number in range(300)]
    assert {outcome.status for _, outcome in found} == {Status.PASSED}


def test_outcomes_arrive_while_programs_are_still_made(sandbox: Sandbox) -> None:
    """The sandbox does not wait for the end of its input."""
    seen: list[Key] = []

    def endless():  # type: ignore[no-untyped-def]
        while not seen:
            yield work(HONEST)

    for key, _ in sandbox.run(endless()):
        seen.append(key)

    assert seen


def test_an_error_of_the_works_source_reaches_the_caller(sandbox: Sandbox) -> None:
    """Trouble in the iterable (a model that dies) is raised where outcomes are read."""

    def broken():  # type: ignore[no-untyped-def]
        yield work(HONEST)
        raise UsageError("the source broke")

    with pytest.raises(UsageError, match="the source broke"):
        list(sandbox.run(broken()))


def test_a_run_that_is_broken_off_leaves_its_workers_to_the_next(sandbox: Sandbox) -> None:
    """A program that still runs keeps its worker until it has ended."""
    running = sandbox.run([work(HONEST), work(ENDLESS, limits=Limits(cpu_time_s=0.5))])
    next(iter(running))
    running.close()  # type: ignore[attr-defined]

    assert [outcome.status for _, outcome in sandbox.run([work(HONEST)] * 20)] == [Status.PASSED] * 20


@pytest.mark.parametrize("name", [pytest.param("docker", marks=pytest.mark.docker), "process"])
def test_a_sandbox_that_is_left_while_programs_run_ends_at_once(request: pytest.FixtureRequest, name: str) -> None:
    """They are neither waited for nor started anew; no thread is left, and nothing unclosed."""
    if name == "docker":
        request.getfixturevalue("core_image")
    before = set(threading.enumerate())

    with open_sandbox(name, environment="core", workers=2) as sandbox:
        running = sandbox.run([work(HONEST), *[work(ENDLESS, limits=Limits(cpu_time_s=60, wall_time_s=60))] * 2])
        next(iter(running))
        running.close()  # type: ignore[attr-defined]
        left_at = time.monotonic()

    assert time.monotonic() - left_at < 30
    assert set(threading.enumerate()) <= before
    gc.collect()  # what was not closed is a warning now, and warnings are errors


def test_programs_are_repeatable(sandbox: Sandbox) -> None:
    """Random numbers and hash order are the same for every program and every worker."""
    source = "import random\n\n\ndef add_one(n):\n    raise ValueError((random.random(), hash('a')))\n"

    details = {found.detail for _, found in sandbox.run([work(source) for _ in range(6)])}

    assert len(details) == 1, details


def test_numpy_is_in_the_core_environment(sandbox: Sandbox) -> None:
    """Completions may use numpy; other packages of the host are not visible."""
    honest = work("import numpy\n\n\ndef add_one(n):\n    return int(numpy.add(n, 1))\n", key="numpy")
    other = work("import typer\n", key="other")

    found = outcomes(sandbox, [honest, other])

    assert found["numpy"].status is Status.PASSED, found
    assert "ModuleNotFoundError" in found["other"].detail


def test_the_description_lists_what_is_enforced(sandbox: Sandbox) -> None:
    """A run can say what was and was not isolated."""
    facts = sandbox.describe()

    assert facts["sandbox"] == sandbox.name
    assert any("network" in line for line in facts["enforced"])
    assert isinstance(facts["not_enforced"], list)


def test_docker_without_an_engine_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for Docker where no engine answers: an error that names the address, never another sandbox."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")

    with pytest.raises(SandboxUnavailable, match=r"no engine answers at unix:///nonexistent/docker\.sock"):
        open_sandbox("docker", environment="core")


def test_without_a_name_and_without_an_engine_it_is_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default is chosen by what answers."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")

    assert open_sandbox(None, environment="core").name == "process"


@pytest.mark.docker
def test_without_a_name_and_with_an_engine_it_is_docker(core_image: str) -> None:
    """The default is chosen by what answers."""
    assert open_sandbox(None, environment="core").name == "docker"
