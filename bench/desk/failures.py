"""A service under load while its alerts' database is killed, slow or full.

Every fifth order is an anomaly; another client tells outcomes. What an answer says is kept, and what was acknowledged
of outcomes, has to be in the database once it is back: order by order, outcome by outcome.
"""

import json
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from typing import Any, NamedTuple

from bench.postgres_server import PostgresServer
from orderguard.masking import Keyring

CLIENTS = 3
PAUSE_SECONDS = 0.005
WAIT_SECONDS = 60.0
ODD_EVERY = 5


class CameTo(NamedTuple):
    """What a failure came to. Of alerts that were said to be kept, and of outcomes that were acknowledged, `lost` are
    not in the database; `refused` outcomes were answered with 503.
    """

    failure: str
    scores: int
    failed: int
    alerts: int
    lost_alerts: int
    outcomes: int
    refused: int
    lost_outcomes: int
    slowest_ms: float
    back_seconds: float


class Load:
    """Clients that go on scoring, and one that tells outcomes."""

    def __init__(self, port: int, api_key: str, name: str) -> None:
        self.scores = self.failed = self.refused = 0
        self.slowest = 0.0
        self.kept: list[str] = []
        self.acknowledged: list[str] = []
        self.broken: list[str] = []
        self._name = name
        self._port = port
        self._headers = {"X-API-Key": api_key, "Content-Type": "application/json"}
        self._ends = threading.Event()
        self._lock = threading.Lock()
        self._numbers = iter(range(10**9))
        self._threads = [threading.Thread(target=self._score) for _ in range(CLIENTS)]
        self._threads.append(threading.Thread(target=self._tell))

    def _score(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=WAIT_SECONDS)
        while not self._ends.wait(PAUSE_SECONDS):
            with self._lock:
                number = next(self._numbers)
            begun = time.monotonic()
            status, told = self._post(connection, "/v1/score", order(self._name, number))
            with self._lock:
                self.scores += 1
                self.failed += status != 200
                self.slowest = max(self.slowest, time.monotonic() - begun)
                if told.get("alert") == "kept":
                    self.kept.append(told["order_id"])
        connection.close()

    def _tell(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=WAIT_SECONDS)
        number = 0
        while not self._ends.wait(PAUSE_SECONDS * 4):
            number += 1
            name = f"{self._name}-told-{number}"
            outcome = {"order_id": name, "outcome": "fraud", "time": "2026-06-01T00:00:00Z", "source": "bench"}
            status, _ = self._post(connection, "/v1/outcomes", outcome)
            if status == 200:
                self.acknowledged.append(name)
            elif status == 503:
                self.refused += 1
            else:
                self.broken.append(f"{name}: {status}")
        connection.close()

    def _post(self, connection: HTTPConnection, path: str, body: object) -> tuple[int, dict[str, Any]]:
        try:
            connection.request("POST", path, json.dumps(body).encode(), self._headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, HTTPException):
            connection.close()
            return 0, {}

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join()


def order(name: str, number: int) -> dict[str, object]:
    """An order of a customer of its own; every fifth is an anomaly."""
    odd = number % ODD_EVERY == 0
    amounts = {"quantity": 40_000, "unit_price": 9_999.0} if odd else {"quantity": 1, "unit_price": 37.99}
    return {
        "order_id": f"{name}-{number}",
        "created_at": "2026-05-04T14:12:09+02:00",
        "customer": {"id": f"{name}-{number}"},
        "currency": "EUR",
        "items": [{"sku": "CLO-0015", "category": "clothing", **amounts}],
        "payment": {"method": "card", "card_country": "DE"},
        "shipping_address": {"country": "DE", "postcode": "10115"},
    }


def came_to(
    failure: str,
    server: PostgresServer,
    port: int,
    api_key: str,
    keyring: Keyring,
    hold_seconds: float,
    within: Callable[[], None] = lambda: None,
) -> CameTo:
    """Run the load, let the database fail and come back, and look for what was promised. `within` is called while the
    database is away.
    """
    away, back = FAILURES[failure]
    with Load(port, api_key, failure.replace(" ", "-")) as load:
        time.sleep(hold_seconds)
        away(server)
        time.sleep(hold_seconds)
        within()
        back(server)
        returned = time.monotonic()
        told = len(load.acknowledged)
        while len(load.acknowledged) == told and time.monotonic() - returned < WAIT_SECONDS:
            time.sleep(0.01)
        seconds = time.monotonic() - returned
    lost_alerts = missing("alert", "id", keyring, load.kept, server)
    lost_outcomes = missing("outcome", "order_token", keyring, load.acknowledged, server)
    counts = (load.scores, load.failed, len(load.kept), lost_alerts, len(load.acknowledged), load.refused)
    assert not load.broken, load.broken[:5]
    return CameTo(failure, *counts, lost_outcomes, round(load.slowest * 1_000, 1), round(seconds, 2))


def missing(table: str, column: str, keyring: Keyring, names: list[str], server: PostgresServer) -> int:
    """How many of these orders are not in a table, after a moment in which they may come."""
    wanted = {keyring.token("order", name) for name in names}
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        known = {row[0] for row in server.query(f"SELECT {column} FROM {table}")}  # nosec B608
        left = len(wanted - known)
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


def _read_only(server: PostgresServer, on: bool) -> None:
    """What a full disk comes to, without filling one: nothing can be written."""
    server.query(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if on else 'off'}")
    server.query("SELECT pg_reload_conf()")
    server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'orderguard'")


FAILURES: dict[str, tuple[Callable[[PostgresServer], object], Callable[[PostgresServer], object]]] = {
    "killed": (PostgresServer.kill, PostgresServer.start),
    "slow": (PostgresServer.pause, PostgresServer.go_on),
    "full": (lambda server: _read_only(server, True), lambda server: _read_only(server, False)),
}
"""How the database fails, and comes back."""
