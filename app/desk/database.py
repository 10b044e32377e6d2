"""The desk's database: a SQLite file of one machine, or a PostgreSQL server. Opened when it is first needed, and
brought up to date by the migrations of `app/desk/migrations`.
"""

import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.desk.away import DeskAway, DeskRefused
from app.desk.tables import VERSION
from orderguard.google_token import access_token
from orderguard.private_files import make_private_folder

MIGRATIONS = Path(__file__).with_name("migrations")
STATEMENT_SECONDS = 5.0
MOST_CONNECTIONS = 4
BUSY_SECONDS = 5.0
OWNER = "cloudsqlsuperuser"
"""The role that owns the tables in Cloud SQL: each service logs in as its own account, and acts as this one."""
WRITES = "writes"
_MIGRATING = 0x6F67_6465
"""The number of the lock under which one instance at a time migrates a PostgreSQL database."""


class Database:
    """Transactions, each with `DeskAway` where the database does not answer or is full, and `DeskRefused` where it
    takes no such value. Threads share it.
    """

    def __init__(self, url: str, password: str, ca: str = "", login: str = "password") -> None:
        self.kind = url.partition(":")[0]
        self._told = url, password, ca, login
        self._lock = threading.Lock()
        self._engine: Engine | None = None
        self._is_current = False

    @contextmanager
    def transaction(self, *, write: bool = True) -> Iterator[Connection]:
        """A transaction: what is done in it is on disk when it is over, and nothing of it where it fails."""
        try:
            engine = self._ready()
            with engine.execution_options(**{WRITES: write}).begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            if _is_refused(error):
                raise DeskRefused(_reason(error)) from None
            if isinstance(error, DBAPIError):
                self.close()  # after a failure no connection is what it was: each starts over
            # The words of an error may hold the address, or a value.
            raise DeskAway(_reason(error)) from None

    def close(self) -> None:
        """Close all connections."""
        if self._engine is not None:
            self._engine.dispose()

    def _ready(self) -> Engine:
        with self._lock:
            if self._engine is None:
                self._engine = _engine(*self._told)
            if not self._is_current:
                self._migrate(self._engine)
            return self._engine

    def _migrate(self, engine: Engine) -> None:
        """Run what the database has not seen. One that a later release has migrated is left as it is."""
        with engine.execution_options(**{WRITES: True}).begin() as connection:
            if self.kind == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")
            done = _version_of(connection)
            for path in sorted(MIGRATIONS.glob(f"*.{self.kind}.sql")):
                if path.name.partition(".")[0] > done:
                    for statement in path.read_text(encoding="utf-8").split(";\n"):
                        if statement.strip():
                            connection.exec_driver_sql(statement)
        self._is_current = True


def _version_of(connection: Connection) -> str:
    if not connection.dialect.has_table(connection, VERSION.name):
        return ""
    return str(connection.execute(select(VERSION.c.version_num)).scalar() or "")


def _is_refused(error: BaseException) -> bool:
    """Whether a value is at fault, and not the database. pg8000 has one exception for all that PostgreSQL answers; the
    classes 22 and 23 of SQLSTATE are about data (PostgreSQL, appendix A).
    """
    if isinstance(error, DataError | IntegrityError):
        return True
    told = error.orig.args[0] if isinstance(error, DBAPIError) and error.orig and error.orig.args else None
    return isinstance(told, dict) and str(told.get("C", ""))[:2] in ("22", "23")


def _reason(error: BaseException) -> str:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    if isinstance(error, PoolTimeout):
        return "no free connection"
    return type(cause).__name__


def _engine(url: str, password: str, ca: str, login: str) -> Engine:
    scheme, _, rest = url.partition(":")
    return _sqlite(Path(rest)) if scheme == "sqlite" else _postgresql(url, password, ca, login)


def _sqlite(path: Path) -> Engine:
    def opened(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        # What was acknowledged has to be on disk, whatever happens to the machine.
        connection.execute("PRAGMA synchronous = FULL")
        # What is deleted is overwritten.
        connection.execute("PRAGMA secure_delete = ON")

    def begun(connection: Connection) -> None:
        # A transaction that reads first and then writes would fail where another one wrote between the two.
        writes = connection.get_execution_options()[WRITES]
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    make_private_folder(path.parent)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        pool_size=MOST_CONNECTIONS,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
    )
    event.listen(engine, "connect", opened)
    event.listen(engine, "begin", begun)
    return engine


def _postgresql(url: str, password: str, ca: str, login: str) -> Engine:
    parts = urlsplit(url)

    def opened(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET statement_timeout = {round(STATEMENT_SECONDS * 1_000)}")
        cursor.execute(f"SET lock_timeout = {round(STATEMENT_SECONDS * 1_000)}")
        if login == "iam":
            cursor.execute(f"SET ROLE {OWNER}")
        cursor.close()
        connection.commit()

    engine = create_engine(
        URL.create(
            "postgresql+pg8000",
            username=unquote(parts.username or ""),
            password=password or None,
            host=parts.hostname,
            port=parts.port or 5432,
            database=parts.path[1:],
        ),
        connect_args={
            "timeout": STATEMENT_SECONDS + 1,
            "ssl_context": _trusting(ca) if ca else None,
            "application_name": "orderguard",
            "tcp_keepalive": True,
        },
        pool_size=MOST_CONNECTIONS,
        max_overflow=0,
        pool_timeout=STATEMENT_SECONDS,
        pool_pre_ping=True,
        hide_parameters=True,
    )
    event.listen(engine, "connect", opened)
    if login == "iam":
        event.listen(engine, "do_connect", _with_token)
    return engine


def _with_token(_dialect: Any, _record: Any, _words: Any, told: dict[str, Any]) -> None:
    """Each connection logs in with a token of its own: one is valid for an hour at most."""
    try:
        told["password"], _ = access_token(os.environ.get("GCE_METADATA_HOST", ""))
    except ValueError as problem:
        raise OSError(str(problem)) from None


def _trusting(ca: str) -> ssl.SSLContext:
    """How a server's certificate is verified: by its own authority alone, which signs nothing else. Cloud SQL's does
    not name the private address.
    """
    context = ssl.create_default_context(cadata=ca)
    context.check_hostname = False
    return context
