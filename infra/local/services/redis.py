"""Memorystore: declared. Histories of customers stay in the service's memory here."""

from infra.local.provider.resource import Resource

RESOURCES = {
    "gcp:redis/instance:Instance": Resource(
        id="projects/{project}/locations/{region}/instances/{name}",
        name="name",
        defaults={"connectMode": "DIRECT_PEERING", "tier": "BASIC", "transitEncryptionMode": "DISABLED"},
        outputs=lambda inputs, place: {"host": "203.0.113.1", "port": 6379},
    ),
}
