"""Roles that bring far more than what they are granted for, and what a pull request's own code may reach."""

from collections.abc import Iterator

from policies.access import ACCOUNT, CUSTOM_ROLE, Identities, Named, accesses
from policies.cel import Alternative, Unreadable, alternatives
from policies.grants import ACCOUNT_GRANT_TYPES, WIDE_GRANT_TYPES, grants
from policies.issuers import shared_issuer
from policies.patterns import lazy
from policies.rule import HIGH, PLATFORM, Resource, Stack, rule
from policies.rules.secret_manager import READING_ROLES, SECRET_GRANT_TYPES
from policies.rules.workload_identity import PROVIDER
from policies.value import Findings, Undecided, Value, Violation, forbid

_BRINGS = {
    **{
        f"roles/storage.{name}": "reads all objects of the project"
        for name in ("admin", "objectAdmin", "objectUser", "objectViewer")
    },
    "roles/secretmanager.admin": "reads all secrets of the project",
    "roles/secretmanager.secretAccessor": "reads all secrets of the project",
    "roles/cloudkms.admin": "says who uses each key of the project, and destroys keys",
    "roles/cloudkms.cryptoKeyDecrypter": "decrypts with each key of the project",
    "roles/cloudkms.cryptoKeyEncrypterDecrypter": "decrypts with each key of the project",
    "roles/cloudkms.signer": "signs with each key of the project",
    "roles/cloudkms.signerVerifier": "signs with each key of the project",
    "roles/run.admin": "opens a root shell in whatever runs, and starts jobs with other arguments",
    "roles/run.developer": "opens a root shell in whatever runs, and starts jobs with other arguments",
    "roles/redis.admin": "exports what each Redis of the project holds",
    "roles/memorystore.admin": "connects to each Valkey of the project, and exports what it holds",
    "roles/memorystore.dbConnectionUser": "connects to each Valkey of the project",
    "roles/binaryauthorization.policyAdmin": "lets unsigned images run",
    "roles/binaryauthorization.policyEditor": "lets unsigned images run",
    "roles/aiplatform.admin": "trains, deploys and runs notebooks",
    "roles/aiplatform.user": "trains, deploys and runs notebooks, where asking a model is one permission",
}
"""A role, and what its holder can do with it on a whole project."""
_BY_NAME = lazy(r"\bresource\.name\b")
_KEY_GRANT_TYPES = tuple(
    f"gcp:kms/{owner}IAM{kind}:{owner[0].upper()}{owner[1:]}IAM{kind}"
    for owner in ("cryptoKey", "keyRing")
    for kind in ("Member", "Binding", "Policy")
)
_OPENING_ROLES = frozenset(READING_ROLES) | {
    "roles/cloudkms.cryptoKeyDecrypter",
    "roles/cloudkms.cryptoKeyEncrypterDecrypter",
    "roles/cloudkms.admin",
}
_DECRYPT = "cloudkms.cryptoKeyVersions.useToDecrypt"
_MEMBER = lazy(
    r"principal(?:Set)?://.*/workloadIdentityPools/(?P<pool>[^/]+)/(?:(?P<attribute>attribute\.\w+)/)?(?P<value>.*)"
)


@rule(
    "iam-roles-beyond-need",
    "No service account holds a role on a whole project that reads its data, opens its containers or undoes its locks.",
    types=WIDE_GRANT_TYPES,
    severity=HIGH,
    profiles=[PLATFORM],
    fix="Make a role of the permissions that are needed, or grant it under a condition on resource.name.",
)
def roles_beyond_need(resource: Resource) -> Findings:
    for grant in grants(resource):
        if grant.member.known and not grant.member.text.startswith("serviceAccount:"):
            continue
        finding = forbid(grant.role, lambda role: str(role) in _BRINGS, _BRINGS.get(grant.role.text, ""))
        if finding is None or (grant.condition.known and _BY_NAME.search(grant.condition.text)):
            continue
        hidden = next((part for part in (grant.member, grant.condition) if part.unknown), None)
        yield Undecided(hidden.path) if hidden is not None else finding


@rule(
    "workload-identity-pull-requests",
    "What may be a pull request's own code opens neither secrets nor what is encrypted.",
    types=[
        PROVIDER,
        ACCOUNT,
        CUSTOM_ROLE,
        *ACCOUNT_GRANT_TYPES,
        *SECRET_GRANT_TYPES,
        *_KEY_GRANT_TYPES,
        *WIDE_GRANT_TYPES,
    ],
    whole_stack=True,
    severity=HIGH,
    profiles=[PLATFORM],
    fix="Take the role away: a preview compares what is declared and needs no key. Or ask for a ref in the provider's "
    "condition.",
)
def pull_requests(stack: Stack) -> Findings:
    identities, taken = Identities(stack), dict(_taken_by_pull_requests(stack))
    if not taken:
        return
    for types, target in ((SECRET_GRANT_TYPES, "secretId"), (_KEY_GRANT_TYPES, ""), (WIDE_GRANT_TYPES, "")):
        permission = "secretmanager.versions.access" if target else _DECRYPT
        for access in accesses(stack, types, _OPENING_ROLES, permission=permission, target_property=target):
            if isinstance(access, Undecided):
                yield access
            elif access.who in taken:
                who = identities.name(access.who)
                message = f"{who}, which a pull request's code may become, opens keys or secrets"
                yield taken[access.who] or Violation("", message, access.grant.urn)
            elif _SOME in taken:
                yield taken[_SOME]


_SOME = ""
"""Stands for an account that is not known yet."""


def _taken_by_pull_requests(stack: Stack) -> Iterator[tuple[str, Undecided | None]]:
    """The accounts that a run of a pull request may become; with what hides whether it may."""
    accounts, providers = Named(stack, (ACCOUNT,), ("email", "name")), stack.of(PROVIDER)
    for resource in stack.of(*ACCOUNT_GRANT_TYPES):
        named = resource["serviceAccountId"]
        account = accounts.behind(named, resource.dependencies.get("serviceAccountId", ()))
        for grant in grants(resource):
            ways = [_way_in(provider, grant.member, resource) for provider in providers]
            way = True if True in ways else next((way for way in ways if way is not False), False)
            if way is False:
                continue
            if account is not None:
                yield account.urn, way if isinstance(way, Undecided) else None
            elif named.unknown or accounts.some_unnamed:
                yield _SOME, Undecided(named.path, resource.urn)


def _way_in(provider: Resource, member: Value, resource: Resource) -> Undecided | bool:
    """Whether one of the alternatives of a provider of GitHub's, with the member's value, asks for no ref."""
    if member.unknown:
        behind = {item.type for item in resource.dependencies.get(member.path.partition("[")[0], ())}
        return False if behind == {ACCOUNT} else Undecided(member.path, resource.urn)
    address, pool = provider.at("oidc.issuerUri"), provider["workloadIdentityPoolId"]
    condition, mapped = provider["attributeCondition"], provider["attributeMapping"]
    matched, issuer = _MEMBER.fullmatch(member.text), shared_issuer(address.text) if address.known else None
    if matched is None or (pool.known and pool.text.rpartition("/")[2] != matched["pool"]):
        return False
    if not address.unknown and (issuer is None or issuer.name != "GitHub Actions"):
        return False
    asked = f" && {matched['attribute']} == '{matched['value']}'" if matched["attribute"] else ""
    mapping = {name: value.text for name, value in mapped.entries() if value.known}
    try:
        found = alternatives(f"({condition.text if condition.known else 'true'}){asked}", mapping)
    except Unreadable:
        found = [frozenset()]
    if all(_asks_for_a_ref(alternative) for alternative in found):
        return False
    hidden = [address, condition, mapped, *(value for _, value in mapped.entries())]
    return next((Undecided(value.path, provider.urn) for value in hidden if value.unknown), True)


def _asks_for_a_ref(alternative: Alternative) -> bool:
    """Whether a run on a pull request's ref, refs/pull/NUMBER/merge, falls short of an alternative."""
    return any(
        (demand.claim == "ref" and demand.kind in ("is", "starts") and not demand.text.startswith("refs/pull/"))
        or (demand.claim == "ref_type" and demand.text == "tag")
        or (demand.claim == "event_name" and demand.kind == "is" and not demand.text.startswith("pull_request"))
        or (demand.claim == "sub" and ":ref:refs/" in demand.text and ":ref:refs/pull/" not in demand.text)
        for demand in alternative
    )
