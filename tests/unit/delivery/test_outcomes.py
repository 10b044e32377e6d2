"""Outcomes to the desk and from it: as files, with what could not be used, and what to do."""

from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from delivery.errors import DeliveryError
from delivery.outcomes import bring, export
from delivery.stack import Stack
from orderguard.masking import Keyring, new_key_text
from orderguard.outcomes import Outcome, encoded
from tests.http_server import JsonHandler, listening

KEYRING = Keyring.from_text(new_key_text())
OUTCOMES = encoded([Outcome(KEYRING.token("order", "O-1"), "fraud", datetime(2026, 11, 29, tzinfo=UTC), "bank")])
READ = {"received": 2, "new": 1, "known": 0, "unusable": [{"index": 1, "field": "time", "reason": "no moment"}]}


class Desk(ThreadingHTTPServer):
    """A desk that answers as it is told, and keeps what it was asked."""

    status = 200
    content = OUTCOMES

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.asked: list[tuple[str, str | None, bytes]] = []


class Handler(JsonHandler):
    server: Desk

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, self.headers["Content-Type"], body))
        self.answer(self.server.status, READ if self.server.status == 200 else {"detail": "no column is an order"})


@pytest.fixture
def desk() -> Iterator[Desk]:
    server = Desk(("127.0.0.1", 0), Handler)
    with listening(server):
        yield server


def stack(monkeypatch: pytest.MonkeyPatch, desk: Desk | None, folder: Path, **environment: str) -> Stack:
    url = f"http://127.0.0.1:{desk.server_address[1]}" if desk else ""
    monkeypatch.setattr(Stack, "outputs", lambda _: {"url": url, "histories_bucket": "b"})
    told = {"API_KEY": "a key", "LOCAL_CLOUD_HOME": str(folder / "home"), "HISTORIES": str(folder / "own")}
    return Stack("local", {**told, **environment})


def test_outcomes_go_into_the_bucket_and_the_folder_of_this_machine(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = stack(monkeypatch, desk, tmp_path)
    said = export(here)
    files = sorted(tmp_path.rglob("outcomes.ndjson"))
    assert [path.read_bytes() for path in files] == [OUTCOMES] * 2 and any("buckets" in str(path) for path in files)
    assert said.startswith("1 outcomes of 1 orders") and "next: make train" in said
    desk.content = OUTCOMES + b"{}\n"
    assert "1 lines can't be used" in export(here)
    assert (tmp_path / "own" / "outcomes.ndjson").read_bytes() == OUTCOMES


def test_an_export_says_whether_this_machine_trains_under_the_stack_s_key(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = new_key_text()
    monkeypatch.setattr("delivery.outcomes.secretmanager.value", lambda *_: text)
    for own, said in ((text, "which `make train` has on this machine, too"), (new_key_text(), "they join no order")):
        here = stack(monkeypatch, desk, tmp_path, MASKING_KEY=own)
        outputs = {**here.outputs(), "masking_key_secret": "a secret"}
        monkeypatch.setattr(Stack, "outputs", lambda _, outputs=outputs: outputs)
        told = export(here)
        assert said in told and Keyring.from_text(text).fingerprint in told and text[3:] not in told


def test_a_table_of_chargebacks_is_handed_to_the_desk(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "chargebacks.csv"
    file.write_text("order,date\nO-1,2026-11-29\n")
    said = bring(stack(monkeypatch, desk, tmp_path, FILE=str(file), SOURCE="bank", MEANS="fraud"))
    assert desk.asked == [("/v1/outcomes?source=bank&means=fraud", "text/csv", file.read_bytes())]
    assert "2 outcomes read, 1 new" in said and "number 2: time no moment" in said and "make export-outcomes" in said


@pytest.mark.parametrize(("status", "hint"), [(401, "API_KEY"), (404, "desk is off"), (503, "run this again")])
def test_what_the_desk_refuses_is_said_with_the_way_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, status: int, hint: str
) -> None:
    desk.status = status
    (tmp_path / "a.json").write_text("[]")
    here = stack(monkeypatch, desk, tmp_path, FILE=str(tmp_path / "a.json"))
    for work in (export, bring):
        with pytest.raises(DeliveryError, match=hint):
            work(here)
    with pytest.raises(DeliveryError, match="Which file"):
        bring(stack(monkeypatch, desk, tmp_path, FILE=str(tmp_path / "none.csv")))
    with pytest.raises(DeliveryError, match="No stack local is up"):
        export(stack(monkeypatch, None, tmp_path))
