"""Workflows: the step between an event and a Cloud Run job. An event executes the workflow's source
(`infra/local/workflows.py`)."""

from infra.local.provider.resource import Place, Resource, Values
from infra.local.provider.rules import Inputs, matches


def _outputs(inputs: Inputs, place: Place) -> Values:
    return {"state": "ACTIVE", "revisionId": "000001-000"}


RESOURCES = {
    "gcp:workflows/workflow:Workflow": Resource(
        id="projects/{project}/locations/{region}/workflows/{name}",
        kind="real",
        refuses=(
            matches(
                "name",
                r"[A-Za-z]([A-Za-z0-9_-]{0,126}[A-Za-z0-9])?",
                "googleapi: Error 400: workflow name {value!r} is invalid",
            ),
        ),
        outputs=_outputs,
    ),
}
