"""Promise: a code, the name of an order file and an order's id lead nowhere, even where something personal is in them.

They come in by training and by every route of the service that serves the version trained. The doors are what training
writes and prints, the version's manifest, catalogue, index, card and report, answers, errors, logs, metrics, traces,
the history, the process list, and what a release, a trace and the issue of a failed gate tell. The platform's state and
buckets are looked through in test_platform_doors and, for files that arrive, in tests/infra.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from delivery import release, trace
from delivery.deployment import Deployment
from orderguard.masking import Keyring
from orderguard.model_version import read_manifest
from orderguard.retrieval import PastCases
from tests.compliance.canaries import leaks, leaks_in_folder
from tests.compliance.canary_routes import ALL, CODES, FILE_NAMES, IDS, ORDER_IDS, order_with
from tests.compliance.conftest import Run
from tests.serving import MASKING_KEY, Service, histories_of, serving

STREAM = {"Content-Type": "application/x-ndjson"}
WHY = "Why was this order flagged?"
KEYRING = Keyring.from_text(MASKING_KEY)
OWN = ("score", "batch", "stream")
"""Doors that answer with the order's id to the one who sent it."""


@pytest.fixture(scope="module")
def version(run: Run) -> Path:
    """The folder of the version that was trained on all of the canaries."""
    (folder,) = (path.parent for path in (run.folder / "models").glob("*/manifest.json"))
    return folder


@pytest.fixture(scope="module")
def service(version: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of that version, with the most talkative log and a history on the disk."""
    folder = tmp_path_factory.mktemp("routes")
    history = f"sqlite:{folder / 'kept' / 'history.sqlite'}"
    with serving(
        version.parent, folder / "log", MODEL_VERSION=version.name, HISTORY_URL=history, LOG_LEVEL="debug"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def answers(service: Service) -> dict[str, httpx.Response]:
    """What came back through every door."""
    found = {}
    whole = [order_with([code], f"asked-{number}") for number, code in enumerate(CODES.values())]
    whole += [order_with(["CLO-0015"], order_id) for order_id in ORDER_IDS.values()]
    for number, order in enumerate(whole):
        broken = {**order, "items": [{**order["items"][0], "quantity": order["items"][0]["sku"]}]}
        for door, path, body in (
            ("score", "/v1/score", order),
            ("broken", "/v1/score", broken),
            ("ask", "/v1/ask", {"question": WHY, "order": order}),
        ):
            found[f"{door} {number}"] = service.post(path, body)
    lines = b"\n".join(json.dumps(order).encode() for order in whole)
    found |= {
        "batch": service.post("/v1/score/batch", whole),
        "stream": service.post("/v1/score/stream", lines, **STREAM),
    }
    for number, order_id in enumerate(ORDER_IDS.values()):
        # What can't be a header's value can't come in by one.
        header = {"X-Request-ID": order_id, "traceparent": f"00-{order_id.encode().hex():0<32.32}-{'0' * 15}1-01"}
        found[f"similar {number}"] = service.post("/v1/similar", {"order_id": order_id})
        found[f"former {number}"] = service.get(f"/v1/orders/{order_id}/similar")
        found[f"past {number}"] = service.post("/v1/ask", {"question": WHY, "order_id": order_id})
        found[f"asked about {number}"] = service.post("/v1/ask", {"question": f"Why was order {order_id} flagged?"})
        found[f"id {number}"] = service.post("/v1/score", {}, **header)
    for path in ("/v1/model", "/v1/features", "/v1/drift", "/metrics", "/readyz", "/openapi.json"):
        found[path] = service.get(path)
    return found


def test_the_doors_were_open(answers: dict[str, httpx.Response], version: Path, run: Run) -> None:
    """What refused everything would keep every promise: codes and ids got into catalogue, index and answers, masked."""
    statuses = {door: answer.status_code for door, answer in answers.items()}
    for door in ("score", "ask", "batch", "stream", "/v1/model", "/metrics"):
        mine = {name: status for name, status in statuses.items() if name.partition(" ")[0] == door}
        assert mine and set(mine.values()) == {200}, mine
    assert {status for door, status in statuses.items() if door.startswith("former")} == {410}
    assert {status for door, status in statuses.items() if door.startswith("broken")} == {422}
    files = read_manifest(version).data
    tokens = [KEYRING.token("file", name) for name in sorted(FILE_NAMES.values())]
    assert [(file.position, file.token) for file in files] == list(enumerate(tokens, 1))
    known = PastCases.read(histories_of(version.parent), version.name, KEYRING)
    indexed = {case.order_token for case in known.cases} if known else set()
    assert {KEYRING.token("order", order_id) for order_id in ORDER_IDS.values()} <= indexed
    for door in ("similar", "past"):
        assert {status for name, status in statuses.items() if name.partition(" ")[0] == door} == {200}
    quarantined = (run.folder / "quarantine" / "bad-lines.ndjson").read_text("utf-8")
    assert KEYRING.token("file", FILE_NAMES["name"]) in quarantined


def test_training_writes_and_prints_nothing_of_them(run: Run) -> None:
    assert leaks_in_folder(run.folder, forms=ALL) == []
    assert leaks("printed", run.printed, forms=ALL) == []


def test_no_answer_holds_anything_of_them(answers: dict[str, httpx.Response]) -> None:
    """An answer may name the order by its sender's own id, and repeat the id of the request in its header."""
    found = []
    for door, answer in answers.items():
        headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items() if name != "x-request-id")
        own = IDS if door.partition(" ")[0] in (*OWN, "id") else ()
        found += leaks(door, answer.content, own, ALL) + leaks(f"{door}: headers", headers.encode(), forms=ALL)
    assert found == []


@pytest.mark.usefixtures("answers")
def test_logs_history_and_process_list_hold_nothing_of_them(service: Service) -> None:
    service.until(lambda: len(service.log_lines()) > 60, "log lines")
    assert leaks_in_folder(service.log.parent, forms=ALL) == []
    process = psutil.Process(service.process.pid)
    for one in (process, *process.children(recursive=True)):
        told = " ".join(one.cmdline()) + json.dumps(one.environ())
        assert leaks("process", told.encode(), forms=ALL) == []


def test_release_notes_trace_and_a_failed_gates_issue_tell_nothing_of_them(version: Path) -> None:
    deployed = Deployment("prod", "c" * 40, "v1.2.3", "r@sha256:d", version.name, "0" * 64, "https://u", "deployed")
    told = release.notes(deployed, read_manifest(version), [])
    told += "\n".join(trace.lines(version.name, version.parent, [deployed]))
    told += (version / "card.md").read_text("utf-8")  # the body of a failed gate's issue
    assert leaks("told", told.encode(), forms=ALL) == []
