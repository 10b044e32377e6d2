"""The demonstration's parts: callers that note who answered, and what is shown of long commands.

The whole of it is `make demo`; each of its acts has a test of its own elsewhere.
"""

import json
import time
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from delivery.demo import arrival, telling
from delivery.demo.arrival import trained
from delivery.demo.shoppers import Seen, Shoppers
from delivery.errors import DeliveryError
from infra.local import clock
from infra.local.cloud import Cloud
from infra.local.home import Home
from infra.local.job_executions import FAILED, SUCCEEDED, Kept
from tests.http_server import JsonHandler, listening


class Service(JsonHandler):
    """Scores orders as model `new`, and fails those without items."""

    def do_POST(self) -> None:
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["X-API-Key"] != "key" or not order["items"]:
            return self.answer(500, {})
        return self.answer(200, {"model_version": "new", "anomaly": order["items"] == ["odd"]})


def test_callers_note_what_each_model_answers() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    orders: list[dict[str, Any]] = [{"items": ["odd"]}, {"items": ["usual"]}, {"items": []}]
    with listening(server):
        url = f"http://127.0.0.1:{server.server_address[1]}"
        with Shoppers(url, {"X-API-Key": "key"}, orders, count=3) as shoppers:
            while len(shoppers.seen) < 30:
                assert shoppers.is_alive()
    told = shoppers.by_model(0.0)
    assert shoppers.failed() == told[""].failed == told[""].answers == sum(one.status == 500 for one in shoppers.seen)
    assert told["new"].failed == 0 and 0 < told["new"].anomalies < told["new"].answers
    assert 0.0 < told["new"].median <= told["new"].slowest
    assert shoppers.by_model(time.monotonic()) == {}


def test_percentiles_are_of_the_answers_in_order() -> None:
    shoppers = Shoppers("", {}, [])
    shoppers.seen += [Seen(1.0, number / 1000.0, 200, "one", number > 90) for number in range(100, 0, -1)]
    told = shoppers.by_model(0.0)["one"]
    assert (told.answers, told.anomalies, told.median, told.slowest) == (100, 10, 51.0, 100.0)


def test_of_a_long_command_the_steps_are_shown_without_their_figures(capsys: pytest.CaptureFixture[str]) -> None:
    with telling.steps():
        print("+  gcp:storage:Bucket raw created")
        print("==> canary: 10 % of the traffic\n==> callers: decided by callers; 5xx: 0 of 12", end="\n")
        print("==> not whole yet", end="")
    assert capsys.readouterr().out == "   · canary: 10 % of the traffic\n   · callers: decided by callers\n"


def test_a_table_is_as_wide_as_its_cells(capsys: pytest.CaptureFixture[str]) -> None:
    telling.table(("model", "orders"), [("a-long-name", "7")])
    assert capsys.readouterr().out == "     model         orders\n     a-long-name        7\n"


@pytest.mark.parametrize("state", [SUCCEEDED, FAILED])
def test_a_training_is_seen_to_its_end(state: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is moved on until one starts."""
    cloud = Cloud(Home(tmp_path), "test")
    begun: list[Kept] = []

    def sleep(seconds: float) -> None:
        if seconds == arrival.MOVES_EVERY and clock.clock(cloud).ahead.total_seconds() > 1000:
            begun.append(Kept(cloud, "trainer", 1, "a trigger"))
        elif begun:
            begun[0].execution.state = state
            begun[0].save()

    monkeypatch.setattr("delivery.demo.arrival.time.sleep", sleep)
    if state == SUCCEEDED:
        assert trained(cloud, "trainer", "11m").state == SUCCEEDED
    else:
        with pytest.raises(DeliveryError, match="failed: 0 of 1 tasks; its log: "):
            trained(cloud, "trainer", "11m")
    assert clock.clock(cloud).ahead.total_seconds() >= 2 * 660


def test_one_that_never_starts_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival, "STARTS_WITHIN", 0.0)
    with pytest.raises(DeliveryError, match="no execution of trainer has started within 0 s"):
        trained(Cloud(Home(tmp_path), "test"), "trainer", "11m")
