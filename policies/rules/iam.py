"""Who may do what: nobody unknown, nothing by a basic role, no keys, no short cuts to other identities."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from policies.grants import INVOKER_TYPES, WIDE_GRANT_TYPES, Grant, grants, is_default_account, is_public, lifted
from policies.patterns import lazy
from policies.rule import ADVISORY, CRITICAL, EVERY_GRANT_TYPE, HIGH, LOW, MEDIUM, Resource, checkov, cis, org_policy
from policies.rule import prowler, rule, trivy
from policies.value import Finding, Findings, Predicate, Undecided, Value, Violation, forbid, is_set

_OWNING = frozenset({"roles/owner", "roles/editor"})
"""Basic roles that CIS counts as admin roles."""
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

IMPERSONATION_ROLES = frozenset(
    f"roles/iam.{role}"
    for role in ("serviceAccountUser", "serviceAccountTokenCreator", "serviceAccountOpenIdTokenCreator")
) | {"roles/iam.workloadIdentityUser", "roles/iam.serviceAccountKeyAdmin"}

ESCALATING_ROLES = frozenset(
    f"roles/{role}"
    for role in (
        "resourcemanager.projectIamAdmin", "resourcemanager.folderIamAdmin", "resourcemanager.organizationAdmin",
        "resourcemanager.folderAdmin", "iam.securityAdmin", "iam.serviceAccountAdmin", "iam.roleAdmin",
        "iam.organizationRoleAdmin", "iam.workloadIdentityPoolAdmin", "iam.serviceAccountKeyAdmin", "iam.admin",
        "orgpolicy.policyAdmin", "cloudbuild.builds.editor", "deploymentmanager.editor",
    )
)  # fmt: skip
"""Roles with which one gives oneself, or takes by a build, what one does not have."""
_CHANGES = lazy(r"(?i)(?:admin|owner|editor|writer|user|creator|developer|builder)$")
_LIMITED = lazy(r"""modifiedGrantsByRole['"]\s*,\s*\[\]\s*\)\s*\.hasOnly\(\s*\[""")
"""In a condition: the only roles that its holder may grant are those of a list."""
_EVERYBODY_OF = ("domain:", "projectViewer:", "projectEditor:", "projectOwner:", "group:all@")

RISKY_PERMISSIONS = (
    "*.setIamPolicy",
    "iam.serviceAccountKeys.create",
    "iam.serviceAccounts.actAs",
    "iam.serviceAccounts.getAccessToken",
    "iam.serviceAccounts.getOpenIdToken",
    "iam.serviceAccounts.implicitDelegation",
    "iam.serviceAccounts.sign*",
    "iam.roles.create",
    "iam.roles.update",
    "iam.serviceAccounts.update",
    "iam.workloadIdentityPoolProviders.*",
    "orgpolicy.policy.set",
    "orgpolicy.policies.*",
    "cloudbuild.builds.create",
    "cloudfunctions.functions.sourceCodeSet",
    "deploymentmanager.deployments.create",
    "resourcemanager.*.setIamPolicy",
)


@rule(
    "iam-no-public-members",
    "Nothing is granted to allUsers or allAuthenticatedUsers.",
    types=[EVERY_GRANT_TYPE, *ACCESS_LIST_TYPES],
    severity=CRITICAL,
    frameworks=[
        *(cis(reference) for reference in ("5.1", "1.10", "7.1")),
        *(checkov(f"CKV_GCP_{number}") for number in (15, 28, 98, 99, 100, 101, 102, 107, 112, 113)),
        *(checkov(f"CKV2_GCP_{number}") for number in (6, 8, 9)),
        trivy("GCP-0001"),
        trivy("GCP-0046"),
        org_policy("iam.managed.allowedPolicyMembers"),
        prowler("secretmanager_secret_not_publicly_accessible"),
    ],
    fix="Grant the role to the service account or group that needs it.",
)
def no_public_members(resource: Resource) -> Findings:
    if resource.type in INVOKER_TYPES:
        return  # cloud-run-no-public-invoker, so that a service can be opened without opening anything else
    message = "grants access to everybody (allUsers or allAuthenticatedUsers)"
    for grant in grants(resource):
        yield forbid(grant.member, is_public, message)
    for name in ("entity", "specialGroup", "iamMember"):
        yield forbid(resource[name], is_public, message)
    yield forbid(resource["predefinedAcl"], lambda acl: str(acl) in PUBLIC_PREDEFINED_ACCESS, message)
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
        *(checkov(f"CKV_GCP_{number}") for number in (49, 115, 116, 117)),
        org_policy("iam.managed.preventPrivilegedBasicRolesForDefaultServiceAccounts"),
    ],
    fix="Grant the predefined role that covers what is needed, such as roles/run.invoker.",
)
def no_basic_roles(resource: Resource) -> Findings:
    for role in _roles(resource):
        yield forbid(role, lambda content: str(content) in BASIC_ROLES, "is a basic role")


@rule(
    "iam-no-project-impersonation",
    "Nobody may act as every service account of a project.",
    types=WIDE_GRANT_TYPES,
    severity=HIGH,
    frameworks=[
        cis("1.7"),
        checkov("CKV_GCP_41"),
        checkov("CKV_GCP_49"),
        trivy("GCP-0011"),
        trivy("GCP-0005"),
        trivy("GCP-0009"),
    ],
    fix="Grant the role on the one service account that is needed (gcp.serviceaccount.IAMMember).",
)
def no_project_impersonation(resource: Resource) -> Findings:
    for role in _roles(resource):
        yield forbid(role, lambda content: str(content) in IMPERSONATION_ROLES, "lets one act as every service account")


@rule(
    "iam-no-admin-service-accounts",
    "A service account holds no admin role on a whole project.",
    types=WIDE_GRANT_TYPES,
    severity=MEDIUM,
    level=ADVISORY,
    frameworks=[cis("1.6"), checkov("CKV_GCP_42"), trivy("GCP-0007")],
    fix="Grant it on the one resource that is needed, or a role that does less.",
)
def no_admin_service_accounts(resource: Resource) -> Findings:
    for grant in grants(resource):
        yield _not_both(
            grant,
            lambda role: str(role) in _OWNING or str(role).rpartition(".")[2].lower().endswith("admin"),
            lambda member: str(member).startswith("serviceAccount:"),
            "gives a service account an admin role",
        )


@rule(
    "iam-no-escalation",
    "Nobody holds a role on a whole project with which one gives oneself more.",
    types=WIDE_GRANT_TYPES,
    severity=HIGH,
    frameworks=[cis("1.6"), checkov("CKV_GCP_49"), checkov("CKV_GCP_44"), checkov("CKV_GCP_45")],
    fix="Grant it on the one resource that is needed, or limit by a condition which roles may be granted "
    "(api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([…])).",
)
def no_escalation(resource: Resource) -> Findings:
    message = "lets its holder give itself more rights"
    for grant in grants(resource):
        finding = forbid(grant.role, lambda role: str(role) in ESCALATING_ROLES, message)
        yield lifted(grant, finding, _limits_grants)


@rule(
    "iam-no-wide-members",
    "What changes or impersonates is granted to no whole domain and to nobody by a basic role on the project.",
    types=[EVERY_GRANT_TYPE],
    severity=HIGH,
    fix="Grant the role to the group or service account that needs it.",
)
def no_wide_members(resource: Resource) -> Findings:
    for grant in grants(resource):
        yield _not_both(
            grant,
            lambda role: _CHANGES.search(str(role)) is not None or str(role) in IMPERSONATION_ROLES,
            lambda member: str(member).startswith(_EVERYBODY_OF),
            "lets everybody of a domain or with a basic role change things",
        )


def _limits_grants(condition: str) -> bool:
    return _LIMITED.search(condition) is not None and "||" not in condition and "!" not in condition.replace("!=", "")


@rule(
    "iam-no-default-service-accounts",
    "Nothing is granted to the service accounts that Google Cloud makes by itself: many workloads share them.",
    types=[EVERY_GRANT_TYPE],
    severity=HIGH,
    frameworks=[
        *(checkov(f"CKV_GCP_{number}") for number in (46, 47, 48)),
        trivy("GCP-0006"),
        trivy("GCP-0004"),
        trivy("GCP-0008"),
        org_policy("iam.automaticIamGrantsForDefaultServiceAccounts"),
    ],
    fix="Make a service account for the workload and grant the role to that.",
)
def no_default_service_accounts(resource: Resource) -> Findings:
    for grant in grants(resource):
        yield forbid(grant.member, is_default_account, "grants a role to a default service account")


@rule(
    "iam-no-personal-accounts",
    "Roles are granted to groups and service accounts, not to single people.",
    types=[EVERY_GRANT_TYPE],
    severity=MEDIUM,
    frameworks=[
        trivy("GCP-0003"),
        trivy("GCP-0069"),
        org_policy("iam.allowedPolicyMemberDomains"),
    ],
    fix="Put the person into a group and grant the role to the group.",
)
def no_personal_accounts(resource: Resource) -> Findings:
    for grant in grants(resource):
        yield forbid(grant.member, lambda member: str(member).startswith("user:"), "grants a role to one person")


@rule(
    "iam-no-service-account-keys",
    "There are no service account keys and no HMAC keys: they don't expire and they leak.",
    types=["gcp:serviceaccount/key:Key", "gcp:storage/hmacKey:HmacKey"],
    severity=CRITICAL,
    frameworks=[cis("1.5"), cis("1.8"), checkov("CKV2_GCP_3"), org_policy("iam.disableServiceAccountKeyCreation")],
    fix="Use workload identity federation, or run as the service account.",
)
def no_service_account_keys(resource: Resource) -> Findings:
    yield Violation("", "makes a key that does not expire")


@rule(
    "iam-no-api-keys",
    "There are no API keys of a project: they identify nobody.",
    types=["gcp:projects/apiKey:ApiKey"],
    severity=HIGH,
    frameworks=[*(cis(f"1.{number}") for number in (13, 14, 15, 16))],
    fix="Let the caller use its service account.",
)
def no_api_keys(resource: Resource) -> Findings:
    yield Violation("", "makes an API key")


@rule(
    "iam-custom-roles",
    "A custom role holds no permission that leads to other permissions.",
    types=["gcp:projects/iAMCustomRole:IAMCustomRole", "gcp:organizations/iAMCustomRole:IAMCustomRole"],
    severity=HIGH,
    frameworks=[cis("1.6")],
    fix="Take the permission out, and grant what it is for by a predefined role on one resource.",
)
def custom_roles(role: Resource) -> Findings:
    def is_risky(permission: object) -> bool:
        return any(fnmatchcase(str(permission), pattern) for pattern in RISKY_PERMISSIONS) or "*" in str(permission)

    for permission in role.each("permissions"):
        yield forbid(permission, is_risky, "lets its holder give itself more permissions")


@rule(
    "iam-no-authoritative-policies",
    "No resource replaces the whole IAM policy of a project: it would throw out grants that others made.",
    types=[token for token in WIDE_GRANT_TYPES if token.endswith("IAMPolicy")],
    severity=LOW,
    level=ADVISORY,
    fix="Use IAMMember for each grant.",
)
def no_authoritative_policies(resource: Resource) -> Findings:
    yield Violation("", "replaces the whole IAM policy")


@rule(
    "iam-audit-log-exemptions",
    "Nobody is exempt from audit logs.",
    types=[
        "gcp:projects/iAMAuditConfig:IAMAuditConfig",
        "gcp:folder/iamAuditConfig:IamAuditConfig",
        "gcp:organizations/iamAuditConfig:IamAuditConfig",
    ],
    severity=HIGH,
    frameworks=[cis("2.1"), checkov("CKV2_GCP_5"), org_policy("iam.disableAuditLoggingExemption")],
    fix="Take exempted_members out.",
)
def audit_log_exemptions(resource: Resource) -> Findings:
    for configured in resource.each("auditLogConfigs"):
        yield forbid(configured["exemptedMembers"], is_set, "exempts members from the audit log")


def _roles(resource: Resource) -> Iterable[Value]:
    """Each role that a resource grants, once."""
    roles = {resource["role"].path: resource["role"]} | {grant.role.path: grant.role for grant in grants(resource)}
    return roles.values()


def _not_both(grant: Grant, is_role: Predicate, is_member: Predicate, message: str) -> Finding:
    """A violation when role and member both fit; undecided only when neither part rules it out."""
    role, member = forbid(grant.role, is_role, message), forbid(grant.member, is_member, message)
    if role is None or member is None:
        return None
    return next((part for part in (role, member) if isinstance(part, Undecided)), role)
