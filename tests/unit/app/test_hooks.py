"""Parts of the webhooks: signatures, each delivery once, and what is told back, to a real server."""

import asyncio
import base64
import hmac
import io
import json
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.history import open_store
from app.history.deliveries import MemoryDeliveries
from app.history.store import HistoryStore, HistoryUnavailable
from app.hooks.deliveries import KEPT_SECONDS, Deliveries, UnderWay
from app.hooks.signatures import SignatureError, check_stripe
from app.hooks.targets import Anomaly, Failed, RiskAssessment, SignedWebhook, Target, signed_headers, signing_key
from app.hooks.telling import ATTEMPTS, MOST_WAITING, Telling
from app.logs import LogWriter
from bench.redis_server import RedisServer
from orderguard.masking import Keyring, new_key_text
from tests.http_server import listening

KEYRING = Keyring.from_text(new_key_text())
SECRET = b"a-secret-of-the-tests-01"
ANOMALY = Anomaly(
    "shopify", "5001", "ord_k1_token", 0.81, 0.62, ["The largest ratio of a quantity to the usual one."], "first"
)


def test_a_signature_of_stripe_s_as_its_own_library_makes_them() -> None:
    """The example that Stripe publishes: the time, a full stop, the body."""
    body = b'{"id": "evt_1"}'
    digest = hmac.digest(SECRET, b"1492774577." + body, "sha256").hex()
    check_stripe(f"t=1492774577,v1={digest},v0=6ffbb59b".encode(), body, (SECRET,), 1492774577.0 + 300)
    for now in (1492774577 + 301, 1492774577 - 301):
        with pytest.raises(SignatureError, match="too old"):
            check_stripe(f"t=1492774577,v1={digest}".encode(), body, (SECRET,), float(now))


def once(
    scenario: Callable[[list[HistoryStore | None]], Coroutine[Any, Any, None]], server: RedisServer, folder: Path
) -> None:
    async def run() -> None:
        redis = open_store(server.url, 1, 1, password=server.password)
        stores = [None, open_store("memory:", 1, 1), open_store(f"sqlite:{folder / 'histories'}", 1, 1), redis]
        await scenario(stores)
        for store in stores:
            if store is not None:
                await store.close()

    asyncio.run(run())


def test_a_delivery_is_worked_on_once_in_every_store(redis_server: RedisServer, tmp_path: Path) -> None:
    async def scenario(stores: list[HistoryStore | None]) -> None:
        for number, store in enumerate(stores):
            done: list[str] = []

            async def work() -> None:
                await asyncio.sleep(0.01)
                done.append("done")

            async def fails() -> None:
                raise RuntimeError

            here, there = Deliveries(KEYRING, store), Deliveries(KEYRING, store)
            marks = here.marks("shopify", [f"webhook {number}"], f"body {number}".encode())
            with pytest.raises(RuntimeError):
                await here.once(marks, fails)
            assert sorted(await asyncio.gather(*(here.once(marks, work) for _ in range(5)))) == [False] * 4 + [True]
            if store is not None:
                assert not await there.once(marks, work)
                assert not await there.once(marks[1:], work), "the content alone gives it away"
                new = here.marks("shopify", [f"another {number}"], f"another {number}".encode())
                assert await store.begin(new, 60) is None
                with pytest.raises(UnderWay):
                    await there.once(new, work)
                await store.end(new, 0)
                assert await there.once(new, work), "who had it ended, and it comes again"
            assert all("webhook" not in mark for mark in marks)

    once(scenario, redis_server, tmp_path)


def test_what_memory_knows_of_deliveries_is_bounded_and_ends() -> None:
    async def scenario() -> None:
        now = 0.0
        marks = MemoryDeliveries(most=3, clock=lambda: now)
        for number in range(5):
            assert await marks.begin([f"d:{number}"], 60) is None
        assert [await marks.begin([f"d:{number}"], 60) for number in (4, 0)] == ["under way", None]
        await marks.end(["d:4"], KEPT_SECONDS)
        now = KEPT_SECONDS - 1
        assert await marks.begin(["d:4"], 60) == "done"
        now = KEPT_SECONDS + 1
        assert await marks.begin(["d:4"], 60) is None

    asyncio.run(scenario())


def test_a_store_that_is_away_loses_no_delivery(tmp_path: Path) -> None:
    class Away:
        async def begin(self, marks: Any, seconds: int) -> None:
            raise HistoryUnavailable("away")

        end = begin

    async def scenario() -> None:
        deliveries = Deliveries(KEYRING, Away())  # type: ignore[arg-type]
        marks = deliveries.marks("stripe", ["evt_1"], b"{}")

        async def work() -> None:
            pass

        assert [await deliveries.once(marks, work) for _ in range(2)] == [True, False]

    asyncio.run(scenario())


class Shop:
    """A server that answers with what it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.asked: list[tuple[dict[str, str], bytes]] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                shop.asked.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
                status, headers, body = shop.answers.pop(0) if shop.answers else (200, {}, b"{}")
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/told"


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop()
    with listening(made.server):
        yield made


def sent(target: Target) -> None:
    async def run() -> None:
        target.open()
        try:
            await target.send(ANOMALY)
        finally:
            await target.close()

    asyncio.run(run())


def test_shopify_is_asked_for_a_risk_assessment(shop: Shop) -> None:
    shop.answers = [(200, {}, b'{"data": {"orderRiskAssessmentCreate": {"userErrors": []}}}')]
    sent(RiskAssessment("mugs.myshopify.com", "shpat_token", url=shop.url))
    ((headers, body),) = shop.asked
    assert headers["X-Shopify-Access-Token"] == "shpat_token"
    asked = json.loads(body)
    assert "orderRiskAssessmentCreate(orderRiskAssessmentInput: $input)" in asked["query"]
    given = asked["variables"]["input"]
    assert (given["orderId"], given["riskLevel"]) == ("gid://shopify/Order/5001", "MEDIUM")
    assert [fact["sentiment"] for fact in given["facts"]] == ["NEGATIVE"] * 2
    target = RiskAssessment("mugs.myshopify.com", "shpat_token")
    others = (replace(ANOMALY, vendor="stripe"), replace(ANOMALY, order_id=""))
    assert target.takes(ANOMALY) and not [one for one in others if target.takes(one)]


REFUSALS = [
    ((200, {}, b'{"data": {"orderRiskAssessmentCreate": {"userErrors": [{"code": "NOT_FOUND"}]}}}'), False),
    ((200, {}, b'{"errors": [{"extensions": {"code": "THROTTLED"}}]}'), True),
    ((200, {}, b'{"errors": [{"message": "no access"}]}'), False),
    ((200, {}, b'{"data": null}'), False),
    ((200, {}, b"<html>"), False),
    ((200, {}, b"x" * 2_000_000), False),
    ((401, {}, b""), False),
    ((429, {"Retry-After": "7"}, b""), True),
    ((503, {}, b""), True),
    ((302, {"Location": "http://169.254.169.254/computeMetadata/v1/"}, b""), False),
]


@pytest.mark.parametrize(("answer", "retry"), REFUSALS, ids=lambda value: str(value)[:40])
def test_what_shopify_does_not_take_says_whether_the_next_time_may_be_better(
    shop: Shop, answer: Any, retry: bool
) -> None:
    shop.answers = [answer]
    with pytest.raises(Failed) as failed:
        sent(RiskAssessment("mugs.myshopify.com", "shpat_token", url=shop.url))
    assert failed.value.retry is retry
    assert failed.value.wait_seconds == (7.0 if answer[0] == 429 else None)
    assert len(shop.asked) == 1, "nobody is sent elsewhere"


def test_a_webhook_of_ours_is_signed_and_names_the_order_and_nobody(shop: Shop) -> None:
    secret = b"whsec_" + base64.b64encode(SECRET)
    sent(SignedWebhook(shop.url, secret, clock=lambda: 1_790_000_000.4))
    ((headers, body),) = shop.asked
    assert (
        headers["webhook-signature"]
        == signed_headers(SECRET, "told_ord_k1_token", 1_790_000_000, body)["webhook-signature"]
    )
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("told_ord_k1_token", "1790000000")
    told = json.loads(body)
    assert told["type"] == "order.anomaly"
    assert set(told["data"]) == {"vendor", "order_id", "order_token", "score", "threshold", "reasons", "model_version"}
    assert signing_key(b"plain-text-of-16") == b"plain-text-of-16"


class Script:
    """A target that fails as often as it is told to."""

    name = "webhook"

    def __init__(self, *failures: Failed) -> None:
        self.failures = list(failures)
        self.told = 0

    def open(self) -> None: ...

    def takes(self, anomaly: Anomaly) -> bool:
        return True

    async def send(self, anomaly: Anomaly) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.told += 1

    async def close(self) -> None: ...


class Answer:
    score, threshold, model_version, contributions = 0.8, 0.6, "first", ()


class Scored:
    """As much of a scored order as is told of it."""

    def __init__(self, number: int) -> None:
        self.answer = Answer()
        self.masked = type("Masked", (), {"order_token": f"ord_k1_{number}"})


def outcomes(target: Script, orders: int, *, repeated: int = 1) -> tuple[dict[str, int], list[float]]:
    stream, waits = io.BytesIO(), list[float]()

    async def run() -> None:
        async def sleep(seconds: float) -> None:
            waits.append(seconds)

        logs = LogWriter("INFO", stream)
        telling = Telling([target], Deliveries(KEYRING, None), logs, sleep=sleep, chance=lambda: 0.5)
        for _ in range(repeated):
            for number in range(orders):
                await telling.tell("shopify", "5001", Scored(number))  # type: ignore[arg-type]
        await telling.start()
        await telling.stop()
        logs.flush(1.0)

    asyncio.run(run())
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert all((line["severity"] == "INFO") == (line["outcome"] == "told") for line in lines)
    return dict(Counter(line["outcome"] for line in lines if line["target"] == "webhook")), waits


def test_what_can_t_be_told_is_tried_again_with_growing_waits_and_then_given_up() -> None:
    assert outcomes(Script(Failed("HTTP 503"), Failed("HTTP 503")), 1) == ({"told": 1}, [1.0, 2.0])
    assert outcomes(Script(Failed("HTTP 429", wait_seconds=7.0)), 1) == ({"told": 1}, [7.0])
    told, waits = outcomes(Script(*(Failed("HTTP 503") for _ in range(9))), 1)
    assert (told, waits) == ({"given up": 1}, [1.0, 2.0, 4.0, 8.0]) and len(waits) == ATTEMPTS - 1
    assert outcomes(Script(Failed("HTTP 403", retry=False)), 1) == ({"given up": 1}, [])


def test_the_queue_is_bounded_and_each_order_is_told_once() -> None:
    target = Script()
    told, _ = outcomes(target, MOST_WAITING + 10, repeated=2)
    assert told == {"told": MOST_WAITING, "dropped": 10} and target.told == MOST_WAITING
