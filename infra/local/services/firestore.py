"""Firestore: declared."""

from infra.local.provider.resource import Resource

RESOURCES = {
    "gcp:firestore/database:Database": Resource(id="projects/{project}/databases/{name}"),
}
