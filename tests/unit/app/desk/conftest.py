"""The desk's database, once in SQLite and once in a real PostgreSQL server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from app.desk.database import Database
from app.desk.tables import METADATA
from bench.postgres_server import PostgresServer
from orderguard.masking import Keyring, new_key_text


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        found = Database(f"sqlite:{tmp_path / 'desk' / 'alerts.db'}", "")
    else:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        found = Database(server.url, server.password)
        with found.transaction() as connection:
            for name in ("alert", "alert_event", "outcome"):
                connection.execute(delete(METADATA.tables[name]))
    yield found
    found.close()


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring.from_text(new_key_text())
