"""The Google Cloud APIs that a stack needs, switched on before anything uses them."""

import pulumi
import pulumi_gcp as gcp

from infra.component import Component
from infra.config import Settings

# The API behind each module of the provider.
APIS = {
    "artifactregistry": "artifactregistry.googleapis.com",
    "billing": "billingbudgets.googleapis.com",
    "binaryauthorization": "binaryauthorization.googleapis.com",
    "cloudrunv2": "run.googleapis.com",
    "cloudscheduler": "cloudscheduler.googleapis.com",
    "compute": "compute.googleapis.com",
    "eventarc": "eventarc.googleapis.com",
    "kms": "cloudkms.googleapis.com",
    "logging": "logging.googleapis.com",
    "memorystore": "memorystore.googleapis.com",
    "monitoring": "monitoring.googleapis.com",
    "networkconnectivity": "networkconnectivity.googleapis.com",
    "pubsub": "pubsub.googleapis.com",
    "redis": "redis.googleapis.com",
    "secretmanager": "secretmanager.googleapis.com",
    "serviceaccount": "iam.googleapis.com",
    "sql": "sqladmin.googleapis.com",
    "storage": "storage.googleapis.com",
    "workflows": "workflows.googleapis.com",
}
# What else has to be on before a module is used: Eventarc brings an event as a Pub/Sub message to a workflow, which it
# then executes; the endpoint that leads to Cloud SQL is entered in Service Directory; Google makes Memorystore's
# endpoints by way of the management of services' consumers.
BEHIND = {
    "eventarc": ("pubsub.googleapis.com", "workflowexecutions.googleapis.com"),
    "networkconnectivity": ("serviceconsumermanagement.googleapis.com",),
    "sql": ("servicedirectory.googleapis.com",),
}
DATAFLOW = "dataflow.googleapis.com"  # nothing is declared with it: a person launches what a template describes
# Nothing is declared with these: the inventory of what exists, and the scanning of images for vulnerabilities.
WATCHING = ("cloudasset.googleapis.com", "containerscanning.googleapis.com")
ALWAYS = ("artifactregistry", "cloudrunv2", "kms", "secretmanager", "serviceaccount", "storage")


def modules_of(settings: Settings) -> tuple[str, ...]:
    """The provider's modules that a stack with these settings declares resources of."""
    wanted = {
        "billing": settings.budget_amount > 0,
        "binaryauthorization": bool(settings.attestor),
        "cloudscheduler": bool(settings.training_schedule),
        "compute": bool(settings.domain or settings.vpc_network or settings.has_own_server or settings.backfill),
        "eventarc": settings.train_on_arrival,
        "logging": True,
        "monitoring": settings.alerts or settings.budget_amount > 0,
        "pubsub": settings.rotation_reminder_days > 0,
        "memorystore": "valkey" in settings.history_engines,
        "networkconnectivity": "valkey" in settings.history_engines,
        "redis": "redis" in settings.history_engines,
        "sql": settings.has_alert_store,
        "workflows": settings.train_on_arrival,
    }
    return tuple(sorted({*ALWAYS, *(module for module, is_wanted in wanted.items() if is_wanted)}))


class ProjectServices(Component):
    """The APIs of one stack. Destroying the stack leaves them on: other stacks of the project may need them."""

    def __init__(self, name: str, settings: Settings, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        needed = {module: (APIS[module], *BEHIND.get(module, ())) for module in modules_of(settings)}
        apis = sorted({api for of_module in needed.values() for api in of_module} | set(WATCHING))
        services = {api: self._enable(api) for api in apis}
        self.by_module = {module: [services[api] for api in of_module] for module, of_module in needed.items()}
        if settings.rag_provider == "vertex":
            self._enable("aiplatform.googleapis.com")
        if settings.backfill:
            self._enable(DATAFLOW)
        self.register_outputs({})

    def _enable(self, api: str) -> gcp.projects.Service:
        return gcp.projects.Service(api.split(".")[0], service=api, disable_on_destroy=False, opts=self.within)
