"""A Redis that keeps histories and asks for a password: somebody else's, or the stack's own from before."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_gcp as gcp

from infra.component import Component
from infra.config import HISTORY_STORES, Settings
from infra.identity import Identity
from infra.network import Egress
from infra.reminder import RotationReminder
from infra.secret import GivenSecret, Secret

Opening = dict[str, Secret | GivenSecret]
"""Variable of the service → the secret that reaches it so: the store's password, and the certificates that sign its
own, where it asks for them.
"""


class NamedStore(Component):
    """A Redis that somebody else runs: its address is a setting of the stack, its password and certificates are kept in
    Secret Manager and reach the service by reference.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        readers: Mapping[str, Identity],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        self._settings = settings
        self.plain: dict[str, pulumi.Input[str]] = {"HISTORY_URL": settings.history_url}
        self.secrets = self.opening("", readers, None, self.within)
        self.register_outputs({})

    def opening(
        self,
        whose: str,
        readers: Mapping[str, Identity],
        reminder: RotationReminder | None,
        within: pulumi.ResourceOptions,
    ) -> Opening:
        """What opens it, in secrets of one service (`whose` begins their names): a secret has one reader."""
        settings, found = self._settings, Opening()
        if settings.history_password:
            found["HISTORY_PASSWORD"] = Secret(f"{whose}history-password", settings, readers, reminder, within)
        if settings.history_ca:
            certificates = settings.history_ca
            found["HISTORY_CA"] = GivenSecret(f"{whose}history-ca", settings, certificates, readers, reminder, within)
        return found


class RedisStore(Component):
    """The store of a stack that was made before there was one without a password (infra/valkey_store.py).

    One primary without cluster mode, since an order's update spans several keys; with `standard` a replica that
    takes over.

    Whoever is in the network and knows the password may connect, and nobody without TLS. Google makes up the password
    and the certificate; both go into Secret Manager, and reach the service by reference. Direct peering needs nothing
    but the network. A network of another project (a shared VPC) needs private services access, which its owner sets up.

    Every record has a time to live. A full memory drops those that have been silent longest (`volatile-lru`): with
    `noeviction` every order would go without its history from then on. What has no time to live stays.

    Persistence is a snapshot an hour, which is all that Memorystore has for Redis. A failover loses what the replica
    had not got yet, a restart without a replica up to an hour. It is not a record of orders: `seed-histories` fills it
    again.
    """

    kind = "HistoryStore"

    def __init__(
        self,
        name: str,
        settings: Settings,
        network: Egress,
        readers: Mapping[str, Identity],
        reminder: RotationReminder | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        self.instance = gcp.redis.Instance(
            name,
            name=settings.name(name),
            display_name=f"orderguard {settings.environment}: histories",
            region=settings.region,
            tier=HISTORY_STORES[settings.history_store],
            memory_size_gb=settings.history_store_memory_gb,
            redis_version="REDIS_7_2",
            auth_enabled=True,
            transit_encryption_mode="SERVER_AUTHENTICATION",
            connect_mode="PRIVATE_SERVICE_ACCESS" if _is_foreign(settings) else "DIRECT_PEERING",
            authorized_network=network.network.apply(
                lambda called: called if "/" in called else f"projects/{settings.project}/global/networks/{called}"
            ),
            redis_configs={"maxmemory-policy": "volatile-lru"},
            persistence_config={"persistence_mode": "RDB", "rdb_snapshot_period": "ONE_HOUR"},
            maintenance_policy={
                "weekly_maintenance_windows": [{"day": "SUNDAY", "start_time": {"hours": 2, "minutes": 0}}]
            },
            deletion_protection=settings.deletion_protection,
            opts=pulumi.ResourceOptions(
                parent=self, protect=settings.deletion_protection, additional_secret_outputs=["serverCaCerts"]
            ),
        )
        certificates = self.instance.server_ca_certs.apply(_certificates)
        self._settings = settings
        self._opened_with = self.instance.auth_string, certificates
        self.secrets = self.opening("", readers, reminder, self.within)
        url = pulumi.Output.concat("rediss://", self.instance.host, ":", self.instance.port.apply(str), "/0")
        self.plain: dict[str, pulumi.Input[str]] = {"HISTORY_URL": url}
        self.name: pulumi.Output[str] = self.instance.name
        # Composed from the name, which a preview knows.
        whole = pulumi.Output.concat(
            f"projects/{settings.project}/locations/{settings.region}/instances/", self.instance.name
        )
        self.metrics = {
            kind: whole.apply(lambda called, metric=metric: _filter(called, metric))  # type: ignore[misc]
            for kind, metric in {
                "memory": "stats/memory/usage_ratio",
                "evictions": "stats/evicted_keys",
                "refused": "stats/reject_connections_count",
                "role": "replication/role",
            }.items()
        }
        self.register_outputs({"id": whole})

    def opening(
        self,
        whose: str,
        readers: Mapping[str, Identity],
        reminder: RotationReminder | None,
        within: pulumi.ResourceOptions,
    ) -> Opening:
        """What opens it, in secrets of one service (`whose` begins their names): a secret has one reader."""
        password, certificates = self._opened_with
        settings = self._settings
        return {
            "HISTORY_PASSWORD": GivenSecret(f"{whose}history-password", settings, password, readers, reminder, within),
            "HISTORY_CA": GivenSecret(f"{whose}history-ca", settings, certificates, readers, reminder, within),
        }


def _is_foreign(settings: Settings) -> bool:
    """Whether the stack's network belongs to another project."""
    return "/" in settings.vpc_network and f"projects/{settings.project}/" not in settings.vpc_network


def _filter(instance: str, metric: str) -> str:
    """The filter for a metric of an instance."""
    return (
        f'resource.type="redis_instance" AND resource.labels.instance_id="{instance}"'
        f' AND metric.type="redis.googleapis.com/{metric}"'
    )


def _certificates(found: Sequence[Mapping[str, Any]] | None) -> str:
    """Every certificate that the server's may be signed with, one after the other: during a rotation there are two."""
    return "".join(f"{str(one['cert']).strip()}\n" for one in found or ())
