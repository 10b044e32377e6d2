"""Binary Authorization: declared."""

from infra.local.provider.resource import Resource

RESOURCES = {
    "gcp:binaryauthorization/policy:Policy": Resource(id="projects/{project}"),
    "gcp:binaryauthorization/attestor:Attestor": Resource(id="projects/{project}/attestors/{name}"),
}
