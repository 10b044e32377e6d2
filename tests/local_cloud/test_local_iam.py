"""Who may do what, over the bindings of a stack."""

from typing import Any

import pytest

from infra.local import iam
from infra.local.iam import Binding, Policies
from infra.local.provider.resource import Place
from infra.local.run_rights import missing

MEMBER = "serviceAccount:scorer@a-project.iam.gserviceaccount.com"


def holds(binding: Binding, permission: str, *resources: str, custom: dict[str, frozenset[str]] | None = None) -> bool:
    return Policies([binding], custom or {}).allows(MEMBER, permission, *resources)


@pytest.mark.parametrize(
    ("binding", "permission", "resources", "allowed"),
    [
        (Binding("bucket:b", "roles/storage.objectViewer", frozenset({MEMBER})), iam.OBJECT_READ, ("bucket:b",), True),
        (Binding("bucket:b", "roles/storage.objectViewer", frozenset({MEMBER})), iam.OBJECT_READ, ("bucket:c",), False),
        (
            Binding("bucket:b", "roles/storage.objectCreator", frozenset({MEMBER})),
            iam.OBJECT_READ,
            ("bucket:b",),
            False,
        ),
        (
            Binding("bucket:b", "roles/storage.objectViewer", frozenset({"user:a@b.c"})),
            iam.OBJECT_READ,
            ("bucket:b",),
            False,
        ),
        (
            Binding("bucket:b", "roles/storage.objectViewer", frozenset({"allUsers"})),
            iam.OBJECT_READ,
            ("bucket:b",),
            True,
        ),
        (
            Binding("project:p", "roles/secretmanager.secretAccessor", frozenset({MEMBER})),
            iam.SECRET_ACCESS,
            ("secret:p/s", "project:p"),
            True,
        ),
        (
            Binding("project:p", "roles/editor", frozenset({MEMBER})),
            iam.SECRET_ACCESS,
            ("secret:p/s", "project:p"),
            False,
        ),
        (
            Binding("project:p", "roles/viewer", frozenset({MEMBER})),
            iam.IMAGE_PULL,
            ("repository:p/r", "project:p"),
            True,
        ),
    ],
)
def test_a_role_grants_its_permissions_on_its_resource(
    binding: Binding, permission: str, resources: tuple[str, ...], allowed: bool
) -> None:
    assert holds(binding, permission, *resources) is allowed


def test_a_custom_role_grants_what_it_lists() -> None:
    role = "projects/p/roles/reader"
    binding = Binding("bucket:b", role, frozenset({MEMBER}))
    assert holds(binding, iam.OBJECT_READ, "bucket:b", custom={role: frozenset({iam.OBJECT_READ})})
    assert not holds(binding, iam.OBJECT_LIST, "bucket:b", custom={role: frozenset({iam.OBJECT_READ})})


def test_a_condition_on_another_bucket_does_not_grant() -> None:
    members = frozenset({MEMBER})
    other = {"expression": "resource.name.startsWith('projects/_/buckets/other/')"}
    own = {"expression": 'resource.name.startsWith("projects/_/buckets/b/objects/x")'}
    assert not holds(
        Binding("project:p", "roles/storage.objectViewer", members, other), iam.OBJECT_READ, "bucket:b", "project:p"
    )
    assert holds(
        Binding("project:p", "roles/storage.objectViewer", members, own), iam.OBJECT_READ, "bucket:b", "project:p"
    )


TEMPLATE = {
    "serviceAccount": "scorer@a-project.iam.gserviceaccount.com",
    "volumes": [{"name": "m", "gcs": {"bucket": "models"}}],
    "containers": [
        {
            "image": "europe-west1-docker.pkg.dev/other-project/images/app@sha256:0",
            "envs": [{"name": "KEY", "valueSource": {"secretKeyRef": {"secret": "key", "version": "1"}}}],
        }
    ],
}
GRANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "Permission denied on secret: projects/1/secrets/key": (
        "gcp:secretmanager/secretIamBinding:SecretIamBinding",
        {"secretId": "key", "role": "roles/secretmanager.secretAccessor", "members": [MEMBER]},
    ),
    "must have permission to read the image": (
        "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
        {
            "repository": "images",
            "location": "europe-west1",
            "project": "other-project",
            "role": "roles/artifactregistry.reader",
            "member": MEMBER,
        },
    ),
    "does not have storage.objects.list access": (
        "gcp:storage/bucketIAMPolicy:BucketIAMPolicy",
        {
            "bucket": "models",
            "policyData": f'{{"bindings": [{{"role": "roles/storage.objectViewer", "members": ["{MEMBER}"]}}]}}',
        },
    ),
}


PARENTS: dict[str, dict[str, Any]] = {
    "gcp:secretmanager/secret:Secret": {"secretId": "key", "replication": {"auto": {}}},
    "gcp:artifactregistry/repository:Repository": {
        "repositoryId": "images",
        "format": "DOCKER",
        "location": "europe-west1",
        "project": "other-project",
    },
    "gcp:storage/bucket:Bucket": {"name": "models", "location": "EU"},
}


@pytest.fixture
def granted(ask: Any) -> Any:
    """A cloud that holds what the template refers to."""
    for token, inputs in PARENTS.items():
        ask.create(token, inputs)
    return ask


@pytest.mark.parametrize("forgotten", GRANTS)
def test_each_forgotten_binding_is_named_as_google_cloud_names_it(granted: Any, forgotten: str) -> None:
    ask = granted
    for says, (token, inputs) in GRANTS.items():
        if says != forgotten:
            ask.create(token, inputs)
    place = Place(project="a-project", number="1", region="", urn="", type="")
    problems = missing(ask.cloud, TEMPLATE, place)
    assert len(problems) == 1
    assert forgotten in problems[0]


def test_an_image_of_the_own_project_is_pulled_by_cloud_run_itself(granted: Any) -> None:
    place = Place(project="other-project", number="1", region="", urn="", type="")
    template = {"containers": TEMPLATE["containers"][:1]}
    assert not [one for one in missing(granted.cloud, template, place) if "read the image" in one]


def test_with_every_binding_nothing_is_missing(granted: Any) -> None:
    ask = granted
    for token, inputs in GRANTS.values():
        ask.create(token, inputs)
    place = Place(project="a-project", number="1", region="", urn="", type="")
    assert missing(ask.cloud, TEMPLATE, place) == []
