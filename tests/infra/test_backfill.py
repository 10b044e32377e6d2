"""Backfills: nothing of them unless the stack asks, then a template with private workers and the least rights."""

import json
import re
from typing import Any

import pytest

from infra.backfill import PARAMETERS, PERMISSIONS
from infra.keys import SAME_AS
from tests.infra.conftest import champion_in
from tests.infra.recording import NEWEST, PROJECT_NUMBER, Record, walk
from tests.infra.test_parts import declared

OBJECT = "gcp:storage/bucketObject:BucketObject"
ROUTE, FIREWALL = "gcp:compute/route:Route", "gcp:compute/firewall:Firewall"
ON = {"backfill": True}


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Record]:
    """Stacks with backfills, declared once: no test changes them."""
    with champion_in(tmp_path_factory.mktemp("backfill")):
        return {stack: declared(stack, **ON) for stack in ("local", "staging", "prod")}


def template(record: Record) -> dict[str, Any]:
    # The SDK seals what an object holds, whatever it is.
    found: dict[str, Any] = json.loads(record.one(OBJECT, "template")["content"]["value"])
    return found


ADDED = """
    docker:index/image:Image orderguard-backfill
    docker:index/registryImage:RegistryImage orderguard-backfill-latest
    docker:index/tag:Tag orderguard-backfill-latest
    gcp:artifactregistry/repositoryIamMember:RepositoryIamMember backfill-reads-registry
    gcp:compute/firewall:Firewall workers
    gcp:compute/route:Route workers
    gcp:monitoring/alertPolicy:AlertPolicy alert-backfill
    gcp:projects/iAMCustomRole:IAMCustomRole backfill-works
    gcp:projects/iAMMember:IAMMember backfill-works
    gcp:projects/service:Service dataflow
    gcp:secretmanager/secret:Secret backfill-masking-key
    gcp:secretmanager/secretIamMember:SecretIamMember backfill-reads-backfill-masking-key
    gcp:serviceaccount/account:Account backfill
    gcp:serviceaccount/iAMMember:IAMMember backfill-acts-as-itself
    gcp:storage/bucket:Bucket backfill
    gcp:storage/bucket:Bucket templates
    gcp:storage/bucketIAMMember:BucketIAMMember backfill-reads-models
    gcp:storage/bucketIAMMember:BucketIAMMember backfill-reads-raw
    gcp:storage/bucketIAMMember:BucketIAMMember backfill-writes-backfill
    gcp:storage/bucketObject:BucketObject template
    orderguard:platform:Backfill backfill
    orderguard:platform:Bucket backfill
    orderguard:platform:Bucket templates
    orderguard:platform:Identity backfill
    orderguard:platform:Secret backfill-masking-key
    orderguard:platform:WorkersNetwork workers
"""
"""What the switch adds to staging: all of it; without, the inventories are as they were."""


def test_the_switch_adds_this_and_changes_nothing_else(stacks: dict[str, Record], models: Any) -> None:
    plain = declared("staging")
    assert sorted(set(stacks["staging"].inventory()) - set(plain.inventory())) == [
        line.strip() for line in ADDED.strip().splitlines()
    ]
    theirs = {(kind, name): inputs for kind, name, inputs in plain.resources}
    ours = {(kind, name): inputs for kind, name, inputs in stacks["staging"].resources}
    changed = {key for key, inputs in theirs.items() if ours.get(key) != inputs and key[0] != OBJECT}
    assert changed == set(), "beside the model's files, which are no two alike to the SDK"


def test_workers_have_no_public_address_and_run_as_an_account_of_their_own(stacks: dict[str, Record]) -> None:
    for stack, record in stacks.items():
        environment = template(record)["defaultEnvironment"]
        assert environment["ipConfiguration"] == "WORKER_IP_PRIVATE"
        assert (
            environment["serviceAccountEmail"]
            == f"orderguard-{stack}-backfill@orderguard-{stack}.iam.gserviceaccount.com"
        )
        assert environment["sdkContainerImage"] == template(record)["image"]
        assert re.search(r"/orderguard-backfill@sha256:[0-9a-f]{64}$", template(record)["image"])
        for place in ("tempLocation", "stagingLocation"):
            assert environment[place].startswith(f"gs://orderguard-{stack}-{stack}-backfill/scratch/")


def test_a_job_is_encrypted_with_the_stacks_key_where_it_has_one(stacks: dict[str, Record]) -> None:
    keys = {stack: template(record)["defaultEnvironment"].get("kmsKeyName") for stack, record in stacks.items()}
    ring = "projects/orderguard-prod/locations/europe-west1/keyRings/orderguard-prod/cryptoKeys/data"
    assert keys == {"local": None, "staging": None, "prod": ring}
    granted = stacks["prod"].of("gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember")
    agents = {granted[f"{who}-uses-data"]["member"].partition("@")[2] for who in ("dataflow", "compute")}
    assert agents == {f"{a}.iam.gserviceaccount.com" for a in ("dataflow-service-producer-prod", "compute-system")}
    assert granted["compute-uses-data"]["member"].startswith(f"serviceAccount:service-{PROJECT_NUMBER}@")


def test_workers_reach_google_alone_and_in_a_network_that_is_named_somebody_else_sees_to_it(
    stacks: dict[str, Record],
) -> None:
    subnetworks = {stack: template(record)["defaultEnvironment"]["subnetwork"] for stack, record in stacks.items()}
    own = "regions/europe-west1/subnetworks/orderguard-{0}".format
    assert subnetworks["local"] == own("local") and subnetworks["staging"] == own("staging")
    assert subnetworks["prod"] == "regions/europe-west1/subnetworks/orderguard-egress"
    assert stacks["prod"].of(ROUTE) == {} == stacks["prod"].of(FIREWALL)
    route = stacks["local"].one(ROUTE, "workers")
    assert route["nextHopGateway"] == "default-internet-gateway"
    assert stacks["local"].one("gcp:compute/subnetwork:Subnetwork", "network")["privateIpGoogleAccess"] is True
    firewall = stacks["local"].one(FIREWALL, "workers")
    assert firewall["sourceTags"] == firewall["targetTags"] == ["dataflow"] and "sourceRanges" not in firewall


def test_the_worker_reads_orders_models_and_one_key_and_writes_one_bucket(stacks: dict[str, Record]) -> None:
    record = stacks["staging"]
    mine = sorted(
        f"{inputs['role']} {name}"
        for _, name, inputs in record.resources
        if str(inputs.get("member", "")).partition("@")[0].endswith("-backfill")
    )
    assert mine == [
        "names/backfill-works backfill-works",
        "roles/artifactregistry.reader backfill-reads-registry",
        "roles/iam.serviceAccountUser backfill-acts-as-itself",
        "roles/secretmanager.secretAccessor backfill-reads-backfill-masking-key",
        "roles/storage.objectUser backfill-writes-backfill",
        "roles/storage.objectViewer backfill-reads-models",
        "roles/storage.objectViewer backfill-reads-raw",
    ]
    assert SAME_AS["backfill-masking-key"] == "masking-key"
    role = record.one("gcp:projects/iAMCustomRole:IAMCustomRole", "backfill-works")
    assert role["permissions"] == list(PERMISSIONS) and not [one for one in PERMISSIONS if "storage.objects" in one]


def test_nobody_but_a_deployment_writes_what_is_launched(stacks: dict[str, Record]) -> None:
    record = stacks["staging"]
    assert record.one(OBJECT, "template")["bucket"] == "orderguard-staging-staging-templates"
    grants = record.of("gcp:storage/bucketIAMMember:BucketIAMMember").values()
    assert [one for one in grants if one["bucket"].endswith("-templates")] == []


def test_a_key_is_named_by_its_version_and_stands_nowhere(stacks: dict[str, Record]) -> None:
    record = stacks["prod"]
    named = f"projects/orderguard-prod/secrets/orderguard-prod-backfill-masking-key/versions/{NEWEST}"
    assert record.outputs["backfill_masking_key"] == named
    parameters = {one["name"]: one for one in template(record)["metadata"]["parameters"]}
    assert list(parameters) == [one.name for one in PARAMETERS]
    (pattern,) = parameters["masking_key"]["regexes"]
    assert re.fullmatch(pattern, named) and not re.fullmatch(pattern, "k1:a-key-in-clear")
    assert not [path for path, value in walk(template(record)) if "k1:" in str(value)]


def test_what_a_backfill_wrote_goes_after_a_month_and_what_it_put_aside_after_a_week(
    stacks: dict[str, Record],
) -> None:
    rules = stacks["prod"].one("gcp:storage/bucket:Bucket", "backfill")["lifecycleRules"]
    aged = {json.dumps(one["condition"].get("matchesPrefixes")): one["condition"].get("age") for one in rules[1:]}
    assert aged['["scratch/"]'] == 7 and aged["null"] == 30


def test_the_team_hears_of_a_backfill_that_failed(stacks: dict[str, Record]) -> None:
    (condition,) = stacks["prod"].one("gcp:monitoring/alertPolicy:AlertPolicy", "alert-backfill")["conditions"]
    asked = condition["conditionThreshold"]["filter"]
    assert 'metric.type="dataflow.googleapis.com/job/is_failed"' in asked
    assert 'starts_with("orderguard-prod-backfill")' in asked
