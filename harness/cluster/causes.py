"""Find what is behind an error that comes from a node."""

from __future__ import annotations

from typing import Any

from ..errors import INFRASTRUCTURE, ClusterUnavailable, HarnessError


def find_cause(ray: Any, error: BaseException) -> HarnessError | None:
    """Return the cause of a failed call: our own error, or Ray's in our words; None if it is a defect of ours."""
    if isinstance(error, ray.exceptions.RayTaskError):
        # Ray makes it an error of our class as well, but with a traceback for a message.
        return error.cause if isinstance(error.cause, HarnessError) else None
    if isinstance(error, HarnessError):
        return error
    reasons = {
        "ActorDiedError": "its process ended",
        "ActorUnavailableError": "it does not answer",
        "ActorUnschedulableError": "its node is gone",
        "OutOfMemoryError": "its process was ended by Ray for the memory it used",
    }
    if isinstance(error, ray.exceptions.RayError):
        return ClusterUnavailable(reasons.get(type(error).__name__, f"Ray gave it up ({type(error).__name__})"))
    return None


def is_retryable(error: HarnessError) -> bool:
    """Tell whether another actor may do better: the machine is at fault, not the request."""
    return error.exit_code == INFRASTRUCTURE


def locate_error(error: HarnessError, where: str) -> HarnessError:
    """Return the error with the node where it happened."""
    return type(error)(f"node {where}: {error}", exit_code=error.exit_code)


def extract_error_line(error: BaseException) -> str:
    """Return the last line of Ray's message: a remote traceback ends with the error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
