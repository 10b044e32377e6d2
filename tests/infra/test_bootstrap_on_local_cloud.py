"""The one-time stack as a whole, under the real engine on the local cloud."""

import json
import subprocess
from pathlib import Path

import pytest

from infra.local.cloud import Cloud
from infra.local.home import Home
from infra.local.pulumi import run
from tests.infra.recording import ROOT
from tests.infra.test_bootstrap import VALUES

BOOTSTRAP = ROOT / "infra" / "bootstrap"
SETTINGS = [word for key, value in VALUES.items() for word in ("--config", f"{key}={value}")]
POLICIES = ["--policy-pack", str(ROOT / "policies"), "--policy-pack-config", str(BOOTSTRAP / "policies.json")]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local cloud in which the one-time stack is up, by the command of the documentation."""
    folder = tmp_path_factory.mktemp("bootstrap")
    done = _pulumi(folder, "up", "--yes", *SETTINGS, *POLICIES)
    assert done.returncode == 0, done.stdout
    return folder


def test_a_second_up_changes_nothing(home: Path) -> None:
    again = _pulumi(home, "up", "--yes", "--expect-no-changes", *SETTINGS, *POLICIES)
    assert again.returncode == 0, again.stdout
    assert " unchanged" in again.stdout


def test_the_outputs_are_what_a_deployment_is_set_up_with(home: Path) -> None:
    outputs = json.loads(_pulumi(home, "stack", "output", "--json").stdout)
    assert outputs["backend_url"] == "gs://orderguard-prod-pulumi-state"
    assert outputs["deploy_service_account"] == "orderguard-deploy@orderguard-prod.iam.gserviceaccount.com"
    assert outputs["workload_identity_provider"].endswith("/workloadIdentityPools/github/providers/github")
    assert outputs["attestor_key"].endswith("/keyRings/built-by-deploy/cryptoKeys/signature")


def test_without_its_exceptions_the_policies_refuse_what_the_deployer_may_do(home: Path) -> None:
    refused = _pulumi(home, "preview", *SETTINGS, "--policy-pack", str(ROOT / "policies"))
    assert refused.returncode != 0
    assert "[mandatory]" in refused.stdout
    assert "iam-custom-roles" in refused.stdout


def test_a_stack_comes_up_by_the_grants_of_the_one_time_stack(home: Path, module_models: None) -> None:
    """It makes none on buckets, accounts and the project itself; whether a revision may start is decided by IAM."""
    deployer = "serviceAccount:orderguard-deploy@orderguard-prod.iam.gserviceaccount.com"
    settings = ["--config", f"orderguard:deployer={deployer}"]
    shared = {"LOCAL_CLOUD_RECORDING": "1", "LOCAL_CLOUD_SHARED": "1"}
    up = run(["up", "--yes", "--skip-preview", *settings], home=home, stack="prod", extra=shared)
    assert up.returncode == 0, up.stdout
    cloud = Cloud(Home(home), "prod")
    assert not list(cloud.all("gcp:storage/bucketIAMMember:BucketIAMMember")) or {
        record.urn.partition("::")[2].partition("::")[0]
        for record in cloud.all("gcp:storage/bucketIAMMember:BucketIAMMember")
    } == {"orderguard-bootstrap"}
    refused = run(
        ["up", "--yes", "--skip-preview", *settings],
        home=home / "without",
        stack="prod",
        extra={"LOCAL_CLOUD_RECORDING": "1"},
    )
    assert refused.returncode != 0 and "does not have storage.objects.list access" in refused.stdout


def test_state_and_its_key_can_not_be_taken_down(home: Path) -> None:
    down = _pulumi(home, "destroy", "--yes")
    assert down.returncode != 0
    assert "State$gcp:storage/bucket:Bucket::state" in down.stdout
    assert "State$gcp:kms/cryptoKey:CryptoKey::state" in down.stdout
    assert "cannot be deleted" in down.stdout


def _pulumi(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run(words, home=home, stack="prod", project=BOOTSTRAP)
