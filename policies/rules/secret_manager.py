"""Secret Manager: few readers, kept in the region, rotated."""

from policies.grants import WIDE_GRANT_TYPES, grants, lifted
from policies.patterns import lazy
from policies.rule import ADVISORY, CRITICAL, HIGH, LOW, MEDIUM, PLATFORM, Resource, gdpr, org_policy, prowler, rule
from policies.value import Findings, Violation, equals, forbid, require

SECRET = "gcp:secretmanager/secret:Secret"
REGIONAL_SECRET = "gcp:secretmanager/regionalSecret:RegionalSecret"
VERSION_TYPES = tuple(
    f"gcp:secretmanager/{name[0].lower()}{name[1:]}Version:{name}Version" for name in ("Secret", "RegionalSecret")
)
SECRET_GRANT_TYPES = tuple(
    f"gcp:secretmanager/{name[0].lower()}{name[1:]}Iam{kind}:{name}Iam{kind}"
    for name in ("Secret", "RegionalSecret")
    for kind in ("Member", "Binding", "Policy")
)
_NAMED = lazy(r"\bresource\.name\b.*(==|With\()\s*'[^']*[\w-]{3}")
"""In a condition: a name, or the beginning or the end of one, that what is reached has to have."""
READING_ROLES = frozenset({"roles/secretmanager.secretAccessor", "roles/secretmanager.admin"})


@rule(
    "secret-no-wide-readers",
    "A secret is read by service accounts that are named one by one.",
    types=SECRET_GRANT_TYPES,
    severity=HIGH,
    frameworks=[prowler("secretmanager_secret_not_publicly_accessible")],
    fix="Grant roles/secretmanager.secretAccessor to the one service account that needs the secret.",
)
def no_wide_readers(resource: Resource) -> Findings:
    for grant in grants(resource):
        role = forbid(grant.role, lambda name: str(name) in READING_ROLES, "")
        if isinstance(role, Violation):
            yield require(grant.member, _is_one_account, "gives the secret to more than one service account")
        else:
            yield role


@rule(
    "secret-no-project-readers",
    "Nobody may read all secrets of a project.",
    types=WIDE_GRANT_TYPES,
    severity=CRITICAL,
    fix="Grant roles/secretmanager.secretAccessor on the one secret that is needed, or under a condition on its name.",
)
def no_project_readers(resource: Resource) -> Findings:
    for grant in grants(resource):
        finding = forbid(grant.role, lambda name: str(name) in READING_ROLES, "may read every secret of the project")
        yield lifted(grant, finding, _limited)


@rule(
    "secret-value-in-state",
    "The value of a secret's version is made outside the program: what the engine is given stands in its state.",
    types=VERSION_TYPES,
    severity=MEDIUM,
    level=ADVISORY,
    profiles=[PLATFORM],
    fix="Add versions with `gcloud secrets versions add --data-file=-`, and refer to the newest by its number; a "
    "write-only input (secretDataWo) is kept as well.",
)
def value_in_state(version: Resource) -> Findings:
    for name in ("secretData", "secretDataWo"):
        if not version[name].absent:
            yield Violation(name, "stands in the state")


@rule(
    "secret-replication",
    "A secret is replicated to regions that we name, not to wherever Google Cloud likes.",
    types=[SECRET],
    severity=MEDIUM,
    frameworks=[org_policy("gcp.resourceLocations"), gdpr("44")],
    profiles=[PLATFORM],
    fix='Set replication={"user_managed": {"replicas": [{"location": REGION}]}}.',
)
def replication(secret: Resource) -> Findings:
    managed = secret.at("replication.userManaged")
    yield require(managed, lambda _: True, "is replicated to unnamed places")


@rule(
    "secret-rotation",
    "Secret Manager reminds of a secret's rotation.",
    types=[SECRET, REGIONAL_SECRET],
    severity=LOW,
    level=ADVISORY,
    stacks=["prod*"],
    frameworks=[prowler("secretmanager_secret_rotation_enabled")],
    settings={"maximumDays": 365},
    fix="Set rotation (rotation_period and next_rotation_time) and a topic, and act on its messages.",
)
def rotation(secret: Resource) -> Findings:
    def is_soon(period: object) -> bool:
        return float(str(period).rstrip("s")) <= float(secret.settings["maximumDays"]) * 86_400

    yield require(secret.at("rotation.rotationPeriod"), is_soon, "is not rotated in time")


@rule(
    "secret-deletion-protection",
    "Secrets of production refuse to be deleted: without its key no pseudonym can be joined again.",
    types=[SECRET, REGIONAL_SECRET],
    severity=MEDIUM,
    stacks=["prod*"],
    since=8,
    fix="Set deletion_protection=True.",
)
def deletion_protection(secret: Resource) -> Findings:
    yield require(secret["deletionProtection"], equals(True), "deletion protection is off", default=False)


def _limited(condition: str) -> bool:
    """Whether each alternative of a condition asks for a name, and nothing is negated or chosen by `?`."""
    every = all(_NAMED.search(alternative) for alternative in condition.split("||"))
    return every and not any(sign in condition for sign in "!?")


def _is_one_account(member: object) -> bool:
    return str(member).startswith(("serviceAccount:", "principal://"))
