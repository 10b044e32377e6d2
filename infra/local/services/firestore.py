"""Firestore: declared."""

from infra.local.provider.resource import Resource
from infra.local.provider.rules import one_of

RESOURCES = {
    "gcp:firestore/database:Database": Resource(
        id="projects/{project}/databases/{name}",
        name="name",
        rules=(one_of("type", "FIRESTORE_NATIVE", "DATASTORE_MODE"),),
    ),
}
