"""Forgetting a customer in what a stack keeps: the service is asked in a body, and what was not reached is said."""

import json
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from delivery import forgetting
from delivery.errors import DeliveryError
from delivery.forgetting import forget
from delivery.stack import Stack
from tests.unit.delivery.conftest import CLOUD, Recorder
from tests.http_server import JsonHandler, listening

WHO = "C-who"
DONE = {"store": "redis", "customers": 1, "entities": 4, "everywhere": True}


class Service(ThreadingHTTPServer):
    """A service that answers as it is told, and keeps what it was asked."""

    status = 200
    answer: dict[str, Any] = DONE

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.asked: list[tuple[str, Any, str | None]] = []


class Handler(JsonHandler):
    server: Service

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, body, self.headers["X-API-Key"]))
        self.answer(self.server.status, self.server.answer)


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service(("127.0.0.1", 0), Handler)
    with listening(server):
        yield server


def stack(
    monkeypatch: pytest.MonkeyPatch, service: Service | None, environment: dict[str, str], **outputs: str
) -> Stack:
    url = f"http://127.0.0.1:{service.server_address[1]}" if service else ""
    known = {"url": url, "public_url": url, "masking_key_secret": "masking-key", **outputs}
    monkeypatch.setattr(Stack, "outputs", lambda _: known)
    monkeypatch.setattr("delivery.forgetting.secretmanager.value", lambda cloud, secret, version: "k1:the-stacks-own")
    return Stack("staging", {"CUSTOMER": WHO, "API_KEY": "a key", **environment})


def test_here_service_and_bucket_forget_and_no_argument_names_the_customer(
    service: Service, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(forgetting, "follow", recorder)
    here = stack(monkeypatch, service, {"LOCAL_CLOUD_HOME": str(tmp_path)}, histories_bucket="b")
    (line,) = forget(here)
    assert service.asked == [("/v1/forget", {"customer": WHO}, "a key")]
    assert "store redis: 1 records" in line and "4 records of devices" in line and "Not reached" not in line
    (command,) = recorder.commands
    assert "-m ml.forget --keep-orders" in command and "buckets/b" in command
    assert WHO not in command and "the-stacks-own" not in command and WHO not in line


def test_what_is_not_reached_is_said(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delivery.forgetting.caller_headers", lambda *_: {})
    service.answer = {**DONE, "store": "memory", "everywhere": False}
    lines = forget(stack(monkeypatch, service, CLOUD))
    assert "other instances" in lines[0] and "Not reached: raw orders" in lines[1]
    (line,) = forget(stack(monkeypatch, None, {}))
    assert line.startswith("Not reached: no stack staging is up")


@pytest.mark.parametrize(("status", "hint"), [(401, "API_KEY"), (503, "does not answer"), (404, "404")])
def test_a_service_that_has_not_forgotten_stops_it_before_anything_else(
    service: Service, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, status: int, hint: str
) -> None:
    """Raw orders go last: it can be run again."""
    monkeypatch.setattr(forgetting, "follow", recorder)
    service.status, service.answer = status, {"detail": "the store of histories does not answer"}
    with pytest.raises(DeliveryError, match=hint):
        forget(stack(monkeypatch, service, {}, histories_bucket="b"))
    assert recorder.commands == []
    with pytest.raises(DeliveryError, match="CUSTOMER="):
        forget(Stack("staging", {}))
