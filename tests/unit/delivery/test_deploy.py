"""A deployment sends a canary first, checks through the real URL, and goes back where the service is not well."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from delivery import deploy as deploying
from delivery.deploy import check, deploy
from delivery.errors import DeliveryError
from delivery.models import Record
from delivery.stack import Stack
from tests.unit.delivery.json_service import JsonHandler, serving

DIGEST = "sha256:" + "a" * 64


class Service(ThreadingHTTPServer):
    """A service that is ready with one version, or not ready with one that is broken."""

    version: str = ""
    broken: tuple[str, ...] = ("broken",)
    scored: int = 0

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.asked: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(JsonHandler):
    server: Service

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers["Authorization"] or ""))
        ready = self.server.version not in ("", *self.server.broken)
        self.answer(200 if ready else 503, {"model_version": self.server.version, "reason": "damaged model"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith(":generateIdToken"):
            self.server.asked.append((self.path, self.headers["Authorization"]))
            return self.answer(200, {"token": "an identity token"})
        self.server.scored += self.headers["X-API-Key"] == "k"
        return self.answer(200, {"score": 0.5})


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service(("127.0.0.1", 0), Handler)
    with serving(server):
        yield server


@dataclass(frozen=True)
class FakeStack(Stack):
    """A stack whose engine is a list; `up` changes what the service serves."""

    service: Service = field(kw_only=True)
    ups: list[Any] = field(default_factory=list, kw_only=True)
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
    monkeypatch.setattr(deploying, "REPORTS", tmp_path)
    monkeypatch.setattr(deploying, "history_folder", lambda: tmp_path / "deployments")
    monkeypatch.setattr(deploying, "READY_WITHIN_SECONDS", 0.0)
    monkeypatch.setattr(deploying, "WELL_WITHIN_SECONDS", 0.0)
    return FakeStack("staging", {}, service=service)


def record(version: str) -> Record:
    return Record(version, "c" * 40, "0" * 64)


def test_a_first_deployment_has_no_canary_and_is_recorded(stack: FakeStack, tmp_path: Path) -> None:
    done = deploy(stack, record("v1"), DIGEST, DIGEST)
    assert stack.ups == [{"modelVersion": "v1", "imageDigest": DIGEST, "trainerImageDigest": DIGEST}]
    assert done.model_version == "v1" and done.outcome == "deployed"
    assert json.loads((tmp_path / "deployment-staging.json").read_text())["image"] == f"r/scorer@{DIGEST}"
    assert len(list((tmp_path / "deployments").iterdir())) == 1


def test_the_next_deployment_sends_a_canary_first_once_its_histories_are_seeded(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploying, "seed", lambda stack: stack.ups.append("seeded") or "seeded")
    deploy(stack, record("v1"), None, None)
    deploy(stack, record("v2"), None, None)
    beside = {"modelVersion": "v2", "stableRevision": "r-1"}
    assert stack.ups == [
        {"modelVersion": "v1"},
        "seeded",
        {**beside, "canaryPercent": "0"},
        "seeded",
        {**beside, "canaryPercent": "10"},
        {"modelVersion": "v2"},
    ]


def test_a_seed_that_is_refused_stops_a_deployment_before_it_has_traffic(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(stack: Stack) -> str:
        raise DeliveryError("the seed is of another key")

    deploy(stack, record("v1"), DIGEST, DIGEST)
    monkeypatch.setattr(deploying, "seed", refuse)
    with pytest.raises(DeliveryError, match=r"(?s)serves what it served before.*of another key"):
        deploy(stack, record("v2"), DIGEST, DIGEST)
    assert [up.get("canaryPercent") for up in stack.ups] == [None, "0", None], "going back is the last"


def test_a_repair_is_not_held_up_by_the_revision_that_it_repairs(stack: FakeStack) -> None:
    deploy(stack, record("v1"), None, None)
    stack.service.broken = ("v1",)
    assert deploy(stack, record("v2"), None, None).outcome == "deployed"
    assert stack.ups[1:] == [{"modelVersion": "v2"}], "nine in ten requests of a canary would fail"


def test_a_canary_that_is_not_well_is_taken_back(stack: FakeStack) -> None:
    deploy(stack, record("v1"), DIGEST, DIGEST)
    with pytest.raises(DeliveryError, match="serves what it served before"):
        deploy(stack, record("broken"), DIGEST, DIGEST)
    images = {"imageDigest": DIGEST, "trainerImageDigest": DIGEST}
    assert (
        stack.ups[-1] == {"modelVersion": "v1", "modelSource": "bucket"} | images
    ), "its files are not on this machine"
    assert stack.service.version == "v1"


def test_how_a_deployment_ended_is_recorded_either_way(stack: FakeStack, tmp_path: Path) -> None:
    deploy(stack, record("v1"), DIGEST, DIGEST)
    with pytest.raises(DeliveryError):
        deploy(stack, record("broken"), DIGEST, DIGEST)
    kept = json.loads((tmp_path / "deployment-staging.json").read_text())
    assert (kept["outcome"], kept["model_version"]) == ("went back", "v1")


def test_when_going_back_fails_too_both_reasons_are_told(stack: FakeStack, tmp_path: Path) -> None:
    deploy(stack, record("v1"), DIGEST, DIGEST)
    stack.service.broken = ("v1", "v2")
    with pytest.raises(
        DeliveryError, match=r"(?s)needs a person.*version v2: .*Going back to v1 failed too.*version v1"
    ):
        deploy(stack, record("v2"), DIGEST, DIGEST)
    assert json.loads((tmp_path / "deployment-staging.json").read_text())["outcome"].startswith("failed")


def test_a_first_deployment_that_fails_says_that_there_is_nothing_to_go_back_to(stack: FakeStack) -> None:
    with pytest.raises(DeliveryError, match="nothing to go back to"):
        deploy(stack, record("broken"), None, None)


def test_the_check_scores_orders_where_a_key_is_at_hand(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("delivery.deploy.secretmanager.value", lambda cloud, secret, version: "k,an older one")
    stack.service.version = "v1"
    stack.known.update(url=stack.service.url, api_key_secret="api-key")
    check(stack, "v1")
    assert stack.service.scored == deploying.CHECKS


def test_the_check_names_the_version_that_it_waited_for(stack: FakeStack) -> None:
    stack.service.version = "v1"
    stack.known["url"] = stack.service.url
    with pytest.raises(DeliveryError, match="did not answer with model version v2"):
        check(stack, "v2")


def test_a_workflow_asks_as_the_identity_that_deploys_and_not_under_a_path_that_cloud_run_keeps(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploying, "IDENTITIES", stack.service.url)
    monkeypatch.setattr(deploying, "run", lambda command: f"{command[-1]}\n")
    there = {"PULUMI_BACKEND_URL": "gs://state", "DEPLOY_SERVICE_ACCOUNT": "deploy@p.iam.gserviceaccount.com"}
    stack.service.version = "v1"
    stack.known["public_url"] = stack.service.url
    check(FakeStack("staging", there, service=stack.service, known=stack.known), "v1")
    made, *asked = stack.service.asked
    account = "/v1/projects/-/serviceAccounts/deploy@p.iam.gserviceaccount.com:generateIdToken"
    assert made == (account, "Bearer print-access-token")
    assert {authorization for _, authorization in asked} == {"Bearer an identity token"}
    assert not [path for path, _ in asked if path.endswith("z")]


def test_a_person_asks_as_themselves(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploying, "run", lambda command: f"{command[-1]}\n")
    stack.service.version = "v1"
    stack.known["public_url"] = stack.service.url
    check(FakeStack("staging", {"PULUMI_BACKEND_URL": "gs://s"}, service=stack.service, known=stack.known), "v1")
    assert {authorization for _, authorization in stack.service.asked} == {"Bearer print-identity-token"}


def test_a_stack_behind_a_load_balancer_is_asked_there() -> None:
    outputs = {"url": "https://orderguard-prod-scorer.example.run.app", "public_url": "https://scoring.example.com"}
    assert deploying.address_of(Stack("prod", {"PULUMI_BACKEND_URL": "gs://state"}), outputs) == outputs["public_url"]
    assert deploying.address_of(Stack("prod", {}), outputs) == outputs["url"], "the local cloud has no load balancer"
    assert deploying.address_of(Stack("prod", {}), {}) == "", "a first deployment that failed is recorded too"


def test_what_a_part_of_a_stack_left_unknown_is_no_output(monkeypatch: pytest.MonkeyPatch) -> None:
    from pulumi.runtime.rpc import UNKNOWN

    monkeypatch.setattr(Stack, "_engine", lambda *_: json.dumps({"registry": "r", "revision": UNKNOWN}))
    assert Stack("prod").outputs() == {"registry": "r"}
