"""The one-time stack: whom it trusts, and how far."""

import re

import pytest

from delivery.doctor.needs import AGENTS as asked_for
from infra.bootstrap.__main__ import bootstrap
from infra.bootstrap.services import AGENTS
from infra.bootstrap.settings import Settings, SettingsError, read_settings
from tests.infra.cel import evaluate
from tests.infra.recording import Record, declare

VALUES = {
    "gcp:project": "orderguard-prod",
    "gcp:region": "europe-west1",
    "orderguard-bootstrap:stateLocation": "EU",
    "orderguard-bootstrap:repository": "456",
    "orderguard-bootstrap:repositoryOwner": "123",
    "orderguard-bootstrap:environment": "prod",
}


@pytest.fixture(scope="module")
def settings() -> Settings:
    return read_settings(VALUES)


@pytest.fixture(scope="module")
def record(settings: Settings) -> Record:
    return declare(lambda: bootstrap(settings))


RELEASE = {
    "sub": "repo:owner/orderguard:environment:production",
    "repository": "owner/orderguard",
    "repository_id": "456",
    "repository_owner_id": "123",
    "environment": "production",
    "event_name": "push",
    "job_workflow_ref": "owner/orderguard/.github/workflows/deploy.yml@refs/tags/v1.0.0",
    "ref": "refs/tags/v1.0.0",
    "ref_type": "tag",
}
MAIN = {"ref": "refs/heads/main", "ref_type": "branch"}


def run_of(workflow: str, **claims: str) -> dict[str, str]:
    """A token as GitHub gives it to a job of `workflow`, else of the release above."""
    token = {**RELEASE, **claims}
    return {**token, "job_workflow_ref": f"owner/orderguard/.github/workflows/{workflow}@{token['ref']}"}


PULL_REQUEST = {"event_name": "pull_request", "ref": "refs/pull/7/merge", "ref_type": "branch"}
RUNS = {
    "a version tag": (RELEASE, {"deploy"}),
    "the promotion on main": (run_of("promote.yml", **MAIN, environment="promotion-prod"), {"deploy"}),
    "the training on main": (run_of("train_model.yml", **MAIN, environment="models"), {"publish"}),
    "an approved pull request": (run_of("preview.yml", **PULL_REQUEST, environment="preview-prod"), {"preview"}),
    "the drift check on main": (run_of("drift.yml", **MAIN, environment="drift-prod"), {"preview"}),
    "any other tag": (run_of("deploy.yml", ref="refs/tags/x"), set()),
    "a workflow of its own under a version tag": (run_of("mine.yml"), set()),
    "a version tag in staging's environment": (run_of("deploy.yml", environment="staging"), set()),
    "the deployment on main": (run_of("deploy.yml", **MAIN), set()),
    "the deployment on a branch": (run_of("deploy.yml", ref="refs/heads/x", ref_type="branch"), set()),
    "the promotion in a pull request": (run_of("promote.yml", **PULL_REQUEST, environment="promotion-prod"), set()),
    "the promotion on a branch": (
        run_of("promote.yml", ref="refs/heads/x", ref_type="branch", environment="promotion-prod"),
        set(),
    ),
    "the training on a branch": (
        run_of("train_model.yml", ref="refs/heads/x", ref_type="branch", environment="models"),
        set(),
    ),
    "a pull request that takes the deployer's environment": (run_of("deploy.yml", **PULL_REQUEST), set()),
    "another workflow in the previews' environment": (
        run_of("mine.yml", **PULL_REQUEST, environment="preview-prod"),
        set(),
    ),
    "another repository's workflow of the same name": (
        {**RELEASE, "job_workflow_ref": "stranger/tools/.github/workflows/deploy.yml@refs/tags/v1.0.0"},
        set(),
    ),
    "a repository that took over the name": ({**RELEASE, "repository_id": "999"}, set()),
    "an owner that took over the name": ({**RELEASE, "repository_owner_id": "999"}, set()),
    "a job without an environment": ({k: v for k, v in RELEASE.items() if k != "environment"}, set()),
}


@pytest.mark.parametrize("run", RUNS)
def test_a_run_becomes_the_identity_that_it_is_there_for_and_no_other(record: Record, run: str) -> None:
    token, expected = RUNS[run]
    provider = record.one("gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider", "github")
    assert provider["oidc"] == {"issuerUri": "https://token.actions.githubusercontent.com"}
    try:
        let_in = evaluate(provider["attributeCondition"], token)
        attributes = (
            {name: evaluate(text, token) for name, text in provider["attributeMapping"].items()} if let_in else {}
        )
    except KeyError:
        attributes = {}  # Google refuses a token that lacks a claim which is mapped
    become = set()
    for grant in record.of("gcp:serviceaccount/iAMMember:IAMMember").values():
        if grant["role"] == "roles/iam.workloadIdentityUser":
            attribute, value = re.findall(r"/(attribute\.\w+)/(.+)$", grant["member"])[0]
            if attributes.get(attribute) == value:
                become.add(re.sub(r"^.*/(?:orderguard-)?|@.*$", "", grant["serviceAccountId"]))
    assert become == expected


def test_who_acts_as_an_account_does_so_by_a_run_or_as_itself_or_deploys(record: Record) -> None:
    grants = record.of("gcp:serviceaccount/iAMMember:IAMMember")
    own = grants.pop("deploy-proves-who-it-is")
    assert own["serviceAccountId"].endswith(f"/{own['member'].removeprefix('serviceAccount:')}")
    acting = {name: grants.pop(name) for name in list(grants) if name.startswith("deployer-acts-as-")}
    assert set(acting) == {f"deployer-acts-as-{name}" for name in ("scorer", "trainer", "hooks", "launcher")}
    assert {(grant["role"], grant["member"]) for grant in acting.values()} == {
        ("roles/iam.serviceAccountUser", record.outputs["deployer"])
    }
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
    assert {f"{api}.googleapis.com" for api in asked_for} == set(AGENTS), "`make bootstrap` asks Google for each"
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


def test_what_a_deployment_could_turn_off_is_the_one_time_stacks_own(record: Record) -> None:
    policy = record.one("gcp:binaryauthorization/policy:Policy", "images")
    assert policy["defaultAdmissionRule"]["requireAttestationsBies"] == [record.outputs["attestor"]]
    audited = record.of("gcp:projects/iAMAuditConfig:IAMAuditConfig").values()
    assert {one["service"].partition(".")[0] for one in audited} == {"storage", "secretmanager", "redis", "memorystore"}


def test_staging_signs_and_records_nothing_unless_it_says_so() -> None:
    staging = {**VALUES, "orderguard-bootstrap:environment": "staging"}
    settings = read_settings(staging)
    assert (settings.signed_images, settings.audit_logs, settings.vertex) == (False, False, False)
    assert read_settings({**staging, "orderguard-bootstrap:signedImages": "true"}).signed_images
    with pytest.raises(SettingsError, match="orderguard-bootstrap:vertex: 'yes' does not fit. Write true or false."):
        read_settings({**staging, "orderguard-bootstrap:vertex": "yes"})


def test_the_preview_identity_reads_the_copy_of_the_state_and_not_the_state(record: Record) -> None:
    on_state = record.of("gcp:storage/bucketIAMMember:BucketIAMMember")
    assert set(on_state) == {"deploy-state", "preview-state"}
    condition = on_state["preview-state"]["condition"]["expression"]
    place = "projects/_/buckets/orderguard-prod-pulumi-state"
    assert evaluate(condition, {"name": f"{place}/objects/previews/orderguard/prod.json"})
    for other in (place, f"{place}/objects/.pulumi/stacks/orderguard/prod.json", f"{place}/objects/previews"):
        assert not evaluate(condition, {"name": other})
    assert set(record.of("gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember")) == {"deploy-secrets", "deploy-signs-images"}


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


def test_a_state_in_the_eu_is_not_beside_a_key_in_london() -> None:
    with pytest.raises(SettingsError, match="stateLocation: EU does not hold gcp:region europe-west2"):
        read_settings(VALUES | {"gcp:region": "europe-west2"})
    assert read_settings(VALUES | {"gcp:region": "europe-west2", "orderguard-bootstrap:stateLocation": "europe-west2"})
