"""Join a Ray cluster within seconds, or start one of this process's own, or explain why not."""

from __future__ import annotations

import logging
import os
import re
import secrets
import socket
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from ..errors import ClusterUnavailable, UsageError, install_hint
from .causes import extract_error_line

AUTO = "auto"
OWN = "this machine"
"""The address of a cluster of one node, which is started for this process and ends with it."""
CLIENT = "ray://"
KNOCK_S = 5.0
CONNECT_S = 90.0
"""A busy head takes tens of seconds to start what a client talks to; Ray itself would try for minutes."""
TRIES = 3
"""Of 62 clients that joined an idle head of Ray 2.60, three were refused: the process that it starts for each client
did not come up (gRPC's fork handlers, https://github.com/grpc/grpc/issues/13873). The next try finds it."""
SETTINGS = {
    # Figures about the machine would be sent to Ray's makers by a cluster that is started without asking.
    "RAY_USAGE_STATS_ENABLED": "0",
    # Else a warning about a change to come, in every process.
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


class _NotServed(Exception):
    """The head answers, and could not start what this client talks to."""


def import_ray(flag: str = "--cluster") -> Any:
    """Import the module `ray`, which `flag` needs.

    Raises:
        UsageError: it is not installed.
    """
    for key, value in SETTINGS.items():
        os.environ.setdefault(key, value)
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise UsageError(f"{flag} needs Ray, which cannot be imported ({error}): {install_hint('cluster')}") from error
    return ray


def connect(address: str, *, tell: Callable[[str], None] | None = None) -> Any:
    """Connect to the cluster at `address` (auto, ray://HOST:PORT, HOST:PORT or `OWN`); return the module `ray`.

    `tell` is told of a try that failed and is made again, which takes a while.

    Raises:
        UsageError: Ray is not installed, or `address` has another form.
        ClusterUnavailable: no cluster answers there, or it is one of another version.
    """
    ray = import_ray("--replicas" if address == OWN else "--cluster")
    # What Ray has to say beyond its exceptions is for its own log files.
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    _silence(ray)
    if address == OWN:
        _start_own(ray)
        return ray
    resolved = _resolve_address(address)
    _check_port(address, resolved)
    for left in reversed(range(TRIES)):
        try:
            _run_within(CONNECT_S, lambda: _join(ray, resolved), resolved)
            break
        except _NotServed as error:
            failed = _make_join_error(resolved, str(error))
            if not left:
                raise failed from error
            if tell is not None:
                tell(f"{failed}; asking again (a head started with GRPC_ENABLE_FORK_SUPPORT=false does not do this)")
    return ray


def _start_own(ray: Any) -> None:
    """Start Ray for this process alone: its GPUs are those that this process sees, its CPUs those it may use."""
    # Without one, Ray writes a token into the user's home, and every cluster that is started later asks for it.
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    try:
        ray.init(
            address="local",
            num_cpus=len(os.sched_getaffinity(0)),
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.CRITICAL,
            configure_logging=False,
        )
    except (RuntimeError, ValueError, OSError) as error:
        raise ClusterUnavailable(f"Ray cannot be started on this machine: {_extract_first_line(error)}") from error


def is_client() -> bool:
    """Tell whether this process is connected by Ray's client, and so is no part of the cluster itself."""
    from ray.util import client

    connection: Any = client.ray
    return bool(connection.is_connected())


def _resolve_address(address: str) -> str:
    """Return the address that `address` stands for."""
    if address != AUTO:
        _split_address(address)
        return address
    # Not public, but the only way to learn where `auto` leads without waiting a minute for what is no longer there.
    from ray._private.services import canonicalize_bootstrap_address

    named = os.environ.get("RAY_ADDRESS", AUTO)
    try:
        resolved = named if named.startswith(CLIENT) else canonicalize_bootstrap_address(named)
    except ValueError as error:
        raise UsageError(f'RAY_ADDRESS is "{named}": {error}') from error
    if resolved is None:
        raise ClusterUnavailable(
            "no Ray cluster is known on this machine. Start one (`ray start --head`), or name it: "
            "--cluster ray://HOST:10001"
        )
    return str(resolved)


def _split_address(address: str) -> tuple[str, int]:
    try:
        parts = urlsplit(address if address.startswith(CLIENT) else f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port:
        raise UsageError(f'cluster address "{address}" must be auto, ray://HOST:PORT or HOST:PORT')
    return host, port


def _check_port(asked: str, address: str) -> None:
    host, port = _split_address(address)
    try:
        socket.create_connection((host, port), timeout=KNOCK_S).close()
    except OSError as error:
        where = address if asked == address else f"{address} (which {asked} leads to)"
        raise ClusterUnavailable(
            f"no Ray cluster answers at {where}: {error.strerror or error}. Start it (`ray start --head`), or name "
            "another"
        ) from error


def _join(ray: Any, address: str) -> None:
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL, configure_logging=False)
    except ConnectionAbortedError as error:
        raise _NotServed(extract_error_line(error)) from error
    except RuntimeError as error:
        raise _explain_error(error, address) from error
    except (ConnectionError, TimeoutError, ValueError) as error:
        raise _make_join_error(address, _extract_first_line(error)) from error


def _silence(ray: Any) -> None:
    """Keep what nodes report of themselves off our standard output: Ray has no public way to (2.60)."""
    ray._private.worker._worker_logs_enabled = False


def _explain_error(error: RuntimeError, address: str) -> ClusterUnavailable:
    versions = re.findall(r"(Ray|Python): (\S+)", str(error))
    if len(versions) == 4:
        there, here = (
            ", ".join(f"{name} {version}" for name, version in side) for side in (versions[:2], versions[2:])
        )
        return ClusterUnavailable(
            f"the cluster at {address} runs {there}, and here is {here}: all nodes need the same of both"
        )
    return _make_join_error(address, _extract_first_line(error))


def _make_join_error(address: str, why: str) -> ClusterUnavailable:
    return ClusterUnavailable(f"the cluster at {address} cannot be joined: {why}")


def _run_within(seconds: float, action: Callable[[], None], address: str) -> None:
    """Run `action` in a thread, which is left behind if it takes longer than `seconds`."""
    failures: list[BaseException] = []

    def run_action() -> None:
        try:
            action()
        except BaseException as error:  # noqa: BLE001 - raised again where the caller waits
            failures.append(error)

    thread = threading.Thread(target=run_action, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise ClusterUnavailable(f"what listens at {address} did not answer as a Ray cluster within {seconds:.0f} s")
    if failures:
        raise failures[0]


def _extract_first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
