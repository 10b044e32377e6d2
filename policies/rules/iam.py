"""Who may do what: nobody unknown, nothing by a basic role."""

from policies.grants import grants, is_public
from policies.rule import CRITICAL, EVERY_GRANT_TYPE, HIGH, Resource, checkov, cis, org_policy, rule, trivy
from policies.value import Findings, forbid

BASIC_ROLES = frozenset({"roles/owner", "roles/editor", "roles/viewer", "roles/admin", "roles/writer", "roles/reader"})

ACCESS_LIST_TYPES = (
    "gcp:storage/bucketACL:BucketACL",
    "gcp:storage/bucketAccessControl:BucketAccessControl",
    "gcp:storage/defaultObjectACL:DefaultObjectACL",
    "gcp:storage/defaultObjectAccessControl:DefaultObjectAccessControl",
    "gcp:storage/objectACL:ObjectACL",
    "gcp:storage/objectAccessControl:ObjectAccessControl",
    "gcp:bigquery/dataset:Dataset",
    "gcp:bigquery/datasetAccess:DatasetAccess",
)
PUBLIC_PREDEFINED_ACCESS = frozenset({"publicRead", "publicReadWrite", "authenticatedRead"})


@rule(
    "iam-no-public-members",
    "Nothing is granted to allUsers or allAuthenticatedUsers.",
    types=[EVERY_GRANT_TYPE, *ACCESS_LIST_TYPES],
    severity=CRITICAL,
    frameworks=[
        cis("5.1"), cis("1.10"), cis("7.1"),
        *(checkov(f"CKV_GCP_{number}") for number in (15, 28, 99, 100, 101, 102, 107, 112, 113)),
        *(checkov(f"CKV2_GCP_{number}") for number in (6, 8, 9)),
        org_policy("iam.managed.allowedPolicyMembers"), trivy("GCP-0001"),
    ],
    fix="Grant the role to the service account or group that needs it.",
)  # fmt: skip
def no_public_members(resource: Resource) -> Findings:
    message = "grants access to everybody (allUsers or allAuthenticatedUsers)"
    for grant in grants(resource):
        yield forbid(grant.member, is_public, message)
    yield forbid(resource["entity"], is_public, message)
    yield forbid(resource["specialGroup"], is_public, message)
    yield forbid(resource["iamMember"], is_public, message)
    yield forbid(resource["predefinedAcl"], lambda acl: acl in PUBLIC_PREDEFINED_ACCESS, message)
    for entity in resource.each("roleEntities"):
        yield forbid(entity, is_public, message)
    for access in resource.each("accesses"):
        yield forbid(access["specialGroup"], is_public, message)
        yield forbid(access["iamMember"], is_public, message)


@rule(
    "iam-no-basic-roles",
    "Nobody gets owner, editor or viewer: each holds thousands of permissions.",
    types=[EVERY_GRANT_TYPE],
    severity=HIGH,
    frameworks=[
        checkov("CKV_GCP_117"),
        org_policy("iam.managed.preventPrivilegedBasicRolesForDefaultServiceAccounts"),
    ],
    fix="Grant the predefined role that covers what is needed, such as roles/run.invoker.",
)
def no_basic_roles(resource: Resource) -> Findings:
    roles = {grant.role.path: grant.role for grant in grants(resource)}
    if not resource["role"].absent:
        roles[resource["role"].path] = resource["role"]
    for role in roles.values():
        yield forbid(role, lambda content: str(content) in BASIC_ROLES, "is a basic role")
