"""The platform: one program for Google Cloud and for the local cloud. Stacks differ by their settings alone.

orders ─▶ raw bucket ─▶ training job ─▶ model bucket ─▶ scoring service ─▶ scores
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # The engine runs this folder as a program; its modules are imported as `infra.…`, here as everywhere else.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import pulumi

from infra.bucket import Access, AccessLogBucket, Bucket, Lifetime
from infra.config import ConfigError, Settings, parse
from infra.defaults import set_defaults
from infra.identity import Identity
from infra.image import Images
from infra.model import ModelVersion
from infra.registry import Registry
from infra.scoring import ScoringParts, ScoringService
from infra.secret import GivenSecret, Secret, api_key, masking_key
from infra.services import ProjectServices
from infra.training import TrainingJob, TrainingParts


def platform(settings: Settings) -> dict[str, pulumi.Input[str]]:
    """Declares everything that the stack consists of. Returns the stack's outputs; raises ConfigError for what settings can't be met."""
    set_defaults(settings.labels, ProjectServices("services", settings))

    scorer = Identity("scorer", settings, "scores orders")
    trainer = Identity("trainer", settings, "trains models")

    access_logs = AccessLogBucket("access-logs", settings) if settings.access_logs else None
    raw = Bucket(
        "raw",
        settings,
        Access(readers={"trainer": trainer}),
        Lifetime(delete_after_days=settings.retention_days),
        access_logs,
    )
    models = Bucket(
        "models", settings, Access(readers={"scorer": scorer}, writers={"trainer": trainer}), Lifetime(), access_logs
    )
    model = ModelVersion("model", settings, models)

    service_key = Secret("masking-key", settings, masking_key, settings.masking_key_rotation, {"scorer": scorer})
    training_key = Secret(
        "training-masking-key", settings, masking_key, settings.masking_key_rotation, {"trainer": trainer}
    )
    callers_key = Secret("api-key", settings, api_key, settings.api_key_rotation, {"scorer": scorer})
    rag_key = (
        GivenSecret("rag-api-key", settings, settings.rag_api_key, {"scorer": scorer}) if settings.rag_api_key else None
    )

    registry = Registry("registry", settings, {"scorer": scorer, "trainer": trainer})
    images = Images("images", settings, registry)
    scoring = ScoringService(
        "scorer",
        settings,
        ScoringParts(scorer, registry, images.scorer, models, model, service_key, callers_key, rag_key),
    )
    training = TrainingJob(
        "trainer", settings, TrainingParts(trainer, registry, images.trainer, raw, models, training_key)
    )

    return {
        "url": scoring.url,
        "service_name": scoring.name,
        "training_job": training.name,
        "model_version": model.version,
        "image": images.scorer,
        "registry": registry.address,
        "raw_bucket": raw.name,
        "models_bucket": models.name,
        "masking_key_secret": service_key.id,
        "api_key_secret": callers_key.id,
    }


if __name__ == "__main__":
    try:
        for name, value in platform(parse(pulumi.runtime.config.CONFIG.get())).items():
            pulumi.export(name, value)
    except ConfigError as error:
        raise pulumi.RunError(str(error)) from error
