"""Cloud SQL acts: a real PostgreSQL that lets accounts in by their tokens, over TLS, kept alive with its data."""

import os
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pg8000.native
import pytest
from sqlalchemy import select, text

from app.desk.away import DeskAway
from app.desk.database import OWNER, Database
from app.desk.tables import ALERT
from infra.local import iam
from infra.local.apis.identity import Identity
from infra.local.apis.variables import leading
from infra.local.cloud import Cloud
from infra.local.commands import alerts
from infra.local.commands.alerts import alert_settings, alerts_kept
from infra.local.errors import LocalCloudError
from infra.local.home import Home
from infra.local.services.sql import DATABASE, INSTANCE, USER
from infra.local.supervisor import client, postgres_server
from infra.local.supervisor.postgres_server import server_program
from tests.local_cloud.conftest import Asker

ENDPOINT, GRANT = "gcp:compute/forwardingRule:ForwardingRule", "gcp:projects/iAMMember:IAMMember"
ADDRESSES = {"ipv4Enabled": False, "sslMode": "ENCRYPTED_ONLY", "pscConfigs": [{"pscEnabled": True}]}
FLAGS = [{"name": "cloudsql.iam_authentication", "value": "on"}]
INPUTS = {
    "name": "alerts",
    "databaseVersion": "POSTGRES_17",
    "settings": {"tier": "db-f1-micro", "ipConfiguration": ADDRESSES, "databaseFlags": FLAGS},
    "deletionProtection": False,
}
ACCOUNT = "{}@a-project.iam.gserviceaccount.com"


class Store:
    """An instance with a database, and two accounts that may log in; a third may not."""

    def __init__(self, ask: Asker) -> None:
        self.ask, self.cloud = ask, ask.cloud
        self.made = ask.create(INSTANCE, INPUTS)
        ask.create(DATABASE, {"name": "orderguard", "instance": "alerts"})
        self.endpoint = ask.create(
            ENDPOINT,
            {
                "name": "alerts",
                "region": "europe-west1",
                "target": self.made["pscServiceAttachmentLink"],
                "ipAddress": "10.8.0.9",
                "loadBalancingScheme": "",
            },
        )
        for name in ("scorer", "hooks", "stranger"):
            user = {"name": f"{name}@a-project.iam", "instance": "alerts", "databaseRoles": [OWNER]}
            ask.create(USER, {**user, "type": "CLOUD_IAM_SERVICE_ACCOUNT"}, name)
        for name in ("scorer", "hooks"):
            grant = {"project": "a-project", "role": "roles/cloudsql.instanceUser"}
            ask.create(GRANT, {**grant, "member": f"serviceAccount:{ACCOUNT.format(name)}"}, name)

    def database(self, name: str) -> Database:
        """It, as a service reaches it that runs as this account."""
        host, authority = self.endpoint["ipAddress"], self.made["serverCaCerts"][0]["cert"]
        return Database(f"postgresql://{name}%40a-project.iam@{host}/orderguard", "", authority, "iam")

    def status(self) -> dict[str, Any]:
        (found,) = client.request(self.cloud, {"do": "status"})["stores"]
        return dict(found)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    cloud = Cloud(Home(tmp_path_factory.mktemp("sql") / "home"), "test")
    yield Store(Asker(cloud))
    client.stop(cloud)


def logged_in(store: Store, name: str, patch: pytest.MonkeyPatch, statement: str) -> list[Any]:
    """The rows of a statement, as the service that runs as this account gets them."""
    where = leading(store.cloud, Identity(ACCOUNT.format(name), "a-project"))
    patch.setenv("GCE_METADATA_HOST", where["GCE_METADATA_HOST"])
    database = store.database(name)
    try:
        with database.transaction() as connection:
            assert connection.execute(select(ALERT)).all() == []
            return list(connection.execute(text(statement)))
    finally:
        database.close()


def test_services_log_in_by_their_tokens_and_share_what_either_makes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    for name in ("scorer", "hooks"):
        assert logged_in(store, name, monkeypatch, owners) == [(OWNER,)]
    who = logged_in(store, "hooks", monkeypatch, "SELECT session_user, current_user")
    assert who == [("hooks@a-project.iam", OWNER)]


def test_an_account_without_the_right_is_not_let_in_and_nobody_without_tls(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DeskAway):
        logged_in(store, "stranger", monkeypatch, "SELECT 1")
    words: dict[str, Any] = {"host": "127.0.0.1", "port": store.status()["port"], "database": "orderguard"}
    token = iam.store_token(store.cloud)
    with pytest.raises(pg8000.native.DatabaseError, match="no encryption"):
        pg8000.native.Connection("scorer@a-project.iam", password=token, ssl_context=False, **words)
    trusted = ssl.create_default_context(cadata=store.made["serverCaCerts"][0]["cert"])
    with pytest.raises(pg8000.native.DatabaseError, match="authentication failed"):
        pg8000.native.Connection("cloudsqladmin", password=token, ssl_context=trusted, **words)


def test_what_opens_it_is_in_no_argument_variable_file_or_log(store: Store) -> None:
    pid, token = store.status()["pid"], iam.store_token(store.cloud).encode()
    told = b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
    kept = [path.read_bytes() for path in store.cloud.home.root.rglob("*") if path.is_file()]
    assert kept and all(token not in content and b"PRIVATE KEY" not in content for content in (told, *kept))
    modes = {path.stat().st_mode & 0o077 for path in (store.cloud.root / "postgresql").rglob("*")}
    assert modes == {0}
    port = f"{store.status()['port']:04X}"
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if " 0A " in line]
    assert [address for address in listening if address.endswith(f":{port}")] == [f"0100007F:{port}"]


def test_a_killed_server_is_back_with_what_it_had(
    store: Store, wait_until: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    logged_in(store, "scorer", monkeypatch, "INSERT INTO alembic_version VALUES ('kept') RETURNING 1")
    before = store.status()
    os.kill(before["pid"], signal.SIGKILL)

    def answers() -> bool:
        try:
            with socket.create_connection(("127.0.0.1", before["port"]), 30):
                return bool(store.status()["pid"] not in (None, before["pid"]) and store.status()["restarts"] == 1)
        except OSError:
            return False

    wait_until(answers)
    found = wait_until(lambda: _rows(store, monkeypatch))
    assert ("kept",) in found


def _rows(store: Store, patch: pytest.MonkeyPatch) -> list[Any]:
    try:
        return logged_in(store, "hooks", patch, "SELECT version_num FROM alembic_version")
    except DeskAway:  # it still reads its log
        return []


def test_what_is_protected_stays_and_what_is_not_leaves_nothing(store: Store) -> None:
    with pytest.raises(Exception, match="deletion_protection is set to true"):
        store.ask.delete(INSTANCE, {**store.made, "deletionProtection": True})
    store.ask.delete(INSTANCE, store.made)
    assert not client.running(store.cloud)
    assert not list((store.cloud.root / "postgresql").iterdir())
    assert not list((store.cloud.run / "stores").iterdir())


def test_a_stack_without_a_server_keeps_alerts_in_a_file_or_says_that_it_keeps_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    local, prod = Cloud(Home(tmp_path / "home"), "local"), Cloud(Home(tmp_path / "home"), "prod")
    assert alert_settings(prod) == []
    monkeypatch.setattr(alerts, "server_program", lambda: None)
    assert alert_settings(prod) == ["--config", "orderguard:alertStore=off"]
    assert "kept nowhere: there is no PostgreSQL that can run here (install postgresql" in alerts_kept(prod, [])
    file = local.root / "alerts" / "alerts.db"
    assert (alert_settings(local)[1], alerts_kept(local, [])) == (
        f"orderguard:alertsUrl=sqlite:{file}",
        f"SQLite, {file}",
    )
    (prod.run / "stores").mkdir(parents=True)
    (prod.run / "stores" / "alerts.sql.json").write_text("{}")
    with pytest.raises(LocalCloudError, match="with it, run this again"):
        alert_settings(prod)


def test_the_newest_server_of_debian_is_found_where_path_has_none(tmp_path: Path) -> None:
    for version in ("9", "15"):
        program = tmp_path / version / "bin" / "postgres"
        program.parent.mkdir(parents=True)
        program.touch()
    assert server_program(path=str(tmp_path), places=str(tmp_path)) == str(tmp_path / "15" / "bin" / "postgres")
    assert server_program(path=str(tmp_path), places=str(tmp_path / "none")) is None


def test_no_server_is_found_for_root_where_user_namespaces_are_forbidden(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    postgres, unshare = tmp_path / "postgres", tmp_path / "unshare"
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setattr(postgres_server, "_may_be_another", postgres_server._may_be_another.__wrapped__)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    for program in (postgres, unshare):
        program.touch(0o755)
    for code, found in ((0, str(postgres)), (1, None)):
        unshare.write_text(f"#!/bin/sh\nexit {code}\n")
        assert server_program(path=str(tmp_path)) == found
