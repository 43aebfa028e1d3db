"""Listen at an address, and tell whether a request means this machine: for the judge's service and the viewer."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

from ..errors import UsageError, reason

MOST_PORT = 65535


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at `host` and `port` (0: any that is free).

    Raises:
        UsageError: the port is none, or it cannot be listened at.
    """
    if not 0 <= port <= MOST_PORT:
        raise UsageError(f"port {port} is none; it must be from 0 to {MOST_PORT}")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise UsageError(
            f"port {port} of {host} cannot be listened at: {reason(error)}; choose another --port, or --port 0 for any "
            "that is free"
        ) from error


def is_loopback(host: str) -> bool:
    """Tell whether `host` names this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def read_host(header: str) -> str:
    """Return the host that a Host header names, without the port; "" if it names none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:  # such as an address in brackets that is none
        return ""
