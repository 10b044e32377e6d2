"""BigQuery: declared."""

from infra.local.provider.access import triple
from infra.local.provider.resource import Resource
from infra.local.provider.rules import matches

_DATASET = "projects/{project}/datasets/{datasetId}"

RESOURCES = {
    "gcp:bigquery/dataset:Dataset": Resource(
        id=_DATASET,
        defaults={"location": "US", "deleteContentsOnDestroy": False},
        rules=(
            matches(
                "datasetId",
                r"[0-9A-Za-z_]{1,1024}",
                '"{name}" must contain only letters (a-z, A-Z), numbers (0-9), or underscores (_)',
            ),
        ),
    ),
    "gcp:bigquery/table:Table": Resource(id=_DATASET + "/tables/{tableId}", defaults={"deletionProtection": True}),
    "gcp:bigquery/datasetAccess:DatasetAccess": Resource(id=_DATASET),
    **triple("gcp:bigquery/datasetIam", _DATASET),
}
