"""Ports of 127.0.0.1: free or taken, and by whom."""

import errno
import secrets
import socket
import urllib.request
from pathlib import Path

from infra.local.errors import LocalCloudError
from infra.local.sockets import holder, lines

_LOWEST = 20_000
"""Below are the ports that people choose."""
_ANY_PORT = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""The first and the last port that the kernel gives to whoever asks for any."""


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on. The kernel gives it to nobody else until it is opened, as it would
    one of those that it chooses itself.
    """
    told = lines(_ANY_PORT)[0].split()
    first = int(told[0]) if told else 0
    chosen = [_LOWEST + secrets.randbelow(first - _LOWEST) for _ in range(20)] if first > _LOWEST else []
    for port in (*chosen, 0):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise LocalCloudError("No port of 127.0.0.1 is free: too many connections are open on this machine.")


def straight() -> urllib.request.OpenerDirector:
    """What opens addresses of this machine: it asks no proxy of the environment's, since none knows these ports."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def require_free(port: int) -> None:
    """Raise LocalCloudError that names the port, who has it and what to do."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as problem:
            if problem.errno == errno.EACCES:
                raise LocalCloudError(
                    f"Port {port} may not be opened by this user: choose one from 1024, as in: make up PORT=9000"
                ) from None
            raise LocalCloudError(
                f"Port {port} is taken{holder(port)}. End that, or choose another port: make up"
                f" PORT={port + 1000 if port < 64000 else 9000}"
            ) from None
