"""From the journal into the database, and out of it what is too old."""

import time
from collections.abc import Sequence

import msgspec

from app.desk.alert import Alert
from app.desk.alerts import add_alerts, delete_older
from app.desk.away import DeskRefused
from app.desk.database import Database
from app.settings import Settings

MOST_AT_ONCE = 200
DAY = 86_400
TIDY_EVERY = 3_600.0

_decode = msgspec.json.Decoder(Alert).decode


class Shipping:
    """The shipper's own connection. Used by one thread."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(settings.alerts_url, settings.alerts_password, settings.alerts_ca)
        self._days = settings.alerts_days
        self._tidied = 0.0

    def ship(self, lines: Sequence[bytes]) -> list[bytes]:
        """Store the alerts of these lines; returns those that can't be. Raises `DeskAway`, and can be repeated."""
        refused: list[bytes] = []
        for start in range(0, len(lines), MOST_AT_ONCE):
            part = lines[start : start + MOST_AT_ONCE]
            try:
                self._store(part)
            except (DeskRefused, msgspec.MsgspecError):
                refused += self._each(part)
        return refused

    def _store(self, lines: Sequence[bytes]) -> None:
        alerts = [_decode(line) for line in lines]
        with self._database.transaction() as connection:
            add_alerts(connection, alerts)

    def _each(self, lines: Sequence[bytes]) -> list[bytes]:
        refused = []
        for line in lines:
            try:
                self._store([line])
            except (DeskRefused, msgspec.MsgspecError):
                refused.append(line)
        return refused

    def tidy(self) -> None:
        """Once an hour, delete what is older than ALERTS_DAYS. Raises `DeskAway`."""
        now = time.time()
        if now - self._tidied < TIDY_EVERY:
            return
        with self._database.transaction() as connection:
            delete_older(connection, round((now - self._days * DAY) * 1_000))
        self._tidied = now

    def close(self) -> None:
        """Close the connection."""
        self._database.close()
