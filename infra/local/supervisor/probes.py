"""Startup and liveness probes, as Cloud Run's containers have them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

_POLL_SECONDS = 0.05
"""A revision starts as soon as it can: the period bounds how long starting may take, not how often it is looked at."""


@dataclass(frozen=True)
class Probe:
    """What is asked and where (None: the container's port), how often (s), how long one answer may take (s) and how
    many failures in a row count.
    """

    path: str | None
    port: int | None
    headers: tuple[tuple[str, str], ...]
    delay: float
    period: float
    timeout: float
    failures: int


def probe(spec: Mapping[str, Any] | None) -> Probe | None:
    """The probe of a container's specification; None where there is none."""
    if not spec:
        return None
    http = spec.get("httpGet")
    asked = http or spec.get("tcpSocket") or spec.get("grpc") or {}
    return Probe(
        path=(http.get("path") or "/") if http is not None else None,
        port=int(asked["port"]) if asked.get("port") else None,
        headers=tuple((one["name"], one.get("value", "")) for one in (http or {}).get("httpHeaders") or ()),
        delay=float(spec.get("initialDelaySeconds") or 0),
        period=float(spec.get("periodSeconds") or 10),
        timeout=float(spec.get("timeoutSeconds") or 1),
        failures=int(spec.get("failureThreshold") or 3),
    )


DEFAULT_STARTUP = Probe(path=None, port=None, headers=(), delay=0, period=240, timeout=240, failures=1)
"""Cloud Run's own, where none is given: the port must be open within 240 s."""


async def answers(probe: Probe, port: int) -> bool:
    """Whether one look succeeds: a connection, or an HTTP status from 200 to 399."""
    try:
        async with asyncio.timeout(probe.timeout):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                if probe.path is None:
                    return True
                lines = [
                    f"GET {probe.path} HTTP/1.1",
                    f"Host: 127.0.0.1:{port}",
                    "User-Agent: probe",
                    "Connection: close",
                ]
                lines += [f"{name}: {value}" for name, value in probe.headers]
                writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
                status = (await reader.readline()).split()
                return len(status) > 1 and status[1].isdigit() and 200 <= int(status[1]) < 400
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


async def started(probe: Probe, port: int, alive: Callable[[], bool]) -> bool:
    """Looks until the probe succeeds; False once the process is gone or its time (period × failures) is up."""
    clock = asyncio.get_running_loop()
    deadline = clock.time() + probe.delay + probe.period * probe.failures
    while alive() and clock.time() < deadline:
        if await answers(probe, port):
            return True
        await asyncio.sleep(_POLL_SECONDS)
    return False


async def watch(probe: Probe, port: int, unhealthy: Callable[[], Awaitable[None]]) -> None:
    """Looks once a period, and calls `unhealthy` once the probe has failed so often in a row as it may."""
    failed = 0
    await asyncio.sleep(probe.delay)
    while True:
        await asyncio.sleep(probe.period)
        failed = 0 if await answers(probe, port) else failed + 1
        if failed >= probe.failures:
            await unhealthy()
            return
