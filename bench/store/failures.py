"""A service under load while its store is away, slow, full, restarted or replaced by its replica.

Each order is of a customer of its own, so what was counted can be looked up order by order: an answer that says
`absent` has asked the store and counted the order there.
"""

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

from app.history.redis import PREFIX
from bench.forwarder import Forwarder
from bench.redis_server import RedisServer
from infra.local.ports import free_port
from orderguard.masking import Keyring

CLIENTS = 4
PAUSE_SECONDS = 0.002
"""Between two requests of a client: a load that leaves room on two cores."""
BACK_SECONDS = 3.0
WAIT_SECONDS = 30.0


class Answered(NamedTuple):
    """A request: when it was answered, its status (0 for none), what it says of the store, its order, its duration."""

    at: float
    status: int
    history: str
    number: int
    seconds: float


class Outcome(NamedTuple):
    """What a failure came to. `lost` of the counted orders are no longer known, `said` is what the service says."""

    failure: str
    requests: int
    failed: int
    unavailable: int
    slowest_ms: float
    back_seconds: float
    lost: int
    said: int


class Load:
    """Clients that go on sending orders."""

    def __init__(self, port: int, api_key: str) -> None:
        self.answers: list[Answered] = []
        self._port = port
        self._headers = {"X-API-Key": api_key, "Content-Type": "application/json"}
        self._stop = threading.Event()
        self._numbers = iter(range(10**9))
        self._threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]

    def _run(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=WAIT_SECONDS)
        while not self._stop.wait(PAUSE_SECONDS):
            number = next(self._numbers)
            begun = time.monotonic()
            try:
                connection.request("POST", "/v1/score", json.dumps(order(number)).encode(), self._headers)
                answer = connection.getresponse()
                status, told = answer.status, json.loads(answer.read())
            except (OSError, HTTPException):
                connection.close()
                status, told = 0, {}
            now = time.monotonic()
            self.answers.append(Answered(now, status, told.get("history", ""), number, now - begun))
        connection.close()

    def until(self, holds: Callable[[Answered], bool], after: float = 0.0) -> Answered:
        """The first answer after a moment of which this holds."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            for answer in list(self.answers):
                if answer.at > after and holds(answer):
                    return answer
            time.sleep(0.01)
        raise AssertionError(f"no such answer in {WAIT_SECONDS:.0f} seconds")

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def order(number: int) -> dict[str, object]:
    """An order of a customer of its own; many share a device and a network."""
    return {
        "order_id": f"F-{number}",
        "created_at": "2026-05-04T14:12:09+02:00",
        "customer": {"id": f"F-{number}", "email": f"f{number}@example.org"},
        "currency": "EUR",
        "items": [{"sku": "CLO-0015", "category": "clothing", "quantity": 1, "unit_price": 37.99}],
        "payment": {"method": "card", "card_country": "DE"},
        "device": {"id": f"device {number % 500}", "ip": f"203.0.{number % 100}.7"},
        "shipping_address": {"country": "DE", "postcode": "10115", "street": f"Street {number}"},
    }


class Shop:
    """A primary with its replica, behind one address."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.primary = RedisServer(folder / "primary", appendonly="yes", **options)
        self.replica = RedisServer(folder / "replica")
        self.replica.password = self.primary.password
        self.port = free_port()
        self._loop = asyncio.new_event_loop()
        self._forwarder = Forwarder(self.primary.port, self.port)

    def fail_over(self) -> None:
        """The primary's machine is gone, and the replica takes its place."""
        self.primary.kill()
        self.replica.command("REPLICAOF", "NO", "ONE")
        self._loop.call_soon_threadsafe(self._forwarder.switch, self.replica.port)
        self.primary, self.replica = self.replica, self.primary

    def follow(self) -> None:
        """Start the replica, and wait until it has everything."""
        self.replica.start()
        self.replica.command("REPLICAOF", "127.0.0.1", self.primary.port)
        deadline = time.monotonic() + WAIT_SECONDS
        while self.replica.info("replication").get("master_link_status") != "up":
            assert time.monotonic() < deadline, "the replica doesn't follow"
            time.sleep(0.01)

    def lost(self, customer_tokens: list[str]) -> int:
        """How many of these customers the primary knows nothing of."""
        with self.primary.client() as client:
            known = client.mget([f"{PREFIX}c:{token}" for token in customer_tokens])
            return sum(record is None for record in known)

    @contextmanager
    def running(self) -> Iterator["Shop"]:
        """The primary and its address."""
        thread = threading.Thread(target=self._loop.run_until_complete, args=(self._forward(),))
        self.primary.start()
        self._ended = asyncio.Event()
        thread.start()
        try:
            yield self
        finally:
            self._loop.call_soon_threadsafe(self._ended.set)
            thread.join()
            self._loop.close()
            self.primary.stop()
            self.replica.stop()

    async def _forward(self) -> None:
        async with self._forwarder:
            await self._ended.wait()


Failure = tuple[Callable[[Shop], None], Callable[[Shop], None]]
"""How it begins, and how it ends."""


def _nothing(shop: Shop) -> None:
    pass


def _restart(shop: Shop) -> None:
    shop.primary.kill()
    shop.primary.start()


FAILURES: dict[str, Failure] = {
    "away": (lambda shop: shop.primary.kill(), lambda shop: shop.primary.begin()),
    "slow": (lambda shop: shop.primary.pause(), lambda shop: shop.primary.go_on()),
    "full": (
        lambda shop: shop.primary.command("CONFIG", "SET", "maxmemory", "1"),
        lambda shop: shop.primary.command("CONFIG", "SET", "maxmemory", "0"),
    ),
    "restarted": (_restart, _nothing),
    "failed over": (lambda shop: shop.fail_over(), _nothing),
}


def _said(port: int, api_key: str) -> int:
    """How many orders the service has said to be lost."""
    connection = HTTPConnection("127.0.0.1", port, timeout=WAIT_SECONDS)
    connection.request("GET", "/metrics", headers={"X-API-Key": api_key})
    found = re.search(rb"^orderguard_history_lost_total ([\d.]+)$", connection.getresponse().read(), re.MULTILINE)
    connection.close()
    return int(float(found[1])) if found else 0


def outcome(name: str, shop: Shop, port: int, api_key: str, keyring: Keyring, *, hold_seconds: float) -> Outcome:
    """Let one failure begin and end under load."""
    begin, end = FAILURES[name]
    if name == "failed over":
        shop.follow()
    said_before = _said(port, api_key)
    with Load(port, api_key) as load:
        counted = load.until(lambda answer: answer.history == "absent")
        time.sleep(hold_seconds)
        begin(shop)
        if end is not _nothing:
            load.until(lambda answer: answer.history == "unavailable", time.monotonic())
            time.sleep(hold_seconds)
            end(shop)
        ended = time.monotonic()
        back = load.until(lambda answer: answer.history == "absent", ended)
        # An answer may have been on its way: back is who stays.
        back = load.until(lambda answer: answer.history == "absent", back.at)
        time.sleep(hold_seconds)
    answers = [answer for answer in load.answers if answer.at >= counted.at]
    lost = shop.lost([keyring.token("customer", f"F-{a.number}") for a in answers if a.history == "absent"])
    return Outcome(
        failure=name,
        requests=len(answers),
        failed=sum(answer.status != 200 for answer in answers),
        unavailable=sum(answer.history == "unavailable" for answer in answers),
        slowest_ms=1_000 * max(answer.seconds for answer in answers),
        back_seconds=back.at - ended,
        lost=lost,
        said=_said(port, api_key) - said_before,
    )
