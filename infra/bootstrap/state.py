"""Where Pulumi keeps the state of the stacks, and the key for the secrets in it."""

import pulumi
import pulumi_gcp as gcp

from infra.bootstrap.settings import Settings
from infra.component import Component

DAY_SECONDS = 86_400
LABELS = {"application": "orderguard", "environment": "bootstrap", "team": "platform", "managed-by": "pulumi"}


class State(Component):
    """A private, versioned bucket and a key that is changed every 90 days. Both refuse to be deleted: with the key,
    the secrets of every stack would be lost.
    """

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        protected = pulumi.ResourceOptions.merge(self.within, pulumi.ResourceOptions(protect=True))
        self.bucket = gcp.storage.Bucket(
            name,
            name=f"{settings.project}-pulumi-state",
            project=settings.project,
            location=settings.state_location,
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            force_destroy=False,
            versioning={"enabled": True},
            soft_delete_policy={"retention_duration_seconds": 30 * DAY_SECONDS},
            lifecycle_rules=[
                {"action": {"type": "Delete"}, "condition": {"num_newer_versions": 100, "with_state": "ARCHIVED"}}
            ],
            labels=LABELS,
            opts=protected,
        )
        ring = gcp.kms.KeyRing(name, name="pulumi", project=settings.project, location=settings.region, opts=protected)
        self.key = gcp.kms.CryptoKey(
            name,
            name="stack-secrets",
            key_ring=ring.id,
            purpose="ENCRYPT_DECRYPT",
            rotation_period=f"{90 * DAY_SECONDS}s",
            labels=LABELS,
            opts=protected,
        )
        self.url: pulumi.Output[str] = pulumi.Output.concat("gs://", self.bucket.name)
        self.secrets_provider: pulumi.Output[str] = pulumi.Output.concat("gcpkms://", self.key.id)
        self.register_outputs({"url": self.url})
