"""Outcomes as a file: the same content gives the same bytes, and what can't be used is kept apart."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from orderguard.masking import Keyring, new_key_text
from orderguard.outcomes import Alerted, Outcome, encoded, read_outcomes, write_outcomes

KEYRING = Keyring.from_text(new_key_text())
AT = datetime(2026, 11, 29, 22, 31, tzinfo=UTC)


def outcome(order: str, kind: str = "fraud", hours: int = 0, source: str = "desk") -> Outcome:
    return Outcome(KEYRING.token("order", order), kind, AT + timedelta(hours=hours), source)  # type: ignore[arg-type]


def test_the_same_outcomes_give_the_same_bytes(tmp_path: Path) -> None:
    outcomes = [outcome("O-1"), outcome("O-2", "genuine"), outcome("O-1", "genuine", 1)]
    elsewhere = Outcome(outcomes[0].order, "fraud", AT.astimezone(timezone(timedelta(hours=5))), "desk")
    assert encoded(outcomes) == encoded([*reversed(outcomes), elsewhere])
    path, new = write_outcomes(tmp_path / "histories", outcomes)
    assert new and not write_outcomes(tmp_path / "histories", reversed(outcomes))[1]
    assert path.stat().st_mode & 0o077 == 0
    found = read_outcomes(path)
    assert len(found.lines) == 3 and not found.unusable
    assert found.newest()[outcomes[0].order].outcome == "genuine", "the newest by its own time counts"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"{", ("", "not valid JSON")),
        (b"\xff", ("", "not valid JSON")),
        (
            b'{"order": "O-1", "outcome": "fraud", "time": "2026-11-29T00:00:00Z", "source": "x"}',
            ("order", "pseudonym"),
        ),
        (encoded([outcome("O-1")]).replace(b"fraud", b"bad"), ("outcome", "invalid enum value")),
        (encoded([outcome("O-1")]).replace(b"31:00Z", b"31:00"), ("time", "timezone")),
        (encoded([outcome("O-1")]).replace(b'"desk"', b'"a b"'), ("source", "")),
        (b" " * 5_000 + b"{}", ("", "longer than 4096 bytes")),
    ],
)
def test_a_line_that_is_no_outcome_is_kept_apart_and_not_repeated(
    tmp_path: Path, line: bytes, told: tuple[str, str]
) -> None:
    path = tmp_path / "outcomes.ndjson"
    path.write_bytes(encoded([outcome("O-2")]) + line.rstrip(b"\n") + b"\n" + encoded([outcome("O-3")]))
    found = read_outcomes(path)
    assert len(found.lines) == 2
    (unusable,) = found.unusable
    assert unusable.line == 2 and unusable.field == told[0] and told[1] in unusable.reason


def test_an_alert_that_an_outcome_is_of_is_kept_with_it(tmp_path: Path) -> None:
    one = Outcome(KEYRING.token("order", "O-1"), "mistake", AT, "desk", alert=Alerted(AT, "price", "v1", "rule:a"))
    assert read_outcomes(write_outcomes(tmp_path, [one])[0]).lines == [one]
