"""A deployment begins with the traffic that it finds, sends a canary first, checks through the real URL, and goes back
where the service is not well."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from delivery import asking, canary, deployment, tokens
from delivery import deploy as deploying
from delivery.comparing import Counts
from delivery.deploy import check, deploy
from delivery.errors import DeliveryError
from delivery.models import Record
from delivery.stack import Stack
from delivery.traffic import Revision, Share
from tests.http_server import JsonHandler, listening

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
    with listening(server):
        yield server


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


@dataclass(frozen=True)
class FakeStack(Stack):
    """A stack whose engine is a list; `up` makes a revision where something is new, and moves traffic as the program
    does. `cut_off` is the number of the `up` that is killed once it has done its work.
    """

    service: Service = field(kw_only=True)
    ups: list[Any] = field(default_factory=list, kw_only=True)
    healed: list[Mapping[str, str]] = field(default_factory=list, kw_only=True)
    known: dict[str, Any] = field(default_factory=dict, kw_only=True)
    made: list[Revision] = field(default_factory=list, kw_only=True)
    split: list[Share] = field(default_factory=list, kw_only=True)
    cut_off: list[int] = field(default_factory=list, kw_only=True)

    def canary_steps(self) -> list[int]:
        return [10, 100]

    def canary_minutes(self) -> float:
        return 0.0

    def up(self, overrides: Mapping[str, str], message: str) -> str:
        self.ups.append(dict(overrides))
        image = f"r/scorer@{overrides.get('imageDigest', DIGEST)}"
        if not self.made or (self.made[0].image, self.made[0].model_version) != (image, overrides["modelVersion"]):
            self.made.insert(0, Revision(f"r-{len(self.made) + 1}", image, overrides["modelVersion"]))
        percent, stable = int(overrides.get("canaryPercent", "100")), overrides.get("stableRevision")
        newest = Share(self.made[0].name, percent, "canary" if stable else "")
        self.split[:] = [newest, Share(stable, 100 - percent)] if stable else [newest]
        self.known.update(url=self.service.url, service_name="scorer", probe_key_secret="probe-key")
        self.serve()
        if len(self.ups) in self.cut_off:
            raise Killed
        return ""

    def serve(self) -> None:
        """Have the service answer as the worst of the revisions that get traffic."""
        served = [one for one in self.made if any(share.percent and share.revision == one.name for share in self.split)]
        self.service.version = min(served, key=lambda one: one.model_version not in self.service.broken).model_version

    def outputs(self) -> dict[str, Any]:
        return dict(self.known)

    def refresh_service(self) -> str:
        self.ups.append("refreshed")
        return ""

    def up_jobs(self, overrides: Mapping[str, str], message: str) -> str:
        self.healed.append(dict(overrides))
        return ""

    def trainer_of(self, digest: str) -> str:
        return "sha256:of-its-release"

    def shares(self) -> list[Share]:
        return list(self.split)

    def revisions(self) -> list[Revision]:
        return list(self.made)

    def send_all(self, revision: str) -> None:
        self.ups.append(f"all to {revision}")
        self.split[:] = [Share(revision, 100)]
        self.serve()


class NoCallers:
    """Nobody calls."""

    def open(self) -> None:
        return None

    def close(self) -> None:
        return None

    def counts(self, revision: str) -> Counts:
        return Counts()


@pytest.fixture
def stack(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    monkeypatch.setattr(deployment, "REPORTS", tmp_path)
    monkeypatch.setattr(deployment, "history_folder", lambda: tmp_path / "deployments")
    monkeypatch.setattr(deploying, "live_service", lambda stack: stack)
    monkeypatch.setattr(deploying, "expected_scores", lambda stack, model: {})
    monkeypatch.setattr(deploying, "callers_of", lambda stack, service: NoCallers())
    monkeypatch.setattr(canary, "_key", lambda stack, secret: "the probe key")
    monkeypatch.setattr(canary, "probe_orders", lambda environment: [{"order_id": "one"}, {"order_id": "two"}])
    monkeypatch.setattr(canary, "READY_SECONDS", 0.0)
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
        "refreshed",
        {**beside, "canaryPercent": "0"},
        "seeded",
        {**beside, "canaryPercent": "10"},
        {**beside, "canaryPercent": "100"},
        {"modelVersion": "v2"},
    ]


def ups_after(stack: FakeStack, *, killed_at: int) -> list[Any]:
    """What v3's deployment does where v2's was killed after its `killed_at`-th `up`, over a stack that runs v1."""
    deploy(stack, record("v1"), None, None)
    stack.cut_off.append(len(stack.ups) + 1 + killed_at)  # one more, the refresh
    with pytest.raises(Killed):
        deploy(stack, record("v2"), None, None)
    stack.ups.clear()
    stack.cut_off.clear()
    deploy(stack, record("v3"), None, None)
    return stack.ups


@pytest.mark.parametrize(
    ("killed_at", "begins", "stable"),
    [
        (1, ["refreshed"], "r-1"),  # v2 had no traffic yet
        (2, ["all to r-1", "refreshed"], "r-1"),  # a tenth of it
        (3, ["refreshed"], "r-2"),  # all of it, after its canary
        (4, ["refreshed"], "r-2"),
    ],
)
def test_the_proven_revision_keeps_the_traffic_whenever_a_deployment_was_killed(
    stack: FakeStack, killed_at: int, begins: list[str], stable: str
) -> None:
    ups = ups_after(stack, killed_at=killed_at)
    assert ups[: len(begins)] == begins
    assert {up["stableRevision"] for up in ups[len(begins) : -1]} == {stable}
    assert [share.revision for share in stack.split] == ["r-3"]


def test_the_same_deployment_goes_on_where_it_was_killed(
    stack: FakeStack, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeStack, "canary_steps", lambda _: [1, 10, 100])
    deploy(stack, record("v1"), None, None)
    stack.cut_off.append(len(stack.ups) + 4)
    with pytest.raises(Killed):
        deploy(stack, record("v2"), None, None)
    stack.ups.clear()
    stack.cut_off.clear()
    deploy(stack, record("v2"), None, None)
    told = capsys.readouterr().out
    assert "undone: a deployment of staging was cut off while r-2 had 10 % of the traffic" in told
    assert "resumed: r-2 was already healthy at 1 %" in told
    shares = [up.get("canaryPercent") for up in stack.ups if isinstance(up, dict)]
    assert shares == ["0", "10", "100", None] and len(stack.made) == 2, "nothing is built again"


def test_a_seed_that_is_refused_stops_a_deployment_before_it_has_traffic(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(stack: Stack) -> str:
        raise DeliveryError("the seed is of another key")

    deploy(stack, record("v1"), DIGEST, DIGEST)
    monkeypatch.setattr(deploying, "seed", refuse)
    with pytest.raises(DeliveryError, match=r"(?s)serves what it served before.*of another key"):
        deploy(stack, record("v2"), DIGEST, DIGEST)
    first, *rest = stack.ups
    assert rest[0] == "refreshed" and rest[1]["canaryPercent"] == "0"
    assert rest[2:] == ["all to r-1", "refreshed"], "going back builds nothing and sets nothing"


def test_a_repair_is_not_held_up_by_the_revision_that_it_repairs(stack: FakeStack) -> None:
    deploy(stack, record("v1"), None, None)
    stack.service.broken = ("v1",)
    assert deploy(stack, record("v2"), None, None).outcome == "deployed"
    assert stack.ups[1:] == ["refreshed", {"modelVersion": "v2"}], "nine in ten requests of a canary would fail"


def test_a_canary_that_is_not_well_is_taken_back(stack: FakeStack) -> None:
    deploy(stack, record("v1"), DIGEST, DIGEST)
    with pytest.raises(DeliveryError, match="serves what it served before"):
        deploy(stack, record("broken"), DIGEST, DIGEST)
    assert stack.ups[-2:] == ["all to r-1", "refreshed"], "no build, no new setting, no third revision"
    assert stack.split == [Share("r-1", 100)] and len(stack.made) == 2
    assert stack.service.version == "v1"
    (healed,) = stack.healed
    assert healed == {
        "modelVersion": "v1",
        "modelSource": "bucket",
        "imageDigest": DIGEST,
        "trainerImageDigest": "sha256:of-its-release",
    }, "jobs and outputs follow what serves"


def test_jobs_and_outputs_that_are_those_of_the_revision_stay_as_they_are(stack: FakeStack) -> None:
    deploy(stack, record("v1"), DIGEST, DIGEST)
    stack.known.update(model_version="v1", image=stack.made[0].image)
    with pytest.raises(DeliveryError):
        deploy(stack, record("broken"), DIGEST, DIGEST)
    assert stack.healed == []


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
    monkeypatch.setattr("delivery.asking.secretmanager.value", lambda cloud, secret, version: "a rotated one,k")
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
    monkeypatch.setattr(asking, "IDENTITIES", stack.service.url)
    monkeypatch.setattr(tokens, "run", lambda command: f"{command[-1]}\n")
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
    monkeypatch.setattr(asking, "run", lambda command: f"{command[-1]}\n")
    stack.service.version = "v1"
    stack.known["public_url"] = stack.service.url
    check(FakeStack("staging", {"PULUMI_BACKEND_URL": "gs://s"}, service=stack.service, known=stack.known), "v1")
    assert {authorization for _, authorization in stack.service.asked} == {"Bearer print-identity-token"}


def test_a_stack_behind_a_load_balancer_is_asked_there() -> None:
    outputs = {"url": "https://orderguard-prod-scorer.example.run.app", "public_url": "https://scoring.example.com"}
    assert asking.address_of(Stack("prod", {"PULUMI_BACKEND_URL": "gs://state"}), outputs) == outputs["public_url"]
    assert asking.address_of(Stack("prod", {}), outputs) == outputs["url"], "the local cloud has no load balancer"
    assert asking.address_of(Stack("prod", {}), {}) == "", "a first deployment that failed is recorded too"


def test_what_a_part_of_a_stack_left_unknown_is_no_output(monkeypatch: pytest.MonkeyPatch) -> None:
    from pulumi.runtime.rpc import UNKNOWN

    monkeypatch.setattr(Stack, "_engine", lambda *_: json.dumps({"registry": "r", "revision": UNKNOWN}))
    assert Stack("prod").outputs() == {"registry": "r"}


def test_each_step_of_a_canary_is_in_the_record(stack: FakeStack) -> None:
    deploy(stack, record("v1"), None, None)
    done = deploy(stack, record("v1"), "sha256:" + "b" * 64, DIGEST)
    assert [step["percent"] for step in done.canary] == [0, 10, 100]
    assert {step["decided_by"] for step in done.canary} == {"example orders"}, "nobody called"
    assert done.canary[1]["orders"].startswith("2 scored, scores differ by 0")
    assert done.canary[1]["callers"][0] == "5xx: 0 of 0, the stable revision 0 of 0 (undecided, too few answers)"


def test_a_deployment_that_is_overtaken_does_nothing_more(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy(stack, record("v1"), None, None)

    def move(self: object) -> str:
        stack.send_all("r-1")
        return "moved by hand"

    monkeypatch.setattr(canary.Canary, "watch", move)
    with pytest.raises(DeliveryError, match="moved by somebody else"):
        deploy(stack, record("v2"), None, None)
    assert stack.ups[-2:] == [{"modelVersion": "v2", "stableRevision": "r-1", "canaryPercent": "10"}, "all to r-1"]
