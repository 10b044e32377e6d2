"""The project itself: which services are on, and who may do what in all of it."""

from infra.local.provider.access import triple
from infra.local.provider.resource import Resource

RESOURCES = {
    "gcp:projects/service:Service": Resource(
        id="{project}/{service}",
        idempotent=True,
    ),
    **triple("gcp:projects/iAM", "{project}"),
    "gcp:projects/iAMAuditConfig:IAMAuditConfig": Resource(id="{project}/audit_config/{service}"),
    "gcp:projects/iAMCustomRole:IAMCustomRole": Resource(
        id="projects/{project}/roles/{roleId}",
        kind="enforced",
    ),
    "gcp:projects/apiKey:ApiKey": Resource(id="projects/{project}/locations/global/keys/{name}"),
}
