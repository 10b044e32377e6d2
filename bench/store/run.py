"""Histories in Redis: what a group costs, whether several processes count exactly, and what failures come to.

`BENCH_HISTORY_ORDERS` is how many orders four processes count (10,000). The failures are those of a service that is
under load; the champion in `MODELS_DIR` scores them.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.history import open_store
from bench.histories.processes import API_KEY, service
from bench.redis_server import RedisServer
from bench.store.exact import proved
from bench.store.failures import BACK_SECONDS, FAILURES, Outcome, Shop, outcome
from bench.store.orders import shared_orders
from orderguard.masking import Keyring, new_key_text
from orderguard.model_version import champion

REPORT = Path("reports/bench/store.json")
ORDERS = int(os.environ.get("BENCH_HISTORY_ORDERS", "10000"))
PROCESSES = 4
GROUPS = (1, 16, 128)
MEASURED = 4_000
HOLD_SECONDS = 2.0
FSYNC = ("everysec", "always")


def main() -> None:
    """Measure, print, write reports/bench/store.json."""
    models = Path(os.environ.get("MODELS_DIR", "models"))
    if champion(models) is None:
        sys.exit(f"{models} holds no champion: `make train` makes one")
    with tempfile.TemporaryDirectory() as name, RedisServer(Path(name)) as server:
        speed = [asyncio.run(measured(server, size)) for size in GROUPS]
        print(f"{'group':>6} {'round trip':>12} {'python an order':>17} {'server an order':>17}")
        for row in speed:
            print("{group:6.0f} {round_trip_us:9.0f} us {python_us:14.1f} us {server_us:14.1f} us".format(**row))
        proof = proved(server, orders=ORDERS, processes=PROCESSES, seed=7)
    print(
        f"{PROCESSES} processes: {proof.counted:,} orders counted of {proof.orders:,}, {proof.sent_again:,} sent again;"
        f" {proof.different} found something else than in one process, {proof.different_records} of"
        f" {proof.records:,} records differ"
    )
    print(
        f"{'':22} {'requests':>9} {'failed':>7} {'unavailable':>12} {'slowest':>11} {'back':>8} {'lost':>6} {'said':>6}"
    )
    failures: dict[str, list[Outcome]] = {}
    for fsync in FSYNC:
        failures[fsync] = [shown(fsync, one) for one in failed(models, fsync)]
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {
        "speed": speed,
        "exact": proof._asdict(),
        "failures": {fsync: [one._asdict() for one in outcomes] for fsync, outcomes in failures.items()},
    }
    REPORT.write_text(json.dumps(report, indent=1) + "\n")


async def measured(server: RedisServer, size: int) -> dict[str, float]:
    """What taking orders in groups of a size costs, where each customer has some 25."""
    server.command("FLUSHALL")
    store = open_store(server.url, 180, 90, password=server.password)
    assert store is not None
    orders = shared_orders(2 * MEASURED, 7, customers=MEASURED // 12)
    for start in range(0, MEASURED, 128):
        await store.take(orders[start : start + 128])
    orders = orders[MEASURED:]
    groups = [orders[start : start + size] for start in range(0, len(orders), size)]
    used, spent, begun = processor(server), time.process_time(), time.perf_counter()
    for group in groups:
        await store.take(group)
    seconds, spent, used = time.perf_counter() - begun, time.process_time() - spent, processor(server) - used
    await store.close()
    return {
        "group": size,
        "round_trip_us": 1e6 * seconds / len(groups),
        "python_us": 1e6 * spent / len(orders),
        "server_us": 1e6 * used / len(orders),
    }


def processor(server: RedisServer) -> float:
    """The processor seconds that the server has used."""
    told = server.info("cpu")
    return float(told["used_cpu_sys"]) + float(told["used_cpu_user"])


def failed(models: Path, fsync: str) -> Iterator[Outcome]:
    """One failure after another, under load."""
    key = new_key_text()
    with tempfile.TemporaryDirectory() as name, Shop(Path(name), appendfsync=fsync).running() as shop:
        settings = {
            "MODEL_DIR": str(models.resolve()),
            "MASKING_KEY": key,
            "HISTORY_URL": f"redis://127.0.0.1:{shop.port}/0",
            "HISTORY_PASSWORD": shop.primary.password,
        }
        with service(settings, Path(name) / "log") as port:
            for failure in FAILURES:
                yield outcome(failure, shop, port, API_KEY, Keyring.from_text(key), hold_seconds=HOLD_SECONDS)


def shown(fsync: str, one: Outcome) -> Outcome:
    """Print an outcome."""
    late = "" if one.back_seconds <= BACK_SECONDS else "  (late)"
    print(
        f"{one.failure:11} {fsync:11} {one.requests:9,} {one.failed:7} {one.unavailable:12,} {one.slowest_ms:8.0f} ms"
        f" {one.back_seconds:6.2f} s {one.lost:6} {one.said:6}{late}",
        flush=True,
    )
    return one
