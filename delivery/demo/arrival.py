"""Orders on their way in: into a bucket of the local cloud, through Google's own client."""

import os
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from delivery.errors import DeliveryError
from infra.local import clock
from infra.local.cloud import Cloud
from infra.local.job_executions import RUNNING, SUCCEEDED, Execution, executions

STARTS_WITHIN, TRAINS_WITHIN = 60.0, 600.0
"""In seconds, by the real clock."""
MOVES_EVERY, POLL = 2.0, 0.5


def upload(bucket: str, files: Sequence[Path], environment: dict[str, str]) -> None:
    """Put files into a bucket by google-cloud-storage, which `environment` leads to the local cloud."""
    with warnings.catch_warnings(action="ignore", category=FutureWarning):  # that Python 3.11 ends in a year
        from google.cloud import storage  # of the development's requirements: a deployment does without

    os.environ.update(environment)
    place = storage.Client(project="demo").bucket(bucket)
    for file in files:
        place.blob(file.name).upload_from_filename(file)


def trained(cloud: Cloud, job: str, wait: str) -> Execution:
    """Move the stack's clock on, by `wait` each time, until an execution of a job starts; see it to its end. Raises
    DeliveryError where none starts, or where it fails.
    """
    before = {one.name for one in executions(cloud, job)}
    end = time.monotonic() + STARTS_WITHIN
    while not (found := [one for one in executions(cloud, job) if one.name not in before]):
        if time.monotonic() > end:
            raise DeliveryError(f"no execution of {job} has started within {STARTS_WITHIN:.0f} s.")
        time.sleep(MOVES_EVERY)
        clock.advance(cloud, clock.duration(wait))
    for done in _watched(cloud, job, found[0].name):
        if time.monotonic() > end + TRAINS_WITHIN:
            raise DeliveryError(f"{done.name} runs for longer than {TRAINS_WITHIN:.0f} s; its log: {done.log}")
    if done.state != SUCCEEDED:
        raise DeliveryError(f"{done.name} {done.told()}; its log: {done.log}")
    return done


def _watched(cloud: Cloud, job: str, name: str) -> Iterator[Execution]:
    while True:
        found = next(one for one in executions(cloud, job) if one.name == name)
        yield found
        if found.state != RUNNING:
            return
        time.sleep(POLL)
