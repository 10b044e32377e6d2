"""The platform: one program for Google Cloud and for the local cloud. Stacks differ by their settings alone.

orders ─▶ raw bucket ─▶ training job ─▶ model bucket ─▶ scoring service ─▶ scores
"""

import atexit
import gc
import sys
from pathlib import Path

if __name__ == "__main__":
    # The program ends after seconds: collecting garbage until then takes a third of its time and frees nothing, nor
    # does the collection that Python makes at the end, but of what is frozen.
    gc.disable()
    atexit.register(gc.freeze)
    # The engine runs this folder as a program; its modules are imported as `infra.…`, here as everywhere else.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from infra.sdk import drop_debug_messages, load_by_class

    load_by_class()
    drop_debug_messages()

import pulumi

from infra.admission import ImageAdmission
from infra.alert_store import AlertStore
from infra.audit import AuditLogs, ChangeAlerts
from infra.backfill import KEY as BACKFILL_KEY, WRITTEN, Backfill, BackfillParts
from infra.bucket import SHORT_RECOVERY_DAYS, Access, AccessLogBucket, Bucket, Lifetime
from infra.config import ConfigError, Settings
from infra.config_reading import parse
from infra.defaults import set_defaults
from infra.edge import Edge
from infra.encryption import EncryptionKey, encrypt_everything
from infra.history_engine import Stores, own_stores, with_engine
from infra.history_store import NamedStore
from infra.hooks import HooksParts, HooksService
from infra.identity import Identity
from infra.image import Images
from infra.launch import TrainingLaunch
from infra.model import BUILT_ASIDE, ModelVersion, choose_model
from infra.model_signature import ModelSignature
from infra.network import egress
from infra.observability import AlertChannels, Budget, Observability
from infra.predictions import PredictionLog
from infra.registry import Registry
from infra.reminder import RotationReminder
from infra.scoring import ScoringParts, ScoringService
from infra.sdk import under_way
from infra.secret import Secret, held, refuse_former_versions
from infra.seeding import SeedingJob
from infra.services import ProjectServices
from infra.training import HistoriesJob, TrainingJob, TrainingParts

# Past cases and the seed of the store go with the orders that they were made of: four weeks after they were made.
HISTORIES_STAY = Lifetime(delete_after_days=14, recovery_days=SHORT_RECOVERY_DAYS)


def platform(settings: Settings) -> dict[str, pulumi.Input[str]]:
    """Declare what the stack consists of; returns its outputs. Raises ConfigError for settings that can't be met."""
    chosen = choose_model(settings)
    set_defaults(settings.labels, ProjectServices("services", settings))
    key = EncryptionKey("data", settings) if settings.cmek else None
    if key:
        encrypt_everything(settings, key)
    if settings.attestor and settings.grants_itself:
        ImageAdmission("images", settings)

    scorer = Identity("scorer", settings, "scores orders")
    trainer = Identity("trainer", settings, "trains models")
    taker = Identity("hooks", settings, "takes webhooks") if settings.hooks else None
    servers = {"scorer": scorer} | ({"hooks": taker} if taker else {})
    worker = Identity("backfill", settings, "runs backfills") if settings.backfill else None
    workers = {"backfill": worker} if worker else {}

    logs = AccessLogBucket("access-logs", settings) if settings.access_logs else None
    raw = Bucket("raw", settings, Access({"trainer": trainer, **workers}), Lifetime(settings.retention_days), logs)
    on_models = Access({**servers, **workers}, {"trainer": trainer})
    models = Bucket("models", settings, on_models, Lifetime(scratch=BUILT_ASIDE), logs)
    model = ModelVersion("model", chosen, models)
    histories = Bucket("histories", settings, Access({"scorer": scorer}, {"trainer": trainer}), HISTORIES_STAY, logs)

    reminder = RotationReminder("rotation", settings) if settings.rotation_reminder_days else None
    service_key = Secret("masking-key", settings, {"scorer": scorer}, reminder)
    training_key = Secret("training-key", settings, {"trainer": trainer}, reminder)
    callers_key = Secret("api-key", settings, {"scorer": scorer}, reminder)
    # A deployment scores example orders with a key of its own, which opens nothing else.
    probe_key = Secret("probe-key", settings, {"scorer": scorer}, reminder)
    rag_key = Secret("rag-api-key", settings, {"scorer": scorer}) if settings.rag_api_key else None

    network = egress(settings)
    in_network = network if settings.has_history_store else None
    own = own_stores("histories", settings, in_network, servers, reminder) if in_network else Stores()
    named = NamedStore("histories", settings, {"scorer": scorer}) if settings.names_redis else None
    store = own.serving or named

    alerts = AlertStore("alerts", settings, network, servers) if network and settings.has_alert_store else None

    registry = Registry("registry", settings, {**servers, "trainer": trainer, **workers})
    images = Images("images", settings, registry)

    parts = ScoringParts(
        scorer,
        registry,
        images.scorer,
        models,
        model,
        histories,
        service_key,
        callers_key,
        probe_key,
        rag_key,
        store,
        own.beside,
        alerts,
        network,
    )
    service = ScoringService("scorer", settings, parts)
    hooks = HooksService("hooks", settings, HooksParts(taker, parts, service), reminder) if taker else None
    signature = ModelSignature("model-signature", settings, trainer)
    raw_parts = TrainingParts(trainer, registry, images.trainer, raw, models, histories, training_key, signature)
    training = TrainingJob("trainer", settings, raw_parts)
    making = HistoriesJob("histories", settings, raw_parts, model.version)
    seeding = SeedingJob("seeder", settings, parts, store, network) if store else None

    backfill = None
    if worker and images.backfill:
        written = Bucket("backfill", settings, Access({}, workers), WRITTEN, logs)
        templates = Bucket("templates", settings, Access(), Lifetime(), logs)
        backfill_key = Secret(BACKFILL_KEY, settings, workers, reminder)
        backfill_parts = BackfillParts(
            worker, registry, images.backfill, raw, models, written, templates, backfill_key, network, key
        )
        backfill = Backfill("backfill", settings, backfill_parts)

    PredictionLog("predictions", settings, [service, hooks] if hooks else [service])
    if settings.train_on_arrival or settings.training_schedule:
        TrainingLaunch("training", settings, training, making, raw)
    if settings.domain:
        Edge("edge", settings, service, hooks)
    if settings.audit_logs and settings.grants_itself:
        AuditLogs("audit", settings)
    channels = AlertChannels("channels", settings)
    if settings.alerts:
        Observability("observability", settings, service, training, reminder, own.serving, channels, hooks, backfill)
        ChangeAlerts("changes", settings, channels)
    if settings.budget_amount:
        Budget("budget", settings, channels)

    return {
        "url": service.url,
        "public_url": service.public_url,
        "service_name": service.name,
        "training_job": training.name,
        "model_signing_key": signature.version,
        "model_version": model.version,
        "revision": service.revision,
        "image": images.scorer,
        "trainer_image": images.trainer,
        "registry": registry.address,
        "raw_bucket": raw.name,
        "models_bucket": models.name,
        "histories_bucket": histories.name,
        "histories_job": making.name,
        "seeding_job": seeding.name if seeding else "",
        "masking_key_secret": service_key.id,
        "api_key_secret": callers_key.id,
        "probe_key_secret": probe_key.id,
        "history_store": own.serving.name if own.serving else "",
        **({"hooks_url": hooks.url} if hooks else {}),
        **(backfill.outputs if backfill else {}),
    }


async def main() -> dict[str, pulumi.Input[str]]:
    """The stack that the engine asks for; returns its outputs."""
    values = pulumi.runtime.config.CONFIG.get()
    try:
        settings = parse(values)
        state = await held()
        refuse_former_versions(state)
        settings = with_engine(settings, state)
        outputs = platform(settings)
    except ConfigError as error:
        raise pulumi.RunError(str(error)) from error
    await under_way()
    return outputs


if __name__ == "__main__":
    pulumi.run(main)
