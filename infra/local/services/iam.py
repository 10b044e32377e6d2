"""Workload identity: which outside identities may act in the project."""

from infra.local.provider.resource import Place, Resource, Values
from infra.local.provider.rules import Inputs


def _name(inputs: Inputs, place: Place) -> Values:
    return {"name": place.id.replace(f"projects/{place.project}/", f"projects/{place.number}/"), "state": "ACTIVE"}


_POOL = "projects/{project}/locations/global/workloadIdentityPools/{workloadIdentityPoolId}"

RESOURCES = {
    "gcp:iam/workloadIdentityPool:WorkloadIdentityPool": Resource(id=_POOL, outputs=_name),
    "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider": Resource(
        id=_POOL + "/providers/{workloadIdentityPoolProviderId}", outputs=_name
    ),
}
