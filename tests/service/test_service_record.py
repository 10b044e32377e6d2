"""Looking is not counting: what a request with `record=false` leaves behind."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serving import NO_TLS, ODD, USUAL, Service, serving

NDJSON = {"Content-Type": "application/x-ndjson"}
COUNTED = re.compile(
    r"^orderguard_(orders_scored|orders_invalid|anomalies|score|history|shadow)\w*(\{.*\})? (?!0\.0$).*$", re.MULTILINE
)


@pytest.fixture(scope="module")
def service(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(models_dir, tmp_path_factory.mktemp("record") / "log", SHADOW_MODEL_VERSION="first") as running:
        running.until(lambda: running.get("/v1/model").json()["shadow_version"], "the challenger")
        yield running


def burst(customer: str, count: int = 30) -> list[dict[str, Any]]:
    """Orders of one customer within half an hour: each sees those before it."""
    return [
        {
            **USUAL,
            "order_id": f"{customer}-{place}",
            "created_at": f"2026-05-04T14:{place:02}:09+02:00",
            "customer": {"id": customer},
            "device": {"id": f"device-of-{customer}", "ip": "198.51.100.7"},
        }
        for place in range(count)
    ]


def sent(service: Service, route: str, orders: list[dict[str, Any]], query: str = "") -> list[dict[str, Any]]:
    """The answers for orders, by one of the three routes."""
    if route == "stream":
        body = b"\n".join(json.dumps(order).encode() for order in orders)
        answer = service.post(f"/v1/score/stream{query}", body, **NDJSON)
        return [json.loads(line) for line in answer.text.splitlines()]
    if route == "batch":
        results: list[dict[str, Any]] = service.post(f"/v1/score/batch{query}", orders).json()["results"]
        return results
    answers = [service.post(f"/v1/score{query}", order).json() for order in orders]
    return [{name: value for name, value in answer.items() if name != "instance"} for answer in answers]


def trace(service: Service) -> tuple[Any, ...]:
    """What counting changes."""
    metrics = service.get("/metrics").text
    scored = [line for line in service.log_lines() if line["event"] in ("score", "shadow")]
    return service.get("/v1/drift").json()["rows"], COUNTED.findall(metrics), len(scored)


def said(line: dict[str, Any], path: str) -> bool:
    return bool(line["event"] == "request" and line["httpRequest"]["requestUrl"] == path and line.get("orders"))


@pytest.mark.parametrize("route", ["score", "batch", "stream"])
def test_looking_leaves_no_trace_and_looking_again_gives_the_same(service: Service, route: str) -> None:
    orders = [*burst(f"L-{route}"), {**ODD, "customer": {"id": f"L-{route}"}}, {"order_id": 5}]
    before = trace(service)
    first = sent(service, route, orders, "?record=false")
    assert any(answer.get("anomaly") for answer in first)
    assert sent(service, route, orders, "?record=false") == first
    path = "/v1/score" if route == "score" else f"/v1/score/{route}"
    service.until(lambda: [line for line in service.log_lines() if said(line, path)], "the line of the request itself")
    assert trace(service) == before


@pytest.mark.parametrize("route", ["batch", "stream"])
def test_orders_that_are_looked_at_together_see_each_other_as_counted_ones_do(service: Service, route: str) -> None:
    orders = burst(f"T-{route}")
    looked_at = sent(service, route, orders, "?record=false")
    assert [answer["history"] for answer in looked_at[:3]] == ["absent", "used", "used"]
    assert sent(service, route, orders) == looked_at
    assert sent(service, route, orders, "?record=true") == looked_at, "an order that was counted is counted once"


def test_what_was_counted_is_seen_by_who_looks(service: Service) -> None:
    orders = burst("S-1", 4)
    sent(service, "score", orders[:3])
    (answer,) = sent(service, "score", orders[3:], "?record=false")
    assert answer["history"] == "used"


@pytest.mark.parametrize(
    "query", ["?record=no", "?record=", "?record", "?record=False", "?record=0", "?record=false&record=false"]
)
@pytest.mark.parametrize("path", ["/v1/score", "/v1/score/batch", "/v1/score/stream"])
def test_any_other_word_is_refused_with_the_name_of_the_parameter(service: Service, path: str, query: str) -> None:
    headers = NDJSON if path.endswith("stream") else {}
    answer = service.post(path + query, b"[]", **headers)
    assert (answer.status_code, answer.json()["type"]) == (400, "/docs#problem-invalid-request")
    assert [error["field"] for error in answer.json()["errors"]] == ["record"]


def test_other_parameters_are_left_alone(service: Service) -> None:
    assert service.post("/v1/score?x=1&records=no&%FF=%FF&record=%66alse", USUAL).status_code == 200


def test_the_document_tells_of_it(service: Service) -> None:
    paths = httpx.get(f"{service.url}/openapi.json", verify=NO_TLS).json()["paths"]
    for path in ("/v1/score", "/v1/score/batch", "/v1/score/stream"):
        parameter, source = paths[path]["post"]["parameters"]
        assert source["name"] == "source" and "shopify" in source["schema"]["enum"]
        assert (parameter["name"], parameter["in"]) == ("record", "query")
        assert parameter["schema"] == {"type": "boolean", "default": True}
