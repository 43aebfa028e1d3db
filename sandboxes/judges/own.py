"""Judges of a caller's own tests, as data that came from elsewhere: nothing here is a benchmark's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ...types import Asserts, Calls, Case, Execution, Judge, Part, Stdio


def build_tests(*, tests: str, exposes: Sequence[str], preamble: str = "", reference: str = "") -> Judge:
    """Return a judge that runs `tests`, which call the candidate's functions named in `exposes`."""
    return Asserts(tests=f"\n{tests}\n", exposes=tuple(exposes), preamble=preamble, reference=reference)


def build_calls(*, entry_point: str, inputs: Sequence[Sequence[Any]], reference: str, atol: float = 0.0) -> Judge:
    """Return a judge that compares what `entry_point` returns for each list of arguments with the reference's."""
    named = hashlib.sha256(json.dumps([entry_point, inputs, reference, atol], sort_keys=True).encode()).hexdigest()
    part = Part(name="own", inputs=inputs)
    return Calls(key=f"own:{named}", entry_point=entry_point, reference=reference, parts=(part,), atol=atol)


def build_cases(
    *, cases: Sequence[Mapping[str, str]], checker: str, tolerance: float, checker_program: str = ""
) -> Judge:
    """Return a judge of what a script prints for each case: {"input": ..., "output": ...}."""
    return Stdio(
        cases=tuple(Case(given=case["input"], expected=case["output"]) for case in cases),
        checker=checker,
        tolerance=tolerance,
        checker_program=checker_program,
    )


def build_execution(given: str) -> Judge:
    """Return what runs a script on `given` and decides nothing; the outcome is a `harness.types.Printed`."""
    return Execution(given=given)
