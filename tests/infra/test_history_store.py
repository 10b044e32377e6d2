"""The store of histories of a stack: closed to strangers, shared by all instances, watched."""

import json
import re
from pathlib import Path

import pytest

from tests.infra.conftest import VERSION
from tests.infra.test_parts import SERVICE, declared, environment, sealed_value

STORE = "gcp:redis/instance:Instance"
ALERT = "gcp:monitoring/alertPolicy:AlertPolicy"


def test_all_instances_share_a_store_that_nobody_reaches_without_password_and_tls(models: Path) -> None:
    record = declared()
    store = record.one(STORE, "histories")
    assert (store["authEnabled"], store["transitEncryptionMode"]) == (True, "SERVER_AUTHENTICATION")
    assert (store["connectMode"], store["tier"], store["memorySizeGb"]) == ("DIRECT_PEERING", "BASIC", 1)
    assert store["authorizedNetwork"] == "projects/orderguard-local/global/networks/orderguard-local"
    assert store["redisConfigs"] == {"maxmemory-policy": "volatile-lru"}
    assert store["persistenceConfig"] == {"persistenceMode": "RDB", "rdbSnapshotPeriod": "ONE_HOUR"}
    assert environment(record)["HISTORY_URL"] == "rediss://10.1.2.3:6378/0"


@pytest.mark.parametrize(
    ("variable", "secret", "value"),
    [
        ("HISTORY_PASSWORD", "history-password", "password-of-the-store"),
        ("HISTORY_CA", "history-ca", "an older certificate\na newer certificate\n"),
    ],
)
def test_what_opens_the_store_reaches_the_service_by_reference(
    models: Path, variable: str, secret: str, value: str
) -> None:
    record = declared("prod")
    assert environment(record)[variable]["secretKeyRef"]["secret"] == f"orderguard-prod-{secret}"
    assert sealed_value(record, secret) == value
    assert "password-of-the-store" not in json.dumps(record.outputs)
    readers = record.of("gcp:secretmanager/secretIamMember:SecretIamMember")
    assert [name for name in readers if name.endswith(f"reads-{secret}")] == [f"scorer-reads-{secret}"]
    assert record.one("gcp:secretmanager/secret:Secret", secret)["topics"]


def test_prod_has_a_replica_and_a_key_of_its_own_for_the_store(models: Path) -> None:
    store = declared("prod").one(STORE, "histories")
    assert (store["tier"], store["deletionProtection"]) == ("STANDARD_HA", True)
    assert store["customerManagedKey"].endswith("/cryptoKeys/data")
    assert store["authorizedNetwork"] == "projects/orderguard-prod/global/networks/orderguard"


@pytest.mark.parametrize(
    ("network", "mode", "authorized"),
    [
        ("projects/host/global/networks/shared", "PRIVATE_SERVICE_ACCESS", "projects/host/global/networks/shared"),
        (
            "projects/orderguard-prod/global/networks/own",
            "DIRECT_PEERING",
            "projects/orderguard-prod/global/networks/own",
        ),
    ],
)
def test_a_shared_network_is_reached_as_google_wants_it(models: Path, network: str, mode: str, authorized: str) -> None:
    store = declared("prod", vpcNetwork=network).one(STORE, "histories")
    assert (store["connectMode"], store["authorizedNetwork"]) == (mode, authorized)


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
    left = [line for line in record.inventory() if re.search("history-|network|redis|store|seeder", line)]
    assert left == []


def test_the_team_hears_of_a_store_that_is_full_forgets_or_has_failed_over(models: Path) -> None:
    watched = {}
    for name, alert in declared("prod").of(ALERT).items():
        if name.startswith("alert-store-"):
            watched[name] = alert["conditions"][0]["conditionThreshold"]["filter"]
    assert sorted(watched) == [f"alert-store-{of}" for of in ("connections", "evictions", "failover", "memory")]
    instance = "projects/orderguard-prod/locations/europe-west1/instances/orderguard-prod-histories"
    assert all(f'resource.labels.instance_id="{instance}"' in found for found in watched.values())
    assert "alert-store-failover" not in declared("staging").of(ALERT)


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
    assert {"MASKING_KEY", "HISTORY_URL", "HISTORY_PASSWORD", "HISTORY_CA", "HISTORIES_DIR"} <= set(own)
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
    assert not record.of(STORE)
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
