"""What the desk is made of, each by itself: the journal, who asks, the export, the figures."""

import asyncio
import base64
import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from app.desk.acts import Acts
from app.desk.alerts import add_alerts
from app.desk.contract import AlertFilter
from app.desk.database import Database
from app.desk.export import COLUMNS, exported, plain
from app.desk.identity import Identity
from app.desk.journal import UNUSABLE, Journal, JournalFull, lines_of
from app.desk.queue import Who, page
from app.desk.shipping import Shipping
from app.problems import Problem
from app.settings import read_settings
from orderguard.masking import Keyring, new_key_text
from tests.unit.app.desk.made import NOW, alert

KEY = new_key_text()
TOLD = {"PII_MASKING": "enforced", "MASKING_KEY": KEY, "API_KEY": "a-key-of-enough-characters"}


def test_a_torn_line_was_never_acknowledged_and_the_next_begins_a_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append([b'{"a":1}', b'{"a":2}'])
    (segment,) = journal._folder.glob("*.ndjson")
    with segment.open("ab") as file:
        file.write(b'{"a":3')  # a write that was cut off
    assert lines_of(segment) == [b'{"a":1}', b'{"a":2}']
    journal.append([b'{"a":4}'])
    assert lines_of(segment) == [b'{"a":1}', b'{"a":2}', b'{"a":4}']
    assert (segment.stat().st_mode & 0o777, journal._folder.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_full_journal_says_so_keeps_what_it_has_and_takes_more_once_that_is_shipped(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", most_bytes=100)
    journal.append([b"x" * 60])
    with pytest.raises(JournalFull):
        journal.append([b"y" * 60])
    (segment,) = journal.take()
    assert lines_of(segment) == [b"x" * 60]
    journal.shipped(segment)
    journal.append([b"y" * 60])
    assert [lines_of(one) for one in journal.take()] == [[b"y" * 60]]


def test_what_a_process_that_is_gone_has_left_is_taken_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    gone, living = Journal(tmp_path / "journal"), Journal(tmp_path / "journal")
    gone.append([b"left"])
    living.append([b"kept"])
    gone.close()
    follower = Journal(tmp_path / "journal")
    assert [lines_of(segment) for segment in follower.take()] == [[b"left"]]
    follower.set_aside([b"unreadable"])
    assert (tmp_path / "journal" / UNUSABLE).read_bytes() == b"unreadable\n"


def test_what_is_written_while_segments_are_taken_is_shipped_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment that is shipped and removed must be one that nothing is added to any more."""
    journal = Journal(tmp_path / "journal")
    journal.append([b"before"])
    look = journal._left_behind

    def meanwhile() -> Iterator[Path]:
        journal.append([b"meanwhile"])
        return look()

    shipped: list[bytes] = []
    monkeypatch.setattr(journal, "_left_behind", meanwhile)
    taken = journal.take()
    shipped += [line for segment in taken for line in lines_of(segment)]
    journal.append([b"while it is read"])
    for segment in taken:
        journal.shipped(segment)
    journal.append([b"after"])
    monkeypatch.undo()
    shipped += [line for segment in journal.take() for line in lines_of(segment)]
    assert shipped == [b"before", b"meanwhile", b"while it is read", b"after"]


def test_a_journal_that_others_can_write_into_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "journal"
    Journal(folder).close()
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="ALERTS_JOURNAL"):
        Journal(folder)


def token(**claims: object) -> bytes:
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256"}, claims)]
    return b".".join([base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts] + [b"SIGNATURE_REMOVED"])


@pytest.mark.parametrize(
    ("mode", "headers", "known"),
    [
        ("typed", {b"x-analyst": quote("Zoë  K.").encode()}, ("Zoë K.", "typed")),
        ("typed", {}, (None, "none")),
        ("typed", {b"authorization": b"Bearer " + token(email="eve@example.com")}, (None, "none")),
        ("invoker", {b"authorization": b"Bearer " + token(email="ann@example.com")}, ("ann@example.com", "invoker")),
        (
            "invoker",
            {b"x-serverless-authorization": b"Bearer " + token(email="ann@example.com"), b"authorization": b"Bearer x"},
            ("ann@example.com", "invoker"),
        ),
        ("invoker", {b"x-analyst": b"eve"}, (None, "none")),
        ("invoker", {b"authorization": b"Bearer " + token(sub="1")}, (None, "none")),
        ("invoker", {b"authorization": b"Bearer a.b.c"}, (None, "none")),
        ("iap", {b"x-analyst": b"eve", b"authorization": b"Bearer " + token(email="eve@x.org")}, (None, "none")),
        ("iap", {b"x-goog-authenticated-user-email": b"accounts.google.com:eve@x.org"}, (None, "none")),
    ],
)
def test_who_asks_is_known_by_what_the_mode_says_and_by_nothing_else(
    mode: str, headers: dict[bytes, bytes], known: tuple[str | None, str]
) -> None:
    of_iap = {"IAP_AUDIENCE": "/projects/1/locations/l/services/s"} if mode == "iap" else {}
    identity = Identity(read_settings({**TOLD, "IDENTITY": mode, **of_iap}))
    assert asyncio.run(identity.of(headers)) == known


@pytest.mark.parametrize("header", [b"%ff", b"a" * 65, b"a%07b", b"a%00b"])
def test_a_name_that_can_not_be_one_is_refused_by_its_header(header: bytes) -> None:
    with pytest.raises(Problem) as raised:
        asyncio.run(Identity(read_settings(TOLD)).of({b"x-analyst": header}))
    assert [error.field for error in raised.value.errors] == ["X-Analyst"]


@pytest.mark.parametrize("mark", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_of_the_export_is_a_formula(mark: str) -> None:
    assert plain(f"{mark}1+1") == f"'{mark}1+1" and plain(f"1{mark}1") == f"1{mark}1"


def test_the_export_guards_ids_reasons_and_notes(tmp_path: Path, keyring: Keyring) -> None:
    database, who = Database(f"sqlite:{tmp_path / 'desk' / 'alerts.db'}", ""), Who.of("=Eve", keyring)
    evil = alert(keyring, 1, sealed_order=keyring.seal("order", "=HYPERLINK(1)"), reason='+"a",\nb', country="@DE")
    with database.transaction() as connection:
        add_alerts(connection, [evil])
        Acts(connection, keyring, who, NOW).close(evil.id, "other", "-2+3")
        told = exported(connection, keyring, who, AlertFilter(state="all"), "score").decode()
    database.close()
    (row,) = csv.DictReader(io.StringIO(told, newline=""))
    assert list(row) == list(COLUMNS)
    guarded = {name: row[name] for name in ("order_id", "reason", "country", "closed_by", "note")}
    assert guarded == {
        **{"order_id": "'=HYPERLINK(1)", "reason": '\'+"a",\nb', "country": "'@DE"},
        **{"closed_by": "'=Eve", "note": "'-2+3"},
    }
    assert float(row["score"]) == evil.score


def test_metrics_tell_open_alerts_and_precision_once_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:{tmp_path / 'desk' / 'alerts.db'}"
    settings = read_settings({**TOLD, "ALERTS_URL": url})
    keyring, shipping = settings.keyring, Shipping(settings)
    monkeypatch.setattr("app.desk.shipping.time.time", lambda: NOW / 1_000 + 86_400)
    database = Database(url, "")
    with database.transaction() as connection:
        add_alerts(connection, [alert(keyring, number, model_version="v1", fact="price") for number in range(5)])
        for number, outcome in enumerate(("fraud", "genuine", "other")):
            acts = Acts(connection, keyring, Who.of("Ann", keyring), NOW)
            acts.close(keyring.token("order", f"A-{number}"), outcome, "")  # type: ignore[arg-type]
    found = shipping.figures()
    assert found and found.open == 2
    assert found.precision == {("reason", "price"): 0.5, ("model_version", "v1"): 0.5, ("decided_by", "model"): 0.5}
    assert shipping.figures() is None, "not again within a minute"
    shipping.close()
    database.close()


@pytest.mark.parametrize(
    "asked",
    [
        AlertFilter(reason="pace"),
        AlertFilter(country="FR"),
        AlertFilter(q="costs"),
        AlertFilter(q="A-1"),
        AlertFilter(outcome="fraud"),
    ],
)
def test_a_filter_reads_documents_of_the_rows_it_shows_alone(
    tmp_path: Path, keyring: Keyring, asked: AlertFilter
) -> None:
    """By SQLite's own plan: what is counted and narrowed lies in an index."""
    database = Database(f"sqlite:{tmp_path / 'desk' / 'alerts.db'}", "")
    with database.transaction() as connection:
        add_alerts(connection, [alert(keyring, number) for number in range(30)])
        run: list[str] = []
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.set_trace_callback(run.append)
        page(connection, keyring, Who(None), asked, "score", 5, "")
        raw.set_trace_callback(None)
        of_alerts = [statement for statement in run if "FROM alert" in statement]
        plans = [str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {one}").all()) for one in of_alerts]
    database.close()
    steps = re.findall(r"'((?:SCAN|SEARCH) alert.*?)'", str(plans))
    assert steps and all("COVERING INDEX" in step or step.endswith("(id=?)") for step in steps), steps
