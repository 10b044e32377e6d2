"""Workload identity federation: who outside Google Cloud may act inside, by things that can't be taken over."""

import re

from policies.grants import grants
from policies.rule import CRITICAL, EVERY_GRANT_TYPE, HIGH, Resource, checkov, org_policy, prowler, rule, trivy
from policies.value import Findings, Undecided, forbid, require

PROVIDER = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
GITHUB_ISSUER = re.compile(r"https://token\.actions\.githubusercontent\.com(?:/|$)")

_EQUALS = r"\s*==\s*"
_QUOTED_NUMBER = r"""(?:'[0-9]+'|"[0-9]+")"""
_NUMERIC_REPOSITORY = re.compile(rf"\bassertion\.repository_id{_EQUALS}{_QUOTED_NUMBER}")
_NUMERIC_OWNER = re.compile(rf"\bassertion\.repository_owner_id{_EQUALS}{_QUOTED_NUMBER}")
_IMMUTABLE_SUBJECT = re.compile(
    rf"""\bassertion\.sub{_EQUALS}(['"])repo:[\w.\-]+@[0-9]+/[\w.\-]+@[0-9]+:[^'"*]+\1"""
    r"""|\bassertion\.sub\.startsWith\((['"])repo:[\w.\-]+@[0-9]+/[\w.\-]+@[0-9]+:"""
)
_EVERYBODY = re.compile(r"""^\s*true\s*$|\*""", re.IGNORECASE)


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
        return bool(str(text).strip()) and not _EVERYBODY.search(str(text))

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
    """Each alternative of the condition must bind: `A || B` is as open as the more open of the two."""
    alternatives = str(text).split("||")
    return all(
        _IMMUTABLE_SUBJECT.search(part) or (_NUMERIC_REPOSITORY.search(part) and _NUMERIC_OWNER.search(part))
        for part in alternatives
    )


def _is_pool_wide(member: object) -> bool:
    text = str(member)
    if "/workloadIdentityPools/" not in text or not text.startswith("principalSet:"):
        return False
    return text.endswith("/*") or re.search(r"/attribute\.(?:repository|repository_owner|actor|ref)/", text) is not None
