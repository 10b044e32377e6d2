"""A deployment sends a canary first, checks through the real URL, and goes back where the service is not well."""

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from delivery import deploy as deploying
from delivery.deploy import check, deploy
from delivery.errors import DeliveryError
from delivery.models import Record
from delivery.stack import Stack

DIGEST = "sha256:" + "a" * 64


class Service(ThreadingHTTPServer):
    """A service that is ready with one version, or not ready with one that is broken."""

    version: str = ""
    broken: str = "broken"
    scored: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        ready = self.server.version not in ("", self.server.broken)
        self._answer(200 if ready else 503, {"model_version": self.server.version, "detail": "damaged model"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.scored += self.headers["X-API-Key"] == "k"
        self._answer(200, {"score": 0.5})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass(frozen=True)
class FakeStack(Stack):
    """A stack whose engine is a list; `up` changes what the service serves."""

    service: Service = field(kw_only=True)
    ups: list[dict[str, str]] = field(default_factory=list, kw_only=True)
    known: dict[str, Any] = field(default_factory=dict, kw_only=True)

    def up(self, overrides: Mapping[str, str], message: str) -> str:
        self.ups.append(dict(overrides))
        self.service.version = overrides["modelVersion"]
        self.known.update(
            model_version=overrides["modelVersion"], image=f"r/scorer@{overrides.get('imageDigest', DIGEST)}"
        )
        self.known.update(url=self.service.url, revision=f"r-{len(self.ups)}", trainer_image=f"r/trainer@{DIGEST}")
        return ""

    def outputs(self) -> dict[str, Any]:
        return dict(self.known)


@pytest.fixture
def stack(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    monkeypatch.setattr(deploying, "REPORT", tmp_path / "deployment.json")
    monkeypatch.setattr(deploying, "history_folder", lambda: tmp_path / "deployments")
    monkeypatch.setattr(deploying, "READY_WITHIN_SECONDS", 0.0)
    return FakeStack("staging", {}, service=service)


def record(version: str) -> Record:
    return Record(version, "c" * 40, "0" * 64)


def test_a_first_deployment_has_no_canary_and_is_recorded(stack: FakeStack, tmp_path: Path) -> None:
    done = deploy(stack, record("v1"), DIGEST, DIGEST)
    assert stack.ups == [{"modelVersion": "v1", "imageDigest": DIGEST, "trainerImageDigest": DIGEST}]
    assert done.model_version == "v1" and done.outcome == "deployed"
    assert json.loads((tmp_path / "deployment.json").read_text())["image"] == f"r/scorer@{DIGEST}"
    assert len(list((tmp_path / "deployments").iterdir())) == 1


def test_the_next_deployment_sends_a_canary_first(stack: FakeStack) -> None:
    deploy(stack, record("v1"), None, None)
    deploy(stack, record("v2"), None, None)
    assert stack.ups[1:] == [
        {"modelVersion": "v2", "canaryPercent": "10", "stableRevision": "r-1"},
        {"modelVersion": "v2"},
    ]


def test_a_canary_that_is_not_well_is_taken_back(stack: FakeStack) -> None:
    deploy(stack, record("v1"), DIGEST, DIGEST)
    with pytest.raises(DeliveryError, match="serves what it served before"):
        deploy(stack, record("broken"), DIGEST, DIGEST)
    assert stack.ups[-1] == {"modelVersion": "v1", "imageDigest": DIGEST, "trainerImageDigest": DIGEST}
    assert stack.service.version == "v1"


def test_a_first_deployment_that_fails_says_that_there_is_nothing_to_go_back_to(stack: FakeStack) -> None:
    with pytest.raises(DeliveryError, match="nothing to go back to"):
        deploy(stack, record("broken"), None, None)


def test_the_check_scores_orders_where_a_key_is_at_hand(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploying.secretmanager, "value", lambda cloud, secret, version: "k,an older one")
    stack.service.version = "v1"
    stack.known.update(url=stack.service.url, api_key_secret="api-key")
    check(stack, "v1")
    assert stack.service.scored == deploying.CHECKS


def test_the_check_names_the_version_that_it_waited_for(stack: FakeStack) -> None:
    stack.service.version = "v1"
    stack.known["url"] = stack.service.url
    with pytest.raises(DeliveryError, match="did not answer with model version v2"):
        check(stack, "v2")


@pytest.mark.parametrize(
    ("account", "wanted"),
    [
        (
            "deploy@p.iam.gserviceaccount.com",
            [
                "--impersonate-service-account=deploy@p.iam.gserviceaccount.com",
                "--audiences=https://d",
                "--include-email",
            ],
        ),
        ("somebody@example.com", []),
    ],
)
def test_on_google_cloud_callers_reach_the_public_address_as_who_they_are(
    service: Service, monkeypatch: pytest.MonkeyPatch, account: str, wanted: list[str]
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str]) -> str:
        asked.append(command)
        return account if "config" in command else "token\n"

    monkeypatch.setattr(deploying, "run", run)
    on_google = FakeStack("prod", {"PULUMI_BACKEND_URL": "gs://state"}, service=service)
    outputs = {"url": service.url, "public_url": "https://d"}
    assert deploying._address(on_google, outputs) == "https://d"
    assert deploying._headers(on_google, outputs) == {"Authorization": "Bearer token"}
    assert asked[-1] == ["gcloud", "auth", "print-identity-token", *wanted]


def test_what_a_part_of_a_stack_left_unknown_is_no_output(monkeypatch: pytest.MonkeyPatch) -> None:
    from pulumi.runtime.rpc import UNKNOWN

    monkeypatch.setattr(Stack, "_engine", lambda *_: json.dumps({"registry": "r", "revision": UNKNOWN}))
    assert Stack("prod").outputs() == {"registry": "r"}
