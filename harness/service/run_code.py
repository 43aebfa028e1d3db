"""SandboxFusion's `POST /run_code`: programs are run, and nothing is judged.

Source: github.com/bytedance/SandboxFusion (Apache-2.0), the published form of request and response; verl's client
(github.com/volcengine/verl) retries on 504 alone, and sends a token only as the password of its URL. Python alone is
run, without files and arguments. What a program prints is its own word: a trainer that compares it can be cheated by
whatever a program prints, and `POST /v1/verdicts` cannot.
"""

from __future__ import annotations

import asyncio
import time
from typing import Annotated, Any, Literal

from annotated_types import Gt
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import JSONResponse

from ..errors import HarnessError
from ..sandboxes.judges.own import build_execution
from ..types import Judge, Outcome, Printed, Program, Status
from .dispatcher import QueueFull
from .jobs import Job, attend
from .judging import JudgeService
from .metrics import Metrics

PATIENCE_S = 8.0
"""Beyond the program's own time until 504; verl's client waits 10."""
POLL_S = 0.25
ENVIRONMENT = "core"
UNLIMITED_MB = -1


class RunCodeRequest(BaseModel):
    """Program to run; unknown keys are left aside, as SandboxFusion does."""

    code: str
    language: str
    stdin: str | None = None
    compile_timeout: float = 10
    """Seconds; nothing is compiled."""
    run_timeout: Annotated[float, Gt(0)] = 10
    """Seconds of CPU time; wall time may be four times as long."""
    memory_limit_MB: int = UNLIMITED_MB  # noqa: N815 - SandboxFusion's name
    """Megabytes (2**20 bytes). -1: 1024."""
    files: dict[str, str | None] = {}
    fetch_files: list[str] = []
    args: list[str] = []


class RunResult(BaseModel):
    """How a process ended."""

    status: Literal["Finished", "Error", "TimeLimitExceeded"]
    execution_time: float | None = None
    return_code: int | None = None
    stdout: str | None = None
    stderr: str | None = None


class RunCodeResponse(BaseModel):
    """Answer with HTTP 200, whatever the program did."""

    status: Literal["Success", "Failed", "SandboxError"]
    message: str = ""
    compile_result: RunResult | None = None
    run_result: RunResult | None = None
    executor_pod_name: str | None = None
    files: dict[str, str] = {}


def add_run_code(app: FastAPI, service: JudgeService, metrics: Metrics) -> None:
    """Add the route to an application."""

    async def run(work: tuple[Program, Judge], deadline: float) -> Outcome | None:
        """Return the outcome, or None if there is no room or no result until `deadline` (time.monotonic)."""
        while True:
            try:
                job = Job(service.find_dispatcher(ENVIRONMENT), [work], metrics.count_outcome)
                break
            except QueueFull:
                if time.monotonic() > deadline:
                    return None
                await asyncio.sleep(POLL_S)
        try:
            (outcome,) = await asyncio.wait_for(job.collect(), max(0.0, deadline - time.monotonic()))
        except TimeoutError:
            return None
        return outcome

    @app.post("/run_code", response_model=RunCodeResponse, responses={504: {"description": "The queue is full."}})
    async def run_code(body: RunCodeRequest, request: Request) -> Any:
        """Run a Python program, in SandboxFusion's form. Nothing is judged: what it prints is its own word."""
        if refused := _refuse(body):
            return RunCodeResponse(status="SandboxError", message=refused)
        deadline = time.monotonic() + body.compile_timeout + body.run_timeout + PATIENCE_S
        memory_mb = 1024 if body.memory_limit_MB == UNLIMITED_MB else body.memory_limit_MB
        try:
            limits = service.make_limits(body.run_timeout, memory_mb << 20)
            program = Program(source=body.code, environment=ENVIRONMENT, limits=limits)
            outcome = await attend(request, run((program, build_execution(body.stdin or "")), deadline))
        except HarnessError as error:
            return RunCodeResponse(status="SandboxError", message=str(error))
        if outcome is None:
            return JSONResponse({"error": "the queue is full; try again"}, 504)
        return _build_response(outcome)


def _refuse(body: RunCodeRequest) -> str:
    """Return why a request cannot be served; "" if it can."""
    if body.language != "python":
        return f'language is "{body.language}"; only python is run here'
    given = [name for name in ("files", "fetch_files", "args") if getattr(body, name)]
    if given:
        return f"{given[0]} is not supported here; leave it empty"
    if body.memory_limit_MB != UNLIMITED_MB and body.memory_limit_MB < 16:
        return f"memory_limit_MB is {body.memory_limit_MB}; it must be 16 or more, or -1"
    return ""


def _build_response(outcome: Outcome) -> RunCodeResponse:
    if outcome.status is Status.INFRASTRUCTURE:
        return RunCodeResponse(status="SandboxError", message=f"the sandbox failed: {outcome.detail}")
    assert isinstance(outcome, Printed)
    if outcome.status is Status.TIMEOUT:
        result = RunResult(status="TimeLimitExceeded", execution_time=outcome.wall_time_s)
        return RunCodeResponse(status="Failed", run_result=result)
    passed = outcome.status is Status.PASSED
    result = RunResult(
        status="Finished",
        execution_time=outcome.wall_time_s,
        return_code=outcome.return_code if passed else outcome.return_code or 1,
        stdout=outcome.stdout,
        stderr=outcome.stderr or outcome.detail,
    )
    return RunCodeResponse(status="Success" if passed else "Failed", run_result=result)
