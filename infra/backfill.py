"""Backfills past one machine: a flex template of Dataflow, what its workers run as, and where they write."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from infra.bucket import SHORT_RECOVERY_DAYS, Bucket, Lifetime
from infra.component import Component
from infra.config import Settings
from infra.encryption import EncryptionKey
from infra.identity import Identity
from infra.network import Egress, WorkersNetwork
from infra.registry import Registry
from infra.secret import Secret

NAME = "backfill"
KEY = "backfill-masking-key"
TEMPLATE = "backfill.json"
MACHINE = "n2-standard-4"
SCRATCH = "scratch/"
"""What Dataflow stages and what its workers put aside; the results of a backfill lie beside it."""
SCRATCH_DAYS = 7
"""Longer than any job should run: one whose files put aside are gone can't end."""
WRITTEN = Lifetime(
    delete_after_days=30, old_versions=1, scratch=SCRATCH, scratch_days=SCRATCH_DAYS, recovery_days=SHORT_RECOVERY_DAYS
)
"""What a backfill wrote goes after a month: it is made again from the raw orders."""

# roles/dataflow.worker (docs.cloud.google.com/iam/docs/roles-permissions/dataflow) without what it brings beyond a
# worker's work: objects of every bucket of the project, and figures that an alert looks at. And what the machine that
# launches needs: it runs as the same account, and makes the job.
PERMISSIONS = (
    *("autoscaling.sites.readRecommendations", "autoscaling.sites.writeMetrics", "autoscaling.sites.writeState"),
    *("compute.instanceGroupManagers.update", "compute.instances.delete", "compute.instances.setDiskAutoDelete"),
    *("compute.machineTypes.get", "compute.projects.get", "compute.regions.list", "compute.zones.list"),
    *("dataflow.jobs.create", "dataflow.jobs.get", "dataflow.jobs.list", "dataflow.messages.list"),
    *("dataflow.metrics.get", "dataflow.shuffle.read", "dataflow.shuffle.write"),
    *("dataflow.workItems.lease", "dataflow.workItems.sendMessage", "dataflow.workItems.update"),
    *("logging.logEntries.create", "resourcemanager.projects.get", "storage.buckets.get"),
)


@dataclass(frozen=True)
class Parameter:
    """What a template is told at a launch, and what it looks like; `kind` is Dataflow's `ParameterType`."""

    name: str
    text: str
    pattern: str = r"^gs:\/\/[^\n\r]+$"
    kind: str = "GCS_READ_FOLDER"
    optional: bool = False


PARAMETERS = (
    Parameter("in", "Folder of order files."),
    Parameter("out", "Folder that is written: not there yet, or of a backfill cut off.", kind="GCS_WRITE_FOLDER"),
    Parameter("masking_key", "Secret's version with the masking key.", r"^projects\/.+\/versions\/[0-9]+$", "TEXT"),
    Parameter("model", "Folder of the model version that scores; without one features are written.", optional=True),
    Parameter("at", "Moment (ISO 8601) after which orders are left out.", r"^[0-9T:.+Z-]+$", "TEXT", True),
)


@dataclass(frozen=True)
class BackfillParts:
    """What backfills are put together from; the network is None where the stack has none otherwise."""

    identity: Identity
    registry: Registry
    image: pulumi.Output[str]
    raw: Bucket
    models: Bucket
    written: Bucket
    templates: Bucket
    masking_key: Secret
    network: Egress | None
    key: EncryptionKey | None


class Backfill(Component):
    """A template that a person launches when the past is to be read again: `make backfill RUNNER=dataflow STACK=…`.

    A template is a file that names the image and what its workers run with, so whoever launches it need not know: no
    public address, the stack's network, an account of their own, the stack's key. Nothing runs, and nothing is paid
    for, until then.

    The account reads raw orders, models and one secret, and writes one bucket; not the template's, which nobody but a
    deployment writes: so what is launched is what was deployed.
    """

    def __init__(
        self, name: str, settings: Settings, parts: BackfillParts, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(name, opts)
        network = WorkersNetwork("workers", settings, parts.network, self.within)
        grants: list[pulumi.Resource] = []
        if settings.grants_itself:  # else infra/bootstrap/stack_rights.py
            grants = run_backfills(name, settings.project, parts.identity.member, self.within)
            grants.append(acts_as_itself(name, parts.identity.account.name, parts.identity.member, self.within))
        self.name = settings.name(NAME)
        environment = _environment(settings, parts, network.subnetwork)
        spec = pulumi.Output.all(image=parts.image, environment=environment).apply(
            lambda known: json.dumps(specification(known["image"], known["environment"]), indent=1, sort_keys=True)
        )
        template = gcp.storage.BucketObject(
            "template",
            bucket=parts.templates.name,
            name=TEMPLATE,
            content=spec,
            content_type="application/json",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[network, parts.registry, *grants]),
        )
        self.template: pulumi.Output[str] = pulumi.Output.concat("gs://", parts.templates.name, "/", template.name)
        self.masking_key: pulumi.Output[str] = pulumi.Output.concat(
            f"projects/{settings.project}/secrets/", parts.masking_key.id, "/versions/", parts.masking_key.version
        )
        self.outputs: dict[str, pulumi.Input[str]] = {
            "backfill_template": self.template,
            "backfill_bucket": parts.written.name,
            "backfill_masking_key": self.masking_key,
            "backfill_image": parts.image,
        }
        self.register_outputs({"template": self.template})


def specification(image: str, environment: Mapping[str, object]) -> dict[str, object]:
    """The template's file: Dataflow's `ContainerSpec` (dataflow.googleapis.com, v1b3)."""
    parameters = [
        {
            "name": one.name,
            "label": one.name,
            "helpText": one.text,
            "regexes": [one.pattern],
            "paramType": one.kind,
            **({"isOptional": True} if one.optional else {}),
        }
        for one in PARAMETERS
    ]
    return {
        "image": image,
        "sdkInfo": {"language": "PYTHON"},
        "metadata": {
            "name": "orderguard: backfill",
            "description": "Features or scores of past orders, and what a store of histories would hold after them.",
            "parameters": parameters,
        },
        "defaultEnvironment": environment,
    }


def _environment(
    settings: Settings, parts: BackfillParts, subnetwork: pulumi.Output[str]
) -> pulumi.Output[dict[str, object]]:
    """Dataflow's `FlexTemplateRuntimeEnvironment`: what the machine that launches, and the workers, run with."""
    scratch = pulumi.Output.concat("gs://", parts.written.name, "/", SCRATCH)
    values: dict[str, pulumi.Input[object]] = {
        "serviceAccountEmail": parts.identity.email,
        "ipConfiguration": "WORKER_IP_PRIVATE",
        "subnetwork": subnetwork,
        "maxWorkers": settings.backfill_workers,
        "machineType": MACHINE,
        # Workers run the same image as the launcher: nothing is installed when a job starts.
        "sdkContainerImage": parts.image,
        "tempLocation": pulumi.Output.concat(scratch, "temp"),
        "stagingLocation": pulumi.Output.concat(scratch, "staging"),
        "additionalUserLabels": settings.labels,
        **({"kmsKeyName": parts.key.id} if parts.key else {}),
    }
    return pulumi.Output.from_input(values)


def run_backfills(
    name: str, project: str, member: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """Let a member run Dataflow's jobs and do their work, and read or write no bucket by that."""
    role = gcp.projects.IAMCustomRole(
        f"{name}-works",
        project=project,
        role_id="orderguardRunsBackfills",
        title="orderguard: runs backfills on Dataflow",
        permissions=list(PERMISSIONS),
        opts=opts,
    )
    granted = gcp.projects.IAMMember(f"{name}-works", project=project, role=role.name, member=member, opts=opts)
    return [role, granted]


def acts_as_itself(
    name: str, account: pulumi.Input[str], member: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> pulumi.Resource:
    """Let an account start workers that run as it: the machine that launches makes the job as itself."""
    return gcp.serviceaccount.IAMMember(
        f"{name}-acts-as-itself",
        service_account_id=account,
        role="roles/iam.serviceAccountUser",
        member=member,
        opts=opts,
    )
