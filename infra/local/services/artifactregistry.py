"""Artifact Registry: the repositories that images are pushed to. The images themselves are docker's."""

from collections.abc import Iterator

from infra.local.provider.access import triple
from infra.local.provider.resource import Place, Resource, Values
from infra.local.provider.rules import Inputs, Problem, found, matches

REPOSITORY = "gcp:artifactregistry/repository:Repository"
_FORMATS = ("APT", "DOCKER", "GENERIC", "GO", "GOOGET", "KFP", "MAVEN", "NPM", "PYTHON", "RUBY", "YUM")


def _format_exists(inputs: Inputs) -> Iterator[Problem]:
    for where, kind in found(inputs, "format"):
        if kind not in _FORMATS:
            yield where, f"googleapi: Error 400: Invalid value at 'repository.format': {kind!r}, badRequest"


def _outputs(inputs: Inputs, place: Place) -> Values:
    host = f"{place.region}-{str(inputs['format']).lower()}.pkg.dev"
    return {"name": inputs["repositoryId"], "registryUri": f"{host}/{place.project}/{inputs['repositoryId']}"}


RESOURCES = {
    REPOSITORY: Resource(
        id="projects/{project}/locations/{location}/repositories/{repositoryId}",
        kind="real",
        refuses=(
            _format_exists,
            matches(
                "repositoryId",
                r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?",
                "googleapi: Error 400: Repository ID {value!r} may hold lower-case letters, digits and hyphens, begins"
                " with a letter and ends with a letter or digit",
            ),
        ),
        outputs=_outputs,
    ),
    **triple("gcp:artifactregistry/repositoryIam", "projects/{project}/locations/{location}/repositories/{repository}"),
}
