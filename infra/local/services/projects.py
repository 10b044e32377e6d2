"""The project itself: which services are on, and who may do what in all of it."""

from infra.local.provider.access import triple
from infra.local.provider.resource import Resource
from infra.local.provider.rules import matches

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
        refuses=(
            matches(
                "roleId", r"[A-Za-z0-9_.]{3,64}", "googleapi: Error 400: The role_id {value!r} is invalid., badRequest"
            ),
        ),
    ),
    "gcp:projects/apiKey:ApiKey": Resource(id="projects/{project}/locations/global/keys/{name}"),
}
