"""The scoring service on one core, side by side with FastAPI's usual style and with model servers.

`wrk` (Debian package) sends the same orders to each server in turn, several rounds of a few seconds; the server is
pinned to
one core and wrk to another. Besides requests a second, the processor time a request takes is read from /proc: it
tells servers apart on a machine that has other things to do as well. `BENCH_PEERS=1` adds BentoML, MLServer, LitServe
and Ray Serve in environments of their own; they get ready feature vectors and only have to call the model.
"""

import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from bench.environments import python_with
from data.generator.sample import lines, make_world
from orderguard.features import FEATURE_NAMES
from orderguard.masking import new_key_text
from orderguard.model_version import champion
from orderguard.schema import OrderError, decode_order

REPORT = Path("reports/bench/serving.json")
PEERS = Path(__file__).with_name("serving_peers")
SECONDS = int(os.environ.get("BENCH_SECONDS", "5"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
CONNECTIONS = 16
SERVER_CORE, CLIENT_CORE = "0", "1"
START_SECONDS = 120.0
PORT = 9_780
API_KEY = "a-key-for-the-benchmark"
TICKS = os.sysconf("SC_CLK_TCK")

SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-API-Key"] = "%(key)s"
local bodies, i = {}, 0
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
    start_seconds: float = 0.0
    memory_mb: float = 0.0
    per_second: list[float] = field(default_factory=list)
    processor_us: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    errors: int = 0

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


def main() -> None:
    """Measure, print a table, write reports/bench/serving.json."""
    models = Path(os.environ.get("MODELS_DIR", "models"))
    version = champion(models)
    if version is None:
        sys.exit(f"{models} holds no champion: `make train` makes one")
    if shutil.which("wrk") is None or shutil.which("taskset") is None:
        sys.exit("wrk and taskset are needed: apt-get install wrk util-linux")
    compared: list[Contender] = []
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        contenders = ours(models, version, folder)
        for peer in peers(models / version, folder) if os.environ.get("BENCH_PEERS") else []:
            # Alone: some of them are busy even when nobody asks.
            with started(peer) as process:
                for _ in range(ROUNDS):
                    load(peer, process, folder)
            compared.append(peer)
        processes = [running.enter_context(started(contender)) for contender in contenders]
        for _ in range(ROUNDS):
            for contender, process in zip(contenders, processes, strict=True):
                load(contender, process, folder)
        stream = stream_rate(contenders[0], folder / "orders.ndjson")
    raw = raw_session_rate(models / version)
    report = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "servers": {contender.name: contender.results() for contender in [*contenders, *compared]},
        "stream_rows_per_second": round(stream),
        "raw_session_rows_per_second": round(raw),
        "load_average": os.getloadavg()[0],
    }
    show(report)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written: {REPORT}")


def ours(models: Path, version: str, folder: Path) -> list[Contender]:
    """The service with everything on, and the yardsticks in FastAPI's usual style."""
    bodies = folder / "orders.ndjson"
    bodies.write_bytes(b"\n".join(usable_orders(2_000)) + b"\n")
    settings = {
        "PORT": str(PORT),
        "MODEL_DIR": str(models.resolve()),
        "MODEL_VERSION": version,
        "PII_MASKING": "enforced",
        "MASKING_KEY": new_key_text(),
        "API_KEY": API_KEY,
    }
    hello = [sys.executable, "-m", "uvicorn", "bench.hello_fastapi:app", "--no-access-log", "--log-level", "warning"]
    model_file = {"MODEL_FILE": str((models / version / "model.onnx").resolve())}
    return [
        Contender("orderguard", [sys.executable, "-m", "app"], settings, "/v1/score", bodies, PORT),
        Contender("fastapi hello", [*hello, "--port", str(PORT + 1)], {}, "/v1/score", bodies, PORT + 1),
        Contender(
            "fastapi hello + model", [*hello, "--port", str(PORT + 2)], model_file, "/v1/score", bodies, PORT + 2
        ),
    ]


def usable_orders(count: int) -> list[bytes]:
    """Generated orders that the service accepts."""
    start, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
    usable = []
    for line in lines(make_world(7, count, start, end), count, start, end):
        try:
            decode_order(line.data)
        except OrderError:
            continue
        usable.append(line.data)
    return usable


def peers(version_dir: Path, folder: Path) -> list[Contender]:
    """Model servers on the same ONNX file, given feature vectors. `serving_peers/NAME/` has each one's few lines."""
    vector = [1.0] * len(FEATURE_NAMES)
    tensor = {"name": "features", "shape": [1, len(vector)], "datatype": "FP32", "data": vector}
    asked: dict[str, tuple[str, Any, list[str]]] = {
        "bentoml": ("/score", {"features": [vector]}, ["-m", "bentoml", "serve", "service:Scorer", "--port"]),
        "litserve": ("/predict", {"features": [vector]}, ["service.py"]),
        "mlserver": ("/v2/models/orders/infer", {"inputs": [tensor]}, ["service.py"]),
        "ray-serve": ("/", {"features": [vector]}, ["service.py"]),
    }
    contenders = []
    for place, (name, (path, body, command)) in enumerate(asked.items()):
        port = PORT + 3 + place
        bodies = folder / f"{name}.ndjson"
        bodies.write_text(json.dumps(body) + "\n")
        python = python_with(PEERS / name / "requirements.txt")
        told = {"MODEL_FILE": str((version_dir / "model.onnx").resolve()), "PEER_FOLDER": str(PEERS / name)}
        contenders.append(Contender(name, [str(python), *command, str(port)], told, path, bodies, port))
    return contenders


@contextmanager
def started(contender: Contender) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server on its core and wait for its first good answer."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    began = time.monotonic()
    process = subprocess.Popen(
        ["taskset", "-c", SERVER_CORE, *contender.command],
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
    script.write_text(SCRIPT % {"key": API_KEY, "bodies": contender.bodies, "path": contender.path})
    url = f"http://127.0.0.1:{contender.port}"
    wrk = ["taskset", "-c", CLIENT_CORE, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}", "-s", str(script), url]
    before = processor_seconds(process.pid)
    shown = subprocess.run(wrk, capture_output=True, text=True, check=True).stdout
    used = processor_seconds(process.pid) - before
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", shown)
    if not found or int(found[1]) == 0:
        sys.exit(f"{contender.name} answered nothing:\n{shown}")
    requests, micros, p50, p99, errors = map(int, found.groups())
    contender.per_second.append(requests / micros * 1e6)
    contender.processor_us.append(used / requests * 1e6)
    contender.p50_ms.append(p50 / 1_000)
    contender.p99_ms.append(p99 / 1_000)
    contender.errors += errors
    contender.memory_mb = max(contender.memory_mb, sum(memory_mb(each) for each in family(process.pid)))


def stream_rate(contender: Contender, orders: Path) -> float:
    """Orders a second through /v1/score/stream: the best of some runs."""
    body = orders.read_bytes() * 5
    rates = []
    for _ in range(3):
        connection = HTTPConnection("127.0.0.1", contender.port, timeout=120)
        began = time.perf_counter()
        connection.putrequest("POST", "/v1/score/stream")
        connection.putheader("Content-Type", "application/x-ndjson")
        connection.putheader("X-API-Key", API_KEY)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        # The service answers while it reads: a client that reads only once it has sent would stop the stream.
        with ThreadPoolExecutor(1) as sending:
            sending.submit(connection.send, body)
            rows = sum(1 for _ in connection.getresponse())
        rates.append(rows / (time.perf_counter() - began))
        connection.close()
    return max(rates)


RAW = """
import sys, time
from pathlib import Path
import numpy as np
from orderguard.scorer import session
model = session(Path(sys.argv[1]).read_bytes())
width = model.get_inputs()[0].shape[1]
rows = np.random.default_rng(1).normal(size=(1024, width)).astype(np.float32)
best = 0.0
for _ in range(30):
    began = time.perf_counter()
    model.run(None, {"features": rows})
    best = max(best, len(rows) / (time.perf_counter() - began))
print(best)
"""


def raw_session_rate(version_dir: Path) -> float:
    """Rows a second of the bare ONNX session on ready vectors, on one core."""
    command = ["taskset", "-c", SERVER_CORE, sys.executable, "-c", RAW, str(version_dir / "model.onnx")]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def show(report: dict[str, Any]) -> None:
    """The report as a table."""
    columns = ("requests_per_second", "processor_us_per_request", "p50_ms", "p99_ms", "start_seconds", "memory_mb")
    heads = ("req/s", "CPU µs/req", "p50 ms", "p99 ms", "start s", "MB")
    print(f"{'server':24}" + "".join(f"{head:>12}" for head in heads))
    for name, results in report["servers"].items():
        print(f"{name:24}" + "".join(f"{results[column]:>12}" for column in columns))
    ratio = report["stream_rows_per_second"] / report["raw_session_rows_per_second"]
    print(f"stream: {report['stream_rows_per_second']} orders/s, {ratio:.2f} of the bare session's rows/s on vectors")


if __name__ == "__main__":
    main()
