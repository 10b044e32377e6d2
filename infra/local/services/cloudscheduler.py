"""Cloud Scheduler: declared; what a schedule would start, `python -m infra.local run-job` starts."""

from infra.local.provider.resource import Resource

RESOURCES = {
    "gcp:cloudscheduler/job:Job": Resource(
        id="projects/{project}/locations/{region}/jobs/{name}", outputs=lambda inputs, place: {"state": "ENABLED"}
    ),
}
