"""Webhooks, against a real service that serves them alone: whose are taken, once each, and what becomes of the rest."""

import http.client
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.hooks.vendor import MAKERS, OLDER_SECRETS, SECRETS, VENDORS, Delivery, moment, shopify, stripe, woocommerce
from bench.redis_server import RedisServer
from tests.serving import NO_TLS, WAIT_SECONDS, Service, serving

NUMBERS = count(5_000_001)
ENVIRONMENT: dict[str, Any] = {
    f"HOOK_{vendor.upper()}_SECRET": f"{SECRETS[vendor]}\n{OLDER_SECRETS[vendor]}" for vendor in VENDORS
} | {
    "SERVE": "hooks",
    "API_KEY": "",
}


@pytest.fixture(scope="module")
def hooks(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(models_dir, tmp_path_factory.mktemp("hooks") / "log", **ENVIRONMENT) as service:
        yield service


def deliver(service: Service, delivery: Delivery, headers: dict[str, str] | None = None) -> httpx.Response:
    sent = delivery.signed() if headers is None else headers
    return httpx.post(
        service.url + delivery.path, content=delivery.body, headers=sent, timeout=WAIT_SECONDS, verify=NO_TLS
    )


def logged(service: Service, answer: httpx.Response, event: str) -> dict[str, Any]:
    """An answer's line of this kind. The log is written after the answer is sent."""

    def found() -> list[dict[str, Any]]:
        own = answer.headers["x-request-id"]
        return [line for line in service.log_lines() if line["event"] == event and line["request_id"] == own]

    line: dict[str, Any] = service.until(found, f"the {event} line")[0]
    return line


def outcome(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["outcome"])


def new(vendor: str, **changes: Any) -> Delivery:
    return MAKERS[vendor](next(NUMBERS), **changes)


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_signed_delivery_is_scored_once_however_often_it_comes(hooks: Service, vendor: str) -> None:
    delivery = new(vendor)
    assert outcome(deliver(hooks, delivery)) == "scored"
    assert [outcome(deliver(hooks, delivery)) for _ in range(2)] == ["duplicate"] * 2


@pytest.mark.parametrize("vendor", VENDORS)
def test_two_secrets_are_valid_while_one_is_rotated_and_no_third(hooks: Service, vendor: str) -> None:
    old = new(vendor)
    assert outcome(deliver(hooks, old, old.signed(OLDER_SECRETS[vendor]))) == "scored"
    assert outcome(deliver(hooks, old)) == "duplicate", "signed again with the other secret, it is the same delivery"
    other = new(vendor)
    assert deliver(hooks, other, other.signed("a-secret-that-is-nobody-s")).status_code == 401


def wrongly_signed(vendor: str) -> dict[str, tuple[Delivery, dict[str, str]]]:
    delivery, other = new(vendor), new(vendor)
    signed = delivery.signed()
    (name,) = set(signed) - set(delivery.headers)
    right = signed[name]
    without = {key: value for key, value in signed.items() if key != name}
    wrong = {
        "none": without,
        "empty": {**signed, name: ""},
        "of another body": {**signed, name: other.signed()[name]},
        "not of its form": {**signed, name: "Bearer 123"},
        "cut": {**signed, name: right[: len(right) // 2]},
        "very long": {**signed, name: right + "=" * 3_000},
        "of another vendor": {**without, "Stripe-Signature" if vendor != "stripe" else "X-WC-Webhook-Signature": right},
    }
    if vendor == "stripe":
        stamp, _, scheme = right.partition(",")
        wrong |= {
            "too old": delivery.signed(at=moment(days_ago=1).timestamp()),
            "of times to come": delivery.signed(at=moment(days_ago=-1).timestamp()),
            "under another time": {**signed, name: f"t={int(stamp[2:]) - 1},{scheme}"},
            "with two times": {**signed, name: f"{stamp},{right}"},
            "of another scheme alone": {**signed, name: right.replace("v1=", "v0=")},
        }
    return {what: (delivery, headers) for what, headers in wrong.items()}


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_is_not_signed_well_is_a_401_and_is_not_taken_for_a_delivery(hooks: Service, vendor: str) -> None:
    for what, (delivery, headers) in wrongly_signed(vendor).items():
        answer = deliver(hooks, delivery, headers)
        assert answer.status_code == 401, what
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert outcome(deliver(hooks, delivery)) == "scored", "and it is still new"


def test_a_body_that_was_changed_on_the_way_is_refused(hooks: Service) -> None:
    delivery = new("shopify")
    changed = Delivery("shopify", delivery.body.replace(b"37.99", b"00.01"), delivery.headers)
    assert deliver(hooks, changed, delivery.signed()).status_code == 401


def test_stripe_may_sign_for_several_secrets_at_once(hooks: Service) -> None:
    delivery = new("stripe")
    signed = delivery.signed("a-secret-that-is-nobody-s", also=(SECRETS["stripe"],))
    assert outcome(deliver(hooks, delivery, signed)) == "scored"


@pytest.mark.parametrize("vendor", ("shopify", "woocommerce"))
def test_a_replay_under_another_name_has_no_effect(hooks: Service, vendor: str) -> None:
    """Nothing but the body is signed: whoever has seen a delivery can give it another id."""
    delivery = new(vendor)
    assert outcome(deliver(hooks, delivery)) == "scored"
    name = "X-Shopify-Webhook-Id" if vendor == "shopify" else "X-WC-Webhook-Delivery-ID"
    renamed = {**delivery.signed(), name: "another", "X-Shopify-Event-Id": "another"}
    assert outcome(deliver(hooks, delivery, renamed)) == "duplicate"


@pytest.mark.parametrize("vendor", ("shopify", "woocommerce"))
def test_what_is_older_than_deliveries_are_remembered_is_not_taken(hooks: Service, vendor: str) -> None:
    long_ago = moment(days_ago=8).replace(tzinfo=None).isoformat()
    changed = {"updated_at": f"{long_ago}Z"} if vendor == "shopify" else {"date_modified_gmt": long_ago}
    assert outcome(deliver(hooks, new(vendor, **changed))) == "too old"


def test_an_event_that_two_subscriptions_bring_is_one(hooks: Service) -> None:
    number = next(NUMBERS)
    first, second = shopify(number), shopify(number, note="a subscription with more fields")
    second.headers["X-Shopify-Webhook-Id"] = "another"
    assert [outcome(deliver(hooks, one)) for one in (first, second)] == ["scored", "duplicate"]


def test_two_orders_of_one_second_are_two_though_woocommerce_calls_them_one(hooks: Service) -> None:
    first, second = new("woocommerce"), new("woocommerce")
    assert first.headers == second.headers
    assert [outcome(deliver(hooks, one)) for one in (first, second)] == ["scored", "scored"]


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_comes_many_times_at_once_is_scored_once(hooks: Service, vendor: str) -> None:
    delivery = new(vendor)
    headers = delivery.signed()
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: outcome(deliver(hooks, delivery, headers)), range(12)))
    assert Counter(answers) == {"scored": 1, "duplicate": 11}


def test_instances_share_what_they_have_seen(models_dir: Path, tmp_path: Path, redis_server: RedisServer) -> None:
    shared = {**ENVIRONMENT, "HISTORY_URL": redis_server.url, "HISTORY_PASSWORD": redis_server.password}
    shared["HOOK_STRIPE_SECRET"] = ""
    with (
        serving(models_dir, tmp_path / "one", **shared) as one,
        serving(models_dir, tmp_path / "two", **shared) as two,
    ):
        for vendor in ("shopify", "woocommerce"):
            delivery = new(vendor)
            assert [outcome(deliver(service, delivery)) for service in (one, two)] == ["scored", "duplicate"]
        assert deliver(one, new("stripe")).status_code == 404, "a vendor without a secret is not served"
        delivery = new("shopify")
        headers = delivery.signed()
        with ThreadPoolExecutor(8) as pool:
            services = [one, two] * 4
            answers = list(pool.map(lambda service: deliver(service, delivery, headers), services))
        outcomes = Counter(answer.json().get("outcome", answer.status_code) for answer in answers)
        assert outcomes["scored"] == 1 and set(outcomes) <= {"scored", "duplicate", 409}
        assert outcome(deliver(two, delivery)) == "duplicate"


NOT_ORDERS = [
    shopify(1, topic="products/update"),
    shopify(2, topic="orders/delete"),
    shopify(3, topic="orders/risk_assessment_changed"),
    woocommerce(4, topic="order.deleted"),
    woocommerce(5, topic="product.updated"),
    stripe(6, topic="charge.dispute.created"),
    stripe(7, topic="customer.created", object="customer"),
    Delivery(
        "stripe", b'{"id": "evt_1", "object": "v2.core.event", "type": "v1.billing.meter.error_report_triggered"}'
    ),
]


@pytest.mark.parametrize("delivery", NOT_ORDERS, ids=lambda one: f"{one.vendor} {one.body[:12]!r}")
def test_what_is_about_no_order_is_acknowledged_and_passed_over(hooks: Service, delivery: Delivery) -> None:
    delivery.headers.setdefault("Content-Type", "application/json")
    assert outcome(deliver(hooks, delivery)) == "ignored"


APART = [
    (shopify(21, cancelled_at=moment().isoformat()), "cancellation"),
    (shopify(22, test=True), "test order"),
    (woocommerce(23, status="cancelled"), "cancellation"),
    (woocommerce(24, status="refunded"), "refund"),
    (stripe(25, refunded=True, amount_refunded=3_799, topic="charge.refunded"), "refund"),
    (stripe(26, livemode=False), "test order"),
]


@pytest.mark.parametrize(("delivery", "kind"), APART, ids=lambda one: one if isinstance(one, str) else one.vendor)
def test_what_is_no_order_to_score_is_set_apart(hooks: Service, delivery: Delivery, kind: str) -> None:
    assert deliver(hooks, delivery).json() == {"outcome": "apart", "reason": kind}


def test_woocommerce_s_ping_is_answered_with_200_and_nothing_like_it_is(hooks: Service) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert outcome(deliver(hooks, Delivery("woocommerce", b"webhook_id=12"), form)) == "ping"
    for body in (b"webhook_id=12&order=1", b"webhook_id=", b"{}", b""):
        assert deliver(hooks, Delivery("woocommerce", body), form).status_code == 401, body
    assert deliver(hooks, Delivery("shopify", b"webhook_id=12"), form).status_code == 415


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"{}", b'"\\ud800"', b"[" * 9_000])
def test_a_signed_body_that_can_t_be_used_is_acknowledged(hooks: Service, vendor: str, body: bytes) -> None:
    """It would be the same the next time, and a vendor drops a webhook that fails too often."""
    delivery = Delivery(vendor, body, new(vendor).headers)
    assert outcome(deliver(hooks, delivery)) in ("unusable", "ignored", "duplicate")


def test_what_is_too_large_is_not_read(hooks: Service) -> None:
    delivery = Delivery("shopify", b" " * 3_000_000, new("shopify").headers)
    assert deliver(hooks, delivery).status_code == 413
    connection = http.client.HTTPConnection("127.0.0.1", hooks.port, timeout=WAIT_SECONDS)
    connection.putrequest("POST", delivery.path)
    for name, value in {**delivery.signed(), "Content-Length": "3000000"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 413, "before a byte of it was sent"
    connection.close()


def test_nothing_else_is_served(hooks: Service) -> None:
    paths = ["/", "/docs", "/openapi.json", "/metrics", "/door", "/static/page.js", "/v1/model", "/v1/hooks/"]
    paths += ["/v1/hooks/ebay", "/v1/example", "/health", "/ready", "//v1/hooks/shopify", "/v1/hooks/shopify/"]
    assert {path: hooks.get(path).status_code for path in paths} == dict.fromkeys(paths, 404)
    for path in ("/v1/score", "/v1/score/batch", "/v1/score/stream", "/v1/forget", "/v1/ask", "/v1/door"):
        assert hooks.post(path, {}).status_code == 404, path
    assert hooks.get("/healthz").status_code == hooks.get("/readyz").status_code == 200
    assert hooks.get("/v1/hooks/shopify").status_code == 405


def test_an_anomaly_is_scored_as_any_other_and_a_repaired_order_too(hooks: Service) -> None:
    odd = new("shopify", currency="eur", line_items=[{"sku": "CLO-0015", "quantity": 40_000, "price": "9999.00"}])
    answer = deliver(hooks, odd)
    assert outcome(answer) == "scored"
    assert logged(hooks, answer, "score")["anomaly"]


def test_the_log_says_what_became_of_each_and_nothing_of_anybody(hooks: Service) -> None:
    sent = new("shopify")
    answer = deliver(hooks, sent)
    assert logged(hooks, deliver(hooks, sent, sent.headers), "hook")["severity"] == "WARNING"
    outcomes = {line["outcome"] for line in hooks.log_lines() if line["event"] == "hook"}
    assert outcomes >= {"scored", "refused", "ignored", "apart"}
    assert "httpRequest" not in logged(hooks, answer, "score"), "the line of the delivery has it"
    told = logged(hooks, answer, "hook")
    assert (told["vendor"], told["outcome"]) == ("shopify", "scored")
    assert told["httpRequest"]["requestUrl"] == "/v1/hooks/shopify"
    written = hooks.log.read_text()
    assert "Traceback" not in written and '"severity":"ERROR"' not in written
    for word in ("Mustermann", "example.org", "mugs.myshopify", str(json.loads(sent.body)["id"])):
        assert word not in written
    for secret in (*SECRETS.values(), *OLDER_SECRETS.values(), sent.signed()["X-Shopify-Hmac-Sha256"]):
        assert secret not in written
