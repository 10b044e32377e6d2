"""BigQuery: declared."""

from infra.local.provider.access import triple
from infra.local.provider.resource import Resource

_DATASET = "projects/{project}/datasets/{datasetId}"

RESOURCES = {
    "gcp:bigquery/dataset:Dataset": Resource(id=_DATASET),
    "gcp:bigquery/table:Table": Resource(id=_DATASET + "/tables/{tableId}"),
    "gcp:bigquery/datasetAccess:DatasetAccess": Resource(id=_DATASET),
    **triple("gcp:bigquery/datasetIam", _DATASET),
}
