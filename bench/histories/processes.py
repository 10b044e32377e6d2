"""A scoring service and the loader of its seed as processes of their own."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

API_KEY = "a-key-for-the-benchmark"
STARTS_SECONDS = 120.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def service(environment: Mapping[str, str], log: Path) -> Iterator[int]:
    """`python -m app` with these settings; its port. Ended with SIGTERM."""
    port = free_port()
    told = {**environment, "PORT": str(port), "API_KEY": API_KEY}
    with (
        log.open("wb") as output,
        subprocess.Popen([sys.executable, "-m", "app"], env=whole(told), stdout=output, stderr=output) as process,
    ):
        try:
            _until(lambda: asked(port, "GET", "/readyz")[0] == 200, process)
            yield port
        finally:
            process.terminate()


def seeded(environment: Mapping[str, str]) -> str:
    """`python -m app.seeding` with these settings; what it said. Raises `RuntimeError` where it failed."""
    done = subprocess.run(
        [sys.executable, "-m", "app.seeding"], env=whole(environment), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout.strip()


def whole(settings: Mapping[str, str]) -> dict[str, str]:
    """An environment with these settings and what every process needs."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "PII_MASKING": "enforced", **settings}


def asked(port: int, method: str, path: str, body: bytes | None = None, kind: str = "json") -> tuple[int, bytes]:
    """One request to a service; status 0 where there is no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(method, path, body, {"X-API-Key": API_KEY, "Content-Type": f"application/{kind}"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def _until(holds: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + STARTS_SECONDS
    while not holds():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"{process.args!r} did not start")
        time.sleep(0.05)
