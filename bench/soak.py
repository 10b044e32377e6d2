"""An hour's requests of a busy shop through the service, as quickly as it takes them: memory, answers, health.

Customers come back, orders are sent twice, some are broken, a stream and a batch go between. `BENCH_SOAK_ORDERS` is the
number of orders (200,000: an hour at 55 a second). The figures that matter are those that must not move: memory after
the first tenth and at the end, and the number of answers that are neither 200 nor 4xx.
"""

import json
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

import httpx

from bench.load import Contender, family, memory_mb, started
from bench.serving import ours
from orderguard.model_version import champion

REPORT = Path("reports/bench/soak.json")
ORDERS = int(os.environ.get("BENCH_SOAK_ORDERS", "200000"))
TENTHS = 10
HEADERS = {"Content-Type": "application/json", "X-API-Key": "a-key-for-the-benchmark"}


def main() -> None:
    """Send, watch, print a table, write reports/bench/soak.json."""
    models = Path(os.environ.get("MODELS_DIR", "models"))
    version = champion(models)
    if version is None:
        sys.exit(f"{models} holds no champion: `make train` makes one")
    with tempfile.TemporaryDirectory() as name:
        contender = ours(models, version, Path(name))[1]
        with started(contender) as process:
            report = soak(contender, process.pid)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n")


def soak(contender: Contender, pid: int) -> dict[str, object]:
    """Send all orders in ten parts, and look at the service after each."""
    random = Random(7)
    orders = [json.loads(line) for line in contender.bodies.read_bytes().splitlines()]
    statuses: Counter[int] = Counter()
    memory: list[float] = []
    began = time.monotonic()
    with httpx.Client(base_url=f"http://127.0.0.1:{contender.port}", headers=HEADERS, timeout=60) as client:
        for part in range(TENTHS):
            for number in range(0, ORDERS // TENTHS, 100):
                order = {**random.choice(orders), "order_id": f"S-{part}-{number}"}
                some = [
                    {**each, "order_id": f"S-{part}-{number}-{i}"}
                    for i, each in enumerate(random.choices(orders, k=97))
                ]
                body = "\n".join([json.dumps(each) for each in some] + ["not an order"])
                statuses[client.post("/v1/score", json=order).status_code] += 1
                statuses[client.post("/v1/score", json={**order, "currency": 5}).status_code] += 1
                answer = client.post("/v1/score/stream", content=body, headers={"Content-Type": "application/x-ndjson"})
                statuses[answer.status_code] += 1
                assert answer.text.count("\n") == 98
            assert client.get("/healthz").status_code == 200
            memory.append(sum(memory_mb(each) for each in family(pid)))
            print(f"{(part + 1) * ORDERS // TENTHS:>9} orders  {memory[-1]:6.1f} MB  {dict(statuses)}", flush=True)
    failed = sum(count for status, count in statuses.items() if status >= 500)
    growth = memory[-1] - memory[0]
    seconds = time.monotonic() - began
    print(
        f"{ORDERS} orders in {seconds:.0f} s, {failed} failures, memory moved by {growth:+.1f} MB after the first tenth"
    )
    return {"orders": ORDERS, "seconds": round(seconds), "failures": failed, "memory_mb": memory}


if __name__ == "__main__":
    main()
