"""A stack that has a Redis keeps it, and comes to a Valkey without losing one before the other serves."""

import json
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra.config import ConfigError
from infra.history_engine import with_engine
from tests.infra.recording import stack_settings
from tests.infra.test_history_store import POLICY, REDIS, STORE, watched_of
from tests.infra.test_parts import declared, environment, sealed_value

URN = "urn:pulumi:prod::orderguard::orderguard:platform:"
HAS_REDIS = f"{URN}HistoryStore$gcp:redis/instance:Instance::histories"
HAS_VALKEY = f"{URN}ValkeyStore$gcp:memorystore/instance:Instance::histories"
OTHER = f"{URN}Bucket$gcp:storage/bucket:Bucket::raw"
SECRET_VERSION = "gcp:secretmanager/secretVersion:SecretVersion"


@pytest.mark.parametrize(
    ("wanted", "state", "engine"),
    [
        ("", [], "valkey"),
        ("", [OTHER, HAS_VALKEY], "valkey"),
        ("", [OTHER, HAS_REDIS], "redis"),
        ("redis", [HAS_REDIS], "redis"),
        ("redis", [], "redis"),
        ("valkey-beside-redis", [HAS_REDIS], "valkey-beside-redis"),
        ("valkey", [HAS_REDIS, HAS_VALKEY], "valkey"),
        ("redis-beside-valkey", [HAS_VALKEY], "redis-beside-valkey"),
    ],
)
def test_a_stack_keeps_what_it_has_until_it_is_told(
    wanted: str, state: list[str], engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    assert with_engine(stack_settings("prod", historyEngine=wanted), state).history_engine == engine
    assert bool(said) == (not wanted and engine == "redis"), "and hears that there is another way, if it has not chosen"


@pytest.mark.parametrize(
    ("wanted", "state", "says"),
    [
        ("", [HAS_REDIS, HAS_VALKEY], "doesn't say which one serves"),
        ("valkey", [HAS_REDIS], "Write `orderguard:historyEngine: valkey-beside-redis` and deploy; then `valkey`"),
        ("redis", [HAS_VALKEY], "Write `orderguard:historyEngine: redis-beside-valkey` and deploy; then `redis`"),
    ],
)
def test_what_would_delete_a_store_that_serves_is_refused(wanted: str, state: list[str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        with_engine(stack_settings("prod", historyEngine=wanted), state)


def test_a_stack_without_a_store_of_its_own_has_no_engine() -> None:
    settings = stack_settings("prod", historyStore="off", historyUrl="rediss://cache")
    assert with_engine(settings, [HAS_REDIS]).history_engines == ()


def test_on_the_way_the_new_store_serves_and_revisions_from_before_still_open_the_old_one(models: Path) -> None:
    hooks = {"hooks": True, "hookShopifySecret": True}
    before, between = (declared("prod", historyEngine=one, **hooks) for one in ("redis", "valkey-beside-redis"))
    assert environment(between)["HISTORY_LOGIN"] == "iam" and "HISTORY_PASSWORD" not in environment(between)
    assert between.one(STORE, "histories")["deletionProtectionEnabled"] is True
    old, kept = (record.one(REDIS, "histories") for record in (before, between))
    assert (old.pop("deletionProtection"), kept.pop("deletionProtection")) == (True, False), "it may go next"
    assert old == kept and set(before.of(SECRET_VERSION)) == set(between.of(SECRET_VERSION))
    assert sealed_value(before, "hooks-history-password") == sealed_value(before, "history-password")
    assert set(before.inventory()) - set(between.inventory()) == {
        "gcp:monitoring/alertPolicy:AlertPolicy alert-store-failover"
    }
    assert watched_of(between) == watched_of(declared("prod"))


def test_the_way_back_is_the_same_with_the_two_exchanged(models: Path) -> None:
    record = declared("prod", historyEngine="redis-beside-valkey")
    assert environment(record)["HISTORY_URL"] == "rediss://10.1.2.3:6378/0"
    assert record.one(STORE, "histories")["deletionProtectionEnabled"] is False
    assert record.one(REDIS, "histories")["deletionProtection"] is True


def redis_of(stack: str = "local", **changes: object) -> Any:
    return declared(stack, historyEngine="redis", **changes)


def test_a_redis_is_reached_with_password_and_tls_alone(models: Path) -> None:
    record = redis_of()
    store = record.one(REDIS, "histories")
    assert (store["authEnabled"], store["transitEncryptionMode"]) == (True, "SERVER_AUTHENTICATION")
    assert (store["connectMode"], store["tier"], store["memorySizeGb"]) == ("DIRECT_PEERING", "BASIC", 1)
    assert store["authorizedNetwork"] == "projects/orderguard-local/global/networks/orderguard-local"
    assert store["redisConfigs"] == {"maxmemory-policy": "volatile-lru"}
    assert store["persistenceConfig"] == {"persistenceMode": "RDB", "rdbSnapshotPeriod": "ONE_HOUR"}
    assert environment(record)["HISTORY_URL"] == "rediss://10.1.2.3:6378/0"
    assert record.of(POLICY) == {} == record.of(STORE)


@pytest.mark.parametrize(
    ("variable", "secret", "value"),
    [
        ("HISTORY_PASSWORD", "history-password", "password-of-the-store"),
        ("HISTORY_CA", "history-ca", "an older certificate\na newer certificate\n"),
    ],
)
def test_what_opens_a_redis_reaches_the_service_by_reference(
    models: Path, variable: str, secret: str, value: str
) -> None:
    record = redis_of("prod")
    assert environment(record)[variable]["secretKeyRef"]["secret"] == f"orderguard-prod-{secret}"
    assert sealed_value(record, secret) == value
    assert "password-of-the-store" not in json.dumps(record.outputs)
    readers = record.of("gcp:secretmanager/secretIamMember:SecretIamMember")
    assert [name for name in readers if name.endswith(f"reads-{secret}")] == [f"scorer-reads-{secret}"]
    assert record.one("gcp:secretmanager/secret:Secret", secret)["topics"]


def test_a_redis_of_prod_has_a_replica_and_a_key_of_its_own_and_is_watched(models: Path) -> None:
    record = redis_of("prod")
    store = record.one(REDIS, "histories")
    assert (store["tier"], store["deletionProtection"]) == ("STANDARD_HA", True)
    assert store["customerManagedKey"].endswith("/cryptoKeys/data")
    assert store["authorizedNetwork"] == "projects/orderguard-prod/global/networks/orderguard"
    watched = watched_of(record)
    assert sorted(watched) == [f"alert-store-{of}" for of in ("connections", "evictions", "failover", "memory")]
    instance = "projects/orderguard-prod/locations/europe-west1/instances/orderguard-prod-histories"
    assert all(f'resource.labels.instance_id="{instance}"' in found for found in watched.values())
    assert "alert-store-failover" not in watched_of(redis_of("staging"))


@pytest.mark.parametrize(
    ("network", "mode", "authorized"),
    [
        ("projects/host/global/networks/shared", "PRIVATE_SERVICE_ACCESS", "projects/host/global/networks/shared"),
        (
            "projects/orderguard-prod/global/networks/own",
            "DIRECT_PEERING",
            "projects/orderguard-prod/global/networks/own",
        ),
    ],
)
def test_a_redis_is_in_a_shared_network_as_google_wants_it(
    models: Path, network: str, mode: str, authorized: str
) -> None:
    store = redis_of("prod", vpcNetwork=network).one(REDIS, "histories")
    assert (store["connectMode"], store["authorizedNetwork"]) == (mode, authorized)
