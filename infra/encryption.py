"""A key of our own for data at rest (CMEK), for stacks that ask for it."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_gcp as gcp

from infra.component import Component
from infra.config import Settings
from infra.project import service_agent

ROTATION_DAYS = 90

# Google's own service accounts that encrypt and decrypt on the project's behalf, by the service they act for.
SERVICE_AGENTS = {
    "artifact-registry": "gcp-sa-artifactregistry",
    "cloud-run": "serverless-robot-prod",
    "pubsub": "gcp-sa-pubsub",
    "secret-manager": "gcp-sa-secretmanager",
    "storage": "gs-project-accounts",
}
# Those of stores, where the stack has one.
_OF_HISTORIES = {"redis": "cloud-redis", "valkey": "gcp-sa-memorystore"}
_OF_CLOUD_SQL = {"cloud-sql": "gcp-sa-cloud-sql"}
# docs.cloud.google.com/dataflow/docs/guides/customer-managed-encryption-keys: state of a job, and its workers' disks.
_OF_DATAFLOW = {"dataflow": "dataflow-service-producer-prod", "compute": "compute-system"}


class EncryptionKey(Component):
    """One key for all that keeps data: buckets, images, secrets, stores and services. It lies in the stack's region and
    changes every 90 days.

    It is never deleted by the program: whoever deletes it deletes the data.
    """

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        protected = pulumi.ResourceOptions(parent=self, protect=settings.deletion_protection)
        ring = gcp.kms.KeyRing(name, name=settings.name(), location=settings.region, opts=protected)
        self.key = gcp.kms.CryptoKey(
            name,
            name="data",
            key_ring=ring.id,
            purpose="ENCRYPT_DECRYPT",
            rotation_period=f"{ROTATION_DAYS * 86_400}s",
            opts=protected,
        )
        agents = SERVICE_AGENTS | {engine: _OF_HISTORIES[engine] for engine in settings.history_engines}
        agents |= _OF_CLOUD_SQL if settings.has_alert_store else {}
        for service, agent in (agents | (_OF_DATAFLOW if settings.backfill else {})).items():
            gcp.kms.CryptoKeyIAMMember(
                f"{service}-uses-{name}",
                crypto_key_id=self.key.id,
                role="roles/cloudkms.cryptoKeyEncrypterDecrypter",
                member=service_agent(settings, agent),
                opts=self.within,
            )
        # Composed from names, which a preview knows: so policies can decide there what is encrypted with which key.
        self.id: pulumi.Output[str] = pulumi.Output.concat(
            f"projects/{settings.project}/locations/{settings.region}/keyRings/",
            ring.name,
            "/cryptoKeys/",
            self.key.name,
        )
        self.register_outputs({"id": self.id})


def encrypt_everything(settings: Settings, key: EncryptionKey) -> None:
    """Makes every resource that is declared from now on, and that keeps data, keep it under the key."""
    inputs: dict[str, Mapping[str, object]] = {
        "gcp:artifactregistry/repository:Repository": {"kms_key_name": key.id},
        "gcp:cloudrunv2/job:Job": {"template": {"template": {"encryption_key": key.id}}},
        "gcp:cloudrunv2/service:Service": {"template": {"encryption_key": key.id}},
        "gcp:memorystore/instance:Instance": {"kms_key": key.id},
        "gcp:pubsub/topic:Topic": {"kms_key_name": key.id},
        "gcp:redis/instance:Instance": {"customer_managed_key": key.id},
        "gcp:secretmanager/secret:Secret": {
            "replication": {
                "user_managed": {
                    "replicas": [{"location": settings.region, "customer_managed_encryption": {"kms_key_name": key.id}}]
                }
            }
        },
        "gcp:sql/databaseInstance:DatabaseInstance": {"encryption_key_name": key.id},
        "gcp:storage/bucket:Bucket": {"encryption": {"default_kms_key_name": key.id}},
    }

    def transform(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if args.type_ not in inputs:
            return None
        # The id alone would not make anything wait until Google's services may use the key.
        opts = pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(depends_on=[key]))
        return pulumi.ResourceTransformationResult(_merged(args.props, inputs[args.type_]), opts)

    pulumi.runtime.register_stack_transformation(transform)


def _merged(props: Mapping[str, Any], additions: Mapping[str, Any]) -> dict[str, Any]:
    """`props` with `additions` put in, maps inside maps likewise."""
    nested = {
        name: _merged(props[name], value)
        for name, value in additions.items()
        if isinstance(value, Mapping) and isinstance(props.get(name), Mapping)
    }
    return {**props, **additions, **nested}
