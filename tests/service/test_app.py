"""A real server on loopback and real clients."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from harness.sandboxes import open_sandbox
from harness.tasks.suite import load_suite
from harness.types import CodeForm
from tests.service.servers import HONEST, LOOP, TESTS, TOKEN, WRONG, Server, item, serving

CALLS = {"kind": "calls", "entry_point": "add_one", "inputs": [[1], [41]], "reference": HONEST}
CASES = {"kind": "cases", "cases": [{"input": "1\n", "output": "2\n"}, {"input": "41\n", "output": "42\n"}]}
SCRIPT = "print(int(input()) + 1)\n"
RAISING = "def add_one(n):\n    raise ValueError(n)\n"
SLEEPING = "import time\n\n\ndef add_one(n):\n    time.sleep(1)\n    return n + 1\n"
FAST = {"cpu_time_s": 0.5}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving() as started:
        yield started


@pytest.fixture(scope="module")
def small() -> Iterator[Server]:
    """A server that takes little."""
    with serving("--max-body-mb", "1", "--max-programs", "40", "--queue", "40", "--no-cache") as started:
        yield started


@pytest.mark.parametrize(
    ("problem", "right", "wrong"),
    [
        pytest.param(TESTS, HONEST, WRONG, id="tests"),
        pytest.param({**TESTS, "reference": HONEST}, HONEST, WRONG, id="tests-with-reference"),
        pytest.param(CALLS, HONEST, WRONG, id="calls"),
        pytest.param(CASES, SCRIPT, "print(2)\n", id="cases"),
    ],
)
def test_own_problems_are_judged_apart_from_the_programs(server: Server, problem: Any, right: str, wrong: str) -> None:
    """One that passes all, one that passes half, one that ends at once; the verdicts are split."""
    programs = right, wrong, "import os\nos._exit(0)\n"

    rows = server.verdicts(item(problem, *programs))
    shares = server.verdicts(item(problem, *programs), score="share")

    assert [row["status"] == "passed" for row in rows] == [True, False, False]
    assert [row["score"] for row in rows] == [1.0, 0.0, 0.0]
    assert [row["score"] for row in shares] == [1.0, 0.5, 0.0]
    assert {row["trust"] for row in [*rows, *shares]} == {"split"}


def test_verdicts_on_a_benchmark_equal_those_of_the_sandbox(server: Server) -> None:
    """Right and wrong answers to thirty problems, as `harness score` judges them."""
    suite = load_suite("humaneval", limit=30)
    codes = {task: [problem.reference, "    return 1\n"] for task, problem in suite.problems.items()}
    work = [
        ((at, index), suite.benchmark.program(problem, code, CodeForm.COMPLETION), suite.benchmark.judge(problem))
        for at, (task, problem) in enumerate(suite.problems.items())
        for index, code in enumerate(codes[task])
    ]
    with open_sandbox("process", environment="core", workers=2) as sandbox:
        expected = {key: outcome.status.value for key, outcome in sandbox.run(work)}

    items = [
        item({"kind": "task", "benchmark": "humaneval", "task_id": task}, *codes[task], form="completion")
        for task in codes
    ]
    found = {(row["item"], row["program"]): row["status"] for row in server.verdicts(*items)}

    assert found == expected
    assert set(found.values()) >= {"passed", "wrong_answer"}


def test_a_stream_has_a_line_for_each_verdict_and_says_that_it_is_complete(server: Server) -> None:
    """The verdicts of a plain answer, in the order in which they come."""
    body = {"items": [item(TESTS, HONEST, WRONG, RAISING), item(CASES, SCRIPT)]}

    plain = server.post("/v1/verdicts", body).json()["verdicts"]
    *rows, last = map(json.loads, server.post("/v1/verdicts", body | {"stream": True}).text.splitlines())

    assert last == {"done": 4}
    assert {(row["item"], row["program"], row["status"]) for row in rows} == {
        (row["item"], row["program"], row["status"]) for row in plain
    }


def test_answers_quote_nothing_that_was_expected(server: Server) -> None:
    """Neither plain nor streamed."""
    problem = {"kind": "cases", "cases": [{"input": "", "output": "SECRET-42\n"}]}
    for stream in (False, True):
        answer = server.post("/v1/verdicts", {"items": [item(problem, "print(1)")], "stream": stream})
        assert '"wrong_answer"' in answer.text
        assert "SECRET" not in answer.text


def test_ten_thousand_programs_in_one_request(server: Server) -> None:
    """All are answered; equal ones run once."""
    rows = server.verdicts(item(TESTS, *[HONEST, WRONG] * 5000))

    assert [row["status"] for row in rows] == ["passed", "wrong_answer"] * 5000


def test_equals_of_a_program_that_timed_out_are_judged_too(server: Server) -> None:
    """A time-out is never kept, so each of them runs; none is forgotten when nothing else comes."""
    assert server.statuses(item({**TESTS, "limits": FAST}, *[LOOP] * 5)) == ["timeout"] * 5


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "items"),
        ({"items": []}, "items"),
        ({"items": [item(TESTS)]}, "items.0.programs"),
        ({"items": [item({"kind": "tests"}, HONEST)]}, "tests: Field required"),
        ({"items": [item({"kind": "prayers"}, HONEST)]}, "'prayers'"),
        ({"items": [item({**TESTS, "exposes": ["a b"]}, HONEST)]}, "exposes"),
        ({"items": [item(TESTS, HONEST, colour="red")]}, "colour"),
        ({"items": [item(TESTS, HONEST, form="completion")]}, 'form is "completion"'),
        ({"items": [item({**TESTS, "environment": "ds1000"}, HONEST)]}, '"ds1000" is not served here'),
        ({"items": [item({**TESTS, "limits": {"cpu_time_s": 1000}}, HONEST)]}, "cpu_time_s is 1000; at most 60"),
        ({"items": [item({**TESTS, "limits": {"memory_mb": 9999}}, HONEST)]}, "memory_mb is 9999; at most 4096"),
        ({"items": [item({**TESTS, "reference": WRONG}, HONEST)]}, "items.0.problem: the reference fails"),
        ({"items": [item({**CALLS, "reference": RAISING}, HONEST)]}, "the reference fails"),
        ({"items": [item({**CALLS, "reference": "x = 1"}, HONEST)]}, "the reference fails"),
        ({"items": [item({"kind": "task", "benchmark": "humanevl", "task_id": "x"}, "x")]}, 'mean "humaneval"'),
        ({"items": [item({"kind": "task", "benchmark": "humaneval", "task_id": "x"}, "x")]}, 'has no "x"'),
    ],
)
def test_a_request_that_does_not_fit_is_refused_in_a_line(server: Server, body: Any, message: str) -> None:
    """422, with the place and the value."""
    answer = server.post("/v1/verdicts", body)

    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert message in error
    assert len(error.splitlines()) == 1


def test_bodies_that_are_no_json(server: Server) -> None:
    """Refused in a line as well."""
    for data in (b"", b"{", b"\xff\xfe", b"[1]", b"[" * 100_000):
        headers = {**server.headers, "Content-Type": "application/json"}
        answer = requests.post(f"{server.url}/v1/verdicts", data=data, headers=headers, timeout=60)
        assert answer.status_code in (400, 422), (data[:10], answer.text)
        assert "error" in answer.json()


def test_a_token_is_needed_for_all_but_health(server: Server) -> None:
    """As a bearer token, or as the password that a client puts into its URL."""
    bare = server.url.removeprefix("http://")
    run = {"code": "print(1)", "language": "python"}

    assert requests.get(f"{server.url}/health", timeout=60).status_code == 200
    for path in ("/metrics", "/openapi.json"):
        assert requests.get(server.url + path, timeout=60).status_code == 401
    for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic !"}, {"Authorization": TOKEN}):
        answer = requests.post(f"{server.url}/v1/verdicts", json={}, headers=given, timeout=60)
        assert answer.status_code == 401
        assert TOKEN not in answer.text
    assert requests.post(f"http://:wrong@{bare}/run_code", json=run, timeout=60).status_code == 401
    quoted = requests.utils.quote(TOKEN)
    assert requests.post(f"http://any:{quoted}@{bare}/run_code", json=run, timeout=60).status_code == 200


def test_metrics_and_openapi_tell_what_there_is(server: Server) -> None:
    """Counts grow by what was judged."""

    def count() -> float:
        lines = server.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("harness_programs_total"))

    before = count()
    server.verdicts(item(TESTS, HONEST, WRONG))

    assert count() == before + 2
    assert {"/v1/verdicts", "/run_code", "/health", "/ready", "/metrics"} <= set(
        server.get("/openapi.json").json()["paths"]
    )


def test_a_program_of_a_hundred_megabytes(small: Server) -> None:
    """413, and the server goes on."""
    answer = small.post("/v1/verdicts", {"items": [item(TESTS, "#" * 100_000_000)]})

    assert answer.status_code == 413
    assert "at most 1 MiB" in answer.json()["error"]

    def pieces() -> Iterator[bytes]:  # without a length in the header
        yield from [b" " * 100_000] * 20

    headers = {**small.headers, "Content-Type": "application/json"}
    answer = requests.post(f"{small.url}/v1/verdicts", data=pieces(), headers=headers, timeout=60)
    assert answer.status_code == 413
    assert small.statuses(item(TESTS, HONEST)) == ["passed"]


def test_too_many_programs_for_one_request(small: Server) -> None:
    """422: they could never come in one."""
    answer = small.post("/v1/verdicts", {"items": [item(TESTS, *[HONEST] * 41)]})

    assert answer.status_code == 422
    assert "items hold 41 programs; at most 40" in answer.json()["error"]


def test_a_full_queue_and_a_client_that_goes_away(small: Server) -> None:
    """429 with Retry-After while it is full, /run_code waits; what nobody waits for any more is dropped."""
    endless = {"items": [item(TESTS, *[SLEEPING] * 40)], "stream": True}
    leaving = small.post("/v1/verdicts", endless, stream=True)
    assert leaving.status_code == 200

    refused = small.post("/v1/verdicts", {"items": [item(TESTS, *[HONEST] * 30)]})
    late = small.post("/run_code", {"code": "", "language": "python", "compile_timeout": 0, "run_timeout": 0.1})
    leaving.close()
    rows = small.verdicts(item(TESTS, HONEST, HONEST))

    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert late.status_code == 200
    assert [row["status"] for row in rows] == ["passed", "passed"]
    assert 'harness_programs_waiting{environment="core"} 0.0' in small.get("/metrics").text


def children(pid: int) -> list[int]:
    """The processes that `pid` has started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text(encoding="utf-8").split()]


def test_lost_workers_cost_no_verdict(small: Server) -> None:
    """Every worker is killed in the middle of a request; each program is judged all the same."""
    programs = [f"{HONEST}# {number}\n" for number in range(40)]
    slow = {**TESTS, "tests": f"import time\ntime.sleep(0.05)\n{TESTS['tests']}"}
    answer = small.post("/v1/verdicts", {"items": [item(slow, *programs)], "stream": True}, stream=True)
    lines = answer.iter_lines()
    first = json.loads(next(lines))
    killed = children(small.process.pid)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    *rows, last = map(json.loads, lines)

    assert killed
    assert last == {"done": 40}
    assert {row["status"] for row in [first, *rows]} == {"passed"}


def test_run_code_gives_up_before_its_client_does(small: Server) -> None:
    """504, the one code that verl's client tries again after."""
    sleeping = SLEEPING.replace("sleep(1)", "sleep(9)")
    leaving = small.post("/v1/verdicts", {"items": [item(TESTS, *[sleeping] * 40)], "stream": True}, stream=True)

    late = small.post("/run_code", {"code": "", "language": "python", "compile_timeout": 0, "run_timeout": 0.1})
    leaving.close()

    assert late.status_code == 504
    assert "the queue is full" in late.json()["error"]


def test_what_was_taken_is_finished_before_the_server_ends() -> None:
    """SIGTERM in the middle of a stream: the rest comes, no new request is taken, and the exit code is 0."""
    with serving("--no-cache") as server:
        slow = {**TESTS, "tests": f"import time\ntime.sleep(0.2)\n{TESTS['tests']}"}
        answer = server.post("/v1/verdicts", {"items": [item(slow, *[HONEST] * 20)], "stream": True}, stream=True)
        lines = answer.iter_lines()
        next(lines)
        server.process.send_signal(signal.SIGTERM)
        *_, last = map(json.loads, lines)
        code, said = server.process.wait(timeout=60), server.process.stderr

        assert last == {"done": 20}
        assert code == 0
        assert said is not None
        assert "everything that was taken is answered" in said.read()
        with pytest.raises(requests.ConnectionError):
            server.get("/health")


def test_a_page_of_another_site_does_not_reach_a_server_without_a_token() -> None:
    """Its name may lead to this machine (DNS rebinding); only names of this machine are answered."""
    with serving(token=None) as server:
        port = server.url.rpartition(":")[2]
        codes = {
            name: requests.get(f"{server.url}/health", headers={"Host": name}, timeout=60).status_code
            for name in (
                f"127.0.0.1:{port}",
                "localhost",
                f"[::1]:{port}",
                "example.org",
                f"example.org:{port}",
                "[",
                "",
            )
        }

    assert codes == {
        **dict.fromkeys((f"127.0.0.1:{port}", "localhost", f"[::1]:{port}"), 200),
        **dict.fromkeys(("example.org", f"example.org:{port}", "[", ""), 421),
    }
