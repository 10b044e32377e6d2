"""The job that fills the store of histories from the bucket of histories."""

import pulumi
import pulumi_gcp as gcp

from infra.bucket import Bucket
from infra.component import Component
from infra.config import Settings
from infra.history_engine import Store
from infra.image import OWNED
from infra.network import Egress
from infra.scoring import HISTORIES_MOUNT, ScoringParts
from infra.secret import GivenSecret, Secret

Variable = gcp.cloudrunv2.JobTemplateTemplateContainerEnvArgsDict


class SeedingJob(Component):
    """Loads what training knows of customers into the store, where nothing newer is there. A deployment runs it.

    It is the service's image and identity, since it needs the same rights and no other: to the store, the
    masking key (to refuse what was made under another), the bucket of histories to read. And it is where the store is,
    in the stack's network.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        parts: ScoringParts,
        store: Store,
        network: Egress | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        self.job = gcp.cloudrunv2.Job(
            name,
            name=settings.name(name),
            location=settings.region,
            deletion_protection=settings.deletion_protection,
            binary_authorization={"use_default": True} if settings.attestor else None,
            template={
                "task_count": 1,
                "template": {
                    "service_account": parts.identity.email,
                    "execution_environment": "EXECUTION_ENVIRONMENT_GEN2",
                    "max_retries": 2,  # it goes on where it was
                    "timeout": "1800s",
                    "vpc_access": _vpc_access(network),
                    "volumes": [_volume(parts.histories)],
                    "containers": [
                        {
                            "image": parts.image,
                            "commands": ["/usr/bin/python"],
                            "args": ["-m", "app.seeding"],
                            "resources": {"limits": {"cpu": "1", "memory": "512Mi"}},
                            "volume_mounts": [{"name": "histories", "mount_path": HISTORIES_MOUNT}],
                            "envs": _variables(settings, parts, store),
                        }
                    ],
                },
            },
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[parts.identity, parts.registry, parts.histories, parts.masking_key, store]
            ),
        )
        self.name: pulumi.Output[str] = self.job.name
        self.register_outputs({"name": self.name})


def _vpc_access(network: Egress | None) -> gcp.cloudrunv2.JobTemplateTemplateVpcAccessArgsDict | None:
    if network is None:
        return None
    interface: gcp.cloudrunv2.JobTemplateTemplateVpcAccessNetworkInterfaceArgsDict = {
        "network": network.network,
        "subnetwork": network.subnetwork,
    }
    return {"egress": network.traffic, "network_interfaces": [interface]}


def _volume(histories: Bucket) -> gcp.cloudrunv2.JobTemplateTemplateVolumeArgsDict:
    return {"name": "histories", "gcs": {"bucket": histories.name, "read_only": True, "mount_options": OWNED}}


def _variables(settings: Settings, parts: ScoringParts, store: Store) -> list[Variable]:
    plain: dict[str, pulumi.Input[str]] = {
        "ENVIRONMENT": settings.environment,
        "PII_MASKING": "enforced",
        "HISTORIES_DIR": HISTORIES_MOUNT,
        **store.plain,
    }
    secrets: dict[str, Secret | GivenSecret] = {"MASKING_KEY": parts.masking_key, **store.secrets}
    given: list[Variable] = [{"name": name, "value": value} for name, value in plain.items()]
    by_reference: list[Variable] = [
        {"name": name, "value_source": {"secret_key_ref": {"secret": secret.id, "version": secret.version}}}
        for name, secret in secrets.items()
    ]
    return [*given, *by_reference]
