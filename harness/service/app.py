"""The service's routes; OpenAPI at /docs and /openapi.json.

Every refusal is one line of JSON, {"error": ...}: 401 token, 404 path, 413 size, 421 a foreign Host header, 422 a
request that does not fit, 429 a full queue (with Retry-After), 503 a sandbox or a data file that is missing; 504 of
/run_code alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from .. import __version__
from ..errors import DataError, HarnessError, SandboxUnavailable
from ..types import Outcome
from .admission import Admission
from .dispatcher import QueueFull
from .jobs import ClientGone, Job, attend
from .judging import JudgeService, PlannedProgram, check_references
from .metrics import CountRequests, Metrics
from .requests import Refusal, VerdictRow, VerdictsAnswer, VerdictsRequest
from .run_code import add_run_code

GONE = 499
"""Code that is counted for a client that went away; nobody is told."""
RETRY_S = 5
REFUSALS: dict[int | str, dict[str, Any]] = {code: {"model": Refusal} for code in (401, 413, 422, 429, 503)}


def build_app(service: JudgeService, *, token: str | None = None) -> FastAPI:
    """Return the application for a service that was entered; with a token, only who has it is answered."""
    app = FastAPI(
        title="evol-harness",
        version=__version__,
        description="Verdicts on programs: unforgeable by the programs, equal to those of `harness score`.",
    )
    metrics = Metrics(service)
    _add_refusals(app)
    _add_state(app, service, metrics)
    _add_verdicts(app, service, metrics)
    add_run_code(app, service, metrics)
    app.add_middleware(Admission, token=token, body_bytes=service.limits.body_bytes)
    app.add_middleware(CountRequests, metrics=metrics)
    return app


def _add_refusals(app: FastAPI) -> None:
    """Answer every error in one line that quotes nothing of the request's programs."""

    @app.exception_handler(RequestValidationError)
    def refuse_shape(_: Request, error: Any) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "body")
        return refuse(422, f"{place}: {first['msg']}" if place else first["msg"])

    @app.exception_handler(HTTPException)
    def refuse_path(_: Request, error: Any) -> Response:
        return refuse(error.status_code, str(error.detail))

    @app.exception_handler(HarnessError)
    def refuse_content(_: Request, error: Any) -> Response:
        if isinstance(error, SandboxUnavailable | DataError):
            return refuse(503, str(error), retry_after_s=RETRY_S)
        return refuse(422, str(error))

    @app.exception_handler(QueueFull)
    def refuse_now(_: Request, error: Any) -> Response:
        return refuse(429, str(error), retry_after_s=error.retry_after_s)

    @app.exception_handler(ClientGone)
    def record_leave(_: Request, error: Any) -> Response:  # noqa: ARG001
        return Response(status_code=GONE)


def refuse(code: int, error: str, *, retry_after_s: int | None = None) -> Response:
    """Return a refusal."""
    headers = {} if retry_after_s is None else {"retry-after": str(retry_after_s)}
    return JSONResponse({"error": error}, code, headers)


def _add_state(app: FastAPI, service: JudgeService, metrics: Metrics) -> None:
    @app.get("/health")
    def tell_health() -> dict[str, str]:
        """Tell that the process answers."""
        return {"status": "ok"}

    @app.get("/ready", responses={503: {"model": Refusal}})
    def tell_readiness() -> Any:
        """Tell whether programs are taken."""
        if not service.is_ready:
            return refuse(503, "the sandbox is broken or closing; it is opened again", retry_after_s=RETRY_S)
        return {"status": "ready", "environments": list(service.dispatchers), "workers": service.workers}

    @app.get("/metrics", response_class=Response)
    def tell_metrics() -> Response:
        """Return metrics in Prometheus's text format."""
        return Response(metrics.format(), media_type="text/plain; version=0.0.4")


def _add_verdicts(app: FastAPI, service: JudgeService, metrics: Metrics) -> None:
    async def answer(request: VerdictsRequest) -> list[VerdictRow]:
        job, planned = await submit(request)
        outcomes = iter(await job.collect())
        return [service.build_row(plan, [next(outcomes) for _ in plan.work]) for plan in planned]

    async def submit(request: VerdictsRequest) -> tuple[Job, list[PlannedProgram]]:
        dispatcher, planned = await run_in_threadpool(service.plan, request)
        references = service.list_references(request)
        outcomes = await Job(dispatcher, [work for _, work in references], metrics.count_outcome).collect()
        check_references(zip((number for number, _ in references), outcomes, strict=True))
        return Job(dispatcher, [work for plan in planned for work in plan.work], metrics.count_outcome), planned

    async def stream(job: Job, planned: list[PlannedProgram]) -> AsyncIterator[str]:
        owners = [plan for plan in planned for _ in plan.work]
        settled: dict[int, dict[int, Outcome]] = {}
        async for index, outcome in job.outcomes():
            plan = owners[index]
            own = settled.setdefault(id(plan), {})
            own[index] = outcome
            if len(own) == len(plan.work):
                row = service.build_row(plan, [own[at] for at in sorted(own)])
                yield row.model_dump_json() + "\n"
        yield f'{{"done": {len(planned)}}}\n'

    @app.post(
        "/v1/verdicts",
        response_model=VerdictsAnswer,
        responses={**REFUSALS, 200: {"content": {"application/x-ndjson": {}}}},
    )
    async def judge_programs(body: VerdictsRequest, request: Request) -> Any:
        """Judge programs for benchmarks' problems or problems of one's own."""
        if body.stream:
            job, planned = await attend(request, submit(body))
            return StreamingResponse(stream(job, planned), media_type="application/x-ndjson")
        return VerdictsAnswer(verdicts=await attend(request, answer(body)))
