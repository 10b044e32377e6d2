"""Cloud Run jobs and the events that start them."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from infra.local import iam
from infra.local.cloud import Cloud, Record
from infra.local.container import Launch, in_order, lacking, launch_job, name_of
from infra.local.errors import ContainerError
from infra.local.executions import run_workflow
from infra.local.google import answering
from infra.local.provider.outputs import project_number
from infra.local.provider.resource import Place
from infra.local.run_rights import missing
from infra.local.services.cloudrunv2 import JOB
from infra.local.volumes import Volumes, prepared
from infra.local.workflows import WorkflowError
from orderguard.private_files import make_private_folder, open_private

TRIGGER = "gcp:eventarc/trigger:Trigger"
WORKFLOW = "gcp:workflows/workflow:Workflow"
_TIMED_OUT = 124
"""Exit code of a task that did not end in its time."""
FINALIZED = "google.cloud.storage.object.v1.finalized"


class JobError(Exception):
    """The job can't run; the message is Google Cloud's."""


class UnknownJob(JobError):
    """There is no such job; the message lists those that there are."""


def job_names(cloud: Cloud) -> list[str]:
    """The stack's jobs."""
    return [str(record.inputs["name"]) for record in cloud.all(JOB)]


def run_job(cloud: Cloud, name: str) -> int:
    """Run every task of the job to its end, its output shown and logged; the exit code of the last task that failed,
    or 0.

    Raises JobError for a job that is not there or lacks a right.
    """
    record = next((one for one in cloud.all(JOB) if one.inputs["name"] == name), None)
    if record is None:
        raise UnknownJob(f"There is no job {name!r}; there are: {', '.join(job_names(cloud)) or 'none'}")
    template = record.inputs["template"]
    spec: Mapping[str, Any] = template["template"]
    project = str(record.outputs.get("project"))
    place = Place(project=project, number=project_number(project), region="", urn=record.urn, type=JOB, id=record.id)
    if problems := missing(cloud, spec, place):
        raise JobError("\n".join(problems))
    execution = f"{name}-{datetime.now(UTC):%Y%m%d%H%M%S}"
    log = cloud.logs / name / f"{execution}.log"
    make_private_folder(log.parent)
    for index, container in enumerate(spec["containers"]):
        if why := lacking(cloud, container):
            raise JobError(f"The local cloud can't run the job {name}: {why}. (Container {name_of(container, index)}.)")
    task = _Task(cloud, name, execution, spec, int(template.get("taskCount") or 1), log)
    retries = spec.get("maxRetries")
    failed = 0
    with answering(cloud, str(spec.get("serviceAccount") or "")) as google:
        for index in range(task.count):
            for _ in range(1 + int(3 if retries is None else retries)):
                code = task.run(index, google)
                if code == 0:
                    break
            failed = code or failed
    return failed


@dataclass(frozen=True)
class _Task:
    """A task of an execution: the last of its containers is the task, those that it waits for run beside it."""

    cloud: Cloud
    job: str
    execution: str
    spec: Mapping[str, Any]
    count: int
    log: Path

    def run(self, index: int, google: Mapping[str, str]) -> int:
        """The exit code. Raises JobError for a container that can't be started."""
        try:
            volumes = prepared(self.cloud, self.execution, self.spec)
            try:
                *beside, last = in_order(self.spec["containers"])
                with ExitStack() as running, open_private(self.log, "ab") as log:
                    for container in beside:
                        running.enter_context(_beside(self._plan(container, volumes, index), google, log))
                    return self._to_the_end(self._plan(last, volumes, index), google, log)
            finally:
                volumes.remove()
        except ContainerError as problem:
            raise JobError(str(problem)) from None

    def _plan(self, container: int, volumes: Volumes, index: int) -> Launch:
        return launch_job(self.cloud, self.job, self.execution, self.spec, container, volumes, index, self.count)

    def _to_the_end(self, plan: Launch, google: Mapping[str, str], log: IO[bytes]) -> int:
        seconds = float(str(self.spec.get("timeout") or "600s").rstrip("s"))
        with _started(plan, google, subprocess.PIPE) as process:
            assert process.stdout  # for the type checker  # nosec B101
            late = threading.Event()

            def end() -> None:
                late.set()
                process.kill()

            clock = threading.Timer(seconds, end)
            clock.start()
            try:
                for line in process.stdout:
                    log.write(line)
                    sys.stdout.write(line.decode(errors="replace"))
                    sys.stdout.flush()
                code = process.wait()
                return _TIMED_OUT if late.is_set() else code
            except BaseException:
                process.terminate()
                raise
            finally:
                clock.cancel()


def _started(plan: Launch, google: Mapping[str, str], output: int | IO[bytes]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        plan.command,
        env={**plan.environment, **google},
        cwd=plan.folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
    )


@contextmanager
def _beside(plan: Launch, google: Mapping[str, str], log: IO[bytes]) -> Iterator[None]:
    """A container that ends with the task."""
    with _started(plan, google, log) as process:
        try:
            yield
        finally:
            process.kill()


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
