"""Workload identity federation: who outside Google Cloud may act inside, by things that can't be taken over."""

import re

from policies.access import ACCOUNT, CUSTOM_ROLE, Identities, Named
from policies.cel import Alternative, Unreadable, alternatives, literals, names
from policies.grants import ACCOUNT_GRANT_TYPES, WIDE_GRANT_TYPES, grants
from policies.issuers import Issuer, is_for_one_tenant, is_owned, shared_issuer
from policies.patterns import lazy
from policies.rule import CRITICAL, EVERY_GRANT_TYPE, HIGH, Resource, Stack, checkov, org_policy, prowler, rule, trivy
from policies.value import Findings, Undecided, Value, Violation, forbid, require

PROVIDER = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"

_NAMES = lazy(
    r"/attribute\.(?:repo(?:sitory)?(?:_name|_owner|_ref)?|owner|org(?:anization)?(?:_name|_slug)?|actor|ref"
    r"|(?:job_)?workflow(?:_ref)?|(?:project|namespace|group)(?:_path|_name)|user_(?:login|email)|pipeline_slug"
    r"|terraform_(?:organization|project|workspace)_name|workspace(?:_name)?)/(?![0-9]+(?:[:/]|$))"
)
"""An attribute that tells workflows apart by a name; one whose value begins with the repository's number does not."""
_MEMBER = lazy(
    r"principal(?:Set)?://.*/workloadIdentityPools/(?P<pool>[^/]+)/"
    r"(?:(?P<attribute>attribute\.\w+)/|subject/|\*)(?P<value>.*)"
)
_ATTRIBUTES = ("attribute.", "google.")
_CHANGING_ROLE = lazy(r"roles/(?:owner|editor|.*(?:admin|editor|developer|writer|serviceAccountUser))", re.IGNORECASE)
_CHANGING_PERMISSION = lazy(r".*\.(?:create|update|delete|deploy|setIamPolicy|actAs|\*)")


@rule(
    "workload-identity-bound",
    "An issuer that many tenants share lets in one tenant alone, by ids that nobody can take over.",
    types=[PROVIDER],
    severity=CRITICAL,
    frameworks=[
        checkov("CKV_GCP_125"),
        trivy("GCP-0068"),
        prowler("iam_workload_identity_pool_provider_attribute_condition"),
    ],
    fix="Require in every alternative of attribute_condition what the issuer tells its tenants apart by.",
)
def bound(provider: Resource) -> Findings:
    address, condition = provider.at("oidc.issuerUri"), provider["attributeCondition"]
    if address.unknown:
        yield Undecided(address.path)
    issuer = shared_issuer(address.text) if address.known else None
    if issuer is None or is_owned(issuer, address.text):
        return
    audiences = provider.each("oidc.allowedAudiences")
    hidden = next((audience for audience in audiences if audience.unknown), None)
    told = bool(issuer.audience and audiences) and all(
        item.unknown or is_for_one_tenant(issuer, item.text) for item in audiences
    )
    if told and hidden is None:
        return
    unknown = condition if condition.unknown else _unknown_mapping(provider)
    if unknown is not None:
        yield Undecided(unknown.path)
    elif (reason := _unbound(issuer, provider)) is not None:
        if told and hidden is not None:
            yield Undecided(hidden.path)
            return
        yield Violation(condition.path, f"{reason}; {issuer.name} tells its tenants apart by {issuer.write}")


@rule(
    "workload-identity-condition",
    "A provider has a condition: without one every account of the other side may ask for an identity.",
    types=[PROVIDER],
    severity=CRITICAL,
    frameworks=[checkov("CKV_GCP_118"), trivy("GCP-0068"), org_policy("iam.workloadIdentityPoolProviders")],
    fix="Set attribute_condition to what only your own workloads carry.",
)
def condition(provider: Resource) -> Findings:
    account = provider.at("aws.accountId")
    if not account.absent:
        # The account's number is part of every token of AWS, and the provider takes those of this one alone.
        yield require(account, lambda number: re.fullmatch(r"[0-9]{12}", str(number)) is not None, "names no account")
        return
    nothing = provider["attributeCondition"].absent
    message = "there is no condition" if nothing else "the condition holds for strangers, uses a wildcard or is not CEL"
    unknown = None if provider["attributeCondition"].unknown else _unknown_mapping(provider)
    yield (
        Undecided(unknown.path)
        if unknown
        else require(provider["attributeCondition"], lambda _: _limits(provider), message)
    )


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


@rule(
    "workload-identity-deployer",
    "From outside, an account that changes the project is used by a named branch, environment or workflow alone.",
    types=[PROVIDER, ACCOUNT, CUSTOM_ROLE, *ACCOUNT_GRANT_TYPES, *WIDE_GRANT_TYPES],
    whole_stack=True,
    severity=HIGH,
    fix="Ask for a ref, environment or workflow in attribute_condition, or grant to an attribute that is made of one.",
)
def deployer(stack: Stack) -> Findings:
    providers = stack.of(PROVIDER)
    deploying, unknown = _deploying(stack)
    if not providers or not (deploying or unknown):
        return
    identities, accounts = Identities(stack), Named(stack, (ACCOUNT,), ("email", "name"))
    for resource in stack.of(*ACCOUNT_GRANT_TYPES):
        named = resource["serviceAccountId"]
        account = accounts.behind(named, resource.dependencies.get("serviceAccountId", ()))
        for grant in grants(resource):
            broad = _any_run(providers, grant.member, resource)
            if broad is None:
                continue
            if account is None:
                if named.unknown or accounts.some_unnamed:
                    yield Undecided(named.path, resource.urn)
            elif account.urn not in deploying:
                yield unknown
            elif isinstance(broad, Undecided):
                yield broad
            else:
                who = identities.name(account.urn)
                yield Violation(grant.member.path, f"any run of the tenant may act as {who}", resource.urn)


def _deploying(stack: Stack) -> tuple[set[str], Undecided | None]:
    """The accounts of the stack that hold a role on the project with which things are changed; and what hides one."""
    identities, roles = Identities(stack), Named(stack, (CUSTOM_ROLE,), ("roleId", "name"))
    found: set[str] = set()
    unknown: Undecided | None = None
    for resource in stack.of(*WIDE_GRANT_TYPES):
        for grant in grants(resource):
            custom = roles.behind(grant.role, resource.dependencies.get("role", ()))
            changes = _changes(grant.role, custom)
            if changes is None and roles.some_unnamed:
                changes = False if grant.role.known and "/roles/" not in grant.role.text else None
            who = identities.of(grant.member, resource.dependencies.get(grant.member.path.partition("[")[0], ()))
            if changes is None or (changes and who is None):
                unknown = unknown or Undecided((grant.role if changes is None else grant.member).path, resource.urn)
            elif changes and who is not None:
                found.add(who)
    return found, unknown


def _changes(role: Value, custom: Resource | None) -> bool | None:
    """Whether things can be changed with a role. None where that is not known yet."""
    if custom is not None:
        answers = [
            None if item.unknown else _CHANGING_PERMISSION.fullmatch(item.text) is not None
            for item in custom.each("permissions")
        ]
        return True if True in answers else None if None in answers else False
    return None if role.unknown else _CHANGING_ROLE.fullmatch(role.text) is not None


def _any_run(providers: list[Resource], member: Value, resource: Resource) -> Undecided | bool | None:
    """True where a member from outside may be any run of a tenant, None where it may not."""
    if member.unknown:
        behind = {item.type for item in resource.dependencies.get(member.path.partition("[")[0], ())}
        return None if behind == {ACCOUNT} else Undecided(member.path, resource.urn)
    matched = _MEMBER.fullmatch(member.text)
    if matched is None:
        return None
    asked = matched["attribute"] or ("google.subject" if member.text.startswith("principal:") else "")
    answers = [_broad(provider, matched["pool"], asked, matched["value"]) for provider in providers]
    return True if True in answers else next((answer for answer in answers if answer is not None), None)


def _broad(provider: Resource, pool: str, attribute: str, value: str) -> Undecided | bool | None:
    """Whether what a provider lets in, with this value of an attribute, is no narrower than a tenant."""
    address, own_pool = provider.at("oidc.issuerUri"), provider["workloadIdentityPoolId"]
    if own_pool.known and own_pool.text.rpartition("/")[2] != pool:
        return None
    if address.unknown:
        return Undecided(address.path, provider.urn)
    issuer = shared_issuer(address.text)
    if issuer is None or not issuer.moments:
        return None
    hidden = [provider["attributeCondition"], provider["attributeMapping"]]
    hidden += [mapped for _, mapped in provider["attributeMapping"].entries()]
    quoted = value.replace("\\", "\\\\").replace("'", "\\'")
    condition = f"({provider['attributeCondition'].text or 'true'})" if hidden[0].known or hidden[0].absent else "true"
    mapping = {name: mapped.text for name, mapped in provider["attributeMapping"].entries() if mapped.known}
    try:
        found = alternatives(f"{condition} && {attribute} == '{quoted}'" if attribute else condition, mapping)
    except Unreadable:
        found = [frozenset()]
    if all(issuer.narrows(alternative) for alternative in found):
        return None
    return next((Undecided(item.path, provider.urn) for item in hidden if item.unknown), True)


def _unbound(issuer: Issuer, provider: Resource) -> str | None:
    """Why a condition binds no tenant, or None."""
    if not provider["attributeCondition"].known:
        return "there is no condition"
    try:
        found = _alternatives(provider)
    except Unreadable as error:
        return f"the condition {error}, so what it lets in can't be decided"
    loose = [number for number, alternative in enumerate(found, 1) if not issuer.binds(alternative)]
    if not loose:
        return None
    asked = sorted({demand.claim for demand in found[loose[0] - 1]} & _known_claims(issuer))
    which = f"alternative {loose[0]} of {len(found)}" if len(found) > 1 else "the condition"
    if "repository_id" in _known_claims(issuer):
        return f"{which} does not bind repository and owner by number"
    shown = f" (it asks for {', '.join(asked)})" if asked else ""
    return f"{which} binds no tenant by an id{shown}"


def _known_claims(issuer: Issuer) -> set[str]:
    return {claim for ids in issuer.tenants for claim in ids} | set(issuer.moments) | {"sub"}


def _limits(provider: Resource) -> bool:
    """Whether each alternative asks for something that the token says: `1 == 1` and `… || true` don't."""
    try:
        found = _alternatives(provider)
        return all(found) and not any("*" in text for text in literals(provider["attributeCondition"].text))
    except Unreadable:
        return False


def _alternatives(provider: Resource) -> list[Alternative]:
    mapping = {name: value.text for name, value in provider["attributeMapping"].entries() if value.known}
    condition = provider["attributeCondition"].text
    used = {name: text for name, text in mapping.items() if name in names(condition)}
    return alternatives(condition, used)


def _unknown_mapping(provider: Resource) -> Value | None:
    """What a condition about the pool's attributes hangs on while that is unknown."""
    condition, mapping = provider["attributeCondition"], provider["attributeMapping"]
    if not condition.known:
        return None
    try:
        used = [name for name in names(condition.text) if name.startswith(_ATTRIBUTES)]
    except Unreadable:
        return None
    if used and mapping.unknown:
        return mapping
    return next((mapping[name] for name in sorted(used) if mapping[name].unknown), None)


def _is_pool_wide(member: object) -> bool:
    text = str(member)
    if "/workloadIdentityPools/" not in text or not text.startswith("principalSet:"):
        return False
    return text.endswith("/*") or _NAMES.search(text) is not None
