"""Examples for who may do what: grants, keys, federation, and the duties of a whole stack."""

import json
from dataclasses import replace

from policies.testing import Declared, Examples, StackExamples

BUCKET_MEMBER = "gcp:storage/bucketIAMMember:BucketIAMMember"
PROJECT_MEMBER = "gcp:projects/iAMMember:IAMMember"
SECRET_MEMBER = "gcp:secretmanager/secretIamMember:SecretIamMember"
PROVIDER = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
SCORER = "serviceAccount:scorer@p.iam.gserviceaccount.com"
TRAINER = "serviceAccount:trainer@p.iam.gserviceaccount.com"
POOL = "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/github"
GITHUB = {"issuerUri": "https://token.actions.githubusercontent.com"}


def _policy(role: str, *members: str) -> dict[str, object]:
    return {"policyData": json.dumps({"bindings": [{"role": role, "members": members}]})}


def _member(name: str, role: str, member: str, **on: str) -> Declared:
    kind = BUCKET_MEMBER if "bucket" in on else SECRET_MEMBER if "secretId" in on else PROJECT_MEMBER
    return Declared(kind, name, {"role": role, "member": member, **on})


_ACCOUNTS = [
    Declared(
        "gcp:serviceaccount/account:Account", name, {"accountId": name, "email": f"{name}@p.iam.gserviceaccount.com"}
    )
    for name in ("trainer", "scorer", "deployer")
]
_STORES = [
    Declared("gcp:storage/bucket:Bucket", "raw", {"name": "p-prod-raw"}),
    Declared("gcp:storage/bucket:Bucket", "models", {"name": "p-prod-models"}),
    Declared("gcp:secretmanager/secret:Secret", "masking-key", {"secretId": "masking-key"}),
]
_READ, _ACCESS = "roles/storage.objectViewer", "roles/secretmanager.secretAccessor"


def _acts_as(account: str) -> Declared:
    name = account.partition(":")[2]
    acts = {
        "role": "roles/iam.serviceAccountUser",
        "member": TRAINER,
        "serviceAccountId": f"projects/p/serviceAccounts/{name}",
    }
    return Declared("gcp:serviceaccount/iAMMember:IAMMember", "acts", acts)


_TRAINER_READS = _member("trainer-reads", _READ, TRAINER, bucket="p-prod-raw")
_SCORER_READS_RAW = _member("scorer-reads", _READ, SCORER, bucket="p-prod-raw")
_SCORER_HAS_KEY = _member("scorer-has-key", _ACCESS, SCORER, secretId="masking-key")
_DEPLOYER = SCORER.replace("scorer", "deployer")
_DEPLOYS = _member("deploys", "roles/run.developer", _DEPLOYER)
_SERVICE = Declared(
    "gcp:cloudrunv2/service:Service", "scoring", {"template": {"serviceAccount": "scorer@p.iam.gserviceaccount.com"}}
)
_BASE = [*_ACCOUNTS, *_STORES]
_TAKEN_UP = [
    *(replace(one, properties={**one.properties, "createIgnoreAlreadyExists": True}) for one in _ACCOUNTS),
    *_STORES,
]
_ONE_SECRET = "resource.name.extract('/secrets/{name}/versions/') == 'masking-key'"
_CUSTOM_ROLE = Declared(
    "gcp:projects/iAMCustomRole:IAMCustomRole", "reader", {"roleId": "reader", "permissions": ["storage.objects.get"]}
)
_MODELS_BUCKET = (
    "resource.name == 'projects/_/buckets/p-prod-models'"
    " || resource.name.startsWith('projects/_/buckets/p-prod-models/')"
)
_MODELS_ONLY = "resource.name.extract('buckets/{bucket}/').endsWith('-models')"


def _limited(condition: str) -> Declared:
    """The right to read all objects of the project, under a condition."""
    grant = _member("limited", "roles/storage.objectUser", _DEPLOYER)
    return replace(grant, properties={**grant.properties, "condition": {"expression": condition}})


def _elsewhere(kind: str, on: dict[str, str]) -> Declared:
    """The scorer reads objects by a grant that is neither on a bucket nor on the project."""
    return Declared(kind, "elsewhere", {"role": _READ, "member": SCORER, **on})


EXAMPLES: tuple[Examples | StackExamples, ...] = (
    Examples(
        "iam-no-public-members",
        BUCKET_MEMBER,
        holds=[{"member": SCORER, "role": "roles/storage.objectViewer"}],
        violated=[
            {"member": "allUsers", "role": "roles/storage.objectViewer"},
            {"member": "allAuthenticatedUsers", "role": "roles/storage.objectViewer"},
        ],
    ),
    Examples(
        "iam-no-public-members",
        "gcp:secretmanager/regionalSecretIamBinding:RegionalSecretIamBinding",
        holds=[{"members": [SCORER], "role": "roles/secretmanager.secretAccessor"}],
        violated=[{"members": [SCORER, "allUsers"], "role": "roles/secretmanager.secretAccessor"}],
    ),
    Examples(
        "iam-no-public-members",
        "gcp:kms/cryptoKeyIAMPolicy:CryptoKeyIAMPolicy",
        holds=[_policy("roles/cloudkms.cryptoKeyDecrypter", SCORER)],
        violated=[_policy("roles/cloudkms.cryptoKeyDecrypter", SCORER, "allAuthenticatedUsers")],
    ),
    Examples(
        "iam-no-public-members",
        "gcp:storage/bucketACL:BucketACL",
        holds=[{"roleEntities": ["OWNER:project-owners-1"]}],
        violated=[{"roleEntities": ["READER:allUsers"]}, {"predefinedAcl": "publicRead"}],
    ),
    Examples(
        "iam-no-public-members",
        "gcp:storage/defaultObjectAccessControl:DefaultObjectAccessControl",
        holds=[{"entity": "project-owners-1", "role": "OWNER"}],
        violated=[{"entity": "allUsers", "role": "READER"}],
    ),
    Examples(
        "iam-no-public-members",
        "gcp:bigquery/dataset:Dataset",
        holds=[{"accesses": [{"role": "READER", "specialGroup": "projectReaders"}]}],
        violated=[
            {"accesses": [{"role": "READER", "specialGroup": "allAuthenticatedUsers"}]},
            {"accesses": [{"role": "READER", "iamMember": "allUsers"}]},
        ],
    ),
    Examples(
        "iam-no-basic-roles",
        PROJECT_MEMBER,
        holds=[{"role": "roles/run.invoker", "member": SCORER}],
        violated=[{"role": role, "member": SCORER} for role in ("roles/owner", "roles/editor", "roles/viewer")],
    ),
    Examples(
        "iam-no-basic-roles",
        "gcp:projects/iAMPolicy:IAMPolicy",
        holds=[_policy("roles/run.invoker", SCORER)],
        violated=[_policy("roles/owner", SCORER)],
    ),
    Examples(
        "iam-no-project-impersonation",
        PROJECT_MEMBER,
        holds=[{"role": "roles/run.invoker", "member": SCORER}],
        violated=[
            {"role": f"roles/iam.{role}", "member": SCORER}
            for role in ("serviceAccountUser", "serviceAccountTokenCreator", "workloadIdentityUser")
        ],
    ),
    Examples(
        "iam-no-admin-service-accounts",
        PROJECT_MEMBER,
        holds=[
            {"role": "roles/run.invoker", "member": SCORER},
            {"role": "roles/storage.admin", "member": "group:platform@example.com"},
        ],
        violated=[{"role": role, "member": SCORER} for role in ("roles/storage.admin", "roles/editor", "roles/owner")],
    ),
    Examples(
        "iam-roles-beyond-need",
        PROJECT_MEMBER,
        holds=[
            {"role": "roles/run.invoker", "member": SCORER},
            {"role": "roles/run.admin", "member": "group:operators@example.com"},
            {
                "role": "roles/secretmanager.admin",
                "member": SCORER,
                "condition": {"expression": "resource.name.startsWith('projects/1/secrets/shop-')"},
            },
        ],
        violated=[
            {"role": role, "member": SCORER}
            for role in (
                "roles/storage.admin",
                "roles/cloudkms.admin",
                "roles/run.admin",
                "roles/aiplatform.user",
                "roles/binaryauthorization.policyEditor",
            )
        ]
        + [
            {
                "role": "roles/storage.objectViewer",
                "member": SCORER,
                "condition": {"expression": "request.time < timestamp('2026-01-01T00:00:00Z')"},
            }
        ],
    ),
    Examples(
        "iam-no-escalation",
        PROJECT_MEMBER,
        holds=[
            {"role": "roles/run.invoker", "member": SCORER},
            {
                "role": "roles/resourcemanager.projectIamAdmin",
                "member": SCORER,
                "condition": {
                    "expression": "api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', [])"
                    ".hasOnly(['roles/a.b'])"
                },
            },
        ],
        violated=[
            {"role": f"roles/{role}", "member": SCORER}
            for role in (
                "resourcemanager.projectIamAdmin",
                "iam.securityAdmin",
                "resourcemanager.organizationAdmin",
                "iam.serviceAccountAdmin",
                "iam.roleAdmin",
                "cloudbuild.builds.editor",
            )
        ],
    ),
    Examples(
        "iam-no-wide-members",
        BUCKET_MEMBER,
        holds=[
            {"role": "roles/storage.objectViewer", "member": "domain:example.com"},
            {"role": "roles/storage.objectAdmin", "member": SCORER},
        ],
        violated=[
            {"role": "roles/storage.objectAdmin", "member": "projectViewer:p"},
            {"role": "roles/iam.serviceAccountTokenCreator", "member": "domain:example.com"},
        ],
    ),
    Examples(
        "iam-no-default-service-accounts",
        BUCKET_MEMBER,
        holds=[{"role": "roles/storage.objectViewer", "member": SCORER}],
        violated=[
            {"role": "roles/storage.objectViewer", "member": f"serviceAccount:{account}.gserviceaccount.com"}
            for account in ("123-compute@developer", "p@appspot", "123@cloudbuild")
        ],
    ),
    Examples(
        "iam-no-personal-accounts",
        PROJECT_MEMBER,
        holds=[{"role": "roles/run.invoker", "member": "group:platform@example.com"}],
        violated=[{"role": "roles/run.invoker", "member": "user:somebody@example.com"}],
    ),
    Examples(
        "iam-no-service-account-keys",
        "gcp:serviceaccount/key:Key",
        holds=[],
        violated=[{"serviceAccountId": "projects/p/serviceAccounts/scorer@p.iam.gserviceaccount.com"}],
    ),
    Examples("iam-no-api-keys", "gcp:projects/apiKey:ApiKey", holds=[], violated=[{"name": "key"}]),
    Examples(
        "iam-custom-roles",
        "gcp:projects/iAMCustomRole:IAMCustomRole",
        holds=[{"permissions": ["storage.objects.get", "storage.objects.list"]}],
        violated=[
            {"permissions": ["storage.objects.get", permission]}
            for permission in ("resourcemanager.projects.setIamPolicy", "iam.serviceAccounts.signBlob", "storage.*")
            + ("run.services.setIamPolicy", "iam.roles.update", "cloudbuild.builds.create")
        ],
    ),
    Examples(
        "iam-no-authoritative-policies",
        "gcp:projects/iAMPolicy:IAMPolicy",
        holds=[],
        violated=[_policy("roles/run.invoker", SCORER)],
    ),
    Examples(
        "iam-audit-log-exemptions",
        "gcp:projects/iAMAuditConfig:IAMAuditConfig",
        holds=[{"auditLogConfigs": [{"logType": "DATA_READ"}]}],
        violated=[{"auditLogConfigs": [{"logType": "DATA_READ", "exemptedMembers": [SCORER]}]}],
    ),
    Examples(
        "secret-no-wide-readers",
        SECRET_MEMBER,
        holds=[
            {"role": _ACCESS, "member": SCORER},
            {"role": "roles/secretmanager.viewer", "member": "group:platform@example.com"},
        ],
        violated=[{"role": _ACCESS, "member": m} for m in ("group:all@example.com", "domain:example.com", f"{POOL}/*")],
    ),
    Examples(
        "secret-no-project-readers",
        PROJECT_MEMBER,
        holds=[
            {"role": "roles/secretmanager.viewer", "member": SCORER},
            {"role": _ACCESS, "member": SCORER, "condition": {"title": "its own", "expression": _ONE_SECRET}},
        ],
        violated=[
            *({"role": role, "member": SCORER} for role in (_ACCESS, "roles/secretmanager.admin")),
            *(
                {"role": _ACCESS, "member": SCORER, "condition": {"title": "wide", "expression": expression}}
                for expression in (
                    "request.time > timestamp('2026-01-01T00:00:00Z')",
                    f"{_ONE_SECRET} || true",
                    "!resource.name.endsWith('/secrets/masking-key')",
                    f"true ? true : {_ONE_SECRET}",
                )
            ),
        ],
    ),
    Examples(
        "secret-value-in-state",
        "gcp:secretmanager/secretVersion:SecretVersion",
        holds=[{"secret": "masking-key"}],
        violated=[{"secret": "masking-key", name: "the value"} for name in ("secretData", "secretDataWo")],
    ),
    StackExamples(
        "duties-raw-orders-one-reader",
        holds=[
            [*_BASE, _TRAINER_READS, _member("models", _READ, SCORER, bucket="p-prod-models")],
            [*_BASE, _limited(_MODELS_ONLY)],
            [*_BASE, _limited("resource.name.startsWith('projects/_/buckets/p-prod-models')")],
            [*_BASE, _limited(_MODELS_BUCKET)],
        ],
        violated=[
            [*_BASE, _TRAINER_READS, _SCORER_READS_RAW],
            [*_BASE, _member("everything", "roles/storage.objectAdmin", SCORER)],
            [*_BASE, _elsewhere("gcp:folder/iAMMember:IAMMember", {"folder": "folders/1"})],
            [
                *_BASE,
                _elsewhere(
                    "gcp:storage/managedFolderIamMember:ManagedFolderIamMember",
                    {"bucket": "p-prod-raw", "managedFolder": "2026/"},
                ),
            ],
            [*_BASE, _limited("resource.name.startsWith('projects/_/buckets/p-prod-raw/objects/2026')")],
            [*_BASE, _limited("resource.name.endsWith('-models')")],
            [*_BASE, _limited(f"{_MODELS_ONLY} || request.time > timestamp('2026-01-01T00:00:00Z')")],
            [*_BASE, _limited(f"{_MODELS_BUCKET} || {_MODELS_BUCKET.replace('models', 'raw')}")],
            [*_BASE, _limited(f"({_MODELS_BUCKET}) || (true)")],
            [*_BASE, _CUSTOM_ROLE, _member("custom", "projects/p/roles/reader", SCORER)],
        ],
    ),
    StackExamples(
        "duties-raw-orders-not-served",
        holds=[[*_BASE, _TRAINER_READS, _SERVICE]],
        violated=[
            [*_BASE, _SCORER_READS_RAW, _SERVICE],
            [
                *_BASE,
                Declared(_SERVICE.type, "scoring", {"template": {"volumes": [{"gcs": {"bucket": "p-prod-raw"}}]}}),
            ],
        ],
    ),
    StackExamples(
        "duties-deployers-read-nothing",
        holds=[
            [*_BASE, _DEPLOYS, _TRAINER_READS, _SCORER_HAS_KEY],
            [*_BASE, _TRAINER_READS, _acts_as(TRAINER)],
        ],
        violated=[
            [*_BASE, _DEPLOYS, _member("reads", _READ, _DEPLOYER, bucket="p-prod-raw")],
            [*_BASE, _DEPLOYS, _member("reads", _ACCESS, _DEPLOYER, secretId="masking-key")],
            [*_BASE, _DEPLOYS, _member("reads-all", _ACCESS, _DEPLOYER)],
            [*_BASE, _TRAINER_READS, _acts_as(SCORER)],
        ],
    ),
    StackExamples(
        "duties-secret-one-reader",
        holds=[[*_BASE, _SCORER_HAS_KEY], _TAKEN_UP],
        violated=[
            _BASE,
            [*_BASE, _SCORER_HAS_KEY, _member("trainer-has-key", _ACCESS, TRAINER, secretId="masking-key")],
        ],
    ),
    StackExamples(
        "duties-service-accounts",
        holds=[[*_ACCOUNTS, _member("manages", "roles/iam.serviceAccountAdmin", _DEPLOYER)]],
        violated=[
            [
                *_ACCOUNTS,
                _member("manages", "roles/iam.serviceAccountAdmin", _DEPLOYER),
                _member("acts", "roles/iam.serviceAccountUser", _DEPLOYER),
            ]
        ],
    ),
    StackExamples(
        "duties-encryption-keys",
        holds=[[*_ACCOUNTS, _member("manages", "roles/cloudkms.admin", _DEPLOYER)]],
        violated=[
            [
                *_ACCOUNTS,
                _member("manages", "roles/cloudkms.admin", _DEPLOYER),
                _member("uses", "roles/cloudkms.cryptoKeyEncrypterDecrypter", _DEPLOYER),
            ]
        ],
    ),
)
