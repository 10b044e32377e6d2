"""Memorystore for Valkey acts: a real server that opens to access tokens of accounts that may connect, and to nothing
else.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from app.history import HistoryUnavailable
from app.history.opening import Unwatched
from app.history.redis import RedisStore
from app.history.server import Server
from app.history.tokens import Tokens
from infra.local import iam
from infra.local.apis.identity import Identity
from infra.local.apis.variables import leading
from infra.local.cloud import Cloud
from infra.local.home import Home
from infra.local.services.memorystore import INSTANCE, NETWORK, POLICY
from infra.local.supervisor import client
from orderguard.google_token import access_token
from tests.local_cloud.conftest import Asker
from tests.unit.app.test_histories import order

GRANT = "gcp:projects/iAMMember:IAMMember"
ACCOUNT = "{}@a-project.iam.gserviceaccount.com"
INPUTS = {
    "instanceId": "histories",
    "location": "europe-west1",
    "mode": "CLUSTER_DISABLED",
    "shardCount": 1,
    "nodeType": "CUSTOM_PICO",
    "authorizationMode": "IAM_AUTH",
    "transitEncryptionMode": "SERVER_AUTHENTICATION",
    "desiredAutoCreatedEndpoints": [{"network": "projects/a-project/global/networks/net", "projectId": "a-project"}],
    "engineConfigs": {"maxmemory-policy": "volatile-lru"},
    "persistenceConfig": {"mode": "AOF"},
}


class Store:
    """An instance, and an account that may connect; another may not."""

    def __init__(self, ask: Asker) -> None:
        self.ask, self.cloud = ask, ask.cloud
        ask.create(NETWORK, {"name": "net", "autoCreateSubnetworks": False})
        with pytest.raises(
            Exception, match="no service connection policy .* covers projects/a-project/global/networks/net"
        ):
            ask.create(INSTANCE, INPUTS)
        policy = {"name": "net", "location": "europe-west1", "serviceClass": "gcp-memorystore"}
        ask.create(
            POLICY, {**policy, "network": "projects/a-project/global/networks/net", "pscConfig": {"subnetworks": ["s"]}}
        )
        self.made = ask.create(INSTANCE, INPUTS)
        grant = {"project": "a-project", "role": "roles/memorystore.dbConnectionUser"}
        ask.create(GRANT, {**grant, "member": f"serviceAccount:{ACCOUNT.format('scorer')}"})

    @property
    def authority(self) -> str:
        return str(self.made["managedServerCas"][0]["caCerts"][0]["certificates"][0])

    def client(self, token: str | None, **options: Any) -> "Redis":
        """A client of the official library."""
        options = {"ssl": True, "ssl_ca_data": self.authority, "protocol": 2, "retry": None, **options}
        return Redis("127.0.0.1", int(self.status()["port"]), password=token, **options)

    def status(self) -> dict[str, Any]:
        (found,) = client.request(self.cloud, {"do": "status"})["stores"]
        return dict(found)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    cloud = Cloud(Home(tmp_path_factory.mktemp("valkey") / "home"), "test")
    yield Store(Asker(cloud))
    client.stop(cloud)


def server_of(store: Store, name: str) -> str:
    """The metadata server of this account."""
    return leading(store.cloud, Identity(ACCOUNT.format(name), "a-project"))["GCE_METADATA_HOST"]


def token_of(store: Store, name: str) -> str:
    """What the metadata server gives this account."""
    return access_token(server_of(store, name))[0]


def test_an_account_with_the_role_is_let_in_over_tls_and_nobody_else(store: Store) -> None:
    primary, reader = (one["pscAutoConnection"] for one in store.made["endpoints"][0]["connections"])
    assert (
        primary["connectionType"] == "CONNECTION_TYPE_PRIMARY" and reader["connectionType"] == "CONNECTION_TYPE_READER"
    )
    assert (primary["ipAddress"], primary["port"]) == ("127.0.0.1", store.status()["port"])
    with store.client(token_of(store, "scorer")) as mine:
        assert mine.set("kept", 41) and mine.incr("kept") == 42
        memory = mine.info("memory")
        assert (memory["maxmemory"], memory["maxmemory_policy"]) == (int(0.8 * 2**30), "volatile-lru")
        for command in ("CONFIG GET requirepass", "ACL LIST", "SHUTDOWN"):
            with pytest.raises(ResponseError, match="unknown command"):
                mine.execute_command(*command.split())
    for token in (token_of(store, "stranger"), "a-guess", None):
        with store.client(token) as theirs, pytest.raises(AuthenticationError):
            theirs.get("kept")
    with store.client(token_of(store, "scorer"), ssl=False, ssl_ca_data=None) as plain, pytest.raises(RedisError):
        plain.get("kept")


def test_the_service_keeps_histories_in_it_by_its_token(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"rediss://127.0.0.1:{store.status()['port']}/0"

    async def scenario() -> None:
        tokens = Tokens(os.environ["GCE_METADATA_HOST"])
        # With time enough for a machine that has much else to do.
        histories = RedisStore(Server(url, tokens, store.authority, Unwatched(), timeout=10.0), 180, 90, Unwatched())
        try:
            await histories.take([order(0)])
            (past,) = await histories.take([order(1)])
            assert past.customer is not None and past.customer.count == 1
        finally:
            await histories.close()

    monkeypatch.setenv("GCE_METADATA_HOST", server_of(store, "scorer"))
    asyncio.run(scenario())
    monkeypatch.setenv("GCE_METADATA_HOST", server_of(store, "stranger"))
    with pytest.raises(HistoryUnavailable, match="AuthenticationError"):
        asyncio.run(scenario())


def test_a_killed_server_is_back_with_what_it_had(store: Store, wait_until: Callable[..., Any]) -> None:
    before, token = store.status(), token_of(store, "scorer")

    def counted() -> Any:
        try:
            with store.client(token) as mine:
                return mine.incr("kept")
        except RedisError:
            return None

    known = counted()
    os.kill(before["pid"], signal.SIGKILL)
    assert wait_until(lambda: store.status()["pid"] not in (None, before["pid"]) and counted()) == known + 1
    assert store.ask.create(INSTANCE, INPUTS)["endpoints"] == store.made["endpoints"]


def test_what_opens_it_is_in_no_argument_file_log_or_output(store: Store) -> None:
    pid, token = store.status()["pid"], iam.store_token(store.cloud).encode()
    told = b"".join(Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
    kept = [path.read_bytes() for path in store.cloud.home.root.rglob("*") if path.is_file()]
    assert kept and all(token not in text and b"PRIVATE KEY" not in text for text in (told, *kept))
    assert token.decode() not in str(store.made) and "PRIVATE KEY" not in str(store.made)


def test_what_is_protected_stays_and_what_is_not_leaves_nothing(store: Store) -> None:
    with pytest.raises(Exception, match="deletionProtectionEnabled to false"):
        store.ask.delete(INSTANCE, {**store.made, "deletionProtectionEnabled": True})
    store.ask.delete(INSTANCE, store.made)
    assert not client.running(store.cloud)
    assert not list((store.cloud.root / "redis").iterdir())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"shardCount": 3}, "has one shard"),
        ({"mode": "CLUSTER"}, "CUSTOM_PICO is for instances without cluster mode"),
        ({"nodeType": "HUGE"}, "HUGE is no valid value"),
        ({"authorizationMode": "PASSWORD"}, "PASSWORD is no valid value"),
        ({"replicaCount": 6}, "A shard has 0 to 5 replicas"),
        ({"instanceId": "Histories"}, "Must be a match of regex"),
    ],
)
def test_what_google_refuses_is_refused_in_a_preview(ask: Any, changes: dict[str, Any], says: str) -> None:
    _, failures = ask.check(INSTANCE, {**INPUTS, **changes})
    assert any(says in failure for failure in failures), failures


def test_a_cluster_is_declared(ask: Any) -> None:
    inputs = {name: value for name, value in INPUTS.items() if name not in ("mode", "nodeType", "persistenceConfig")}
    assert ask.create(INSTANCE, {**inputs, "shardCount": 3})["state"] == "ACTIVE"
    assert not client.running(ask.cloud)
