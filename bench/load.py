"""Servers for a benchmark, each on one core, and `wrk` on another one, which sends them orders."""

import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = int(os.environ.get("BENCH_SECONDS", "5"))
CONNECTIONS = 16
SERVER_CORE, CLIENT_CORE = "0", "1"
START_SECONDS = 120.0
API_KEY = "a-key-for-the-benchmark"
TICKS = os.sysconf("SC_CLK_TCK")

SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-API-Key"] = "%(key)s"
local bodies, i = {}, %(first)d
for line in io.lines("%(bodies)s") do bodies[#bodies + 1] = line end
request = function() i = i %% #bodies + 1; return wrk.format(nil, "%(path)s", nil, bodies[i]) end
done = function(summary, latency)
  io.write(string.format("RESULT %%d %%d %%d %%d %%d\\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), summary.errors.status + summary.errors.connect + summary.errors.read +
    summary.errors.timeout))
end
"""


@dataclass
class Contender:
    """A server: how it is started, where it takes a body, and what was measured."""

    name: str
    command: list[str]
    environment: Mapping[str, str]
    path: str
    bodies: Path
    port: int
    streams: bool = False
    start_seconds: float = 0.0
    memory_mb: float = 0.0
    per_second: list[float] = field(default_factory=list)
    processor_us: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    errors: int = 0
    sent: int = 0

    def results(self) -> dict[str, float]:
        """The median of the rounds."""
        return {
            "requests_per_second": round(statistics.median(self.per_second)),
            "processor_us_per_request": round(statistics.median(self.processor_us), 1),
            "p50_ms": round(statistics.median(self.p50_ms), 2),
            "p99_ms": round(statistics.median(self.p99_ms), 2),
            "start_seconds": round(self.start_seconds, 2),
            "memory_mb": round(self.memory_mb, 1),
            "errors": self.errors,
        }


@contextmanager
def started(contender: Contender, cores: str = SERVER_CORE) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server on its cores and wait for its first good answer."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    began = time.monotonic()
    process = subprocess.Popen(
        ["taskset", "-c", cores, *contender.command],
        env={**kept, **contender.environment},
        cwd=contender.environment.get("PEER_FOLDER"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        body = contender.bodies.read_bytes().split(b"\n")[0]
        while not answers(contender, body):
            if process.poll() is not None or time.monotonic() - began > START_SECONDS:
                sys.exit(f"{contender.name} did not start: {' '.join(contender.command)}")
            time.sleep(0.01)
        contender.start_seconds = time.monotonic() - began
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


def answers(contender: Contender, body: bytes) -> bool:
    """Whether the server answers a request as it should."""
    headers = {"Content-Type": "application/json", "X-API-Key": API_KEY}
    request = urllib.request.Request(f"http://127.0.0.1:{contender.port}{contender.path}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # nosec B310  # a URL of this machine
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in family(int(child)))]


def memory_mb(pid: int) -> float:
    """The resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def processor_seconds(pid: int) -> float:
    """The processor time of a process and its descendants."""
    fields = (Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in family(pid))
    return sum(int(values[11]) + int(values[12]) for values in fields) / TICKS


def load(contender: Contender, process: subprocess.Popen[bytes], folder: Path) -> None:
    """One round of requests."""
    script = folder / "script.lua"
    # Each round goes on where the one before ended: an order that comes twice is less work.
    told = {"key": API_KEY, "bodies": contender.bodies, "path": contender.path, "first": contender.sent}
    script.write_text(SCRIPT % told)
    url = f"http://127.0.0.1:{contender.port}"
    wrk = ["taskset", "-c", CLIENT_CORE, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}", "-s", str(script), url]
    before = processor_seconds(process.pid)
    shown = subprocess.run(wrk, capture_output=True, text=True, check=True).stdout
    used = processor_seconds(process.pid) - before
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", shown)
    if not found or int(found[1]) == 0:
        sys.exit(f"{contender.name} answered nothing:\n{shown}")
    requests, micros, p50, p99, errors = map(int, found.groups())
    contender.sent += requests
    contender.per_second.append(requests / micros * 1e6)
    contender.processor_us.append(used / requests * 1e6)
    contender.p50_ms.append(p50 / 1_000)
    contender.p99_ms.append(p99 / 1_000)
    contender.errors += errors
    contender.memory_mb = max(contender.memory_mb, sum(memory_mb(each) for each in family(process.pid)))


def stream_rate(contender: Contender, orders: Path) -> float:
    """Orders a second through /v1/score/stream. Answers are counted by their line ends, and not read: a client that
    takes lines apart in Python would be the slower one.
    """
    body = orders.read_bytes()
    sent = body.count(b"\n")
    head = (
        "POST /v1/score/stream HTTP/1.1",
        f"Host: 127.0.0.1:{contender.port}",
        "Content-Type: application/x-ndjson",
        f"X-API-Key: {API_KEY}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    with socket.create_connection(("127.0.0.1", contender.port), 120) as connection, ThreadPoolExecutor(1) as sending:
        began = time.perf_counter()
        # The service answers while it reads: a client that reads only once it has sent would stop the stream.
        sending.submit(connection.sendall, "\r\n".join([*head, "", ""]).encode() + body)
        rows = 0
        while data := connection.recv(1_048_576):
            # lines of HTTP's own, of the head and around chunks, end in both
            rows += data.count(b"\n") - data.count(b"\r")
        seconds = time.perf_counter() - began
    if rows != sent:
        sys.exit(f"{contender.name} answered {rows} of {sent} orders of a stream")
    return rows / seconds
