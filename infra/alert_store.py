"""The store of alerts and outcomes that all instances of the services share: a PostgreSQL in Cloud SQL."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pulumi
import pulumi_gcp as gcp

from infra.component import Component
from infra.config import ALERT_STORES, Settings
from infra.identity import Identity
from infra.network import Egress
from infra.sdk import declared_by_type

LOGIN_ROLE = "roles/cloudsql.instanceUser"
DATABASE = "orderguard"
# Every member of this role has what one of them makes: the tables belong to it (app/desk/database.py).
OWNER = "cloudsqlsuperuser"
CONNECTIONS_OF_AN_INSTANCE = 10
"""Room for what one instance of a service opens at most, twice: a canary has two revisions."""
BACKUPS, LOG_DAYS = 14, 7
"""As long as deleted orders can be brought back: docs/technical/privacy.md."""
LARGEST_GB = 100

# As CIS asks for them (policies/rules/sql.py); none of them logs a value of a statement.
_FLAGS = {
    "cloudsql.enable_pgaudit": "on",
    "cloudsql.iam_authentication": "on",
    "log_checkpoints": "on",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_duration": "on",
    "log_hostname": "on",
    "log_lock_waits": "on",
    "log_statement": "ddl",
    "log_temp_files": "0",
}


class AlertStore(Component):
    """One instance in the stack's region; with `standard` a second zone takes over.

    It has no public address. An endpoint of Private Service Connect in the stack's subnetwork leads to it, which needs
    no peering and works in a network of another project, too. Nobody connects without TLS.

    There is no password: a service logs in as its own account, with a token that Google gives it (IAM database
    authentication). So no state, secret or variable holds what opens the database. Who may log in is granted by the
    instance's name, by infra/bootstrap where somebody deploys for the stack. All logins act as one role, which owns the
    tables: whichever service comes first makes them.

    Destroying the stack deletes the instance with its backups; Google takes its name again after a week.
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
        kept = pulumi.ResourceOptions(parent=self, protect=settings.deletion_protection)
        self.instance = gcp.sql.DatabaseInstance(
            name,
            name=settings.name(name),
            region=settings.region,
            database_version="POSTGRES_17",
            deletion_protection=settings.deletion_protection,
            settings=_wanted(settings),
            opts=kept,
        )
        database = gcp.sql.Database(
            name, name=DATABASE, instance=self.instance.name, deletion_policy="ABANDON", opts=kept
        )
        self._endpoint = self._reached_from(name, settings, network)
        needed: list[pulumi.Resource] = [database, self._endpoint]
        for user, identity in users.items():
            needed.append(
                gcp.sql.User(
                    f"{user}-of-{name}",
                    name=identity.email.apply(login),
                    instance=self.instance.name,
                    type="CLOUD_IAM_SERVICE_ACCOUNT",
                    database_roles=[OWNER],
                    deletion_policy="ABANDON",
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[database]),
                )
            )
            if settings.grants_itself:
                needed.append(self._let_in(user, name, settings, identity))
        self.needed = needed
        # Public: the certificates that the server's may be signed with, during a rotation two.
        self.certificate: pulumi.Output[str] = self.instance.server_ca_certs.apply(_certificates)
        self.register_outputs({"name": self.instance.name})

    def url(self, identity: Identity) -> pulumi.Output[str]:
        """Where `identity` logs in."""
        host = pulumi.Output.from_input(pulumi.get(self._endpoint, "ipAddress"))
        user = identity.email.apply(lambda email: quote(login(email), safe=""))
        return pulumi.Output.concat("postgresql://", user, "@", host, f"/{DATABASE}")

    def _reached_from(self, name: str, settings: Settings, network: Egress) -> pulumi.CustomResource:
        """The endpoint in the stack's network."""
        full = settings.name(name)
        address = declared_by_type(
            self,
            "gcp:compute/address:Address",
            name,
            {
                "name": full,
                "region": settings.region,
                "addressType": "INTERNAL",
                "subnetwork": network.subnetwork,
                "address": None,  # an output, which the SDK fills in where it is named
            },
        )
        return declared_by_type(
            self,
            "gcp:compute/forwardingRule:ForwardingRule",
            name,
            {
                "name": full,
                "region": settings.region,
                "network": network.network,
                "subnetwork": network.subnetwork,
                "ipAddress": pulumi.get(address, "address"),
                "target": self.instance.psc_service_attachment_link,
                # What an endpoint has to say: it balances nothing.
                "loadBalancingScheme": "",
            },
        )

    def _let_in(self, user: str, name: str, settings: Settings, identity: Identity) -> gcp.projects.IAMMember:
        title = f"{user}-logs-in-to-{name}"
        return gcp.projects.IAMMember(
            title,
            project=settings.project,
            role=LOGIN_ROLE,
            member=identity.member,
            condition={"title": title, "expression": on_instance(settings.project, settings.name(name))},
            opts=self.within,
        )


def on_instance(project: str, name: str) -> str:
    """The condition that holds a role to one instance: cloud.google.com/sql/docs/postgres/iam-conditions"""
    return f"resource.name == 'projects/{project}/instances/{name}' && resource.service == 'sqladmin.googleapis.com'"


def login(email: str) -> str:
    """A service account's name in the database: cloud.google.com/sql/docs/postgres/add-manage-iam-users"""
    return email.removesuffix(".gserviceaccount.com")


def _wanted(settings: Settings) -> gcp.sql.DatabaseInstanceSettingsArgsDict:
    connections = str(settings.max_instances * CONNECTIONS_OF_AN_INSTANCE * (2 if settings.hooks else 1))
    flags = {**_FLAGS, "max_connections": connections}
    return {
        "tier": settings.alert_store_tier,
        "edition": "ENTERPRISE",
        "availability_type": ALERT_STORES[settings.alert_store],
        "deletion_protection_enabled": settings.deletion_protection,
        "user_labels": settings.labels,
        "disk_type": "PD_SSD",
        "disk_size": 10,
        "disk_autoresize": True,
        "disk_autoresize_limit": LARGEST_GB,
        "ip_configuration": {
            "ipv4_enabled": False,
            "ssl_mode": "ENCRYPTED_ONLY",
            "server_ca_mode": "GOOGLE_MANAGED_INTERNAL_CA",
            "psc_configs": [{"psc_enabled": True, "allowed_consumer_projects": [settings.project]}],
        },
        "backup_configuration": {
            "enabled": True,
            "location": settings.data_location.lower(),
            "start_time": "00:00",
            "point_in_time_recovery_enabled": True,
            "transaction_log_retention_days": LOG_DAYS,
            "backup_retention_settings": {"retained_backups": BACKUPS, "retention_unit": "COUNT"},
        },
        # Sundays at two in the morning, as the store of histories.
        "maintenance_window": {"day": 7, "hour": 2, "update_track": "stable"},
        "database_flags": [{"name": flag, "value": value} for flag, value in sorted(flags.items())],
    }


def _certificates(found: Sequence[Mapping[str, Any]] | None) -> str:
    return "".join(f"{str(one['cert']).strip()}\n" for one in found or ())
