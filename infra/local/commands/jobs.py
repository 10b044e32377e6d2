"""`run-job`, `executions` and `object-put`: jobs that are asked for, and jobs that an object's arrival starts."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from infra.local.cloud import Cloud
from infra.local.errors import EXIT_OK, EXIT_REFUSED, EXIT_UNEXPECTED, EXIT_USAGE, LocalCloudError
from infra.local.files import write_whole
from infra.local.home import Home
from infra.local.job_executions import executions
from infra.local.jobs import JobError, UnknownJob, job_names, run_job, started_by
from infra.local.provider.resource import Refused
from infra.local.services.storage import object_path


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
    """Put the file into the bucket and run what its arrival triggers, one after the other."""
    cloud = Cloud(home, stack)
    if not cloud.bucket(bucket).is_dir():
        known = ", ".join(sorted(path.name for path in (cloud.root / "buckets").glob("*"))) or "none"
        raise LocalCloudError(f"There is no bucket {bucket!r} in stack {stack}; there are: {known}", EXIT_USAGE)
    try:
        content = file.read_bytes()
        write_whole(object_path(cloud, bucket, name or file.name), content)
    except OSError as problem:
        raise LocalCloudError(f"{file} can't be read: {problem.strerror}", EXIT_USAGE) from None
    except Refused as problem:
        raise LocalCloudError(str(problem), EXIT_USAGE) from None
    # An order file's name may tell who ordered: it is for the owner's own screen.
    shown = f"/{name or file.name}" if sys.stdout.isatty() else ""
    print(f"gs://{bucket}{shown}: {len(content):,} bytes")
    try:
        for trigger, jobs in started_by(cloud, bucket, name or file.name):
            if not jobs:
                print(
                    f"{trigger}: nothing is started (no order file, or another one waits for those that come with it)"
                )
            for job in jobs:
                print(f"{trigger} starts job {job}")
                if code := run_named(home, stack, job):
                    return code
    except JobError as problem:
        raise LocalCloudError(str(problem), EXIT_REFUSED) from None
    return EXIT_OK
