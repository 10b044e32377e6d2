"""Workload identity federation: who outside Google Cloud may act inside, by things that can't be taken over."""

import re

from policies.grants import grants
from policies.rule import CRITICAL, EVERY_GRANT_TYPE, HIGH, Resource, checkov, org_policy, prowler, rule, trivy
from policies.value import Findings, Undecided, forbid, require

PROVIDER = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
GITHUB_ISSUER = re.compile(r"https://token\.actions\.githubusercontent\.com(?:/|$)")

_NUMBER = r"""(?:'[0-9]+'|"[0-9]+")"""
_SUBJECT = r"""(['"])repo:[\w.\-]+@[0-9]+/[\w.\-]+@[0-9]+:"""
_REPOSITORY, _OWNER = frozenset({"repository"}), frozenset({"owner"})
_COMPARISONS = tuple(
    (re.compile(pattern), certain)
    for claim, certain in (("repository_id", _REPOSITORY), ("repository_owner_id", _OWNER))
    for pattern in (
        rf"assertion\.{claim}\s*==\s*{_NUMBER}",
        rf"{_NUMBER}\s*==\s*assertion\.{claim}",
        rf"assertion\.{claim}\s+in\s*\[\s*{_NUMBER}(?:\s*,\s*{_NUMBER})*\s*\]",
    )
) + (
    (re.compile(rf"""assertion\.sub\s*==\s*{_SUBJECT}[^'"*]+\1"""), _REPOSITORY | _OWNER),
    (re.compile(rf"""assertion\.sub\.startsWith\(\s*{_SUBJECT}[^'"*]*\1\s*\)"""), _REPOSITORY | _OWNER),
)
"""A comparison, and what it makes certain of a token."""
_TEXT = re.compile(r"""'[^'\\]*'|"[^"\\]*\"""")
_NAMES = re.compile(
    r"/attribute\.(?:repo(?:sitory)?(?:_name|_owner|_ref)?|owner|org(?:anization)?(?:_name)?|actor|ref"
    r"|(?:job_)?workflow(?:_ref)?)/(?![0-9]+(?:[:/]|$))"
)
"""An attribute that tells workflows apart by a name; one whose value begins with the repository's number does not."""
_CLAIM = re.compile(r"\b(?:assertion|attribute|google)(?:\.\w|\[)")


@rule(
    "workload-identity-bound",
    "A GitHub workflow is let in by its repository's immutable numbers, not by a name that others can take over.",
    types=[PROVIDER],
    severity=CRITICAL,
    frameworks=[
        checkov("CKV_GCP_125"),
        trivy("no-conditions-workload-identity-pool-provider"),
        prowler("iam_workload_identity_pool_provider_attribute_condition"),
    ],
    fix="Set attribute_condition to: assertion.repository_owner_id == 'NUMBER' && assertion.repository_id == 'NUMBER'.",
)
def bound(provider: Resource) -> Findings:
    issuer = provider.at("oidc.issuerUri")
    if issuer.unknown:
        yield Undecided(issuer.path)
    if issuer.known and GITHUB_ISSUER.match(issuer.text):
        yield require(provider["attributeCondition"], _binds_by_number, "does not bind repository and owner by number")


@rule(
    "workload-identity-condition",
    "A provider has a condition: without one every account of the other side may ask for an identity.",
    types=[PROVIDER],
    severity=CRITICAL,
    frameworks=[checkov("CKV_GCP_118"), org_policy("iam.workloadIdentityPoolProviders")],
    fix="Set attribute_condition to what only your own workloads carry.",
)
def condition(provider: Resource) -> Findings:
    def limits(text: object) -> bool:
        """Each alternative has to ask for something that the token says: `1 == 1` and `… || true` don't."""
        return "*" not in str(text) and all(map(_CLAIM.search, _TEXT.sub("", str(text)).split("||")))

    yield require(provider["attributeCondition"], limits, "lets in everybody, or uses a wildcard")


@rule(
    "workload-identity-subject",
    "Identities from outside are told apart by the subject of their token, which comes over https.",
    types=[PROVIDER],
    severity=HIGH,
    fix='Map "google.subject" to "assertion.sub", and reach the issuer over https.',
)
def subject(provider: Resource) -> Findings:
    issuer = provider.at("oidc.issuerUri")
    yield forbid(issuer, lambda uri: not str(uri).startswith("https://"), "the issuer is not reached over https")
    if not issuer.absent:
        mapped = provider["attributeMapping"]["google.subject"]
        yield require(mapped, lambda claim: "assertion.sub" in str(claim), "google.subject is not the token's subject")


@rule(
    "workload-identity-no-pool-wide-members",
    "No role is granted to all identities of a pool, or to all with a repository's name.",
    types=[EVERY_GRANT_TYPE],
    severity=CRITICAL,
    frameworks=[checkov("CKV_GCP_125")],
    fix="Grant it to principalSet://…/attribute.repository_id/NUMBER or to one principal://….",
)
def no_pool_wide_members(resource: Resource) -> Findings:
    for grant in grants(resource):
        yield forbid(
            grant.member, _is_pool_wide, "grants a role to identities that are told apart by a name, or not at all"
        )


def _binds_by_number(text: object) -> bool:
    return _certain(str(text)) == _REPOSITORY | _OWNER


def _certain(condition: str) -> frozenset[str]:
    """What is bound by number in every token that the condition (in CEL) lets in. Nothing is where it is not made of
    plain comparisons: a negation or a choice can turn their meaning round.
    """
    # Only where operators stand counts here, so texts are blanked out.
    blank = _TEXT.sub(lambda text: "_" * len(text[0]), condition)
    if any(sign in blank for sign in ("?", "//", "'", '"')) or "'''" in condition or '"""' in condition:
        return frozenset()
    alternatives = _parts(condition, blank, "||")
    if len(alternatives) > 1:
        return frozenset.intersection(*map(_certain, alternatives))
    demands = _parts(condition, blank, "&&")
    if len(demands) > 1:
        return frozenset.union(*map(_certain, demands))
    bare = condition.strip()
    if bare.startswith("(") and _closes(blank.strip()) == len(bare) - 1:
        return _certain(bare[1:-1])
    return next((certain for comparison, certain in _COMPARISONS if comparison.fullmatch(bare)), frozenset())


def _parts(condition: str, blank: str, operator: str) -> list[str]:
    """The condition, split where the operator stands outside of all brackets."""
    parts, start, depth = [], 0, 0
    for position, character in enumerate(blank):
        depth += (character in "([{") - (character in ")]}")
        if depth == 0 and blank.startswith(operator, position):
            parts.append(condition[start:position])
            start = position + len(operator)
    return [*parts, condition[start:]]


def _closes(blank: str) -> int:
    """Where the bracket closes that the text begins with; -1 where it never does."""
    depth = 0
    for position, character in enumerate(blank):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return position
    return -1


def _is_pool_wide(member: object) -> bool:
    text = str(member)
    if "/workloadIdentityPools/" not in text or not text.startswith("principalSet:"):
        return False
    return text.endswith("/*") or _NAMES.search(text) is not None
