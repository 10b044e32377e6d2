"""The store of histories of a stack: closed to strangers, shared by all instances, watched."""

import json
import re
from pathlib import Path

import pytest

from tests.infra.conftest import VERSION
from tests.infra.recording import Record
from tests.infra.test_parts import SERVICE, declared, environment

STORE = "gcp:memorystore/instance:Instance"
REDIS = "gcp:redis/instance:Instance"
POLICY = "gcp:networkconnectivity/serviceConnectionPolicy:ServiceConnectionPolicy"
ALERT = "gcp:monitoring/alertPolicy:AlertPolicy"


def test_all_instances_share_a_store_that_opens_to_their_tokens_over_tls_alone(models: Path) -> None:
    record = declared()
    store = record.one(STORE, "histories")
    assert (store["authorizationMode"], store["transitEncryptionMode"]) == ("IAM_AUTH", "SERVER_AUTHENTICATION")
    assert (store["mode"], store["shardCount"], store["replicaCount"]) == ("CLUSTER_DISABLED", 1, 0)
    network = "projects/orderguard-local/global/networks/orderguard-local"
    assert store["desiredAutoCreatedEndpoints"] == [{"network": network, "projectId": "orderguard-local"}]
    assert store["engineConfigs"] == {"maxmemory-policy": "volatile-lru"}
    assert store["persistenceConfig"] == {"mode": "AOF", "aofConfig": {"appendFsync": "EVERY_SEC"}}
    values = environment(record)
    assert (values["HISTORY_URL"], values["HISTORY_LOGIN"]) == ("rediss://10.1.2.3:6379/0", "iam")
    assert values["HISTORY_CA"] == "an older certificate\na newer certificate\n"
    assert not [line for line in record.inventory() if "history-" in line], "no secret opens it"
    (policy,) = record.of(POLICY).values()
    assert (policy["serviceClass"], policy["network"]) == ("gcp-memorystore", network)
    subnetwork = "projects/orderguard-local/regions/europe-west1/subnetworks/orderguard-local"
    assert policy["pscConfig"] == {"subnetworks": [subnetwork]}


def test_services_connect_by_a_right_on_the_instance(models: Path) -> None:
    record = declared("prod", deployer="", hooks=True, hookShopifySecret=True)
    granted = {
        name: grant
        for name, grant in record.of("gcp:projects/iAMMember:IAMMember").items()
        if grant["role"] == "roles/memorystore.dbConnectionUser"
    }
    assert sorted(granted) == ["hooks-connects-to-histories", "scorer-connects-to-histories"]
    for grant in granted.values():
        named = "resource.name.endsWith('/locations/europe-west1/instances/orderguard-prod-histories')"
        assert grant["condition"]["expression"] == named


def test_prod_has_a_replica_and_a_key_of_its_own_for_the_store(models: Path) -> None:
    record = declared("prod")
    store = record.one(STORE, "histories")
    assert (store["replicaCount"], store["nodeType"], store["deletionProtectionEnabled"]) == (1, "CUSTOM_MICRO", True)
    assert store["kmsKey"].endswith("/cryptoKeys/data")
    agents = record.of("gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember")
    assert "gcp-sa-memorystore" in agents["valkey-uses-data"]["member"] and "redis-uses-data" not in agents
    (endpoint,) = store["desiredAutoCreatedEndpoints"]
    assert endpoint["network"] == "projects/orderguard-prod/global/networks/orderguard"


@pytest.mark.parametrize(
    ("memory", "node"), [(1, "CUSTOM_PICO"), (3, "CUSTOM_MINI"), (4, "STANDARD_SMALL"), (58, "HIGHMEM_XLARGE")]
)
def test_a_node_has_the_memory_that_is_asked_for(models: Path, memory: int, node: str) -> None:
    assert declared(historyStoreMemoryGb=memory).one(STORE, "histories")["nodeType"] == node


def test_the_owner_of_a_shared_network_says_who_makes_endpoints_in_it(models: Path) -> None:
    shared = "projects/host/global/networks/shared"
    record = declared("prod", vpcNetwork=shared, vpcSubnetwork="projects/host/regions/europe-west1/subnetworks/s")
    assert record.of(POLICY) == {}
    (endpoint,) = record.one(STORE, "histories")["desiredAutoCreatedEndpoints"]
    assert endpoint == {"network": shared, "projectId": "orderguard-prod"}


def test_a_stack_that_names_no_network_has_one_that_leads_to_its_store_alone(models: Path) -> None:
    record = declared("staging")
    assert record.one("gcp:compute/network:Network", "network")["deleteDefaultRoutesOnCreate"] is True
    assert record.one("gcp:compute/subnetwork:Subnetwork", "network")["network"] == "orderguard-staging"
    access = record.one(SERVICE, "scorer")["template"]["vpcAccess"]
    interface = {"network": "orderguard-staging", "subnetwork": "orderguard-staging"}
    assert access == {"egress": "PRIVATE_RANGES_ONLY", "networkInterfaces": [interface]}
    assert declared("prod").of("gcp:compute/network:Network") == {}


def test_without_a_store_there_is_neither_network_nor_secret_nor_alert(models: Path) -> None:
    record = declared("staging", historyStore="off", historyUrl="off", alertStore="off")
    assert environment(record)["HISTORY_URL"] == "off"
    assert "HISTORY_PASSWORD" not in environment(record)
    assert "vpcAccess" not in record.one(SERVICE, "scorer")["template"]
    left = [line for line in record.inventory() if re.search("history-|network|valkey|store|seeder", line)]
    assert left == []


def test_the_team_hears_of_a_store_that_is_full_forgets_or_turns_services_away(models: Path) -> None:
    watched = watched_of(declared("prod"))
    assert sorted(watched) == [f"alert-store-{of}" for of in ("connections", "evictions", "memory")]
    instance = 'resource.labels.instance_id=ends_with("orderguard-prod-histories")'
    assert all(instance in found and "memorystore.googleapis.com/instance/" in found for found in watched.values())


def watched_of(record: Record) -> dict[str, str]:
    """The filter of each alert on the store."""
    return {
        name: alert["conditions"][0]["conditionThreshold"]["filter"]
        for name, alert in record.of(ALERT).items()
        if name.startswith("alert-store-")
    }


def test_the_store_is_seeded_in_its_network_by_who_may_read_it(models: Path) -> None:
    record = declared()
    jobs = {name: job["template"]["template"] for name, job in record.of("gcp:cloudrunv2/job:Job").items()}
    seeder, service = jobs["seeder"], record.one(SERVICE, "scorer")["template"]
    (container,) = seeder["containers"]
    assert [*container["commands"], *container["args"]] == ["/usr/bin/python", "-m", "app.seeding"]
    assert container["image"] == service["containers"][0]["image"]
    assert (seeder["serviceAccount"], seeder["vpcAccess"]) == (service["serviceAccount"], service["vpcAccess"])
    own, served = ({one["name"]: one for one in found["envs"]} for found in (container, service["containers"][0]))
    assert all(served[name] == variable for name, variable in own.items())
    assert {"MASKING_KEY", "HISTORY_URL", "HISTORY_LOGIN", "HISTORY_CA", "HISTORIES_DIR"} <= set(own)
    assert [volume["gcs"]["readOnly"] for volume in seeder["volumes"]] == [True]


def test_a_redis_of_ones_own_gets_its_password_and_certificates_by_reference(models: Path) -> None:
    certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    named = {"historyStore": "off", "historyUrl": "rediss://cache:6379"}
    record = declared(**named, historyPassword=True, historyCa=certificate)
    (seeder,) = record.one("gcp:cloudrunv2/job:Job", "seeder")["template"]["template"]["containers"]
    (service,) = record.one(SERVICE, "scorer")["template"]["containers"]
    for container in (seeder, service):
        variables = {one["name"]: one for one in container["envs"]}
        assert variables["HISTORY_URL"]["value"] == "rediss://cache:6379"
        for name, secret in (("HISTORY_PASSWORD", "history-password"), ("HISTORY_CA", "history-ca")):
            reference = variables[name]["valueSource"]["secretKeyRef"]
            assert reference["secret"] == f"orderguard-local-{secret}"
    assert not record.of(STORE) and not record.of(REDIS)
    left = json.dumps(declared(**named).one(SERVICE, "scorer"))
    assert "HISTORY_PASSWORD" not in left and "HISTORY_CA" not in left


def test_what_is_made_of_raw_orders_is_made_by_the_trainer(models: Path) -> None:
    record = declared()
    jobs = {name: job["template"]["template"] for name, job in record.of("gcp:cloudrunv2/job:Job").items()}
    assert jobs["histories"]["serviceAccount"] == jobs["trainer"]["serviceAccount"]
    arguments = {name: " ".join(jobs[name]["containers"][0]["args"]) for name in ("trainer", "histories")}
    places = "--data /mnt/raw --models /mnt/models --histories /mnt/histories"
    assert arguments == {"trainer": f"train {places}", "histories": f"histories {places} {VERSION}"}
    written = {
        name: [volume["name"] for volume in jobs[name]["volumes"] if not volume["gcs"]["readOnly"]]
        for name in arguments
    }
    assert written == {"trainer": ["models", "histories"], "histories": ["histories"]}
