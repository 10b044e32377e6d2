"""Workload identity: which outside identities may act in the project."""

from collections.abc import Iterator

from infra.local.provider.resource import Place, Resource, Values
from infra.local.provider.rules import Inputs, Problem, Rule, exactly_one, found


def _length(path: str, terraform: str) -> Rule:
    def rule(inputs: Inputs) -> Iterator[Problem]:
        for where, value in found(inputs, path):
            if len(value) < 4:
                yield where, f'"{terraform}" cannot be smaller than 4 characters'
            elif len(value) > 32:
                yield where, f'"{terraform}" cannot be greater than 32 characters'

    return rule


def _name(inputs: Inputs, place: Place) -> Values:
    return {"name": place.id.replace(f"projects/{place.project}/", f"projects/{place.number}/"), "state": "ACTIVE"}


_POOL = "projects/{project}/locations/global/workloadIdentityPools/{workloadIdentityPoolId}"

RESOURCES = {
    "gcp:iam/workloadIdentityPool:WorkloadIdentityPool": Resource(
        id=_POOL, rules=(_length("workloadIdentityPoolId", "workload_identity_pool_id"),), outputs=_name
    ),
    "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider": Resource(
        id=_POOL + "/providers/{workloadIdentityPoolProviderId}",
        rules=(
            _length("workloadIdentityPoolProviderId", "workload_identity_pool_provider_id"),
            exactly_one("aws", "oidc", "saml", "x509"),
        ),
        outputs=_name,
    ),
}
