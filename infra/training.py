"""The training job on Cloud Run, and what starts it."""

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from infra.bucket import Bucket
from infra.component import Component
from infra.config import Settings
from infra.identity import Identity
from infra.image import OWNED
from infra.registry import Registry
from infra.secret import Secret

RAW_MOUNT = "/mnt/raw"
MODELS_MOUNT = "/mnt/models"
# A version is published by renaming its folder. Cloud Storage FUSE moves its files one by one, and refuses to unless it
# is told of how many at most.
FILES_OF_A_VERSION = 1_000


@dataclass(frozen=True)
class TrainingParts:
    """What the job is put together from."""

    identity: Identity
    registry: Registry
    image: pulumi.Output[str]
    raw: Bucket
    models: Bucket
    masking_key: Secret


class TrainingJob(Component):
    """Trains a model version from the raw bucket into the model bucket. It alone reads raw orders, and it serves
    nothing.

    Which version is served stays the stack's decision: a new version in the bucket changes nothing by itself.
    """

    def __init__(
        self, name: str, settings: Settings, parts: TrainingParts, opts: pulumi.ResourceOptions | None = None
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
                    # The same orders and code fail the same gate again: a second training would only make the alert
                    # later. After a crash somebody hears of it, and the next order file starts the job anyhow.
                    "max_retries": 0,
                    "timeout": "3600s",
                    "volumes": [
                        {"name": "raw", "gcs": {"bucket": parts.raw.name, "read_only": True, "mount_options": OWNED}},
                        {
                            "name": "models",
                            "gcs": {
                                "bucket": parts.models.name,
                                "read_only": False,
                                "mount_options": [*OWNED, f"rename-dir-limit={FILES_OF_A_VERSION}"],
                            },
                        },
                    ],
                    "containers": [
                        {
                            "image": parts.image,
                            "args": ["train", "--data", RAW_MOUNT, "--models", MODELS_MOUNT],
                            "resources": {"limits": {"cpu": "4", "memory": "8Gi"}},
                            "volume_mounts": [
                                {"name": "raw", "mount_path": RAW_MOUNT},
                                {"name": "models", "mount_path": MODELS_MOUNT},
                            ],
                            "envs": [
                                {"name": "ENVIRONMENT", "value": settings.environment},
                                {"name": "PII_MASKING", "value": "enforced"},
                                {
                                    "name": "MASKING_KEY",
                                    "value_source": {
                                        "secret_key_ref": {
                                            "secret": parts.masking_key.id,
                                            "version": parts.masking_key.version,
                                        }
                                    },
                                },
                            ],
                        }
                    ],
                },
            },
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[parts.identity, parts.registry, parts.raw, parts.models, parts.masking_key]
            ),
        )
        self.name: pulumi.Output[str] = self.job.name
        self.register_outputs({"name": self.name})
