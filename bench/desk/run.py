"""The desk, measured: what kept alerts cost the scoring of orders, how fast 10,000 open alerts are filtered, and what a
PostgreSQL that is killed, slow or full comes to.

`wrk` sends a shop's orders to the service without alerts, with SQLite and with PostgreSQL, in turn; each server is on
one core and wrk with the database on the other. The share of anomalies is told, since only these cost anything.
"""

import json
import os
import re
import statistics
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from app.desk.database import Database
from app.desk.tables import ALERT
from bench.desk.failures import FAILURES, WAIT_SECONDS, came_to, order
from bench.environments import python_with
from bench.load import API_KEY, CLIENT_CORE, Contender, load, started
from bench.postgres_server import PostgresServer
from bench.serving import IMAGE, MASKING_KEY, ROUNDS, champion_to_load, orders_in, settings
from infra.local.ports import free_port
from orderguard.masking import Keyring

REPORT = Path("reports/bench/desk.json")
OPEN = 10_000
ASKED = 20
HOLD_SECONDS = 10.0
QUERIES = (
    "",
    "q=costs",
    "reason=price",
    "q=costs&reason=price&country=DE",
    "sort=value",
    "sort=age",
    "state=open&q=100",
)


def main() -> None:
    """Measure, print tables, write reports/bench/desk.json."""
    models, version = champion_to_load()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)
        with PostgresServer(folder / "postgres") as server:
            report: dict[str, Any] = {
                "when": datetime.now(UTC).isoformat(timespec="seconds"),
                "scoring": scoring(models, version, folder, server),
                "queue_ms": queue(models, version, folder, server),
                "failures": failures(models, version, folder, server),
                "cores": os.cpu_count(),
                "load_average": os.getloadavg()[0],
            }
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n")
    print(f"written: {REPORT}")
    broken = [
        one["failure"] for one in report["failures"] if one["failed"] or one["lost_alerts"] or one["lost_outcomes"]
    ]
    if broken:
        sys.exit(f"scores failed, or what was said to be kept is gone: {', '.join(broken)}")


def stores(folder: Path, server: PostgresServer) -> dict[str, dict[str, str]]:
    """The settings of each way to keep alerts."""
    kept = {"sqlite": {"ALERTS_URL": f"sqlite:{folder / 'alerts.db'}"}, "postgresql": server.settings}
    return {
        "off": {},
        **{name: {**told, "ALERTS_JOURNAL": str(folder / f"{name}.journal")} for name, told in kept.items()},
    }


def contenders(models: Path, version: str, folder: Path, server: PostgresServer) -> list[Contender]:
    """The service once for each."""
    bodies, python = orders_in(folder), str(python_with(IMAGE))
    made = []
    for name, told in stores(folder, server).items():
        port = free_port()
        environment = settings(models, version, port, "memory:") | told
        made.append(Contender(f"alerts {name}", [python, "-m", "app"], environment, "/v1/score", bodies, port))
    return made


def scoring(models: Path, version: str, folder: Path, server: PostgresServer) -> dict[str, Any]:
    """Requests a second without alerts and with them, side by side."""
    compared = contenders(models, version, folder, server)
    with ExitStack() as running:
        processes = [running.enter_context(started(one)) for one in compared]
        for _ in range(ROUNDS):
            for one, process in zip(compared, processes, strict=True):
                load(one, process, folder)
        share = anomalies(compared[0].port)
    found = {one.name: one.results() for one in compared}
    without = found["alerts off"]
    print(f"    one core, {ROUNDS} rounds in turn; {share:.1%} of the orders are anomalies")
    for name, result in found.items():
        rate = result["requests_per_second"] / without["requests_per_second"] - 1
        cost = result["processor_us_per_request"] / without["processor_us_per_request"] - 1
        print(
            f"    {name:18} {result['requests_per_second']:7,.0f} requests/s ({rate:+.1%})"
            f"  {result['processor_us_per_request']:6.1f} µs of processor ({cost:+.1%})  p99 {result['p99_ms']:6.2f} ms"
            f"  {result['errors']:.0f} errors"
        )
    return {"anomalies": round(share, 4), **found}


def anomalies(port: int) -> float:
    """The share of anomalies among the orders that a service has scored."""
    found = re.findall(r"^(\w+)(?:\{.*\})? (\S+)$", ask(port, "/metrics").decode(), re.MULTILINE)

    def total(name: str) -> float:
        return sum(float(value) for found_name, value in found if found_name == name)

    return total("orderguard_anomalies_total") / max(1.0, total("orderguard_orders_scored_total"))


def ask(port: int, path: str, body: bytes | None = None) -> bytes:
    """The body of an answer."""
    headers = {"X-API-Key": API_KEY, "Content-Type": "application/json"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:  # nosec B310  # a URL of this machine
        data: bytes = answer.read()
        return data


def queue(models: Path, version: str, folder: Path, server: PostgresServer) -> dict[str, dict[str, float]]:
    """The time of each query over `OPEN` open alerts: median and slowest of some, in milliseconds."""
    found: dict[str, dict[str, float]] = {}
    for one, (name, told) in zip(
        contenders(models, version, folder, server)[1:], list(stores(folder, server).items())[1:], strict=True
    ):
        with started(one, f"0,{CLIENT_CORE}"):
            ask(one.port, "/v1/score", json.dumps(order("odd", 0)).encode())
            fill(told["ALERTS_URL"], told.get("ALERTS_PASSWORD", ""))
            for query in QUERIES:
                taken = []
                for _ in range(ASKED):
                    begun = time.perf_counter()
                    page = json.loads(ask(one.port, f"/v1/alerts?limit=100&{urllib.parse.quote(query, safe='=&')}"))
                    taken.append((time.perf_counter() - begun) * 1_000)
                found[f"{name} {query or 'all'}"] = {
                    "median": round(statistics.median(taken), 1),
                    "slowest": round(max(taken), 1),
                    "total": page["total"],
                }
    for query, told_of in found.items():
        print(
            f"    {query:45} {told_of['median']:6.1f} ms, slowest {told_of['slowest']:6.1f} ms, of {told_of['total']:,}"
        )
    return found


def fill(url: str, password: str) -> None:
    """Put `OPEN` more open alerts beside one that is there, once it is: like it, and made before it."""
    database, keyring = Database(url, password), Keyring.from_text(MASKING_KEY)
    deadline = time.monotonic() + WAIT_SECONDS
    while (one := _one(database)) is None:
        assert time.monotonic() < deadline, "the alert of an odd order does not come"
        time.sleep(0.1)
    with database.transaction() as connection:
        rows = [
            {
                **one,
                "id": keyring.token("order", f"filled-{number}"),
                "sealed_order": keyring.seal("order", f"filled-{number}"),
                "score": 0.5 + number / (2 * OPEN),
                "risk": float(number * 7_919 % OPEN),
                "made_at": one["made_at"] - number * 1_000,
                "country": ("DE", "FR", "NG")[number % 3],
                "fact": ("price", "quantity", "pace")[number % 3],
            }
            for number in range(OPEN)
        ]
        for start in range(0, OPEN, 500):
            connection.execute(insert(ALERT).values(rows[start : start + 500]))
    database.close()


def _one(database: Database) -> dict[str, Any] | None:
    with database.transaction() as connection:
        found = connection.execute(ALERT.select().limit(1)).mappings().first()
        return dict(found) if found else None


def failures(models: Path, version: str, folder: Path, server: PostgresServer) -> list[dict[str, Any]]:
    """What each failure comes to, under load."""
    found = []
    one = contenders(models, version, folder, server)[2]
    with started(one, f"0,{CLIENT_CORE}"):
        for failure in FAILURES:
            told = came_to(failure, server, one.port, API_KEY, Keyring.from_text(MASKING_KEY), HOLD_SECONDS)
            print(
                f"    {told.failure:8} {told.scores:6,} scores, {told.failed} failed, slowest {told.slowest_ms:.0f} ms;"
                f" {told.alerts:,} alerts kept, {told.lost_alerts} lost; {told.outcomes:,} outcomes acknowledged,"
                f" {told.refused} refused, {told.lost_outcomes} lost; back in {told.back_seconds:.1f} s"
            )
            found.append(told._asdict())
    return found
