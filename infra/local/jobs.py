"""Cloud Run jobs."""

from collections.abc import Mapping
from typing import Any

from infra.local.apis.identity import identity_of
from infra.local.apis.variables import leading
from infra.local.cloud import Cloud
from infra.local.container import lacking, name_of
from infra.local.errors import ContainerError
from infra.local.job_executions import FAILED, KILLED, SUCCEEDED, Kept
from infra.local.provider.outputs import project_number
from infra.local.provider.resource import Place
from infra.local.run_rights import missing
from infra.local.services.cloudrunv2 import JOB
from infra.local.tasks import Tasks


class JobError(Exception):
    """The job can't run; the message is Google Cloud's."""


class JobFailed(JobError):
    """The job ran, and failed for good."""


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
