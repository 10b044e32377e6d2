"""What starts the jobs that read raw orders: order files that arrive, and the clock."""

import json
from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp

from infra.bucket import Bucket
from infra.component import Component
from infra.config import Settings
from infra.identity import Identity
from infra.project import service_agent
from infra.training import HistoriesJob, TrainingJob

ORDER_FILES = "[.]ndjson([.]gz)?$"
SETTLE_SECONDS = 10


class TrainingLaunch(Component):
    """Starts the training job once order files have landed in the raw bucket, on a schedule, or both; on the schedule
    the job that makes histories, too, whose past cases go after two weeks.

    The launcher may start these jobs and nothing else: it reads no orders and holds no key. Eventarc can't start a
    job itself, so a workflow stands between them, which gathers the files that come together; it doesn't wait for the
    job, whose failure has an alert of its own.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        job: TrainingJob,
        histories: HistoriesJob,
        raw: Bucket,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        self._settings = settings
        launcher = Identity("launcher", settings, "starts the training job", self.within)
        self._launcher = launcher
        # Whoever deploys has to act as the launcher before something can be told to run as it.
        needed = [self._may_start("trainer", job.name), launcher]
        if settings.train_on_arrival:
            self._on_arrival(name, launcher, self._path(job.name), raw, needed)
        if settings.training_schedule:
            self._on_schedule(name, "training", "Starts the training job", job.name, needed)
            may_start = self._may_start("histories", histories.name)
            description = "Starts the job that makes histories"
            self._on_schedule("histories", "histories", description, histories.name, [may_start, launcher])
        self.register_outputs({})

    def _may_start(self, job: str, name: pulumi.Output[str]) -> pulumi.Resource:
        return gcp.cloudrunv2.JobIamMember(
            f"launcher-starts-{job}",
            name=name,
            location=self._settings.region,
            role="roles/run.invoker",
            member=self._launcher.member,
            opts=self.within,
        )

    def _path(self, job: pulumi.Output[str]) -> pulumi.Output[str]:
        return pulumi.Output.concat(f"projects/{self._settings.project}/locations/{self._settings.region}/jobs/", job)

    def _on_schedule(
        self, name: str, suffix: str, description: str, job: pulumi.Output[str], needed: Sequence[pulumi.Resource]
    ) -> None:
        settings = self._settings
        gcp.cloudscheduler.Job(
            name,
            name=settings.name(suffix),
            region=settings.region,
            description=description,
            schedule=settings.training_schedule,
            time_zone="Etc/UTC",
            http_target={
                "http_method": "POST",
                "uri": pulumi.Output.concat("https://run.googleapis.com/v2/", self._path(job), ":run"),
                "oauth_token": {"service_account_email": self._launcher.email},
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=needed),
        )

    def _on_arrival(
        self, name: str, launcher: Identity, path: pulumi.Output[str], raw: Bucket, needed: Sequence[pulumi.Resource]
    ) -> None:
        settings = self._settings
        own = f"projects/{settings.project}/locations/{settings.region}/workflows/{settings.name('training')}"
        workflow = gcp.workflows.Workflow(
            name,
            name=settings.name("training"),
            region=settings.region,
            description="Starts the training job when order files have landed",
            service_account=launcher.email,
            deletion_protection=settings.deletion_protection,
            source_contents=path.apply(lambda job: _workflow(job, own, settings.training_gather_minutes)),
            opts=pulumi.ResourceOptions(parent=self, depends_on=needed),
        )
        # Where somebody deploys for the stack, infra/bootstrap/stack_rights.py has them.
        grants = (
            [
                self._project_grant("launcher-receives-events", "roles/eventarc.eventReceiver", launcher.member),
                self._project_grant("launcher-invokes-workflows", "roles/workflows.invoker", launcher.member),
                self._project_grant(
                    "storage-publishes-events", "roles/pubsub.publisher", service_agent(settings, "gs-project-accounts")
                ),
            ]
            if settings.grants_itself
            else []
        )
        gcp.eventarc.Trigger(
            name,
            name=settings.name("order-files"),
            # Eventarc wants a trigger where its bucket is, be that a region or a multi-region.
            location=settings.data_location.lower(),
            service_account=launcher.email,
            destination={"workflow": workflow.id},
            matching_criterias=[
                {"attribute": "type", "value": "google.cloud.storage.object.v1.finalized"},
                {"attribute": "bucket", "value": raw.name},
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*grants, *needed]),
        )

    def _project_grant(self, name: str, role: str, member: pulumi.Input[str]) -> pulumi.Resource:
        return gcp.projects.IAMMember(name, project=self._settings.project, role=role, member=member, opts=self.within)


def _workflow(job: str, own: str, gather_minutes: int) -> str:
    """The workflow's source: JSON is YAML too. Files that hold no orders start nothing.

    The first file waits for those that come with it, then one training takes them all: the execution that has been
    under way longest is the one that waits, and the others end. By then one without orders has ended: it takes no
    moment. `own` is this workflow's name in full.
    """
    is_order_file = f'${{text.match_regex(event.data.name, "{ORDER_FILES}")}}'
    is_oldest = (
        '${text.match_regex(oldest.executions[0].name, sys.get_env("GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID") + "$")}'
    )
    oldest = {"parent": own, "filter": 'state="ACTIVE"', "orderBy": "startTime", "pageSize": 1}
    listing = "googleapis.workflowexecutions.v1.projects.locations.workflows.executions.list"
    start = {
        "call": "googleapis.run.v2.projects.locations.jobs.run",
        "args": {"name": job, "connector_params": {"skip_polling": True}},
    }
    steps: list[dict[str, object]] = [
        {"check": {"switch": [{"condition": is_order_file, "next": "settle"}], "next": "end"}},
        {"settle": {"call": "sys.sleep", "args": {"seconds": SETTLE_SECONDS}}},
        {"look": {"call": listing, "args": oldest, "result": "oldest"}},
        {"decide": {"switch": [{"condition": is_oldest, "next": "gather"}], "next": "end"}},
        {"gather": {"call": "sys.sleep", "args": {"seconds": gather_minutes * 60}}},
        {"start": start},
    ]
    return json.dumps({"main": {"params": ["event"], "steps": steps}}, indent=2, sort_keys=True)
