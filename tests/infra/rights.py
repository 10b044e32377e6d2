"""Who may do what in a project, computed from what the one-time stack and the stack declare; and what comes of it.

`python -m tests.infra.rights` writes docs/technical/rights.md.
"""

import asyncio
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from infra.__main__ import platform
from infra.bootstrap.__main__ import bootstrap
from infra.bootstrap.settings import read_settings
from infra.keys import OF_OWN_STORE
from infra.local.iam import bindings
from orderguard.model_version import CHAMPION
from tests.infra.cel import evaluate
from tests.infra.conftest import VERSION, write_version
from tests.infra.recording import PROJECT_NUMBER, ROOT, Record, declare, stack_settings

PAGE = ROOT / "docs" / "technical" / "rights.md"
EVERYTHING = {
    **{"hooks": True, "hookShopifySecret": True, "hookWoocommerceSecret": True, "hookStripeSecret": True},
    **{
        "tellShop": "mugs.myshopify.com",
        "tellShopToken": True,
        "tellUrl": "https://a.example/told",
        "tellSecret": True,
    },
    **{"ragProvider": "vertex", "ragApiKey": True, "backfill": True, "historyEngine": "valkey-beside-redis"},
}
"""Settings that give a stack an identity or a right which it would not have."""

PROJECT, REGION, STACK = "orderguard-prod", "europe-west1", "prod"
BOOTSTRAP = {
    "gcp:project": PROJECT,
    "gcp:region": REGION,
    "orderguard-bootstrap:stateLocation": "EU",
    "orderguard-bootstrap:repository": "456",
    "orderguard-bootstrap:repositoryOwner": "123",
    "orderguard-bootstrap:environment": STACK,
    "orderguard-bootstrap:vertex": "true",
    "orderguard-bootstrap:backfill": "true",
}
GITHUB = ("preview", "publish", "deploy")
RUNNING = ("scorer", "trainer", "hooks", "launcher", "backfill")
IDENTITIES = (*GITHUB, *RUNNING)

# Of each predefined role that is granted: the rights that this page asks for. The lists are Google's
# (cloud.google.com/iam/docs/roles-permissions); a role that is missing here is an error.
_READ, _LIST, _CREATE = "storage.objects.get", "storage.objects.list", "storage.objects.create"
_SIGN, _DECRYPT = "cloudkms.cryptoKeyVersions.useToSign", "cloudkms.cryptoKeyVersions.useToDecrypt"
LOGIN = "cloudsql.instances.login"
CONNECT = "memorystore.instances.connect"
_ACT, _TOKEN = "iam.serviceAccounts.actAs", "iam.serviceAccounts.getAccessToken"
PREDEFINED: dict[str, set[str]] = {
    "roles/artifactregistry.reader": {"artifactregistry.repositories.downloadArtifacts"},
    "roles/binaryauthorization.attestorsViewer": set(),
    "roles/binaryauthorization.policyViewer": set(),
    "roles/browser": set(),
    "roles/cloudkms.cryptoKeyDecrypter": {_DECRYPT},
    "roles/cloudkms.cryptoKeyEncrypterDecrypter": {_DECRYPT},
    "roles/cloudkms.publicKeyViewer": set(),
    "roles/cloudkms.signer": {_SIGN},
    "roles/cloudkms.signerVerifier": {_SIGN},
    "roles/cloudkms.viewer": set(),
    "roles/cloudscheduler.admin": {"cloudscheduler.jobs.create", "cloudscheduler.jobs.update"},
    "roles/cloudscheduler.viewer": set(),
    "roles/cloudsql.instanceUser": {LOGIN},
    "roles/cloudsql.viewer": set(),
    "roles/compute.loadBalancerAdmin": set(),
    "roles/compute.securityAdmin": set(),
    "roles/compute.viewer": set(),
    "roles/containeranalysis.notes.attacher": set(),
    "roles/containeranalysis.occurrences.editor": set(),
    "roles/eventarc.eventReceiver": set(),
    "roles/eventarc.viewer": set(),
    "roles/iam.securityReviewer": set(),
    "roles/iam.serviceAccountOpenIdTokenCreator": {"iam.serviceAccounts.getOpenIdToken"},
    "roles/iam.serviceAccountUser": {_ACT},
    "roles/iam.workloadIdentityUser": {_TOKEN, "iam.serviceAccounts.getOpenIdToken"},
    "roles/logging.configWriter": set(),
    "roles/logging.viewer": set(),
    "roles/memorystore.dbConnectionUser": {CONNECT},
    "roles/memorystore.viewer": set(),
    "roles/monitoring.viewer": set(),
    "roles/pubsub.publisher": set(),
    "roles/pubsub.viewer": set(),
    "roles/redis.viewer": set(),
    "roles/run.invoker": {"run.jobs.run", "run.routes.invoke"},
    "roles/run.viewer": set(),
    "roles/secretmanager.secretAccessor": {"secretmanager.versions.access"},
    "roles/secretmanager.viewer": set(),
    "roles/serviceusage.serviceUsageAdmin": set(),
    "roles/serviceusage.serviceUsageViewer": set(),
    "roles/storage.legacyObjectReader": {_READ},
    "roles/storage.objectCreator": {_CREATE},
    "roles/storage.objectUser": {_READ, _LIST, _CREATE},
    "roles/storage.objectViewer": {_READ, _LIST},
    "roles/workflows.invoker": {"workflows.executions.create"},
    "roles/workflows.viewer": set(),
}


@dataclass(frozen=True)
class Grant:
    """A role's permissions for one member, on one thing (`bucket:NAME`, `account:NAME`, …) or on the project."""

    member: str
    permissions: frozenset[str]
    on: str
    condition: str = ""


@dataclass(frozen=True)
class Thing:
    """Something that a right is about: how grants on it name it, and its full name as conditions see it; empty where
    Google Cloud knows no names of its kind in conditions.
    """

    on: str
    full: str = ""


def bucket(name: str, *, objects: bool = True) -> Thing:
    return Thing(f"bucket:{name}", f"projects/_/buckets/{name}" + ("/objects/x" if objects else ""))


def secret(name: str) -> Thing:
    return Thing(f"secret:{name}", f"projects/{PROJECT_NUMBER}/secrets/{name}/versions/1")


def key(ring: str, name: str) -> Thing:
    full = f"projects/{PROJECT}/locations/{REGION}/keyRings/{ring}/cryptoKeys/{name}"
    return Thing(f"key:{full}", f"{full}/cryptoKeyVersions/1")


def account(identity: str) -> Thing:
    return Thing(f"account:orderguard-{identity if identity in GITHUB else f'{STACK}-{identity}'}")


BUCKETS = {
    name: bucket(f"{PROJECT}-{STACK}-{name}")
    for name in ("raw", "histories", "models", "backfill", "templates", "access-logs")
}
_STATE = f"bucket:{PROJECT}-pulumi-state"
BUCKETS["state"] = Thing(
    _STATE, f"projects/_/buckets/{PROJECT}-pulumi-state/objects/.pulumi/stacks/orderguard/prod.json"
)
STATE_COPY = Thing(_STATE, f"projects/_/buckets/{PROJECT}-pulumi-state/objects/previews/orderguard/prod.json")
KEYS = {
    "state's": key("pulumi", "stack-secrets"),
    "images'": key("built-by-deploy", "signature"),
    "models'": key(f"orderguard-{STACK}-models", "model-signature"),
    "data's": key(f"orderguard-{STACK}", "data"),
}
ALERTS = Thing("instance", f"projects/{PROJECT}/instances/orderguard-{STACK}-alerts")
HISTORIES = Thing("valkey", f"projects/{PROJECT}/locations/{REGION}/instances/orderguard-{STACK}-histories")
WHOLE_PROJECT = Thing("project", f"projects/{PROJECT}")


@dataclass
class Rights:
    """All grants of one project."""

    grants: list[Grant] = field(default_factory=list)
    secrets: dict[str, Thing] = field(default_factory=dict)

    def allows(self, identity: str, permission: str, thing: Thing) -> bool:
        member = "serviceAccount:" + account(identity).on.partition(":")[2]
        return any(
            grant.member == member
            and permission in grant.permissions
            and grant.on in (thing.on, "project")
            and _holds(grant.condition, thing)
            for grant in self.grants
        )

    def who(self, permission: str, thing: Thing) -> set[str]:
        return {identity for identity in IDENTITIES if self.allows(identity, permission, thing)}


def _holds(condition: str, thing: Thing) -> bool:
    service = "sqladmin.googleapis.com" if thing.on == "instance" else ""
    return not condition or bool(evaluate(condition, {"name": thing.full, "service": service}))


_ON = {
    "gcp:storage/bucketIAMMember:BucketIAMMember": ("bucket", "bucket"),
    "gcp:secretmanager/secretIamMember:SecretIamMember": ("secret", "secretId"),
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": ("key", "cryptoKeyId"),
    "gcp:serviceaccount/iAMMember:IAMMember": ("account", "serviceAccountId"),
    "gcp:projects/iAMMember:IAMMember": ("project", ""),
    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": ("repository", "repository"),
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": ("service", "name"),
    "gcp:cloudrunv2/jobIamMember:JobIamMember": ("job", "name"),
    "gcp:pubsub/topicIAMMember:TopicIAMMember": ("topic", "topic"),
}


def rights_of(*records: Record) -> Rights:
    """The grants of these records. Fails for a kind of grant or a predefined role that is not known here."""
    found, roles = Rights(), {}
    for record in records:
        for name, inputs in record.of("gcp:projects/iAMCustomRole:IAMCustomRole").items():
            roles[f"names/{name}"] = set(inputs["permissions"])
    for record in records:
        for kind, name, inputs in record.resources:
            if kind == "gcp:secretmanager/secret:Secret":
                found.secrets[name] = secret(inputs["secretId"])
            if not ({"member", "members", "policyData"} & set(inputs)) or kind not in _ON:
                assert "member" not in inputs, f"{kind} {name} grants something that is not looked at"
                continue
            what, naming = _ON[kind]
            on = f"{what}:{_named(what, str(inputs[naming]), record)}" if naming else what
            for role, members, condition in bindings(inputs):
                permissions = roles[role] if role in roles else PREDEFINED[role]
                text = str((condition or {}).get("expression", ""))
                found.grants += [
                    Grant(member.partition("@")[0], frozenset(permissions), on, text) for member in members
                ]
    return found


def _named(what: str, name: str, record: Record) -> str:
    """A thing's name as `Thing.on` has it: the mocks answer with names and ids of their own."""
    if what == "account":
        made = record.of("gcp:serviceaccount/account:Account")
        short = name.rpartition("/")[2]
        return made[short]["accountId"] if short in made else short.partition("@")[0]
    if what == "key":
        made = record.of("gcp:kms/cryptoKey:CryptoKey")
        owner = name.removesuffix("-id")
        rings = record.of("gcp:kms/keyRing:KeyRing")
        return key(rings[owner]["name"], made[owner]["name"]).on.partition(":")[2] if owner in made else name
    return name.rpartition("/")[2]


@dataclass(frozen=True, order=True)
class Step:
    """A way in which an identity comes to more than what its own grants say."""

    who: str
    way: str
    to: str


_RUNS = {
    "runs released code as": ("run.jobs.create", "run.jobs.update", "run.services.create", "run.services.update"),
    "runs a workflow or a schedule as": (
        "workflows.workflows.create", "workflows.workflows.update", "cloudscheduler.jobs.create",
        "cloudscheduler.jobs.update",
    ),
}  # fmt: skip
# A job of Dataflow runs any image as the account that whoever makes it may act as.
_FLOWS = {"runs a data flow as": ("dataflow.jobs.create",)}
_BECOMES = (
    _TOKEN, "iam.serviceAccounts.signBlob", "iam.serviceAccounts.signJwt", "iam.serviceAccounts.implicitDelegation",
    "iam.serviceAccountKeys.create", "iam.serviceAccounts.setIamPolicy",
)  # fmt: skip
_EVERYTHING = (
    "resourcemanager.projects.setIamPolicy", "iam.roles.create", "iam.roles.update", "iam.denypolicies.update",
    "iam.workloadIdentityPoolProviders.create", "iam.workloadIdentityPoolProviders.update",
    "iam.workloadIdentityPools.create", "iam.workloadIdentityPools.update", "cloudbuild.builds.create",
    "deploymentmanager.deployments.create", "compute.instances.create", "compute.instances.setMetadata",
    "cloudfunctions.functions.create", "binaryauthorization.policy.update",
)  # fmt: skip
_SHELLS = (
    "run.jobs.sshRoot", "run.services.sshRoot", "run.jobs.runWithOverrides", "run.instances.create",
    "run.workerpools.create",
)  # fmt: skip


def steps(rights: Rights) -> Iterator[Step]:
    """Every single step by which one identity comes to another, to rights, or to what it can't read itself."""
    for who in IDENTITIES:
        for permission in (*_EVERYTHING, *_SHELLS):
            if rights.allows(who, permission, WHOLE_PROJECT):
                yield Step(who, permission, "the project")
        for other in IDENTITIES:
            if other != who and rights.allows(who, _ACT, account(other)):
                for way, permissions in (_RUNS | _FLOWS).items():
                    if any(rights.allows(who, permission, WHOLE_PROJECT) for permission in permissions):
                        yield Step(who, way, other)
            if any(rights.allows(who, permission, account(other)) for permission in _BECOMES):
                yield Step(who, "becomes", other)
        for name, thing in BUCKETS.items():
            if rights.allows(who, "storage.buckets.setIamPolicy", thing):
                yield Step(who, "says who uses", f"the bucket {name}")
        for name, thing in rights.secrets.items():
            if rights.allows(who, "secretmanager.secrets.setIamPolicy", thing):
                yield Step(who, "says who reads", f"the secret {name}")
        for name, thing in KEYS.items():
            if rights.allows(who, "cloudkms.cryptoKeys.setIamPolicy", thing):
                yield Step(who, "says who uses", f"the {name} key")


def reach(rights: Rights, who: str) -> set[str]:
    """The identities that one comes to in any number of steps, itself among them."""
    found, waiting = {who}, [who]
    while waiting:
        now = waiting.pop()
        for step in _steps_of(rights, now):
            if step.to in IDENTITIES and step.to not in found:
                found.add(step.to)
                waiting.append(step.to)
    return found


def _steps_of(rights: Rights, who: str) -> list[Step]:
    return [step for step in steps(rights) if step.who == who]


# What deploying implies, and what holds it. Every other step is a failure.
IMPLIED = {
    "runs released code as": "its code runs as the service, the trainer or the launcher: that is what deploying is. "
    "Binary Authorization lets signed images alone run, in prod; the environment's approval; the alert `what-runs`",
    "runs a workflow or a schedule as": "who may act as an account may let a workflow or a schedule do so, and Google "
    "Cloud has no condition that tells it from a job. The environment's approval; the alert `what-runs`",
    "says who uses": "a deployment lets Google's services encrypt with the stack's key for data: of that key alone, "
    "with which nobody reads a bucket",
}


def implied(rights: Rights) -> list[Step]:
    """The steps that deploying implies."""
    expected = [Step("deploy", way, to) for way in _RUNS for to in RUNNING]
    return sorted([*expected, Step("deploy", "says who uses", "the data's key")])


def columns(rights: Rights) -> dict[str, set[str]]:
    """What there is to be allowed, and the identities that are."""
    found = {f"reads {name}": rights.who(_READ, thing) for name, thing in BUCKETS.items()}
    found["reads the state's copy without secrets"] = rights.who(_READ, STATE_COPY)
    found |= {
        f"writes {name}": rights.who(_CREATE, BUCKETS[name])
        for name in ("models", "histories", "backfill", "templates", "state")
    }
    found |= {
        f"reads {name}": rights.who("secretmanager.versions.access", thing)
        for name, thing in sorted(rights.secrets.items())
    }
    found["logs in to the alerts' database"] = rights.who(LOGIN, ALERTS)
    found["connects to the store of histories"] = rights.who(CONNECT, HISTORIES)
    found["adds a key"] = set().union(
        *(
            rights.who("secretmanager.versions.add", Thing(thing.on, thing.full.partition("/versions")[0]))
            for name, thing in rights.secrets.items()
            if name not in OF_OWN_STORE
        )
    )
    found["decrypts the state"] = rights.who(_DECRYPT, KEYS["state's"])
    found["signs images"] = rights.who(_SIGN, KEYS["images'"])
    found["signs models"] = rights.who(_SIGN, KEYS["models'"])
    for what, permission in (
        ("a bucket", "storage.buckets.setIamPolicy"),
        ("an account", "iam.serviceAccounts.setIamPolicy"),
        ("the project", "resourcemanager.projects.setIamPolicy"),
    ):
        things = {"a bucket": BUCKETS["raw"], "an account": account("trainer")}
        found[f"changes the rights on {what}"] = rights.who(permission, things.get(what, WHOLE_PROJECT))
    found["changes what signed images are for"] = rights.who("binaryauthorization.policy.update", WHOLE_PROJECT)
    callers = ("run.services.setIamPolicy", "run.jobs.setIamPolicy", "artifactregistry.repositories.setIamPolicy")
    found["says who calls, starts, pulls"] = set().union(*(rights.who(one, WHOLE_PROJECT) for one in callers))
    return found


def table(rights: Rights) -> list[str]:
    """Identities × rights, as Markdown."""
    lines = ["| | " + " | ".join(IDENTITIES) + " |", "|---|" + "---|" * len(IDENTITIES)]
    for what, who in columns(rights).items():
        lines.append(f"| {what} | " + " | ".join("●" if one in who else "–" for one in IDENTITIES) + " |")
    return lines


def ways(rights: Rights) -> list[str]:
    """The steps that the search finds, as Markdown."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for step in sorted(steps(rights)):
        grouped.setdefault((step.who, step.way), []).append(step.to)
    lines = ["| who | step | to | why, and what holds it |", "|---|---|---|---|"]
    return lines + [f"| {who} | {way} | {', '.join(to)} | {IMPLIED[way]} |" for (who, way), to in grouped.items()]


def page(text: str, rights: Rights) -> str:
    """docs/technical/rights.md with its two tables as they are to be."""
    for name, lines in (("rights", table(rights)), ("steps", ways(rights))):
        before, mark, rest = text.partition(f"<!-- {name}, made by python -m tests.infra.rights -->\n")
        after = rest[rest.index("<!-- end -->") :]
        text = before + mark + "\n".join(["", *lines, "", ""]) + after
    return text


def declared_rights() -> Rights:
    """The rights of a project whose prod stack has everything switched on."""
    deployer = f"serviceAccount:orderguard-deploy@{PROJECT}.iam.gserviceaccount.com"
    settings = stack_settings("prod", deployer=deployer, **EVERYTHING)
    one_time = read_settings(BOOTSTRAP)
    return rights_of(declare(lambda: bootstrap(one_time)), declare(lambda: platform(settings)))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.set_event_loop(asyncio.new_event_loop())
        write_version(Path(folder), VERSION)
        (Path(folder) / CHAMPION).write_text(f"{VERSION}\n")
        os.environ |= {"MODELS_DIR": folder, "ORDERGUARD_COMMIT": "0123abc"}
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), declared_rights()), encoding="utf-8")
        print(f"written to {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
