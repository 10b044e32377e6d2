"""Memorystore acts: a real server with the password and the encryption that were declared, kept alive with its data."""

import contextlib
import os
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.cloud import Cloud
from infra.local.commands.store import engine_settings, require_server
from infra.local.commands.up import drop_damaged
from infra.local.errors import LocalCloudError
from infra.local.home import Home
from infra.local.supervisor import client
from tests.local_cloud.conftest import Asker

INSTANCE = "gcp:redis/instance:Instance"
HEALED_WITHIN_SECONDS = 3.0
INPUTS = {
    "name": "histories",
    "region": "europe-west1",
    "memorySizeGb": 1,
    "authEnabled": True,
    "transitEncryptionMode": "SERVER_AUTHENTICATION",
    "persistenceConfig": {"persistenceMode": "RDB", "rdbSnapshotPeriod": "ONE_HOUR"},
    "redisConfigs": {"maxmemory-policy": "volatile-lru"},
}


class Store:
    """An instance as those see it who may connect."""

    def __init__(self, ask: Any, **changes: Any) -> None:
        self.ask, self.cloud = ask, ask.cloud
        self.made = ask.create(INSTANCE, {**INPUTS, **changes})

    @property
    def password(self) -> str:
        return str(self.made["authString"])

    def say(self, *commands: str, password: str | None = None) -> list[str]:
        """The answer to each command, in Redis's own words."""
        port = int(self.status()["port"])
        trusted = ssl.create_default_context(cadata=self.made["serverCaCerts"][0]["cert"])
        with socket.create_connection(("127.0.0.1", port), 30) as plain:
            with trusted.wrap_socket(plain, server_hostname="127.0.0.1") as secure, secure.makefile("rwb") as file:
                answers = []
                for command in (f"AUTH {self.password if password is None else password}", *commands):
                    file.write(f"{command}\r\n".encode())
                    file.flush()
                    first = file.readline().decode().strip()
                    answers.append(file.read(int(first[1:]) + 2).decode() if first[0] == "$" else first)
        return answers[1:]

    def status(self) -> dict[str, Any]:
        (found,) = client.request(self.cloud, {"do": "status"})["stores"]
        return dict(found)

    def answers(self) -> bool:
        try:
            return self.say("PING") == ["+PONG"]
        except OSError:
            return False


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    cloud = Cloud(Home(tmp_path_factory.mktemp("redis") / "home"), "test")
    yield Asker(cloud)
    client.stop(cloud)


@pytest.fixture(scope="module")
def store(asker: Any) -> Store:
    return Store(asker)


def test_the_server_takes_its_password_over_tls_and_nothing_else(store: Store) -> None:
    assert store.say("SET a 1", "INCR a") == ["+OK", ":2"]
    assert store.say("GET a", password="wrong")[0].startswith("-NOAUTH")
    with socket.create_connection(("127.0.0.1", store.status()["port"]), 30) as plain:
        plain.sendall(b"PING\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert b"PONG" not in plain.recv(100)


def test_it_listens_on_this_machine_alone_and_takes_what_memorystore_takes(store: Store) -> None:
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if " 0A " in line]
    port = f"{store.status()['port']:04X}"
    assert [address for address in listening if address.endswith(f":{port}")] == [f"0100007F:{port}"]
    for command in ("CONFIG GET requirepass", "SHUTDOWN", "DEBUG SLEEP 9", "REPLICAOF 10.0.0.1 6379"):
        assert store.say(command)[0].startswith("-ERR unknown command"), command
    (memory,) = store.say("INFO memory")
    assert {f"maxmemory:{2**30}", "maxmemory_policy:volatile-lru"} <= set(memory.split())


def test_a_killed_server_is_back_within_three_seconds_with_what_it_had(
    store: Store, wait_until: Callable[..., Any]
) -> None:
    store.say("SET kept 41")
    before = store.status()
    os.kill(before["pid"], signal.SIGKILL)
    killed = time.monotonic()
    wait_until(lambda: store.status()["pid"] not in (None, before["pid"]) and store.answers())
    took = time.monotonic() - killed
    assert store.say("INCR kept") == [":42"]
    assert (store.status()["port"], store.status()["restarts"]) == (before["port"], before["restarts"] + 1)
    assert took < HEALED_WITHIN_SECONDS


def test_a_stop_of_everything_loses_nothing(store: Store, wait_until: Callable[..., Any]) -> None:
    store.say("SET kept 1")
    client.stop(store.cloud)
    client.ensure(store.cloud)
    wait_until(store.answers)
    assert store.say("INCR kept") == [":2"]


def test_neither_password_nor_key_is_in_arguments_files_or_logs(store: Store) -> None:
    pid = store.status()["pid"]
    told = b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
    kept = [path.read_bytes() for path in store.cloud.home.root.rglob("*") if path.is_file()]
    assert kept and all(store.password.encode() not in text for text in (told, *kept))
    assert not any(b"PRIVATE KEY" in text for text in (told, *kept))
    modes = {path.stat().st_mode & 0o777 for path in (store.cloud.root / "redis").rglob("*")}
    assert modes <= {0o600, 0o700}


def test_the_same_declaration_leaves_it_alone_and_another_keeps_its_data(asker: Any, store: Store) -> None:
    store.say("SET kept 5")
    before = store.status()["pid"]
    again = Store(asker)
    assert (again.password, again.status()["pid"]) == (store.password, before)
    grown = Store(asker, memorySizeGb=2)
    assert grown.status()["pid"] != before
    memory, counted = grown.say("INFO memory", "INCR kept")
    assert (f"maxmemory:{2 * 2**30}" in memory.split(), counted) == (True, ":6")


def test_it_moves_where_somebody_has_taken_its_port(store: Store, wait_until: Callable[..., Any]) -> None:
    port = store.status()["port"]
    client.stop(store.cloud)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        client.ensure(store.cloud)
        wait_until(lambda: store.status()["port"] != port and store.answers())


def test_what_is_protected_stays_and_what_is_not_leaves_nothing(asker: Any, store: Store) -> None:
    with pytest.raises(Exception, match="deletion_protection=false"):
        asker.delete(INSTANCE, {**store.made, "deletionProtection": True})
    pid = store.status()["pid"]
    asker.delete(INSTANCE, store.made)
    assert not Path(f"/proc/{pid}").exists()
    assert not client.running(asker.cloud)
    assert not list((asker.cloud.root / "redis").iterdir())
    assert not list((asker.cloud.run / "stores").iterdir())


@pytest.mark.parametrize("content", ['{"port": 1, "sealed": "x"}', "{}", "[1]", '{"port": 1, "seal'])
def test_a_damaged_record_gives_way_to_a_new_store(cloud: Cloud, content: str) -> None:
    record = cloud.run / "stores" / "histories.json"
    record.parent.mkdir(parents=True)
    record.write_text(content)
    assert drop_damaged(cloud) == ["dropped the damaged record of store histories, which is recreated"]
    assert not record.exists()


def test_without_a_server_the_package_is_named(ask: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Exception, match="Install the package redis-server or valkey"):
        ask.create(INSTANCE, INPUTS)
    assert not client.running(ask.cloud)


def test_a_stack_without_a_server_gets_the_embedded_store_or_a_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ask: Any
) -> None:
    local, prod = Cloud(Home(tmp_path / "home"), "local"), Cloud(Home(tmp_path / "home"), "prod")
    assert engine_settings(local) == engine_settings(prod) == []
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "orderguard:historyStore=off" in engine_settings(local)
    require_server(local)
    assert engine_settings(prod) == []
    with pytest.raises(LocalCloudError, match="apt-get install redis-server"):
        require_server(prod)
