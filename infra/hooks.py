"""The service that takes webhooks of shops, beside the scoring service and of the same image."""

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from infra.component import Component
from infra.config import INGRESS, Settings
from infra.identity import Identity
from infra.image import OWNED
from infra.reminder import RotationReminder
from infra.scoring import (
    LIVENESS_PROBE,
    MODELS_MOUNT,
    PORT,
    STARTUP_PROBE,
    ScoringParts,
    ScoringService,
    alert_settings,
    by_reference,
    history_settings,
    vpc_access,
)
from infra.secret import GivenSecret, Secret

PATHS = "/v1/hooks/"
# Above the four seconds in which it answers; a shop waits for five.
TIMEOUT_SECONDS = 10

Variable = gcp.cloudrunv2.ServiceTemplateContainerEnvArgsDict


@dataclass(frozen=True)
class HooksParts:
    """Its identity, what the scoring service was put together from, and that service: it is brought up first."""

    identity: Identity
    scoring: ScoringParts
    service: ScoringService


class HooksService(Component):
    """Takes `/v1/hooks/*` and nothing else.

    A shop's platform holds neither an identity token nor an API key: it signs. So this is the one service that anybody
    may call, through the load balancer alone, and it can do less than the other: it has no API key, no questions and
    no past cases. It has copies of its own of the masking key and of what opens the store, since a secret has one
    reader; each shop platform's secret is one by itself.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        parts: HooksParts,
        reminder: RotationReminder | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        scoring = parts.scoring
        secrets = self._secrets(settings, parts, reminder)
        tells = bool(settings.tell_shop or settings.tell_url)
        needed = [parts.identity, scoring.registry, scoring.models, scoring.model, parts.service, *secrets.values()]
        self.service = gcp.cloudrunv2.Service(
            name,
            name=settings.name(name),
            location=settings.region,
            description="Takes webhooks of shops",
            ingress=INGRESS["load-balancer"],
            deletion_protection=settings.deletion_protection,
            binary_authorization={"use_default": True} if settings.attestor else None,
            template={
                "service_account": parts.identity.email,
                "execution_environment": "EXECUTION_ENVIRONMENT_GEN2",
                "max_instance_request_concurrency": settings.concurrency,
                "timeout": f"{TIMEOUT_SECONDS}s",
                "scaling": {"min_instance_count": settings.min_instances, "max_instance_count": settings.max_instances},
                "vpc_access": vpc_access(scoring.network),
                "volumes": [
                    {
                        "name": "models",
                        "gcs": {"bucket": scoring.models.name, "read_only": True, "mount_options": OWNED},
                    }
                ],
                "containers": [
                    {
                        "image": scoring.image,
                        "ports": {"container_port": PORT},
                        "resources": {
                            "limits": {"cpu": settings.cpu, "memory": settings.memory},
                            # What is told back is told after the answer, when an instance would have no processor.
                            "cpu_idle": not tells,
                            "startup_cpu_boost": True,
                        },
                        "volume_mounts": [{"name": "models", "mount_path": MODELS_MOUNT}],
                        "startup_probe": STARTUP_PROBE,
                        "liveness_probe": LIVENESS_PROBE,
                        "envs": [*_plain(settings, parts), *by_reference(secrets)],
                    }
                ],
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=needed),
        )
        gcp.cloudrunv2.ServiceIamMember(
            f"{name}-invoker",
            name=self.service.name,
            location=settings.region,
            role="roles/run.invoker",
            member="allUsers",
            opts=self.within,
        )
        self.name: pulumi.Output[str] = self.service.name
        self.url: pulumi.Output[str] = self.service.uri
        self.register_outputs({"url": self.url})

    def _secrets(
        self, settings: Settings, parts: HooksParts, reminder: RotationReminder | None
    ) -> dict[str, Secret | GivenSecret]:
        """The secrets that there are, by the variable that each reaches the service as."""
        readers, store = {"hooks": parts.identity}, parts.scoring.store
        within = self.within
        opening = store.opening("hooks-", readers, reminder, within) if store else {}
        if parts.scoring.store_beside:
            # Revisions from before still open it.
            parts.scoring.store_beside.opening("hooks-", readers, reminder, within)
        given = {
            "HOOK_SHOPIFY_SECRET": ("hook-shopify", settings.hook_shopify_secret),
            "HOOK_WOOCOMMERCE_SECRET": ("hook-woocommerce", settings.hook_woocommerce_secret),
            "HOOK_STRIPE_SECRET": ("hook-stripe", settings.hook_stripe_secret),
            "TELL_SHOP_TOKEN": ("tell-shop-token", settings.tell_shop_token),
            "TELL_SECRET": ("tell-secret", settings.tell_secret),
        }
        return {
            "MASKING_KEY": Secret("hooks-masking-key", settings, readers, reminder, within),
            **opening,
            **{
                variable: Secret(name, settings, readers, reminder, within)
                for variable, (name, is_there) in given.items()
                if is_there
            },
        }


def _plain(settings: Settings, own: HooksParts) -> list[Variable]:
    parts = own.scoring
    # A file is one instance's own: the other service shows what is in its database alone.
    alerts = alert_settings(settings, parts.alerts, own.identity) if parts.alerts else {}
    values: dict[str, pulumi.Input[str]] = {
        "SERVE": "hooks",
        "ENVIRONMENT": settings.environment,
        "PII_MASKING": "enforced",
        "MODEL_DIR": MODELS_MOUNT,
        "MODEL_VERSION": parts.model.version,
        "MODEL_SHA256": parts.model.sha256,
        "RULES_FILE": f"{MODELS_MOUNT}/{parts.model.rules}" if parts.model.rules else "",
        **history_settings(settings, parts.store),
        **alerts,
        "TELL_SHOP": settings.tell_shop,
        "TELL_URL": settings.tell_url,
        "GOOGLE_CLOUD_PROJECT": settings.project,
    }
    return [{"name": name, "value": value} for name, value in values.items() if value]
