"""Who may do what: IAM as Google Cloud evaluates it, over the bindings that the stack declares.

A binding on a resource, or on its project, grants a role; a role is a set of permissions. The roles here are those
that bear on what the local cloud enforces, and the names of the others of the same services, so that a mistyped role
is found.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.cloud import Cloud

OBJECT_READ = "storage.objects.get"
OBJECT_LIST = "storage.objects.list"
OBJECT_CREATE = "storage.objects.create"
OBJECT_DELETE = "storage.objects.delete"
OBJECT_UPDATE = "storage.objects.update"
OBJECT_RESTORE = "storage.objects.restore"
OBJECT_MOVE = "storage.objects.move"
OBJECT_SET_RETENTION = "storage.objects.setRetention"
OBJECT_OVERRIDE_RETENTION = "storage.objects.overrideUnlockedRetention"
BUCKET_GET = "storage.buckets.get"
BUCKET_LIST = "storage.buckets.list"
BUCKET_CREATE = "storage.buckets.create"
BUCKET_UPDATE = "storage.buckets.update"
BUCKET_DELETE = "storage.buckets.delete"
BUCKET_GET_POLICY = "storage.buckets.getIamPolicy"
BUCKET_SET_POLICY = "storage.buckets.setIamPolicy"
SECRET_ACCESS = "secretmanager.versions.access"  # the name of a permission  # nosec B105
IMAGE_PULL = "artifactregistry.repositories.downloadArtifacts"
JOB_RUN = "run.jobs.run"
SERVICE_INVOKE = "run.routes.invoke"
SQL_LOGIN = "cloudsql.instances.login"
VALKEY_CONNECT = "memorystore.instances.connect"
EVENT_RECEIVE = "eventarc.events.receiveEvent"
WORKFLOW_EXECUTE = "workflows.executions.create"
TOPIC_PUBLISH = "pubsub.topics.publish"
KEY_SIGN = "cloudkms.cryptoKeyVersions.useToSign"

_READ_OBJECTS = {OBJECT_READ, OBJECT_LIST}
_USE_OBJECTS = {*_READ_OBJECTS, OBJECT_CREATE, OBJECT_DELETE, OBJECT_UPDATE, OBJECT_RESTORE, OBJECT_MOVE}
_OBJECT_POLICIES = {"storage.objects.getIamPolicy", "storage.objects.setIamPolicy"}
_RETAIN_OBJECTS = {OBJECT_SET_RETENTION, OBJECT_OVERRIDE_RETENTION}
_ALL_OBJECTS = {*_USE_OBJECTS, *_OBJECT_POLICIES, *_RETAIN_OBJECTS}
_WRITE_BUCKET = {BUCKET_GET, OBJECT_LIST, OBJECT_CREATE, OBJECT_DELETE, OBJECT_RESTORE, OBJECT_SET_RETENTION}
_BUCKET_POLICY = {BUCKET_GET_POLICY, BUCKET_SET_POLICY}
_MANAGE_BUCKETS = {BUCKET_LIST, BUCKET_CREATE, BUCKET_DELETE}
_ALL_BUCKETS = {*_MANAGE_BUCKETS, *_BUCKET_POLICY, BUCKET_GET, BUCKET_UPDATE, "storage.buckets.enableObjectRetention"}
_SEE_SECRETS = {f"secretmanager.{one}" for one in ("secrets.get", "secrets.list", "versions.get", "versions.list")}
_SECRET_VERSIONS = {f"secretmanager.versions.{one}" for one in ("add", "destroy", "disable", "enable", "get", "list")}
_CHANGE_SECRETS = {f"secretmanager.secrets.{one}" for one in ("create", "delete", "update")}
_PUBLISH = {TOPIC_PUBLISH}
_CONSUME = {"pubsub.subscriptions.consume", "pubsub.topics.attachSubscription"}
_SEE_TOPICS = {f"pubsub.{kind}.{one}" for kind in ("topics", "subscriptions") for one in ("get", "list")}
_CHANGE_TOPICS = {f"pubsub.{kind}.{one}" for kind in ("topics", "subscriptions") for one in ("create", "delete")}
_PUBSUB = _PUBLISH | _CONSUME | _SEE_TOPICS | _CHANGE_TOPICS
_BASIC = {"roles/viewer", "roles/browser", "roles/editor", "roles/owner"}
PERMISSIONS: Mapping[str, frozenset[str]] = {
    role: frozenset(permissions)
    for role, permissions in {
        "roles/storage.objectViewer": _READ_OBJECTS,
        "roles/storage.objectUser": _USE_OBJECTS,
        "roles/storage.objectCreator": {OBJECT_CREATE},
        "roles/storage.objectAdmin": _ALL_OBJECTS,
        "roles/storage.admin": {*_ALL_OBJECTS, *_ALL_BUCKETS},
        "roles/storage.bucketViewer": {BUCKET_GET, BUCKET_LIST},
        "roles/storage.folderAdmin": _ALL_OBJECTS,
        "roles/storage.legacyObjectReader": {OBJECT_READ},
        "roles/storage.legacyObjectOwner": {OBJECT_READ, OBJECT_UPDATE, *_OBJECT_POLICIES, *_RETAIN_OBJECTS},
        "roles/storage.legacyBucketReader": {BUCKET_GET, OBJECT_LIST},
        "roles/storage.legacyBucketWriter": _WRITE_BUCKET,
        "roles/storage.legacyBucketOwner": {*_WRITE_BUCKET, *_BUCKET_POLICY, BUCKET_UPDATE},
        "roles/pubsub.publisher": _PUBLISH,
        "roles/pubsub.subscriber": _CONSUME,
        "roles/pubsub.viewer": _SEE_TOPICS,
        "roles/pubsub.editor": _PUBSUB,
        "roles/pubsub.admin": _PUBSUB,
        "roles/secretmanager.secretAccessor": {SECRET_ACCESS},
        "roles/secretmanager.secretVersionAdder": {"secretmanager.versions.add"},
        "roles/secretmanager.secretVersionManager": _SECRET_VERSIONS,
        "roles/secretmanager.viewer": _SEE_SECRETS,
        "roles/secretmanager.admin": {SECRET_ACCESS, *_SEE_SECRETS, *_SECRET_VERSIONS, *_CHANGE_SECRETS},
        "roles/artifactregistry.reader": {IMAGE_PULL},
        "roles/artifactregistry.writer": {IMAGE_PULL},
        "roles/artifactregistry.repoAdmin": {IMAGE_PULL},
        "roles/artifactregistry.admin": {IMAGE_PULL},
        "roles/cloudkms.signer": {KEY_SIGN},
        "roles/cloudkms.signerVerifier": {KEY_SIGN},
        "roles/cloudkms.cryptoOperator": {KEY_SIGN},
        "roles/cloudsql.instanceUser": {SQL_LOGIN},
        "roles/cloudsql.admin": {SQL_LOGIN},
        "roles/memorystore.dbConnectionUser": {VALKEY_CONNECT},
        "roles/memorystore.admin": {VALKEY_CONNECT},
        "roles/run.invoker": {SERVICE_INVOKE, JOB_RUN},
        "roles/run.jobsExecutor": {JOB_RUN},
        "roles/run.jobsExecutorWithOverrides": {JOB_RUN},
        "roles/run.servicesInvoker": {SERVICE_INVOKE},
        "roles/run.developer": {JOB_RUN},
        "roles/run.admin": {JOB_RUN, SERVICE_INVOKE},
        "roles/run.serviceAgent": {IMAGE_PULL},
        "roles/eventarc.eventReceiver": {EVENT_RECEIVE},
        "roles/workflows.invoker": {WORKFLOW_EXECUTE},
        "roles/workflows.editor": {WORKFLOW_EXECUTE},
        "roles/workflows.admin": {WORKFLOW_EXECUTE},
        "roles/viewer": {IMAGE_PULL, *_SEE_SECRETS, *_SEE_TOPICS},
        "roles/editor": {
            *(IMAGE_PULL, JOB_RUN, EVENT_RECEIVE, WORKFLOW_EXECUTE),
            *(*_SEE_SECRETS, *_SECRET_VERSIONS, *_CHANGE_SECRETS, *_PUBSUB),
        },
        "roles/owner": {
            IMAGE_PULL,
            JOB_RUN,
            SERVICE_INVOKE,
            SECRET_ACCESS,
            SQL_LOGIN,
            VALKEY_CONNECT,
            EVENT_RECEIVE,
            WORKFLOW_EXECUTE,
            *(*_SEE_SECRETS, *_SECRET_VERSIONS, *_CHANGE_SECRETS, *_PUBSUB),
        },
    }.items()
}
_NAMES = {
    "storage": (
        "admin bucketViewer expressModeServiceInput expressModeServiceOutput expressModeUserAccess folderAdmin"
        " hmacKeyAdmin insightsCollectorService legacyBucketOwner legacyBucketReader legacyBucketWriter"
        " legacyObjectOwner legacyObjectReader objectAdmin objectCreator objectUser objectViewer anywhereCacheAdmin"
    ),
    "secretmanager": "admin secretAccessor secretVersionAdder secretVersionManager viewer parameterAccessor",
    "artifactregistry": (
        "admin createOnPushRepoAdmin createOnPushWriter reader repoAdmin writer containerRegistryMigrationAdmin"
        " serviceAgent"
    ),
    "run": (
        "admin developer invoker viewer serviceAgent sourceDeveloper sourceViewer builder jobsExecutor"
        " jobsExecutorWithOverrides servicesInvoker"
    ),
    "pubsub": "admin editor publisher subscriber viewer serviceAgent",
    "cloudkms": (
        "admin autokeyAdmin autokeyUser cryptoKeyDecrypter cryptoKeyDecrypterViaDelegation cryptoKeyEncrypter"
        " cryptoKeyEncrypterDecrypter cryptoKeyEncrypterDecrypterViaDelegation cryptoKeyEncrypterViaDelegation"
        " cryptoOperator importer publicKeyViewer signer signerVerifier verifier viewer expertRawPKCS1"
        " keyAccessJustificationsPolicyConfigAdmin"
    ),
    "cloudsql": "admin client editor instanceUser schemaViewer serviceAgent studioUser viewer",
    "memorystore": "admin dbConnectionUser editor serviceAgent viewer",
    "eventarc": (
        "admin connectionPublisher developer eventReceiver messageBusAdmin messageBusUser publisher serviceAgent viewer"
    ),
    "workflows": "admin editor invoker serviceAgent viewer",
    "iam": (
        "denyAdmin denyReviewer oauthClientAdmin oauthClientViewer organizationRoleAdmin organizationRoleViewer"
        " roleAdmin roleViewer securityAdmin securityReviewer serviceAccountAdmin serviceAccountCreator"
        " serviceAccountDeleter serviceAccountKeyAdmin serviceAccountOpenIdTokenCreator serviceAccountTokenCreator"
        " serviceAccountUser serviceAccountViewer workforcePoolAdmin workforcePoolEditor workforcePoolViewer"
        " workloadIdentityPoolAdmin workloadIdentityPoolViewer workloadIdentityUser"
    ),
}
ROLES_BY_SERVICE: Mapping[str, frozenset[str]] = {
    **{service: frozenset(f"roles/{service}.{name}" for name in names.split()) for service, names in _NAMES.items()},
    **{role.removeprefix("roles/"): frozenset({role}) for role in _BASIC},
}


@dataclass(frozen=True)
class Binding:
    """One role, granted to members on one resource (`bucket:NAME`, `secret:PROJECT/NAME`, `repository:…`,
    `project:NAME`).
    """

    resource: str
    role: str
    members: frozenset[str]
    condition: Any = None


class Policies:
    """The bindings of one stack."""

    def __init__(self, bindings: list[Binding], custom_roles: Mapping[str, frozenset[str]]) -> None:
        self.bindings = bindings
        self.custom_roles = custom_roles

    def allows(self, member: str, permission: str, *resources: str) -> bool:
        """Whether `member` holds a role with `permission` on any of these resources: the thing itself and what it
        belongs to. An empty `member` is somebody who did not say who.
        """
        wanted = {member, "allUsers", "allAuthenticatedUsers"} if member else {"allUsers"}
        return any(
            binding.resource in resources
            and wanted & binding.members
            and permission in self._permissions(binding.role)
            and condition_holds(binding.condition, resources[0])
            for binding in self.bindings
        )

    def _permissions(self, role: str) -> frozenset[str]:
        return PERMISSIONS.get(role) or self.custom_roles.get(role) or frozenset()


def condition_holds(condition: Any, resource: str) -> bool:
    """A condition is decided where it speaks of the resource's name alone; any other is taken to hold, as it may in
    Google Cloud.
    """
    expression = str((condition or {}).get("expression", ""))
    mark = "resource.name.startsWith("
    if expression.startswith(mark) and expression.endswith(")") and expression.count("(") == 1:
        prefix, name = expression[len(mark) : -1].strip("'\""), full_name(resource)
        if "/objects/" in name:
            return name.startswith(prefix)
        return name.startswith(prefix.rstrip("/")) or prefix.startswith(name)
    return True


def full_name(resource: str) -> str:
    """The resource's name as conditions see it."""
    kind, _, name = resource.partition(":")
    return f"projects/_/buckets/{name}" if kind == "bucket" else name


_CUSTOM_ROLE = "gcp:projects/iAMCustomRole:IAMCustomRole"
_PARENTS = {
    "gcp:storage/bucketIAM": ("bucket", "bucket"),
    "gcp:secretmanager/secretIam": ("secret", "secretId"),
    "gcp:artifactregistry/repositoryIam": ("repository", "repository"),
    "gcp:projects/iAM": ("project", "project"),
    "gcp:cloudrun/iam": ("service", "service"),
    "gcp:cloudrunv2/serviceIam": ("service", "name"),
    "gcp:cloudrunv2/jobIam": ("job", "name"),
    "gcp:kms/cryptoKeyIAM": ("key", "cryptoKeyId"),
    "gcp:pubsub/topicIAM": ("topic", "topic"),
    "gcp:pubsub/subscriptionIAM": ("subscription", "subscription"),
}
"""Beginning of the type token → kind of the resource that the binding is on, and the input that names it."""
_GLOBAL = ("bucket", "project", "key")
"""Kinds whose names do not depend on a project."""


def _last(name: Any) -> str:
    return str(name).rpartition("/")[2]


def policies(cloud: Cloud) -> Policies:
    """The bindings of everything that the stack has made up to now."""
    found: list[Binding] = []
    custom: dict[str, frozenset[str]] = {}
    kinds = {token for token, _ in cloud.names() if token == _CUSTOM_ROLE or token.startswith(tuple(_PARENTS))}
    for record in cloud.all(*kinds) if kinds else ():
        if record.type == _CUSTOM_ROLE:
            custom[record.id] = frozenset(record.inputs.get("permissions") or ())
        parent = next((one for prefix, one in _PARENTS.items() if record.type.startswith(prefix)), None)
        if parent is None or not ({"role", "policyData"} & set(record.inputs)):
            continue
        kind, naming = parent
        name = _last(record.inputs[naming])
        resource = f"{kind}:{name}" if kind in _GLOBAL else f"{kind}:{record.outputs.get('project')}/{name}"
        for role, members, condition in bindings(record.inputs):
            found.append(Binding(resource, role, frozenset(members), condition))
    return Policies(found, custom)


def store_token(cloud: Cloud) -> str:
    """What stores with IAM take: here one word for all that may connect."""
    return cloud.derived("stores")


_SETTLED_SECONDS = 0.1
"""The least age of a change that no other can share its time with."""
_read: dict[Path, tuple[int, Policies]] = {}


def current(cloud: Cloud) -> Policies:
    """`policies`, read again only where a record has come, changed or gone since."""
    folder = cloud.root / "resources"
    try:
        changed = folder.stat().st_mtime_ns
    except OSError:
        return policies(cloud)
    known = _read.get(folder)
    if known is None or known[0] != changed:
        known = changed, policies(cloud)
        if time.time() - changed / 1e9 > _SETTLED_SECONDS:
            _read[folder] = known
    return known[1]


def bindings(inputs: Mapping[str, Any]) -> list[tuple[str, list[str], Any]]:
    """Role, members and condition of each binding that an IAM resource stands for."""
    if "policyData" in inputs:
        document = json.loads(inputs["policyData"])
        return [(one["role"], list(one["members"]), one.get("condition")) for one in document.get("bindings", [])]
    members = inputs["members"] if "members" in inputs else [inputs["member"]]
    return [(inputs["role"], list(members), inputs.get("condition"))]
