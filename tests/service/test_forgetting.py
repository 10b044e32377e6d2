"""A customer who asks to be forgotten, in a running service: in its memory, and in a store that others share."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.redis_server import RedisServer
from tests.serving import USUAL, Service, serving

WHO = "Żaneta-canary-77"
ENTITIES = 3
"""The device, the network and the e-mail that these orders share."""


def order(number: int, customer: str) -> dict[str, Any]:
    return {
        **USUAL,
        "order_id": f"F-{number}",
        "created_at": f"2026-05-{number:02}T10:00:00Z",
        "customer": {"id": customer, "email": "shared@example.org"},
        "device": {"id": "one-device", "ip": "203.0.113.7"},
    }


@pytest.fixture(scope="module", params=["memory", "redis"])
def service(
    request: pytest.FixtureRequest,
    models_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
    redis_server: RedisServer,
) -> Iterator[Service]:
    url, log = {"memory": "memory:", "redis": redis_server.url}[request.param], tmp_path_factory.mktemp("forgetting")
    with serving(
        models_dir,
        log / "log",
        HISTORY_URL=url,
        HISTORY_PASSWORD=redis_server.password,
        ALERTS_URL=f"sqlite:{log / 'alerts.db'}",
        LOG_LEVEL="debug",
    ) as running:
        yield running


def test_a_customer_is_forgotten_and_nobody_else(service: Service) -> None:
    """Also what the customer's orders left in the records of what customers share."""
    for number in range(1, 5):
        service.score(order(number, WHO))
        service.score(order(number + 10, "C-other"))
    assert service.score(order(20, WHO))["history"] == "used"
    answer = service.post("/v1/forget", {"customer": f" {WHO} "})
    done = answer.json()
    assert answer.status_code == 200 and done["customers"] == 1 and done["entities"] == ENTITIES
    assert done["everywhere"] is (done["store"] != "memory")
    assert service.score(order(21, WHO))["history"] == "absent"
    assert service.score(order(22, "C-other"))["history"] == "used"
    again = service.post("/v1/forget", {"customer": WHO}).json()
    assert again["customers"] == 1, "the order that came after is a new beginning, and goes again"
    for secret in (WHO, json.dumps(WHO)[1:-1], "canary-77"):
        assert secret not in answer.text and secret not in service.log.read_text()


def test_alerts_notes_and_outcomes_of_a_customer_are_deleted_and_nobody_elses(service: Service) -> None:
    odd = {"items": [{**USUAL["items"][0], "quantity": 40_000, "unit_price": 9_999.0}]}
    for number, customer in ((31, WHO), (32, WHO), (33, "C-other")):
        assert service.score({**order(1, customer), "order_id": f"G-{number}", **odd})["alert"] == "kept"
    told = [
        {"order_id": name, "outcome": "fraud", "time": "2026-06-01T00:00:00Z", "source": "bank", **whose}
        for name, whose in (("G-31", {}), ("stranger", {"customer": WHO}), ("nobody's", {}))
    ]
    assert service.post("/v1/outcomes", told).json()["new"] == 3
    done = service.post("/v1/forget", {"customer": WHO, "orders": ["nobody's"]}).json()
    assert (done["alerts"], done["outcomes"]) == (2, 3)
    left = service.get("/v1/alerts?state=all").json()["alerts"]
    assert [alert["order_id"] for alert in left] == ["G-33"]
    assert service.post("/v1/forget", {"customer": "C-other"}).json()["alerts"] == 1


def test_what_is_no_customer_and_who_has_no_key_is_refused(service: Service) -> None:
    bodies: list[Any] = [{}, {"customer": ""}, {"customer": 7}, [], b"{", {"customer": "C-1", "other": 1}]
    for body in bodies:
        answer = service.post("/v1/forget", body)
        assert answer.status_code == 400 and "customer" in answer.text, body
    assert service.post("/v1/forget", {"customer": "C-1"}, **{"X-API-Key": "wrong"}).status_code == 401
    assert service.get("/v1/forget").status_code == 405
