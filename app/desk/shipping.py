"""From the journal into the database, and out of it what is too old."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from app.desk.alert import Alert
from app.desk.alerts import add_alerts, delete_older
from app.desk.away import DeskRefused
from app.desk.database import Database
from app.desk.precision import By, precisions
from app.desk.queue import Who, counts
from app.settings import Settings

MOST_AT_ONCE = 200
DAY = 86_400
TIDY_EVERY, TOLD_EVERY = 3_600.0, 60.0
MEASURED: tuple[By, ...] = ("reason", "model_version", "decided_by")
WEEKS, MOST_VALUES = 4, 20
"""So many values have a figure, those with the most alerts: labels stay bounded."""

_decode = msgspec.json.Decoder(Alert).decode


class Figures(NamedTuple):
    """What /metrics shows of the desk: open alerts, and precision by what and which value."""

    open: int
    precision: dict[tuple[str, str], float]


class Shipping:
    """The shipper's own connection. Used by one thread."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(
            settings.alerts_url, settings.alerts_password, settings.alerts_ca, settings.alerts_login
        )
        self._days = settings.alerts_days
        self._tidied = self._told = 0.0

    def ship(self, lines: Sequence[bytes]) -> list[bytes]:
        """Store the alerts of these lines; returns those that can't be. Raises `DeskAway`, and can be repeated."""
        refused: list[bytes] = []
        for start in range(0, len(lines), MOST_AT_ONCE):
            part = lines[start : start + MOST_AT_ONCE]
            if not self._stored(part):
                refused += [line for line in part if not self._stored([line])]
        return refused

    def _stored(self, lines: Sequence[bytes]) -> bool:
        try:
            alerts = [_decode(line) for line in lines]
            with self._database.transaction() as connection:
                add_alerts(connection, alerts)
        except (DeskRefused, msgspec.MsgspecError):
            return False
        return True

    def tidy(self) -> None:
        """Once an hour, delete what is older than ALERTS_DAYS. Raises `DeskAway`."""
        now = time.time()
        if now - self._tidied < TIDY_EVERY:
            return
        with self._database.transaction() as connection:
            delete_older(connection, round((now - self._days * DAY) * 1_000))
        self._tidied = now

    def figures(self) -> Figures | None:
        """Once a minute, how many alerts are open and how precise those of four weeks were. Raises `DeskAway`."""
        now = time.time()
        if now - self._told < TOLD_EVERY:
            return None
        with self._database.transaction(write=False) as connection:
            opened = counts(connection, Who(None))
            found = precisions(connection, MEASURED, WEEKS, round(now * 1_000))
        shares: dict[tuple[str, str], float] = {
            (by, row.value): row.precision
            for by, answer in found.items()
            for row in answer.rows[:MOST_VALUES]
            if row.precision is not None
        }
        self._told = now
        return Figures(opened.new + opened.taken, shares)

    def close(self) -> None:
        """Close the connection."""
        self._database.close()
