"""`run-job`, `executions` and `object-put`: jobs that are asked for, and jobs that an object's arrival starts."""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from infra.local.cloud import Cloud
from infra.local.errors import EXIT_OK, EXIT_REFUSED, EXIT_UNEXPECTED, EXIT_USAGE, LocalCloudError
from infra.local.events.arrivals import by_hand
from infra.local.events.calls import Manner
from infra.local.events.triggers import deliver, event_of, triggers_of
from infra.local.events.watched import Watched
from infra.local.home import Home
from infra.local.job_executions import executions
from infra.local.jobs import JobError, JobFailed, UnknownJob, job_names, run_job
from infra.local.objects.failure import Failure
from infra.local.objects.staging import chunks_of, staged
from infra.local.objects.store import Store


def run_named(home: Home, stack: str, name: str) -> int:
    """Run the job and wait. Raises LocalCloudError where it can't run; 1 where it failed."""
    try:
        code = run_job(Cloud(home, stack), name)
    except UnknownJob as problem:
        raise LocalCloudError(str(problem), EXIT_USAGE) from None
    except JobError as problem:
        raise LocalCloudError(str(problem), EXIT_REFUSED) from None
    print(f"job {name}: {'done' if code == 0 else f'failed with code {code}'}")
    return EXIT_OK if code == 0 else EXIT_UNEXPECTED


def list_executions(home: Home, stack: str, job: str | None, *, as_json: bool) -> int:
    """Print the executions of a job, or of all, the newest first. Raises LocalCloudError for one that is not there."""
    cloud = Cloud(home, stack)
    if job and job not in (known := job_names(cloud)):
        raise LocalCloudError(f"There is no job {job!r}; there are: {', '.join(known) or 'none'}", EXIT_USAGE)
    found = executions(cloud, job)[::-1]
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=1))
        return EXIT_OK
    for one in found:
        print(f"{one.name}  {one.created[:19]}Z  {one.seconds:.1f} s  by {one.by}\n    {one.told()}; log: {one.log}")
    if not found:
        print(f"No job has run in the stack {stack}." if not job else f"The job {job} has not run.")
    return EXIT_OK


def put_object(home: Home, stack: str, bucket: str, file: Path, name: str | None) -> int:
    """Put the file into the bucket and run what its arrival triggers, one after the other. No workflow sleeps."""
    cloud = Cloud(home, stack)
    if not cloud.bucket(bucket).is_dir():
        known = ", ".join(sorted(path.name for path in (cloud.root / "buckets").glob("*"))) or "none"
        raise LocalCloudError(f"There is no bucket {bucket!r} in stack {stack}; there are: {known}", EXIT_USAGE)
    name = name or file.name
    try:
        store = Store(cloud, bucket)
        content = staged(store.staging, chunks_of(file))
        with by_hand(cloud, bucket, name):
            version = store.put(name, content, {})
    except OSError as problem:
        raise LocalCloudError(f"{file} can't be read: {problem.strerror}", EXIT_USAGE) from None
    except Failure as failure:
        raise LocalCloudError(failure.message, EXIT_USAGE) from None
    # An order file's name may tell who ordered: it is for the owner's own screen.
    shown = f"/{name}" if sys.stdout.isatty() else ""
    print(f"gs://{bucket}{shown}: {version.size:,} bytes")
    try:
        for trigger in triggers_of(cloud, bucket):
            _fire(cloud, trigger, bucket, name)
    except JobFailed as problem:
        print(problem)
        return EXIT_UNEXPECTED
    except JobError as problem:
        raise LocalCloudError(str(problem), EXIT_REFUSED) from None
    return EXIT_OK


def _fire(cloud: Cloud, trigger: Watched, bucket: str, name: str) -> None:
    """Deliver the arrival, then run the jobs that a workflow has started without waiting for them."""
    later: list[tuple[str, Callable[[], None]]] = []
    manner = Manner(lambda job, begin: later.append((job, begin)), waits=False, shows=True)
    told = deliver(cloud, trigger, event_of(cloud, bucket, name), manner)
    nothing = "" if later else ", which starts nothing aside (no order file, or one that another waits for)"
    print(f"{trigger.id}: {told}{nothing}")
    for job, begin in later:
        print(f"{trigger.id} starts job {job}")
        begin()
        print(f"job {job}: done")
