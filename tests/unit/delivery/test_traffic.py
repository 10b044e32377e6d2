"""What a split of traffic means, and Cloud Run's interface to it, which a server of the test answers."""

import json
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from typing import Any

import pytest

from delivery import tokens, traffic
from delivery.errors import DeliveryError
from delivery.traffic import CloudRun, Revision, Share, Standing, standing
from tests.http_server import JsonHandler, listening

LATEST, NAMED = "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
SERVICE = "projects/p/locations/europe-west1/services/orderguard-prod-scorer"


@pytest.mark.parametrize(
    ("shares", "means"),
    [
        ([], None),
        ([Share("a", 100)], Standing("a")),
        ([Share("b", 10, "canary"), Share("a", 90)], Standing("a", "b", 10)),
        ([Share("b", 90, "canary"), Share("a", 10)], Standing("a", "b", 90)),
        ([Share("b", 0, "canary"), Share("a", 100)], Standing("a", "b", 0)),
        ([Share("b", 100, "canary"), Share("a", 0)], Standing("b", "b", 100)),
        ([Share("a", 10, "canary"), Share("a", 90)], Standing("a")),  # nothing of the service was new
        ([Share("a", 70), Share("b", 30)], Standing("a", "b", 30)),  # by hand
        ([Share("b", 10, "canary"), Share("a", 90), Share("old", 0)], Standing("a", "b", 10)),
    ],
)
def test_a_split_tells_which_revision_is_proven(shares: list[Share], means: Standing | None) -> None:
    assert standing(shares) == means


class Run(ThreadingHTTPServer):
    """Cloud Run's interface with one service: a canary has a tenth, and a change takes two questions."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, Any]] = []
        self.pending = 1
        self.problem: dict[str, Any] = {}


class Handler(JsonHandler):
    server: Run

    def do_GET(self) -> None:
        self.server.asked.append(("GET", self.path, None))
        if self.path.endswith("operations/1"):
            self.server.pending -= 1
            return self.answer(200, {"done": self.server.pending <= 0, **self.server.problem})
        if self.path.startswith(f"/v2/{SERVICE}/revisions"):
            env = [{"name": "MODEL_VERSION", "value": "v2"}, {"name": "API_KEY", "valueSource": {}}]
            new = {"name": f"{SERVICE}/revisions/b", "createTime": "2026-11-02T00:00:00Z"}
            old = {"name": f"{SERVICE}/revisions/a", "createTime": "2026-11-01T00:00:00Z", "containers": [{}]}
            return self.answer(200, {"revisions": [old, {**new, "containers": [{"image": "i@2", "env": env}]}]})
        if self.path != f"/v2/{SERVICE}":
            return self.answer(404, {"error": {"message": "not found"}})
        self.server.pending -= 1
        statuses = [{"type": LATEST, "percent": 10, "tag": "canary"}, {"type": NAMED, "revision": "a", "percent": 90}]
        latest = f"{SERVICE}/revisions/b"
        under_way = self.server.pending >= 0
        return self.answer(200, {"trafficStatuses": statuses, "latestReadyRevision": latest, "reconciling": under_way})

    def do_PATCH(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(("PATCH", self.path, body))
        self.server.pending = 2
        self.answer(200, {"name": "projects/p/locations/europe-west1/operations/1"})


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setattr(tokens, "access_token", lambda: "a token")
    monkeypatch.setattr(traffic, "POLL_SECONDS", 0.0)
    server = Run()
    with listening(server):
        yield server


def cloud_run(run: Run, name: str = "orderguard-prod-scorer") -> CloudRun:
    return CloudRun("p", "europe-west1", name, f"http://127.0.0.1:{run.server_address[1]}")


def test_the_split_is_read_once_cloud_run_has_taken_up_its_last_change(run: Run) -> None:
    assert cloud_run(run).shares() == [Share("b", 10, "canary"), Share("a", 90)]
    assert len(run.asked) == 2
    assert cloud_run(run, "orderguard-other-scorer").shares() == [], "no service has no traffic"


def test_revisions_tell_their_image_and_model_and_the_newest_is_first(run: Run) -> None:
    assert cloud_run(run).revisions() == [Revision("b", "i@2", "v2"), Revision("a", "", "")]


def test_traffic_moves_without_a_template(run: Run) -> None:
    cloud_run(run).send_all("a")
    moved = ("PATCH", f"/v2/{SERVICE}?updateMask=traffic")
    assert run.asked[0] == (*moved, {"traffic": [{"type": NAMED, "revision": "a", "percent": 100}]})
    assert [path for _, path, _ in run.asked[1:]] == ["/v2/projects/p/locations/europe-west1/operations/1"] * 2


def test_traffic_that_cloud_run_does_not_move_is_an_error(run: Run) -> None:
    run.problem = {"error": {"message": "Revision 'a' is not ready"}}
    with pytest.raises(DeliveryError, match="kept its traffic: Revision 'a' is not ready"):
        cloud_run(run).send_all("a")
