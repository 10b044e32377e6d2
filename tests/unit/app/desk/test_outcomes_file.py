"""Outcomes leave the desk as a file: the same outcomes, the same bytes, whatever database keeps them."""

from datetime import UTC, datetime
from pathlib import Path

from app.desk.alerts import add_alerts
from app.desk.database import Database
from app.desk.outcomes import Told, add_outcomes
from app.desk.outcomes_file import outcomes_file
from orderguard.masking import Keyring
from orderguard.outcomes import encoded, read_outcomes
from tests.unit.app.desk.made import NOW, alert


def test_what_the_desk_gives_is_what_training_reads(database: Database, keyring: Keyring, tmp_path: Path) -> None:
    told = [Told((keyring.token("order", f"A-{number}"),), None, "fraud", NOW + number, "bank") for number in (3, 0, 9)]
    with database.transaction() as connection:
        add_alerts(connection, [alert(keyring, 0), alert(keyring, 1)])
        add_outcomes(connection, told, NOW)
        data = outcomes_file(connection)
        assert data == outcomes_file(connection)
    (tmp_path / "outcomes.ndjson").write_bytes(data)
    found = read_outcomes(tmp_path / "outcomes.ndjson")
    assert not found.unusable and encoded(found.lines) == data
    first, *others = found.lines
    at = datetime.fromtimestamp(NOW / 1_000, UTC)
    assert (first.order, first.customer, first.time) == (told[1].orders[0], keyring.token("customer", "C-0"), at)
    assert first.alert and (first.alert.made_at, first.alert.reason) == (at, "price")
    assert [(one.outcome, one.source, one.alert) for one in others] == [("fraud", "bank", None)] * 2
