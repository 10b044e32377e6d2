"""Separation of duties, over the whole stack: who reads raw orders does not serve, who deploys does not read, a
secret has one reader.
"""

import re
from collections import defaultdict
from collections.abc import Iterator

from policies.access import ACCOUNT, CUSTOM_ROLE, Access, Identities, accesses, last_part
from policies.containers import SERVICE, revision
from policies.grants import ACCOUNT_GRANT_TYPES, WIDE_GRANT_TYPES
from policies.patterns import lazy
from policies.rule import CRITICAL, HIGH, MEDIUM, PLATFORM, Resource, Stack, cis, gdpr, matches_any, prowler, rule
from policies.rules.secret_manager import READING_ROLES, REGIONAL_SECRET, SECRET, SECRET_GRANT_TYPES
from policies.rules.storage import BUCKET, RAW_BUCKETS, is_named
from policies.value import Finding, Findings, Undecided, Value, Violation, equals

BUCKET_GRANT_TYPES = tuple(
    f"gcp:storage/{name[0].lower()}{name[1:]}{kind}:{name}{kind}"
    for name in ("BucketIAM", "ManagedFolderIam")
    for kind in ("Member", "Binding", "Policy")
)
"""Grants on a bucket or on a folder in it."""

OBJECT_READING_ROLES = frozenset(
    f"roles/storage.{role}"
    for role in (
        "admin",
        "folderAdmin",
        "objectAdmin",
        "objectUser",
        "objectViewer",
        "legacyObjectOwner",
        "legacyObjectReader",
    )
) | {"roles/owner", "roles/editor", "roles/viewer"}
DEPLOYING_ROLES = frozenset(
    {"roles/run.admin", "roles/run.developer", "roles/artifactregistry.writer", "roles/artifactregistry.admin"}
    | {"roles/artifactregistry.repoAdmin", "roles/iam.serviceAccountUser", "roles/cloudbuild.builds.editor"}
)
_GET, _ACCESS = "storage.objects.get", "secretmanager.versions.access"
_BUCKET_ENDS = lazy(r"resource\.name\.extract\('buckets/\{bucket\}/'\)\.endsWith\('([^'/]+)'\)")
_BUCKET_IS = lazy(
    r"resource\.name == 'projects/_/buckets/([^'/]+)'|resource\.name\.startsWith\('projects/_/buckets/([^'/]+)/'\)"
)
_BUCKET_STARTS = lazy(r"resource\.name\.startsWith\('projects/_/buckets/([^'/]+)(/?)[^']*'\)")
_STORAGE_TYPES = (BUCKET, ACCOUNT, CUSTOM_ROLE, *BUCKET_GRANT_TYPES, *WIDE_GRANT_TYPES)


@rule(
    "duties-raw-orders-one-reader",
    "Raw orders are read by the trainer and by backfills alone.",
    types=_STORAGE_TYPES,
    whole_stack=True,
    severity=CRITICAL,
    frameworks=[gdpr("25"), gdpr("32(1)(b)")],
    settings={**RAW_BUCKETS, "readers": ["*train*", "*backfill*"]},
    profiles=[PLATFORM],
    fix='Let others read what is masked; if another identity is the trainer, name it in the setting "readers".',
)
def raw_orders_one_reader(stack: Stack) -> Findings:
    identities = Identities(stack)
    names = {account.urn: account.name for account in stack.of(ACCOUNT)}
    for access in _raw_readers(stack):
        if isinstance(access, Undecided):
            yield access
        elif not matches_any(names.get(access.who, access.who), stack.settings["readers"]):
            yield Violation("", f"{identities.name(access.who)} may read raw orders", access.grant.urn)


@rule(
    "duties-raw-orders-not-served",
    "Nobody who may read raw orders also serves requests from outside.",
    types=[*_STORAGE_TYPES, SERVICE],
    whole_stack=True,
    severity=CRITICAL,
    frameworks=[gdpr("25"), gdpr("32(1)(b)"), prowler("iam_role_sa_enforce_separation_of_duties")],
    settings=RAW_BUCKETS,
    profiles=[PLATFORM],
    fix="Run the service as another service account, and give that no role on the raw bucket.",
)
def raw_orders_not_served(stack: Stack) -> Findings:
    identities = Identities(stack)
    readers: dict[str, Access] = {}
    for access in _raw_readers(stack):
        if isinstance(access, Undecided):
            yield access
        else:
            readers[access.who] = access
    for service in stack.of(SERVICE):
        account = revision(service)["serviceAccount"]
        who = identities.of(account, service.dependencies.get("template", ()))
        if who is None:
            if not account.absent:
                yield Undecided(account.path, service.urn)
        elif who in readers:
            message = f"serves requests as {identities.name(who)}, which may read raw orders"
            yield Violation(account.path, message, service.urn)
        yield from _mounts_raw(stack, service.each("template.volumes"), service.urn)


@rule(
    "duties-deployers-read-nothing",
    "Who may deploy can read neither raw orders nor secrets.",
    types=[
        *_STORAGE_TYPES, *SECRET_GRANT_TYPES, SECRET, REGIONAL_SECRET, *ACCOUNT_GRANT_TYPES,
        *(f"gcp:cloudrunv2/serviceIam{kind}:ServiceIam{kind}" for kind in ("Member", "Binding", "Policy")),
        *(f"gcp:artifactregistry/repositoryIam{kind}:RepositoryIam{kind}" for kind in ("Member", "Binding", "Policy")),
    ],
    whole_stack=True,
    severity=HIGH,
    frameworks=[gdpr("32(1)(b)"), prowler("iam_role_sa_enforce_separation_of_duties")],
    settings=RAW_BUCKETS,
    profiles=[PLATFORM],
    fix="Take the reading role away; a deployment refers to secrets and buckets, it needs nothing that is in them.",
)  # fmt: skip
def deployers_read_nothing(stack: Stack) -> Findings:
    identities = Identities(stack)
    deploying_types = [
        token for token in deployers_read_nothing.types if token not in (*BUCKET_GRANT_TYPES, *SECRET_GRANT_TYPES)
    ]
    deployers = set()
    for access in accesses(stack, deploying_types, DEPLOYING_ROLES, permission="run.services.update"):
        if isinstance(access, Undecided):
            yield access
        elif (itself := _on_itself(access, identities)) is None:
            yield Undecided("serviceAccountId", access.grant.urn)
        elif not itself:
            deployers.add(access.who)
    if deployers:
        all_secrets = accesses(stack, WIDE_GRANT_TYPES, READING_ROLES, permission=_ACCESS)
        readers = (
            ("raw orders", _raw_readers(stack)),
            ("a secret", _secret_readers(stack)),
            ("all secrets", all_secrets),
        )
        for what, found in readers:
            for access in found:
                if isinstance(access, Undecided):
                    yield access
                elif access.who in deployers:
                    yield Violation("", f"{identities.name(access.who)} deploys and may read {what}", access.grant.urn)


@rule(
    "duties-secret-one-reader",
    "Every secret has exactly one reader.",
    types=[SECRET, REGIONAL_SECRET, ACCOUNT, CUSTOM_ROLE, *SECRET_GRANT_TYPES],
    whole_stack=True,
    severity=HIGH,
    frameworks=[gdpr("32(1)(b)")],
    profiles=[PLATFORM],
    fix="Make a secret of its own for each reader; delete one that nobody reads.",
)
def secret_one_reader(stack: Stack) -> Findings:
    readers: dict[str, set[str]] = defaultdict(set)
    undecided: list[Undecided] = []
    # An account that is taken up was made by another program, which then says what it reads.
    taken_up = [equals(True)(account["createIgnoreAlreadyExists"].content) for account in stack.of(ACCOUNT)]
    elsewhere = bool(taken_up) and all(taken_up)
    for access in _secret_readers(stack):
        if isinstance(access, Undecided):
            undecided.append(access)
        else:
            readers[access.target].add(access.who)
    for secret in stack.of(SECRET, REGIONAL_SECRET):
        count = len(readers[secret.urn])
        if count > 1:
            yield Violation("", f"has {count} readers", secret.urn)
        elif count == 0 and not undecided and not elsewhere:
            yield Violation("", "has no reader", secret.urn)
    yield from undecided


@rule(
    "duties-service-accounts",
    "Nobody both manages service accounts and acts as them.",
    types=[ACCOUNT, *WIDE_GRANT_TYPES, *ACCOUNT_GRANT_TYPES],
    whole_stack=True,
    severity=MEDIUM,
    frameworks=[cis("1.9"), prowler("iam_role_sa_enforce_separation_of_duties")],
    profiles=[PLATFORM],
    fix="Give one of the two roles to another identity.",
)
def service_account_duties(stack: Stack) -> Findings:
    managing = {"roles/iam.serviceAccountAdmin"}
    acting = {"roles/iam.serviceAccountUser", "roles/iam.serviceAccountTokenCreator"}
    types = (*WIDE_GRANT_TYPES, *ACCOUNT_GRANT_TYPES)
    yield from _not_both(stack, types, managing, acting, "manages service accounts and acts as them")


@rule(
    "duties-encryption-keys",
    "Nobody both manages encryption keys and uses them.",
    types=[
        ACCOUNT, *WIDE_GRANT_TYPES,
        *(f"gcp:kms/{owner}IAM{kind}:{owner[0].upper()}{owner[1:]}IAM{kind}"
          for owner in ("cryptoKey", "keyRing") for kind in ("Member", "Binding", "Policy")),
    ],
    whole_stack=True,
    severity=MEDIUM,
    profiles=[PLATFORM],
    frameworks=[cis("1.12")],
    fix="Give one of the two roles to another identity.",
)  # fmt: skip
def encryption_key_duties(stack: Stack) -> Findings:
    using = {f"roles/cloudkms.cryptoKey{role}" for role in ("Encrypter", "Decrypter", "EncrypterDecrypter")}
    types = [token for token in encryption_key_duties.types if token != ACCOUNT]
    yield from _not_both(stack, types, {"roles/cloudkms.admin"}, using, "manages encryption keys and uses them")


def _on_itself(access: Access, identities: Identities) -> bool | None:
    """Whether an account may act as itself: so a job of Dataflow starts its workers, and nothing is deployed by it.
    None where that can't be told yet.
    """
    named = access.grant["serviceAccountId"]
    if named.absent:
        return False
    address = Value(last_part(named.text), named.path) if named.known else named
    account = identities.of(address, access.grant.dependencies.get("serviceAccountId", ()))
    return None if account is None else account == access.who


def _raw_readers(stack: Stack) -> Iterator[Access | Undecided]:
    """Who may read objects of a raw bucket, by a grant on it or on all that it is a part of."""
    patterns = stack.settings["rawBuckets"]
    raw = {bucket.urn: bucket for bucket in stack.of(BUCKET) if is_named(bucket, patterns)}
    on_buckets = accesses(
        stack,
        BUCKET_GRANT_TYPES,
        OBJECT_READING_ROLES,
        permission=_GET,
        target_property="bucket",
        target_types=(BUCKET,),
    )
    for access in on_buckets:
        if isinstance(access, Undecided):
            yield access
        elif access.target in raw or matches_any(access.target, patterns):
            yield access
    for access in accesses(stack, WIDE_GRANT_TYPES, OBJECT_READING_ROLES, permission=_GET):
        spared = False if isinstance(access, Undecided) else _spares(access.condition, list(raw.values()), patterns)
        if isinstance(access, Access) and spared is None:
            yield Undecided(access.condition.path, access.grant.urn)
        elif not spared:
            yield access


def _spares(condition: Value, raw: list[Resource], patterns: list[str]) -> bool | None:
    """Whether a condition limits a grant to buckets of other names: in each of its alternatives (`||`) all has to hold
    (`&&`, nothing negated, no brackets), and some part names another bucket, or asks for a beginning or an end of the
    bucket's name that no raw bucket has. None where that depends on a name that is not known yet.
    """
    if condition.unknown:
        return None
    alternatives = condition.text.split("||")
    if any(sign in condition.text for sign in ("!", "?")) or (len(alternatives) > 1 and _grouped(condition.text)):
        return False
    answers = [_spares_all(alternative, raw, patterns) for alternative in alternatives]
    return False if False in answers else None if None in answers else True


def _grouped(condition: str) -> bool:
    """Whether brackets group something, beside those of a call."""
    return re.search(r"(?:^|[^\w.])\(", condition) is not None


def _spares_all(condition: str, raw: list[Resource], patterns: list[str]) -> bool | None:
    """The same of one alternative."""
    parts = [part.strip() for part in condition.split("&&")]
    named = [match[1] or match[2] for match in map(_BUCKET_IS.fullmatch, parts) if match]
    if any(not matches_any(name, patterns) for name in named):
        unnamed = any(bucket["name"].unknown for bucket in raw)
        return None if unnamed else not any(bucket["name"].text == name for bucket in raw for name in named)
    ends = [match[1] for match in map(_BUCKET_ENDS.fullmatch, parts) if match and not matches_any(match[1], patterns)]
    starts = [match.groups() for match in map(_BUCKET_STARTS.fullmatch, parts) if match and raw]
    if any(bucket["name"].unknown for bucket in raw):
        return None if ends or starts else False
    names = [bucket["name"].text or bucket.name for bucket in raw]
    other_end = any(not any(name.endswith(end) for name in names) for end in ends)
    return other_end or any(
        not any(name == start if whole else name.startswith(start) for name in names) for start, whole in starts
    )


def _secret_readers(stack: Stack) -> Iterator[Access | Undecided]:
    """Who may read a single secret."""
    return accesses(
        stack,
        SECRET_GRANT_TYPES,
        READING_ROLES,
        permission=_ACCESS,
        target_property="secretId",
        target_types=(SECRET, REGIONAL_SECRET),
    )


def _mounts_raw(stack: Stack, volumes: list[Value], urn: str) -> Findings:
    patterns = stack.settings["rawBuckets"]
    names = {bucket["name"].text for bucket in stack.of(BUCKET) if bucket["name"].known and is_named(bucket, patterns)}
    for volume in volumes:
        bucket = volume.at("gcs.bucket")
        if bucket.unknown:
            yield Undecided(bucket.path, urn)
        elif bucket.known and (matches_any(bucket.text, patterns) or last_part(bucket.text) in names):
            yield Violation(bucket.path, "a service mounts the bucket of raw orders", urn)


def _not_both(
    stack: Stack, types: tuple[str, ...] | list[str], first: set[str], second: set[str], message: str
) -> Iterator[Finding]:
    identities = Identities(stack)
    holders: dict[str, list[Access]] = defaultdict(list)
    for access in accesses(stack, types, first | second):
        if isinstance(access, Undecided):
            yield access
        else:
            holders[access.who].append(access)
    for who, held in holders.items():
        if {access.role for access in held} & first and {access.role for access in held} & second:
            yield Violation("", f"{identities.name(who)} {message}", held[-1].grant.urn)
