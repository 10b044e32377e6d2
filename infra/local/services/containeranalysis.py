"""Artifact Analysis: the notes that attestors sign under; declared."""

from infra.local.provider.resource import Resource

RESOURCES = {
    "gcp:containeranalysis/note:Note": Resource(id="projects/{project}/notes/{name}"),
}
