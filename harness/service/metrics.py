"""Prometheus metrics of a service, in a registry of its own."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ..types import Outcome
from .admission import App, Message, Receive, Scope, Send
from .judging import JudgeService

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

PATHS = ("/v1/verdicts", "/run_code", "/health", "/ready", "/metrics")


class Metrics:
    """Counts what a service does."""

    def __init__(self, service: JudgeService) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "harness_requests",
            "Requests answered; 499: the client went away.",
            ["path", "code"],
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "harness_request_seconds",
            "Seconds until an answer was complete.",
            ["path"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.programs = Counter(
            "harness_programs", "Programs run or found in the cache.", ["status"], registry=self.registry
        )
        self.cpu_seconds = Counter("harness_program_cpu_seconds", "CPU seconds of programs.", registry=self.registry)
        waiting = Gauge("harness_programs_waiting", "Programs in the queue.", ["environment"], registry=self.registry)
        inside = Gauge("harness_programs_inside", "Programs being judged.", ["environment"], registry=self.registry)
        for name, dispatcher in service.dispatchers.items():
            waiting.labels(name).set_function(lambda one=dispatcher: one.waiting)  # type: ignore[misc]
            inside.labels(name).set_function(lambda one=dispatcher: one.inside)  # type: ignore[misc]

    def count_outcome(self, outcome: Outcome) -> None:
        """Count a program's outcome."""
        self.programs.labels(outcome.status.value).inc()
        self.cpu_seconds.inc(outcome.cpu_time_s)

    def format(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self.registry)


class CountRequests:
    """ASGI middleware that counts answers by path and code."""

    def __init__(self, app: App, *, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Implement ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, code = time.monotonic(), 500

        async def send_counted(message: Message) -> None:
            nonlocal code
            code = message.get("status", code)
            await send(message)

        path = scope["path"] if scope["path"] in PATHS else "other"
        try:
            await self._app(scope, receive, send_counted)
        finally:
            self._metrics.requests.labels(path, str(code)).inc()
            self._metrics.request_seconds.labels(path).observe(time.monotonic() - begun)
