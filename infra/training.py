"""What reads raw orders: the job that trains, and the job that makes what a deployment needs of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from infra.bucket import Bucket
from infra.component import Component
from infra.config import Settings
from infra.identity import Identity
from infra.image import OWNED
from infra.model_signature import ModelSignature
from infra.registry import Registry
from infra.secret import Secret

Variable = gcp.cloudrunv2.JobTemplateTemplateContainerEnvArgsDict
RAW_MOUNT = "/mnt/raw"
MODELS_MOUNT = "/mnt/models"
HISTORIES_MOUNT = "/mnt/histories"
# A version is published by renaming its folder. Cloud Storage FUSE moves its files one by one, and refuses to unless it
# is told of how many at most.
FILES_OF_A_VERSION = 1_000


@dataclass(frozen=True)
class TrainingParts:
    """What the jobs are put together from."""

    identity: Identity
    registry: Registry
    image: pulumi.Output[str]
    raw: Bucket
    models: Bucket
    histories: Bucket
    masking_key: Secret
    signature: ModelSignature


class TrainingJob(Component):
    """Trains a model version from the raw bucket into the model bucket, signs it and names it the champion where no
    gate failed, and puts its past cases and what the store would know of customers into the bucket of histories. It
    serves nothing.

    Which version is served stays the stack's decision: a deployment takes the champion, by canary (`MODEL=job`).
    """

    def __init__(
        self, name: str, settings: Settings, parts: TrainingParts, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        arguments = ["train", "--data", RAW_MOUNT, "--models", MODELS_MOUNT, "--histories", HISTORIES_MOUNT]
        signs: list[Variable] = [
            {"name": "MODEL_SIGNING_KEY", "value": parts.signature.version},
            {"name": "TRAINER_IMAGE", "value": parts.image},
        ]
        self.job = _job(self, name, settings, parts, arguments, writes_models=True, more=signs)
        self.name: pulumi.Output[str] = self.job.name
        self.register_outputs({"name": self.name})


class HistoriesJob(Component):
    """Makes past cases of the served version, and what the store would know of customers, from the raw bucket into the
    bucket of histories: what belongs to the stack's key, and so is in no model version.

    A deployment runs it, and the schedule of trainings does; what it makes is kept for two weeks.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        parts: TrainingParts,
        version: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        places = ["--data", RAW_MOUNT, "--models", MODELS_MOUNT, "--histories", HISTORIES_MOUNT]
        self.job = _job(self, name, settings, parts, ["histories", *places, version], writes_models=False)
        self.name: pulumi.Output[str] = self.job.name
        self.register_outputs({"name": self.name})


def _job(
    parent: Component,
    name: str,
    settings: Settings,
    parts: TrainingParts,
    arguments: Sequence[str],
    *,
    writes_models: bool,
    more: Sequence[Variable] = (),
) -> gcp.cloudrunv2.Job:
    mounts = {"raw": RAW_MOUNT, "models": MODELS_MOUNT, "histories": HISTORIES_MOUNT}
    key: gcp.cloudrunv2.JobTemplateTemplateContainerEnvValueSourceSecretKeyRefArgsDict = {
        "secret": parts.masking_key.id,
        "version": parts.masking_key.version,
    }
    return gcp.cloudrunv2.Job(
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
                # The same orders and code fail the same gate again: a second run would only make the alert later. After
                # a crash somebody hears of it, and the next order file starts a training anyhow.
                "max_retries": 0,
                "timeout": "3600s",
                "volumes": [
                    {"name": "raw", "gcs": {"bucket": parts.raw.name, "read_only": True, "mount_options": OWNED}},
                    {
                        "name": "models",
                        "gcs": {
                            "bucket": parts.models.name,
                            "read_only": not writes_models,
                            "mount_options": [*OWNED, f"rename-dir-limit={FILES_OF_A_VERSION}"],
                        },
                    },
                    {
                        "name": "histories",
                        "gcs": {"bucket": parts.histories.name, "read_only": False, "mount_options": OWNED},
                    },
                ],
                "containers": [
                    {
                        "image": parts.image,
                        "args": list(arguments),
                        "resources": {"limits": {"cpu": "4", "memory": "8Gi"}},
                        "volume_mounts": [{"name": volume, "mount_path": path} for volume, path in mounts.items()],
                        "envs": [
                            {"name": "ENVIRONMENT", "value": settings.environment},
                            {"name": "PII_MASKING", "value": "enforced"},
                            {"name": "MASKING_KEY", "value_source": {"secret_key_ref": key}},
                            *more,
                        ],
                    }
                ],
            },
        },
        opts=pulumi.ResourceOptions(
            parent=parent,
            depends_on=[parts.identity, parts.registry, parts.raw, parts.models, parts.histories, parts.masking_key],
        ),
    )
