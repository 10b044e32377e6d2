"""The scoring service on one core with each of its stores, side by side with FastAPI's usual style and model servers.

`wrk` (Debian package) sends the same orders to each server in turn, several rounds of a few seconds; the server is
pinned to one core and wrk to another, where Redis runs too. Besides requests a second, the processor time a request
takes is read from /proc: it tells servers apart on a machine that has other things to do as well. `BENCH_PEERS=1` adds
BentoML, MLServer, LitServe and Ray Serve in environments of their own; they get ready feature vectors and only have to
call the model. `BENCH_BEFORE=DIR` adds the service of another clone without a store, and `BENCH_PROCESSES=1` four
processes with one store behind the local cloud's front, on all cores.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.environments import python_with
from bench.load import API_KEY, CLIENT_CORE, SERVER_CORE, Contender, load, started, stream_rate
from bench.redis_server import RedisServer
from data.generator.sample import lines, make_world
from infra.local.ports import free_port
from orderguard.features import FEATURE_NAMES
from orderguard.masking import new_key_text
from orderguard.model_version import champion
from orderguard.schema import OrderError, decode_order

REPORT = Path("reports/bench/serving.json")
PEERS = Path(__file__).with_name("serving_peers")
IMAGE = Path(__file__).parents[1] / "requirements" / "serve.txt"
"""The packages of the service's image. A development environment has more, which libraries import where they find it
(OpenTelemetry's SDK: two megabytes)."""
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
ORDERS = 50_000
"""So many different orders: one that comes again is less work, and customers come back as in a shop."""
STREAMED, RUNS = 10_000, 3
PROCESSES = 4

ALL_CORES = ",".join(map(str, range(os.cpu_count() or 1)))
MASKING_KEY = new_key_text()


def champion_to_load() -> tuple[Path, str]:
    """The folder of models and its champion. Ends the bench where there is none, or nothing to load it with."""
    models = Path(os.environ.get("MODELS_DIR", "models"))
    version = champion(models)
    if version is None:
        sys.exit(f"{models} holds no champion: `make train` makes one")
    if shutil.which("wrk") is None or shutil.which("taskset") is None:
        sys.exit("wrk and taskset are needed: apt-get install wrk util-linux")
    return models, version


def main() -> None:
    """Measure, print a table, write reports/bench/serving.json."""
    models, version = champion_to_load()
    compared: list[Contender] = []
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        redis = RedisServer(folder / "redis").start()
        running.callback(redis.stop)
        os.sched_setaffinity(redis.command("INFO", "server")["process_id"], {int(CLIENT_CORE)})
        feeds = files_in(folder)[1:]
        contenders = [*ours(models, version, folder, redis), *yardsticks(models, version, folder)]
        for peer in peers(models / version, folder) if os.environ.get("BENCH_PEERS") else []:
            # Alone: some of them are busy even when nobody asks.
            with started(peer) as process:
                for _ in range(ROUNDS):
                    load(peer, process, folder)
            compared.append(peer)
        with ExitStack() as on_one_core:
            processes = [on_one_core.enter_context(started(contender)) for contender in contenders]
            for _ in range(ROUNDS):
                for contender, process in zip(contenders, processes, strict=True):
                    load(contender, process, folder)
            streaming = [each for each in contenders if each.streams]
            rates = {each.name: [stream_rate(each, feed) for feed in feeds] for each in streaming}
            streams = {name: round(max(found)) for name, found in rates.items()}
        together = many_processes(models, version, folder, redis) if os.environ.get("BENCH_PROCESSES") else {}
    raw = raw_session_rate(models / version)
    report = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "servers": {contender.name: contender.results() for contender in [*contenders, *compared]},
        "stream_orders_per_second": streams,
        "requests_per_second_by_processes": together,
        "raw_session_rows_per_second": round(raw),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
    }
    show(report)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written: {REPORT}")


def ours(models: Path, version: str, folder: Path, redis: RedisServer | None = None) -> list[Contender]:
    """The service with everything on, once for each store."""
    bodies = orders_in(folder)
    stores = {"off": "off", "memory": "memory:", "sqlite": f"sqlite:{folder / 'histories.sqlite'}"}
    made = []
    python = str(python_with(IMAGE))
    for name, url in (stores | ({"redis": redis.url} if redis else {})).items():
        port = free_port()
        told = settings(models, version, port, url) | ({"HISTORY_PASSWORD": redis.password} if redis else {})
        command = [python, "-m", "app"]
        made.append(Contender(f"orderguard, {name}", command, told, "/v1/score", bodies, port, streams=True))
    return made


def settings(models: Path, version: str, port: int, history_url: str) -> dict[str, str]:
    """The service's environment."""
    return {
        "PORT": str(port),
        "MODEL_DIR": str(models.resolve()),
        "MODEL_VERSION": version,
        "PII_MASKING": "enforced",
        "MASKING_KEY": MASKING_KEY,
        "API_KEY": API_KEY,
        "HISTORY_URL": history_url,
    }


def yardsticks(models: Path, version: str, folder: Path) -> list[Contender]:
    """FastAPI in its usual style, and the service of another clone, if one is named."""
    bodies = orders_in(folder)
    ports = [free_port() for _ in range(3)]
    python = str(python_with(IMAGE))
    hello = [python, "-m", "uvicorn", "bench.hello_fastapi:app", "--no-access-log", "--log-level", "warning"]
    model_file = {"MODEL_FILE": str((models / version / "model.onnx").resolve())}
    found = [
        Contender("FastAPI, a constant", [*hello, "--port", str(ports[0])], {}, "/v1/score", bodies, ports[0]),
        Contender(
            "the same with the model", [*hello, "--port", str(ports[1])], model_file, "/v1/score", bodies, ports[1]
        ),
    ]
    if before := os.environ.get("BENCH_BEFORE"):
        of_before = Path(before).resolve() / "models"
        told = settings(of_before, champion(of_before) or "", ports[2], "off") | {"PEER_FOLDER": before}
        command = [python, "-m", "app"]
        found.append(Contender("orderguard before, off", command, told, "/v1/score", bodies, ports[2], streams=True))
    return found


def many_processes(models: Path, version: str, folder: Path, redis: RedisServer) -> dict[str, float]:
    """Requests a second of one process and of some behind the front, all with one store and on all cores."""
    rates = {}
    for count in (1, PROCESSES):
        ports = [free_port() for _ in range(count)]
        bodies = orders_in(folder)
        with ExitStack() as running:
            for port in ports:
                told = settings(models, version, port, redis.url) | {"HISTORY_PASSWORD": redis.password}
                each = Contender(str(port), [sys.executable, "-m", "app"], told, "/v1/score", bodies, port)
                running.enter_context(started(each, cores=ALL_CORES))
            port = free_port()
            command = [sys.executable, "-m", "bench.serving_front", str(port), *map(str, ports)]
            front = Contender("front", command, {}, "/v1/score", bodies, port)
            process = running.enter_context(started(front, cores=ALL_CORES))
            for _ in range(ROUNDS):
                load(front, process, folder)
            rates[str(count)] = front.results()["requests_per_second"]
    return rates


def orders_in(folder: Path) -> Path:
    """A file of usable orders, one a line."""
    return files_in(folder)[0]


def files_in(folder: Path) -> list[Path]:
    """Files of usable orders of one shop, one a line: `ORDERS` for the requests, and what came after them for each run
    of the streams, since orders that come late are more work.
    """
    paths = [folder / "orders.ndjson", *(folder / f"feed-{run}.ndjson" for run in range(RUNS))]
    if not paths[0].exists():
        orders = usable_orders(ORDERS + RUNS * STREAMED)
        starts = [0, *(ORDERS + run * STREAMED for run in range(RUNS + 1))]
        for path, (start, end) in zip(paths, pairwise(starts), strict=True):
            path.write_bytes(b"\n".join(orders[start:end]) + b"\n")
    return paths


def usable_orders(count: int, seed: int = 7) -> list[bytes]:
    """Generated orders that the service accepts."""
    start, end = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
    usable = []
    for line in lines(make_world(seed, count, start, end), count, start, end):
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
    for name, (path, body, command) in asked.items():
        port = free_port()
        bodies = folder / f"{name}.ndjson"
        bodies.write_text(json.dumps(body) + "\n")
        python = python_with(PEERS / name / "requirements.txt")
        told = {"MODEL_FILE": str((version_dir / "model.onnx").resolve()), "PEER_FOLDER": str(PEERS / name)}
        contenders.append(Contender(name, [str(python), *command, str(port)], told, path, bodies, port))
    return contenders


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
    for name, rate in report["stream_orders_per_second"].items():
        print(f"stream, {name}: {rate:,} orders/s")
    print(f"the bare session on ready vectors: {report['raw_session_rows_per_second']:,} rows/s")
    for count, rate in report["requests_per_second_by_processes"].items():
        print(f"behind the front, {count} processes with one store on {report['cores']} cores: {rate:,} requests/s")


if __name__ == "__main__":
    main()
