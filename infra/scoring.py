"""The scoring service on Cloud Run."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from infra.alert_store import AlertStore
from infra.bucket import Bucket
from infra.component import Component
from infra.config import CANARY_TAG, INGRESS, Settings
from infra.history_engine import OwnStore, Store
from infra.identity import Identity
from infra.image import OWNED
from infra.model import ModelVersion
from infra.network import Egress
from infra.registry import Registry
from infra.secret import GivenSecret, Secret
from infra.vertex import ask_vertex

PORT = 8080
MODELS_MOUNT = "/mnt/models"
HISTORIES_MOUNT = "/mnt/histories"
STARTUP_SECONDS = 60
STARTUP_PERIOD_SECONDS = 2
STARTUP_PROBE: gcp.cloudrunv2.ServiceTemplateContainerStartupProbeArgsDict = {
    "http_get": {"path": "/readyz", "port": PORT},
    "period_seconds": STARTUP_PERIOD_SECONDS,
    "timeout_seconds": 2,
    "failure_threshold": STARTUP_SECONDS // STARTUP_PERIOD_SECONDS,
}
LIVENESS_PROBE: gcp.cloudrunv2.ServiceTemplateContainerLivenessProbeArgsDict = {
    "http_get": {"path": "/healthz", "port": PORT},
    "period_seconds": 10,
    "timeout_seconds": 3,
    "failure_threshold": 3,
}


@dataclass(frozen=True)
class ScoringParts:
    """What the service is put together from. `rag_key` is there where the RAG provider needs one, `store`, `alerts` and
    `network` where the settings ask for them, `store_beside` on the way from one store to another.
    """

    identity: Identity
    registry: Registry
    image: pulumi.Output[str]
    models: Bucket
    model: ModelVersion
    histories: Bucket
    masking_key: Secret
    api_key: Secret
    probe_key: Secret
    rag_key: Secret | None
    store: Store | None
    store_beside: OwnStore | None
    alerts: AlertStore | None
    network: Egress | None


class ScoringService(Component):
    """Scores orders over REST.

    It runs as its own identity, reads the model bucket through a read-only mount, gets keys by reference and
    everything else as plain settings. It is ready when the model is verified and loaded: until then, or if that
    fails, the revision before it keeps the traffic. Nobody may call it but the members that the stack names.
    """

    def __init__(
        self, name: str, settings: Settings, parts: ScoringParts, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        self.service = gcp.cloudrunv2.Service(
            name,
            name=settings.name(name),
            location=settings.region,
            description="Scores orders; higher is more anomalous",
            ingress=INGRESS[settings.ingress],
            deletion_protection=settings.deletion_protection,
            custom_audiences=[f"https://{settings.domain}"] if settings.domain else None,
            binary_authorization={"use_default": True} if settings.attestor else None,
            template={
                "service_account": parts.identity.email,
                "execution_environment": "EXECUTION_ENVIRONMENT_GEN2",
                "max_instance_request_concurrency": settings.concurrency,
                "timeout": f"{settings.request_timeout_seconds}s",
                "scaling": {"min_instance_count": settings.min_instances, "max_instance_count": settings.max_instances},
                "vpc_access": vpc_access(parts.network),
                "volumes": [
                    {"name": volume, "gcs": {"bucket": bucket.name, "read_only": True, "mount_options": OWNED}}
                    for volume, bucket in (("models", parts.models), ("histories", parts.histories))
                ],
                "containers": [
                    {
                        "image": parts.image,
                        "ports": {"container_port": PORT},
                        "resources": {
                            "limits": {"cpu": settings.cpu, "memory": settings.memory},
                            "cpu_idle": True,
                            "startup_cpu_boost": True,
                        },
                        "volume_mounts": [
                            {"name": "models", "mount_path": MODELS_MOUNT},
                            {"name": "histories", "mount_path": HISTORIES_MOUNT},
                        ],
                        "startup_probe": STARTUP_PROBE,
                        "liveness_probe": LIVENESS_PROBE,
                        "envs": [*_plain_settings(settings, parts), *_secret_settings(parts)],
                    }
                ],
            },
            traffics=_traffic(settings),
            opts=pulumi.ResourceOptions(parent=self, depends_on=_needed_to_start(parts)),
        )
        members = ["allUsers"] if settings.open_invoker else list(settings.invokers)
        for number, member in enumerate(members):
            gcp.cloudrunv2.ServiceIamMember(
                f"{name}-invoker-{number}",
                name=self.service.name,
                location=settings.region,
                role="roles/run.invoker",
                member=member,
                opts=self.within,
            )
        if settings.rag_provider == "vertex" and settings.grants_itself:
            ask_vertex(f"{name}-asks-vertex", settings.project, parts.identity.member, self.within)
        self.name: pulumi.Output[str] = self.service.name
        self.url: pulumi.Output[str] = self.service.uri
        # Where callers reach it: behind a load balancer the service's own address answers nobody.
        self.public_url: pulumi.Output[str] = (
            pulumi.Output.from_input(f"https://{settings.domain}") if settings.domain else self.url
        )
        self.revision: pulumi.Output[str] = self.service.latest_ready_revision.apply(
            lambda revision: (revision or "").rpartition("/")[2]
        )
        self.register_outputs({"url": self.url})


def _needed_to_start(parts: ScoringParts) -> list[pulumi.Resource]:
    """A revision that starts before its rights, its keys or its model are there would fail its probes."""
    needed: tuple[pulumi.Resource | None, ...] = (
        parts.identity,
        parts.registry,
        parts.models,
        parts.model,
        parts.histories,
        parts.masking_key,
        parts.api_key,
        parts.probe_key,
        parts.rag_key,
        parts.store,
        parts.store_beside,
        parts.alerts,
    )
    return [part for part in needed if part is not None]


def _plain_settings(
    settings: Settings, parts: ScoringParts
) -> list[gcp.cloudrunv2.ServiceTemplateContainerEnvArgsDict]:
    model = parts.model
    values: dict[str, pulumi.Input[str]] = {
        "ENVIRONMENT": settings.environment,
        "PII_MASKING": "enforced",
        "MODEL_DIR": MODELS_MOUNT,
        "MODEL_VERSION": model.version,
        "MODEL_SHA256": model.sha256,
        # For deployments: none goes back to a champion that was named before this one.
        "MODEL_PROMOTED_AT": settings.model_promoted_at,
        "SHADOW_MODEL_VERSION": model.shadow_version,
        "HISTORIES_DIR": HISTORIES_MOUNT,
        "RULES_FILE": f"{MODELS_MOUNT}/{model.rules}" if model.rules else "",
        **history_settings(settings, parts.store),
        **alert_settings(settings, parts.alerts, parts.identity),
        "IDENTITY": settings.identity,
        "IAP_AUDIENCE": settings.iap_audience,
        "RAG_PROVIDER": settings.rag_provider,
        "RAG_MODEL": settings.rag_model,
        "RAG_BASE_URL": settings.rag_base_url,
        # Log lines name the project's trace that they belong to.
        "GOOGLE_CLOUD_PROJECT": settings.project,
        "GOOGLE_CLOUD_LOCATION": settings.region if settings.rag_provider == "vertex" else "",
    }
    return [{"name": name, "value": value} for name, value in values.items() if value]


def history_settings(settings: Settings, store: Store | None) -> dict[str, pulumi.Input[str]]:
    """Where a service keeps histories, and how it logs in there; secrets come beside."""
    return store.plain if store else {"HISTORY_URL": settings.history_url}


def alert_settings(settings: Settings, store: AlertStore | None, identity: Identity) -> dict[str, pulumi.Input[str]]:
    """Where a service that runs as `identity` keeps alerts, and how it logs in there."""
    days = {"ALERTS_DAYS": str(settings.alerts_days)}
    if store is None:
        return {"ALERTS_URL": settings.alerts_url, **days}
    return {"ALERTS_URL": store.url(identity), "ALERTS_LOGIN": "iam", "ALERTS_CA": store.certificate, **days}


def _secret_settings(parts: ScoringParts) -> list[gcp.cloudrunv2.ServiceTemplateContainerEnvArgsDict]:
    secrets = {
        "MASKING_KEY": parts.masking_key,
        "API_KEY": parts.api_key,
        "PROBE_KEY": parts.probe_key,
        "RAG_API_KEY": parts.rag_key,
        **(parts.store.secrets if parts.store else {}),
    }
    return by_reference({name: secret for name, secret in secrets.items() if secret is not None})


def by_reference(
    secrets: Mapping[str, Secret | GivenSecret],
) -> list[gcp.cloudrunv2.ServiceTemplateContainerEnvArgsDict]:
    """Variables that Cloud Run fills from Secret Manager, each with a version that stays."""
    return [
        {"name": name, "value_source": {"secret_key_ref": {"secret": secret.id, "version": secret.version}}}
        for name, secret in secrets.items()
    ]


def vpc_access(network: Egress | None) -> gcp.cloudrunv2.ServiceTemplateVpcAccessArgsDict | None:
    """How a service sends through this network; None where it has none."""
    if network is None:
        return None
    interface: gcp.cloudrunv2.ServiceTemplateVpcAccessNetworkInterfaceArgsDict = {
        "network": network.network,
        "subnetwork": network.subnetwork,
    }
    return {"egress": network.traffic, "network_interfaces": [interface]}


def _traffic(settings: Settings) -> list[gcp.cloudrunv2.ServiceTrafficArgsDict]:
    """All traffic to the newest revision, or a share of it, with an address of its own by its tag."""
    newest: gcp.cloudrunv2.ServiceTrafficArgsDict = {
        "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST",
        "percent": settings.canary_percent,
    }
    if not settings.stable_revision:
        return [newest]
    newest["tag"] = CANARY_TAG
    return [
        newest,
        {
            "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION",
            "revision": settings.stable_revision,
            "percent": 100 - settings.canary_percent,
        },
    ]
