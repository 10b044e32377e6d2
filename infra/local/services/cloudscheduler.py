"""Cloud Scheduler: a schedule fires by the stack's clock, and calls its target with its account's rights."""

from collections.abc import Iterator

from infra.local.events.schedule import NoSchedule, cron
from infra.local.events.watched import SCHEDULE, standing, unwatch, watch
from infra.local.provider.resource import Resource
from infra.local.provider.rules import Inputs, Problem, found


def _schedule_is_possible(inputs: Inputs) -> Iterator[Problem]:
    for where, schedule in found(inputs, "schedule"):
        if str(schedule).startswith("every ") or " of " in str(schedule):
            continue  # App Engine's way of saying it, which Google Cloud takes, too
        try:
            cron(str(schedule), str(next((zone for _, zone in found(inputs, "timeZone")), "")))
        except NoSchedule:
            yield where, "googleapi: Error 400: Schedule or time zone is invalid., badRequest"


RESOURCES = {
    SCHEDULE: Resource(
        id="projects/{project}/locations/{region}/jobs/{name}",
        kind="real",
        refuses=(_schedule_is_possible,),
        outputs=lambda inputs, place: {"state": "PAUSED" if inputs.get("paused") else "ENABLED"},
        recorded=lambda inputs, place: {},
        create=watch,
        delete=unwatch,
        read=standing,
    ),
}
