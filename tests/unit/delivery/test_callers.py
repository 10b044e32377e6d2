"""What real callers got, by revision: from a service's own metrics, and from Cloud Monitoring, which a server of the
test answers."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from app.metrics import Metrics
from delivery import tokens
from delivery.callers import Monitoring, OwnMetrics, counted
from delivery.comparing import Counts
from delivery.errors import DeliveryError
from infra.local.cloud import Cloud
from infra.local.home import Home
from tests.http_server import JsonHandler, listening


def test_a_services_own_metrics_are_read_for_its_scoring_routes_alone() -> None:
    metrics = Metrics()
    for route, status, seconds in (("/v1/score", "200", 0.002), ("/v1/score", "503", 0.3), ("/ready", "500", 9.0)):
        metrics.requests.labels(route, "POST", status).inc()
        metrics.seconds.labels(route).observe(seconds)
    metrics.orders.labels("/v1/score").inc(7)
    metrics.anomalies.inc(2)
    found = counted(metrics.text().decode())
    assert (found.requests, found.failed, found.orders, found.anomalies) == (2, 1, 7, 2)
    assert {bound: count for bound, count in found.seconds.items() if count} == {0.0025: 1, 0.5: 1}


class Instance(ThreadingHTTPServer):
    """An instance of the service, of which only the metrics are asked for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), OfInstance)
        self.metrics = Metrics()

    def answered(self, count: int) -> None:
        self.metrics.requests.labels("/v1/score", "POST", "200").inc(count)


class OfInstance(BaseHTTPRequestHandler):
    server: Instance

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.metrics.text())

    def log_message(self, *arguments: object) -> None:
        pass


def test_all_instances_of_a_revision_count_those_that_have_ended_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    running: dict[int, Instance] = {}

    def status(cloud: Cloud, request: object) -> dict[str, Any]:
        instances = [{"pid": pid, "port": one.server_address[1], "ready": True} for pid, one in running.items()]
        return {"services": [{"name": "scorer", "revisions": [{"name": "scorer-1", "instances": instances}]}]}

    monkeypatch.setattr("infra.local.supervisor.client.request", status)
    callers = OwnMetrics(Cloud(Home(tmp_path), "local"), "scorer")
    first, second = Instance(), Instance()
    with listening(first), listening(second):
        running |= {1: first}
        first.answered(5)
        callers.open()
        first.answered(10)
        running |= {2: second}
        second.answered(20)
        assert callers.counts("scorer-1").requests == 30
        del running[2]
        first.answered(1)
        assert callers.counts("scorer-1").requests == 31
        callers.close()
        first.answered(100)  # the example orders, between the windows
        callers.open()
        first.answered(2)
        assert callers.counts("scorer-1").requests == 33
        callers.close()


class Google(ThreadingHTTPServer):
    """Cloud Monitoring with a hundred requests a minute."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, str]] = []
        self.status = 200


class Handler(JsonHandler):
    server: Google

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        self.server.asked.append(query)
        if self.server.status != 200:
            return self.answer(self.server.status, {"error": {"message": "no"}})
        minutes = int(query["aggregation.alignmentPeriod"].rstrip("s")) // 60
        return self.answer(200, {"timeSeries": self._series(query["filter"], minutes)})

    def _series(self, wanted: str, minutes: int) -> list[dict[str, Any]]:
        def whole(value: int, **labels: str) -> dict[str, Any]:
            return {"metric": {"labels": labels}, "points": [{"value": {"int64Value": str(value * minutes)}}]}

        if "request_count" in wanted:
            return [whole(97, response_code_class="2xx"), whole(3, response_code_class="5xx")]
        if "request_latencies" in wanted:
            options = {"exponentialBuckets": {"numFiniteBuckets": 2, "growthFactor": 10.0, "scale": 1.0}}
            buckets = {"bucketOptions": options, "bucketCounts": ["0", str(90 * minutes), str(10 * minutes)]}
            return [{"points": [{"value": {"distributionValue": buckets}}]}]
        return [whole(50)] if "scored-orders" in wanted else []


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    monkeypatch.setattr(tokens, "access_token", lambda: "a token")
    server = Google()
    with listening(server):
        yield server


def monitoring(google: Google) -> Monitoring:
    address = f"http://127.0.0.1:{google.server_address[1]}"
    return Monitoring("p", "orderguard-prod-scorer", "orderguard-prod", address)


def at(monkeypatch: pytest.MonkeyPatch, moment: float) -> None:
    monkeypatch.setattr("time.time", lambda: moment)


def test_cloud_monitoring_is_asked_for_whole_minutes_between_the_example_orders(
    google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = monitoring(google)
    for opened, closed in ((1000.0, 1085.0), (1300.0, 1390.0)):  # one whole minute in each
        at(monkeypatch, opened)
        found.open()
        at(monkeypatch, closed)
        found.close()
    assert found.counts("a-00002") == Counts(200, 6, 100, 0, {0.001: 0, 0.01: 180, 0.1: 20})
    starts = {query["interval.startTime"] for query in google.asked}
    assert starts == {"1970-01-01T00:17:00Z", "1970-01-01T00:22:00Z"}
    assert all('revision_name = "a-00002"' in query["filter"] for query in google.asked)


def test_a_window_without_a_whole_minute_asks_nothing(google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    found = monitoring(google)
    at(monkeypatch, 1001.0)
    found.open()
    assert found.counts("a-00002") == Counts() and not google.asked


def test_a_refusal_is_an_error_and_a_metric_without_a_line_is_not(
    google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = monitoring(google)
    at(monkeypatch, 0.0)
    found.open()
    at(monkeypatch, 300.0)
    google.status = 404
    assert found.counts("a-00002") == Counts()
    google.status = 403
    with pytest.raises(DeliveryError, match="Cloud Monitoring answered 403"):
        found.counts("a-00002")
