"""The one-time stack: whom it trusts, and how far."""

import re

import pytest

from infra.bootstrap.__main__ import bootstrap
from infra.bootstrap.services import AGENTS
from infra.bootstrap.settings import Settings, SettingsError, read_settings
from tests.infra.recording import ROOT, Record, declare

VALUES = {
    "gcp:project": "orderguard-prod",
    "gcp:region": "europe-west1",
    "orderguard-bootstrap:stateLocation": "EU",
    "orderguard-bootstrap:repository": "456",
    "orderguard-bootstrap:repositoryOwner": "123",
}


@pytest.fixture
def settings() -> Settings:
    return read_settings(VALUES)


@pytest.fixture
def record(settings: Settings) -> Record:
    return declare(lambda: bootstrap(settings))


def test_github_is_trusted_by_numbers_alone(record: Record) -> None:
    provider = record.one("gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider", "github")
    assert (
        provider["attributeCondition"] == "assertion.repository_owner_id == '123' && assertion.repository_id == '456'"
    )
    assert provider["oidc"] == {"issuerUri": "https://token.actions.githubusercontent.com"}


def test_only_tags_deploy_and_only_main_publishes(record: Record) -> None:
    grants = record.of("gcp:serviceaccount/iAMMember:IAMMember")
    members = {name: grant["member"] for name, grant in grants.items()}
    assert members["github-becomes-deploy"].endswith("/attribute.trigger/456:tag")
    assert members["github-becomes-preview"].endswith("/attribute.repository_id/456")
    assert members["github-becomes-publish"].endswith("/attribute.repository_ref/456:refs/heads/main")
    own = grants.pop("deploy-proves-who-it-is")
    assert own["serviceAccountId"].endswith(f"/{own['member'].removeprefix('serviceAccount:')}")
    assert {grant["role"] for grant in grants.values()} == {"roles/iam.workloadIdentityUser"}


def test_there_are_no_keys_and_no_basic_roles(record: Record) -> None:
    assert record.of("gcp:serviceaccount/key:Key") == {}
    roles = {inputs["role"] for _, _, inputs in record.resources if "role" in inputs}
    assert not roles & {"roles/owner", "roles/editor", "roles/viewer"}


def test_the_preview_identity_reads_no_object_and_no_secret(record: Record) -> None:
    roles = {
        inputs["role"]
        for name, inputs in record.of("gcp:projects/iAMMember:IAMMember").items()
        if name.startswith("preview-")
    }
    assert roles
    assert not [role for role in roles if re.search(r"admin|editor|storage\.|secretAccessor|cryptoKey", role)]


def test_the_publish_identity_adds_model_versions_and_does_nothing_else(record: Record) -> None:
    grants = {
        name.removeprefix("publish-"): grant["condition"]["expression"]
        for name, grant in record.of("gcp:projects/iAMMember:IAMMember").items()
        if name.startswith("publish-")
    }
    assert set(grants) == {"storage.objectCreator"}
    assert grants["storage.objectCreator"].endswith(".endsWith('-models')")
    assert set(record.of("gcp:projects/iAMCustomRole:IAMCustomRole")) == {"deployer"}


def test_the_deploy_identity_may_sign_for_the_attestor(record: Record) -> None:
    signer = record.one("gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember", "deploy-signs-images")
    assert signer["role"] == "roles/cloudkms.signerVerifier"
    roles = {grant["role"] for grant in record.of("gcp:projects/iAMMember:IAMMember").values()}
    assert {
        "roles/binaryauthorization.attestorsViewer",
        "roles/containeranalysis.notes.attacher",
        "roles/containeranalysis.occurrences.editor",
    } <= roles


def test_service_agents_can_be_made_before_the_first_stack(record: Record) -> None:
    on = {service["service"] for service in record.of("gcp:projects/service:Service").values()}
    text = (ROOT / "docs" / "technical" / "infrastructure.md").read_text()
    (listed,) = re.findall(r"^for api in (.+); do$", text, re.MULTILINE)
    assert {f"{api}.googleapis.com" for api in listed.split()} == set(AGENTS)
    assert set(AGENTS) <= on


def test_the_deploy_identity_reads_objects_of_model_buckets_alone(record: Record) -> None:
    grants = record.of("gcp:projects/iAMMember:IAMMember")
    storage = {
        name: grant for name, grant in grants.items() if name.startswith("deploy-") and "storage" in grant["role"]
    }
    assert list(storage) == ["deploy-storage.objectUser"]
    condition = storage["deploy-storage.objectUser"]["condition"]["expression"]
    assert condition.endswith(".endsWith('-models')")
    permissions = record.one("gcp:projects/iAMCustomRole:IAMCustomRole", "deployer")["permissions"]
    assert not [permission for permission in permissions if permission.startswith("storage.objects")]


def test_the_deploy_identity_grants_on_the_project_what_the_program_grants(record: Record) -> None:
    grant = record.one("gcp:projects/iAMMember:IAMMember", "deploy-resourcemanager.projectIamAdmin")
    assert "hasOnly(['roles/aiplatform.user', 'roles/eventarc.eventReceiver'" in grant["condition"]["expression"]


def test_state_is_private_versioned_and_kept(record: Record) -> None:
    bucket = record.one("gcp:storage/bucket:Bucket", "state")
    assert bucket["publicAccessPrevention"] == "enforced"
    assert bucket["uniformBucketLevelAccess"] is True
    assert bucket["versioning"] == {"enabled": True}
    assert bucket["forceDestroy"] is False


def test_outputs_say_what_github_and_the_stacks_need(record: Record) -> None:
    assert record.outputs["backend_url"] == "gs://orderguard-prod-pulumi-state"
    assert record.outputs["deployer"] == "serviceAccount:orderguard-deploy@orderguard-prod.iam.gserviceaccount.com"
    assert record.outputs["attestor"] == "projects/orderguard-prod/attestors/built-by-deploy"
    assert record.outputs["secrets_provider"].startswith("gcpkms://")


@pytest.mark.parametrize("key", VALUES)
def test_a_missing_or_wrong_setting_is_explained(key: str) -> None:
    with pytest.raises(SettingsError, match=f"{key}: '!' does not fit. Run `pulumi config set {key}"):
        read_settings(VALUES | {key: "!"})


def test_a_repository_is_not_named_by_its_name() -> None:
    with pytest.raises(SettingsError, match="gh api repos/OWNER/NAME --jq .id"):
        read_settings(VALUES | {"orderguard-bootstrap:repository": "owner/orderguard"})


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(SettingsError, match="orderguard-bootstrap:owner: there is no such setting"):
        read_settings(VALUES | {"orderguard-bootstrap:owner": "me"})
