"""A store of histories without a password: a Valkey in Memorystore that lets services in by their access tokens."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_gcp as gcp

from infra.component import Component
from infra.config import VALKEY_NODES, VALKEY_REPLICAS, Settings
from infra.identity import Identity
from infra.network import Egress
from infra.reminder import RotationReminder
from infra.sdk import declared_by_type
from infra.secret import GivenSecret, Secret

CONNECT_ROLE = "roles/memorystore.dbConnectionUser"
PRIMARY = "CONNECTION_TYPE_PRIMARY"


class ValkeyStore(Component):
    """One primary without cluster mode, since an order's update spans several keys; with `standard` a replica that
    takes over.

    There is no password: each connection shows the access token of the service that opens it (IAM authentication). So
    no state, secret or variable holds what opens the store. Who may connect is granted by the instance's name, by
    infra/bootstrap where somebody deploys for the stack. Nobody connects without TLS, and the certificates that the
    server's is signed with are public.

    It has no public address. Google makes its endpoints in the stack's network, for which that needs a policy: the
    stack makes it for a network that it makes or names without a project; in any other its owner does.

    Every record has a time to live. A full memory drops those that have been silent longest (`volatile-lru`): with
    `noeviction` every order would go without its history from then on. What has no time to live stays.

    Each second goes to an append-only file. It is not a record of orders: `seed-histories` fills it again.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        network: Egress,
        users: Mapping[str, Identity],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        full = network.network.apply(lambda called: _full(called, f"projects/{settings.project}/global/networks"))
        needed = [self._policy(name, settings, network, full)] if "/" not in settings.vpc_network else []
        self.instance = gcp.memorystore.Instance(
            name,
            instance_id=settings.name(name),
            location=settings.region,
            mode="CLUSTER_DISABLED",
            shard_count=1,
            replica_count=VALKEY_REPLICAS[settings.history_store],
            node_type=next(node for node, size in VALKEY_NODES.items() if size >= settings.history_store_memory_gb),
            engine_version="VALKEY_8_0",
            engine_configs={"maxmemory-policy": "volatile-lru"},
            authorization_mode="IAM_AUTH",
            transit_encryption_mode="SERVER_AUTHENTICATION",
            desired_auto_created_endpoints=[{"network": full, "project_id": settings.project}],
            persistence_config={"mode": "AOF", "aof_config": {"append_fsync": "EVERY_SEC"}},
            maintenance_policy={
                "weekly_maintenance_windows": [{"day": "SUNDAY", "start_time": {"hours": 2, "minutes": 0}}]
            },
            deletion_protection_enabled=settings.deletion_protection,
            opts=pulumi.ResourceOptions(parent=self, protect=settings.deletion_protection, depends_on=needed),
        )
        if settings.grants_itself:
            for user, identity in users.items():
                self._let_in(user, name, settings, identity)
        self.name: pulumi.Output[str] = self.instance.instance_id
        # The certificates are public: they sign the server's, during a rotation there are two.
        self.plain: dict[str, pulumi.Input[str]] = {
            "HISTORY_URL": self.instance.endpoints.apply(_url),
            "HISTORY_LOGIN": "iam",
            "HISTORY_CA": self.instance.managed_server_cas.apply(_certificates),
        }
        self.secrets: dict[str, Secret | GivenSecret] = {}
        self.metrics = {
            kind: self.name.apply(lambda called, metric=metric: _filter(called, metric))  # type: ignore[misc]
            for kind, metric in {
                "memory": "memory/maximum_utilization",
                "evictions": "stats/total_evicted_keys_count",
                "refused": "stats/total_rejected_connections_count",
            }.items()
        }
        self.register_outputs({"name": self.name})

    def opening(
        self,
        whose: str,
        readers: Mapping[str, Identity],
        reminder: RotationReminder | None,
        within: pulumi.ResourceOptions,
    ) -> dict[str, Secret | GivenSecret]:
        """No secret opens it."""
        return {}

    def _policy(
        self, name: str, settings: Settings, network: Egress, full: pulumi.Output[str]
    ) -> pulumi.CustomResource:
        """What lets Google make endpoints for Memorystore in the network, with addresses of the stack's subnetwork."""
        subnetworks = f"projects/{settings.project}/regions/{settings.region}/subnetworks"
        return declared_by_type(
            self,
            "gcp:networkconnectivity/serviceConnectionPolicy:ServiceConnectionPolicy",
            name,
            {
                "name": settings.name(name),
                "location": settings.region,
                "serviceClass": "gcp-memorystore",
                "network": full,
                "pscConfig": {"subnetworks": [network.subnetwork.apply(lambda called: _full(called, subnetworks))]},
            },
        )

    def _let_in(self, user: str, name: str, settings: Settings, identity: Identity) -> None:
        title = f"{user}-connects-to-{name}"
        gcp.projects.IAMMember(
            title,
            project=settings.project,
            role=CONNECT_ROLE,
            member=identity.member,
            condition={"title": title, "expression": on_valkey(settings.region, settings.name(name))},
            opts=self.within,
        )


def on_valkey(region: str, name: str) -> str:
    """The condition that holds a role to one instance, whether its project is named or numbered."""
    return f"resource.name.endsWith('/locations/{region}/instances/{name}')"


def _full(called: str, place: str) -> str:
    return called if "/" in called else f"{place}/{called}"


def _filter(called: str, metric: str) -> str:
    """The filter for a metric of an instance, which Google Cloud names with or without its place."""
    return (
        f'resource.type="memorystore.googleapis.com/Instance" AND resource.labels.instance_id=ends_with("{called}")'
        f' AND metric.type="memorystore.googleapis.com/instance/{metric}"'
    )


def _url(endpoints: Sequence[Mapping[str, Any]] | None) -> str:
    """Where the primary is: of an endpoint's two connections the one that takes writes."""
    for endpoint in endpoints or ():
        for one in endpoint["connections"]:
            found = one["psc_auto_connection"]
            if found["connection_type"] == PRIMARY:
                return f"rediss://{found['ip_address']}:{found['port']}/0"
    raise ValueError("the instance has no endpoint for its primary")


def _certificates(authorities: Sequence[Mapping[str, Any]] | None) -> str:
    found = (pem for authority in authorities or () for one in authority["ca_certs"] for pem in one["certificates"])
    return "".join(f"{str(pem).strip()}\n" for pem in found)
