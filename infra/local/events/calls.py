"""The calls of Google's interfaces that schedules and workflows make: run a job, execute a workflow."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.local import iam
from infra.local.apis.callers import Caller, Denied, Unauthenticated
from infra.local.cloud import Cloud, Record
from infra.local.executions import run_workflow
from infra.local.jobs import JobError, JobFailed, job_names, run_job
from infra.local.workflows import WorkflowError

WORKFLOW = "gcp:workflows/workflow:Workflow"
_RUN_JOB = (
    re.compile(
        r"https://run\.googleapis\.com/v2/projects/(?P<project>[^/]+)/locations/[^/]+/jobs/(?P<name>[^/:]+):run"
    ),
    re.compile(
        r"https://[a-z0-9-]+-run\.googleapis\.com/apis/run\.googleapis\.com/v1/namespaces/(?P<project>[^/]+)/jobs/"
        r"(?P<name>[^/:]+):run"
    ),
)
_EXECUTE = re.compile(
    r"https://workflowexecutions\.googleapis\.com/v1/projects/(?P<project>[^/]+)/locations/[^/]+/workflows/"
    r"(?P<name>[^/]+)/executions"
)
GOOGLE = re.compile(r"https://(?:[a-z0-9-]+\.)*googleapis\.com(?:/|$)")


@dataclass(frozen=True)
class Answer:
    """What a call is answered with: an HTTP status, a line about it, and what it has begun, which goes on after the
    answer.
    """

    status: int
    told: str
    then: Callable[[], None] | None = None


def called(cloud: Cloud, account: str, url: str, body: bytes, by: str, manner: "Manner") -> Answer:
    """The answer to a POST to one of Google's interfaces by an account; an empty one is nobody. `by` says who calls."""
    if not account:
        return Answer(401, "no OAuth token")
    job = next(filter(None, (pattern.fullmatch(url) for pattern in _RUN_JOB)), None)
    try:
        if job:
            if body.strip() not in (b"", b"{}"):
                return Answer(501, "overrides of a job's execution are not known here")
            return Answer(200, f"runs job {job['name']}", job_starter(cloud, account, job["project"], job["name"], by))
        if execution := _EXECUTE.fullmatch(url):
            return _executed(cloud, account, execution["project"], execution["name"], body, manner)
    except NotFound as problem:
        return Answer(404, str(problem))
    except Denied as problem:
        return Answer(403, str(problem))
    return Answer(501, f"{url} is not answered here")


class NotFound(Exception):
    """There is no such job or workflow."""


@dataclass(frozen=True)
class Manner:
    """How it is done: `aside` is given each job that a workflow starts without waiting for it, by name, and what runs
    it; `waits` is whether a workflow sleeps, by the stack's clock, or not at all; `shows` is whether a job's output is
    shown.
    """

    aside: Callable[[str, Callable[[], None]], None]
    waits: bool = True
    shows: bool = False


def job_starter(
    cloud: Cloud, account: str, project: str, name: str, by: str, *, shows: bool = False
) -> Callable[[], None]:
    """What runs a job that an account may run. Raises NotFound, Denied; what it returns raises JobError where the job
    can't run, and JobFailed where it fails.
    """
    if name not in job_names(cloud):
        raise NotFound(f"Resource '{name}' of kind 'JOB' in project '{project}' does not exist.")
    resource = f"projects/{project}/jobs/{name}"
    Caller(cloud, account).require(iam.JOB_RUN, resource, f"job:{project}/{name}", f"project:{project}")

    def start() -> None:
        code = run_job(cloud, name, by=by, shows=shows)
        if code:
            raise JobFailed(f"job {name} failed with code {code}")

    return start


def workflow_named(cloud: Cloud, name: str) -> Record:
    """The workflow with a full or a short name. Raises NotFound."""
    short = name.rpartition("/")[2]
    found = next((one for one in cloud.all(WORKFLOW) if one.id.rpartition("/")[2] == short), None)
    if found is None:
        raise NotFound(f"the workflow {name} was not found")
    return found


def _executed(cloud: Cloud, account: str, project: str, name: str, body: bytes, manner: Manner) -> Answer:
    workflow = workflow_named(cloud, name)
    Caller(cloud, account).require(iam.WORKFLOW_EXECUTE, workflow.id, f"project:{project}")
    try:
        argument = json.loads(json.loads(body or b"{}").get("argument") or "null")
    except (ValueError, AttributeError, TypeError):
        return Answer(400, "the argument is no JSON document")
    return Answer(200, f"executes workflow {name}", lambda: execute(cloud, workflow, argument, manner))


def execute(cloud: Cloud, workflow: Record, argument: object, manner: Manner) -> None:
    """Execute a workflow for an argument. Raises JobError where it fails."""
    account = str(workflow.inputs.get("serviceAccount") or "").rpartition("/")[2]
    project, by = str(workflow.outputs.get("project")), f"workflow {workflow.id.rpartition('/')[2]}"

    def run(asked: Mapping[str, Any]) -> None:
        name = str(asked["name"]).rpartition("/")[2]
        try:
            begin = job_starter(cloud, account, project, name, by, shows=manner.shows)
            if (asked.get("connector_params") or {}).get("skip_polling"):
                manner.aside(name, begin)
            else:
                begin()
        except NotFound as problem:
            raise WorkflowError(f"HTTP 404: {problem}") from None
        except (Denied, Unauthenticated) as problem:
            raise WorkflowError(f"HTTP {403 if account else 401}: {problem}") from None
        except JobError as problem:
            raise WorkflowError(str(problem)) from None

    try:
        run_workflow(cloud, workflow, argument, run, waits=manner.waits)
    except WorkflowError as problem:
        raise JobError(f"Workflow {workflow.id} failed: {problem}") from None
