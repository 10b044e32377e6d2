"""Serverless VPC access: declared."""

from infra.local.provider.resource import Resource

RESOURCES = {
    "gcp:vpcaccess/connector:Connector": Resource(
        id="projects/{project}/locations/{region}/connectors/{name}",
        name="name",
        name_limit=25,
        outputs=lambda inputs, place: {"state": "READY", "connectedProjects": []},
    ),
}
