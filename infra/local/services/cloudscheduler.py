"""Cloud Scheduler: declared; what a schedule would start, `python -m infra.local run-job` starts."""

from collections.abc import Iterator

from infra.local.provider.resource import Resource
from infra.local.provider.rules import Inputs, Problem, found


def _schedule(inputs: Inputs) -> Iterator[Problem]:
    for where, schedule in found(inputs, "schedule"):
        if len(schedule.split()) != 5 and not schedule.startswith("every "):
            yield where, f"googleapi: Error 400: Schedule or time zone is invalid: {schedule!r}., badRequest"


RESOURCES = {
    "gcp:cloudscheduler/job:Job": Resource(
        id="projects/{project}/locations/{region}/jobs/{name}",
        refuses=(_schedule,),
        outputs=lambda inputs, place: {"state": "ENABLED"},
    ),
}
