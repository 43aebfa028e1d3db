"""Find what is behind an error that comes from a node."""

from __future__ import annotations

from typing import Any

from ..errors import INFRASTRUCTURE, ClusterUnavailable, HarnessError


def cause_of(ray: Any, error: BaseException) -> HarnessError | None:
    """Return what is behind an error of a call: our own, or Ray's in our words; None where it is a defect of ours."""
    if isinstance(error, ray.exceptions.RayTaskError):
        # Ray makes it an error of our class as well, but with a traceback for a message.
        return error.cause if isinstance(error.cause, HarnessError) else None
    if isinstance(error, HarnessError):
        return error
    told = {
        "ActorDiedError": "its process ended",
        "ActorUnavailableError": "it does not answer",
        "ActorUnschedulableError": "its node is gone",
        "OutOfMemoryError": "its process was ended by Ray for the memory it used",
    }
    if isinstance(error, ray.exceptions.RayError):
        return ClusterUnavailable(told.get(type(error).__name__, f"Ray gave it up ({type(error).__name__})"))
    return None


def forgiven(error: HarnessError) -> bool:
    """Whether another actor may do better: it is the machine's fault, not what was asked for."""
    return error.exit_code == INFRASTRUCTURE


def located(error: HarnessError, where: str) -> HarnessError:
    """The same error with the node it happened on."""
    return type(error)(f"node {where}: {error}", exit_code=error.exit_code)


def error_line(error: BaseException) -> str:
    """The line of Ray's message that says most: the last one, for a remote traceback ends with the error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
