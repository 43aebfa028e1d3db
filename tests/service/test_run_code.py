"""SandboxFusion's `/run_code`, asked as its published clients ask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.service.servers import Server, serving


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as started:
        yield started


def run(server: Server, code: str, **more: Any) -> dict[str, Any]:
    """Post what verl's client posts; HTTP 200 whatever the program did."""
    body = {
        "compile_timeout": 10,
        "run_timeout": 2,
        "code": code,
        "stdin": "",
        "memory_limit_MB": 1024,
        "language": "python",
        "files": {},
        "fetch_files": [],
    }
    answer = server.post("/run_code", body | more)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert set(found) == {"status", "message", "compile_result", "run_result", "executor_pod_name", "files"}
    return found


@pytest.mark.parametrize(
    ("code", "status", "code_of", "stdout", "stderr"),
    [
        ("print(input() + '!')", "Success", 0, "given!\n", ""),
        ("import sys\nprint('a')\nprint('b', file=sys.stderr)\nsys.exit(3)", "Failed", 3, "a\n", "b\n"),
        ("print('before')\n1 / 0", "Failed", 1, "before\n", "ZeroDivisionError: division by zero\n"),
        ("import sys\nsys.exit('bye')", "Failed", 1, "", "bye\n"),
        ("import os\nos._exit(0)", "Success", 0, "", ""),
        ("import os\nos.kill(os.getpid(), 9)", "Failed", -9, "", ""),
        ("def (", "Failed", 1, "", "SyntaxError: invalid syntax\n"),
        (
            "import threading, time\nthreading.Thread(target=lambda: (time.sleep(0.1), print('late'))).start()",
            "Success", 0, "late\n", "",
        ),
        ("if __name__ == '__main__':\n    print(__name__)", "Success", 0, "__main__\n", ""),
    ],
)  # fmt: skip
def test_a_program_ends_as_under_python(
    server: Server, code: str, status: str, code_of: int, stdout: str, stderr: str
) -> None:
    """Return code, standard output and the end of standard error."""
    found = run(server, code, stdin="given\n")
    result = found["run_result"]

    assert (found["status"], result["status"]) == (status, "Finished")
    assert result["return_code"] == code_of
    assert result["stdout"] == stdout
    assert result["stderr"].endswith(stderr)
    assert result["execution_time"] >= 0


def test_time_and_memory_are_limited(server: Server) -> None:
    """TimeLimitExceeded, and a failure."""
    late = run(server, "while True: pass", run_timeout=0.5)
    large = run(server, "x = bytes(2_000_000_000)", memory_limit_MB=256)

    assert (late["status"], late["run_result"]["status"]) == ("Failed", "TimeLimitExceeded")
    assert (large["status"], large["run_result"]["return_code"]) == ("Failed", 1)


def test_what_it_prints_is_not_kept(server: Server) -> None:
    """A program that prints something else each time does so."""
    code = "import os\nprint(os.urandom(8).hex())"

    assert run(server, code)["run_result"]["stdout"] != run(server, code)["run_result"]["stdout"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"language": "cpp"}, 'language is "cpp"'),
        ({"files": {"a.txt": "YQ=="}}, "files is not supported"),
        ({"run_timeout": 1000}, "at most 60"),
        ({"memory_limit_MB": 1}, "memory_limit_MB is 1"),
    ],
)
def test_what_is_not_offered_is_the_sandboxs_error(server: Server, more: Any, message: str) -> None:
    """In SandboxFusion's form, with a message; the program is not to blame."""
    found = run(server, "print(1)", **more)

    assert found["status"] == "SandboxError"
    assert message in found["message"]
    assert found["run_result"] is None
