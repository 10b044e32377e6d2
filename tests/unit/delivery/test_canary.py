"""A canary is judged by orders: it is scored at an address of its own, and its answers are compared with the stable
revision's; so is what callers get."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from typing import Any

import pytest

from delivery import canary as judging
from delivery.canary import Canary, Door, door_of, scored_by_stable
from delivery.comparing import Counts
from delivery.errors import DeliveryError
from delivery.commands import REPOSITORY
from delivery.probes import Answer, differences, probe_orders
from delivery.stack import Stack
from delivery.traffic import Revision
from orderguard.example_orders import FOLDER, SAMPLE, key_of
from tests.http_server import JsonHandler, listening

STABLE, SAME, OTHER = Revision("r-1", "i@1", "v1"), Revision("r-2", "i@2", "v1"), Revision("r-2", "i@2", "v2")


class Service(ThreadingHTTPServer):
    """Two revisions behind one door: the canary is asked at an address of its own."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = {False: 200, True: 200}
        self.shift = 0.0
        self.revision: str | None = "r-2"
        self.asked: list[tuple[str, str, str]] = []


class Handler(JsonHandler):
    server: Service

    @property
    def of_canary(self) -> bool:
        return (self.headers["Host"] or "").startswith("canary---")

    def do_GET(self) -> None:
        self.answer(200, {"model_version": "v1", "revision": self.server.revision if self.of_canary else "r-1"})

    def do_POST(self) -> None:
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers["X-API-Key"], order["order_id"]))
        score = len(order["items"]) / 10 + (self.server.shift if self.of_canary else 0.0)
        self.answer(self.server.status[self.of_canary], {"score": score, "anomaly": score > 0.35})


@dataclass
class Figures:
    """What callers got of either revision."""

    of: dict[str, Counts]

    def open(self) -> None:
        return None

    def close(self) -> None:
        return None

    def counts(self, revision: str) -> Counts:
        return self.of.get(revision, Counts())


class FakeStack(Stack):
    """A stack of this machine whose outputs are known."""

    def outputs(self) -> dict[str, Any]:
        return {"url": self.environment["URL"], "probe_key_secret": "probe-key"}

    def canary_steps(self) -> list[int]:
        return [10, 100]

    def canary_minutes(self) -> float:
        return 0.0


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr(judging, "_key", lambda stack, secret: "the probe key")
    monkeypatch.setattr(judging, "READY_SECONDS", 0.0)
    server = Service()
    with listening(server):
        yield server


def canary(
    service: Service, candidate: Revision, own: bool = False, expected: Mapping[str, float] = {}, **counts: Counts
) -> Canary:
    named = {"PROBE_ORDERS": str(REPOSITORY / FOLDER / SAMPLE)} if own else {}
    stack = FakeStack("local", {"URL": f"http://127.0.0.1:{service.server_address[1]}", **named})
    figures = Figures({name.replace("_", "-"): found for name, found in counts.items()})
    return Canary(stack, figures, STABLE, candidate, scored_by_stable(stack), expected)


def test_a_canary_that_says_the_same_passes_and_the_orders_are_only_looked_at(service: Service) -> None:
    judged = canary(service, SAME)
    unknown = "the version recorded none of these orders"
    assert judged.score(0) == f"40 scored, scores differ by 0 at most, 0 decisions differ; {unknown}"
    assert {asked[:2] for asked in service.asked} == {("/v1/score?record=false", "the probe key")}
    assert len(service.asked) == 80


def test_a_canary_that_answers_500_is_refused_before_it_has_any_traffic(service: Service) -> None:
    judged = canary(service, SAME)
    service.status[True] = 500
    with pytest.raises(
        DeliveryError, match="the new revision failed 40 of 40 example orders; the first with status 500"
    ):
        judged.score(0)
    assert judged.told()[0]["orders"].endswith("status 500"), "the record says why"


def test_a_canary_whose_scores_differ_under_the_same_model_is_refused(service: Service) -> None:
    judged = canary(service, SAME)
    service.shift = 0.001
    with pytest.raises(DeliveryError, match=r"scores otherwise than r-1: .* differ by 0.001 .*with the same model"):
        judged.score(0)


def test_another_model_may_score_otherwise_but_not_decide_otherwise_throughout(service: Service) -> None:
    judged = canary(service, OTHER, own=True)
    service.shift = 0.001
    assert "0 decisions differ" in judged.score(0)
    service.shift = 0.9
    with pytest.raises(DeliveryError, match=r"anomalies more, 0 fewer; p = "):
        judged.score(10)
    assert "another shop: its decisions are left to callers" in canary(service, OTHER).score(10)


def test_another_model_has_to_score_as_was_recorded_with_it(service: Service) -> None:
    """The sample's orders say nothing of a shop's decisions, but they tell one model from another."""
    recorded = {key_of(order): len(order["items"]) / 10 + 0.05 for order in probe_orders({})}
    judged = canary(service, OTHER, expected=recorded)
    service.shift = 0.05 + 1e-9
    assert "40 as the version recorded, at most 1e-09 apart" in judged.score(0)
    service.shift = 0.0502
    with pytest.raises(DeliveryError, match="does not serve v2: 40 of 40 scores are not those that the version reco"):
        judged.score(10)
    assert "at most 0.0002 apart" in judged.told()[1]["orders"], "the record says why"
    service.status[False] = 401
    with pytest.raises(DeliveryError, match="does not serve v2"):
        canary(service, OTHER, expected=recorded).score(0)


def test_an_address_that_another_revision_answers_is_not_taken_for_the_canarys(service: Service) -> None:
    judged = canary(service, SAME)
    service.revision = "r-1"
    with pytest.raises(DeliveryError, match="is not r-2's: 200, revision r-1"):
        judged.score(0)


def test_beside_a_revision_from_before_the_canary_has_to_say_who_it_is(service: Service) -> None:
    service.status[False], service.revision = 401, None
    judged = canary(service, SAME)
    with pytest.raises(DeliveryError, match="is not r-2's: 200, revision None"):
        judged.score(0)
    service.status[False] = 200
    assert canary(service, SAME).score(0), "an older release says nothing, the newer one beside it would"


def test_a_stable_revision_from_before_takes_no_example_orders_and_one_that_fails_them_is_not_well(
    service: Service,
) -> None:
    service.status[False] = 401
    judged = canary(service, SAME)
    assert "the previous revision does not accept them" in judged.score(0)
    service.status[False] = 500
    with pytest.raises(DeliveryError, match="the revision that serves failed 40 of 40"):
        canary(service, SAME)


GOOD = Counts(9000, 9, 9000, 180, {0.01: 8910, 0.5: 90})


def test_callers_who_get_worse_answers_stop_a_canary(service: Service) -> None:
    judged = canary(service, SAME, r_1=GOOD, r_2=Counts(1000, 40, 960, 19, {0.01: 990, 0.5: 10}))
    judged.score(10)
    with pytest.raises(DeliveryError, match=r"callers are worse off with the new revision: 5xx: 40 of 1000"):
        judged.watch()
    assert judged.told()[0]["decided_by"] == "callers"


def test_too_few_callers_leave_the_step_to_the_example_orders_and_the_record_says_so(service: Service) -> None:
    judged = canary(service, SAME, r_1=GOOD, r_2=Counts(12, 0, 12, 0, {0.01: 12}))
    judged.score(10)
    assert judged.watch().startswith("decided by example orders; 5xx: 0 of 12")
    assert "undecided, too few answers" in judged.told()[0]["callers"][0]


def test_the_canary_has_its_own_way_through_the_front_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "_key", lambda stack, secret: "k")
    monkeypatch.setattr(judging, "identity_headers", lambda stack, url: {"Authorization": f"Bearer for {url}"})
    outputs = {"public_url": "https://scoring.example.com", "url": "https://s.run.app", "probe_key_secret": "p"}
    monkeypatch.setattr(Stack, "outputs", lambda self: outputs)
    prod = Stack("prod", {"PULUMI_BACKEND_URL": "gs://s"})
    signed = {"Authorization": "Bearer for https://scoring.example.com", "X-API-Key": "k"}
    header = {"X-Orderguard-Revision": "canary"}
    assert door_of(prod, of_canary=True) == Door(outputs["public_url"], {**signed, **header})
    monkeypatch.setattr(Stack, "setting", lambda self, name, of="": "")
    assert door_of(prod, of_canary=True).url == "https://canary---scoring.example.com"
    assert door_of(prod, of_canary=False) == Door(outputs["public_url"], signed)


def test_the_example_orders_are_masked(tmp_path: Any) -> None:
    assert len(probe_orders({})) == 40
    text = json.dumps(probe_orders({}))
    assert not [name for name in ("email", "phone", "postcode", "ip") if f'"{name}":' in text]
    (tmp_path / "none.ndjson").write_text("\n")
    with pytest.raises(DeliveryError, match="make probe-orders"):
        probe_orders({"PROBE_ORDERS": str(tmp_path / "none.ndjson")})


def test_decisions_that_change_both_ways_by_chance_are_no_reason() -> None:
    old = [Answer(200, 0.2, number < 10) for number in range(40)]
    new = [Answer(200, 0.2, 2 <= number < 12) for number in range(40)]
    assert differences(old, new, same_model=False, own=True)[1] == ""
    assert differences(old, new, same_model=True, own=True)[1]
