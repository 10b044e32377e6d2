"""Orders that take long leave everybody else their turn, over a real socket."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serving import NO_TLS, USUAL, WAIT_SECONDS, Service, serving


@pytest.fixture(scope="module")
def service(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    log = tmp_path_factory.mktemp("pauses") / "log"
    with serving(models_dir, log, LOG_LEVEL="WARNING", REQUEST_TIMEOUT_SECONDS=str(WAIT_SECONDS)) as running:
        yield running
        assert [line for line in running.log_lines() if line["severity"] == "ERROR"] == []


def with_categories(kind: str) -> dict[str, Any]:
    """An order of a thousand categories that are all looked at: nothing in them is personal, so none is let off."""
    usual = USUAL["items"][0]
    return {**USUAL, "items": [{**usual, "category": f"{kind}{place} {'at Weg, ' * 30}"} for place in range(1_000)]}


EARLIER = {"created_at": "2026-05-03T14:12:09+02:00"}
LONG: dict[str, tuple[str, list[Any]]] = {
    "single orders": ("/v1/score", [with_categories(kind) for kind in "abc"]),
    "batches": ("/v1/score/batch", [[with_categories(kind)] for kind in "def"]),
    "an order with a history": (
        "/v1/score",
        [{**USUAL, "history": [with_categories(kind) | EARLIER for kind in "ghij"]}],
    ),
}


@pytest.mark.parametrize("name", LONG)
def test_health_and_other_orders_are_answered_while_long_ones_are_at_work(service: Service, name: str) -> None:
    path, bodies = LONG[name]
    with (
        ThreadPoolExecutor(len(bodies)) as pool,
        httpx.Client(base_url=service.url, headers=service.headers, verify=NO_TLS) as client,
    ):
        long = [pool.submit(service.post, path, json.dumps(body).encode()) for body in bodies]
        answered = answered_until_done(client, long)
        assert [one.result().status_code for one in long] == [200] * len(long)
    assert answered >= 5


def answered_until_done(client: httpx.Client, long: list[Future[httpx.Response]]) -> int:
    """How often both a probe and an order were answered before the long ones were."""
    answered = 0
    while not all(one.done() for one in long):
        assert client.get("/healthz", timeout=WAIT_SECONDS).json() == {"status": "ok"}
        assert client.post("/v1/score", json=USUAL, timeout=WAIT_SECONDS).status_code == 200
        answered += not all(one.done() for one in long)
    return answered
