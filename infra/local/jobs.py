"""Cloud Run jobs and the events that start them."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.local import iam
from infra.local.apis.identity import identity_of
from infra.local.apis.variables import leading
from infra.local.cloud import Cloud, Record
from infra.local.container import lacking, name_of
from infra.local.errors import ContainerError
from infra.local.executions import run_workflow
from infra.local.job_executions import FAILED, KILLED, SUCCEEDED, Kept
from infra.local.provider.outputs import project_number
from infra.local.provider.resource import Place
from infra.local.run_rights import missing
from infra.local.services.cloudrunv2 import JOB
from infra.local.tasks import Tasks
from infra.local.workflows import WorkflowError

TRIGGER = "gcp:eventarc/trigger:Trigger"
WORKFLOW = "gcp:workflows/workflow:Workflow"
FINALIZED = "google.cloud.storage.object.v1.finalized"


class JobError(Exception):
    """The job can't run; the message is Google Cloud's."""


class UnknownJob(JobError):
    """There is no such job; the message lists those that there are."""


def job_names(cloud: Cloud) -> list[str]:
    """The stack's jobs."""
    return [str(record.inputs["name"]) for record in cloud.all(JOB)]


def run_job(cloud: Cloud, name: str, *, by: str = "run-job", shows: bool = True) -> int:
    """Run every task of the job to its end, its output logged and shown; the exit code of the last task that failed,
    or 0. `by` says what starts it, in the list of executions.

    Raises JobError for a job that is not there or lacks a right.
    """
    record = next((one for one in cloud.all(JOB) if one.inputs["name"] == name), None)
    if record is None:
        raise UnknownJob(f"There is no job {name!r}; there are: {', '.join(job_names(cloud)) or 'none'}")
    project = str(record.outputs.get("project"))
    region = str(record.inputs.get("location") or "")
    number = project_number(project)
    place = Place(project=project, number=number, region=region, urn=record.urn, type=JOB, id=record.id)
    return execute(cloud, name, record.inputs["template"], place, by=by, shows=shows)


def execute(cloud: Cloud, name: str, template: Mapping[str, Any], place: Place, *, by: str, shows: bool = True) -> int:
    """Run what a job's template describes; as `run_job`."""
    spec: Mapping[str, Any] = template["template"]
    if problems := missing(cloud, spec, place):
        raise JobError("\n".join(problems))
    for index, container in enumerate(spec["containers"]):
        if why := lacking(cloud, container):
            raise JobError(f"The local cloud can't run the job {name}: {why}. (Container {name_of(container, index)}.)")
    google = leading(cloud, identity_of(spec, place.project, place.region))
    kept = Kept(cloud, name, int(template.get("taskCount") or 1), by)
    try:
        code = Tasks(cloud, kept, template, google, shows=shows).run()
    except ContainerError as problem:
        kept.end(FAILED)
        raise JobError(str(problem)) from None
    except BaseException:
        kept.end(KILLED)
        raise
    kept.end(FAILED if code else SUCCEEDED)
    return code


def started_by(cloud: Cloud, bucket: str, name: str) -> Iterator[tuple[str, list[str]]]:
    """Each trigger that waits for objects of the bucket, with the jobs that its workflow starts for this one. The
    workflow is executed: it may take its time.

    Raises JobError where the way is broken: a workflow that is not there or that fails, or an identity that may not run
    the job.
    """
    for trigger in cloud.all(TRIGGER):
        criteria = {one["attribute"]: one["value"] for one in trigger.inputs["matchingCriterias"]}
        if criteria.get("type") != FINALIZED or criteria.get("bucket") != bucket:
            continue
        workflow = trigger.inputs["destination"].get("workflow")
        if not workflow:
            continue
        found = next((one for one in cloud.all(WORKFLOW) if one.id.rpartition("/")[2] == _last(workflow)), None)
        if found is None:
            raise JobError(f"Eventarc trigger {trigger.id}: the workflow {workflow} was not found")
        yield trigger.id, _jobs_of(cloud, found, {"data": {"bucket": bucket, "name": name}})


def _jobs_of(cloud: Cloud, workflow: Record, event: Mapping[str, Any]) -> list[str]:
    started: list[str] = []

    def run(asked: Mapping[str, Any]) -> None:
        job = _last(str(asked["name"]))
        if job not in job_names(cloud):
            raise WorkflowError(f"HTTP 404: job {asked['name']} was not found")
        _require_right(cloud, workflow, job)
        started.append(job)

    try:
        run_workflow(cloud, workflow, event, run)
    except WorkflowError as problem:
        raise JobError(f"Workflow {workflow.id} failed: {problem}") from None
    return started


def _require_right(cloud: Cloud, workflow: Record, job: str) -> None:
    account = _last(str(workflow.inputs.get("serviceAccount") or ""))
    project = str(workflow.outputs.get("project"))
    allowed = iam.policies(cloud).allows(
        f"serviceAccount:{account}", iam.JOB_RUN, f"job:{project}/{job}", f"project:{project}"
    )
    if not allowed:
        raise JobError(
            f"Workflow {workflow.id} failed: HTTP 403: Permission 'run.jobs.run' denied on resource job {job} for"
            f" {account or 'no account'} (or it may not exist)."
        )


def _last(name: str) -> str:
    return name.rpartition("/")[2]
