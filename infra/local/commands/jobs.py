"""`run-job` and `object-put`: jobs that are asked for, and jobs that an object's arrival starts."""

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.local.cloud import Cloud
from infra.local.errors import EXIT_OK, EXIT_REFUSED, EXIT_UNEXPECTED, EXIT_USAGE, LocalCloudError
from infra.local.files import write_whole
from infra.local.home import Home
from infra.local.jobs import JobError, run_job, started_by
from infra.local.provider.resource import Refused
from infra.local.services.storage import object_path
from orderguard.private_files import make_private_folder

GATHER = "LOCAL_CLOUD_GATHER_SECONDS"


def run_named(home: Home, stack: str, name: str) -> int:
    """Runs the job and waits. Raises LocalCloudError where it can't run; 1 where it failed."""
    try:
        code = run_job(Cloud(home, stack), name)
    except JobError as problem:
        raise LocalCloudError(str(problem), EXIT_REFUSED) from None
    print(f"job {name}: {'done' if code == 0 else f'failed with code {code}'}")
    return EXIT_OK if code == 0 else EXIT_UNEXPECTED


def put_object(home: Home, stack: str, bucket: str, file: Path, name: str | None) -> int:
    """Puts the file into the bucket and runs what its arrival triggers, one after the other."""
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
        started = list(started_by(cloud, bucket))
    except JobError as problem:
        raise LocalCloudError(str(problem), EXIT_REFUSED) from None
    for trigger, job in started:
        with _gathering(cloud, job) as is_first:
            if not is_first:
                print(f"{trigger}: job {job} waits for more files already, and takes this one with them")
                continue
        print(f"{trigger} starts job {job}")
        if code := run_named(home, stack, job):
            return code
    return EXIT_OK


@contextmanager
def _gathering(cloud: Cloud, job: str) -> Iterator[bool]:
    """Whether this file is the first of those that come together: it has waited for the others at the end. The stack
    waits for minutes (`trainingGatherMinutes`), this machine for LOCAL_CLOUD_GATHER_SECONDS, or not at all."""
    path = cloud.run / f"{job}.gathering"
    make_private_folder(path.parent)
    with open(path, "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        time.sleep(float(os.environ.get(GATHER, "0")))
        yield True
