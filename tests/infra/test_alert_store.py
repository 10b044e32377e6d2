"""The store of alerts of a stack: closed to strangers, without a password, recoverable, and both services' own."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.infra.recording import Record
from tests.infra.test_parts import SERVICE, declared, environment

STORE = "gcp:sql/databaseInstance:DatabaseInstance"
HOOKS = {"hooks": True, "hookShopifySecret": True}


@pytest.fixture(scope="module")
def prod(module_models: None) -> Record:
    return declared("prod", **HOOKS)


@pytest.fixture(scope="module")
def wanted(prod: Record) -> dict[str, Any]:
    return dict(prod.one(STORE, "alerts")["settings"])


def test_nobody_reaches_it_but_from_the_stacks_network_and_by_tls(prod: Record, wanted: dict[str, Any]) -> None:
    assert wanted["ipConfiguration"] == {
        "ipv4Enabled": False,
        "sslMode": "ENCRYPTED_ONLY",
        "serverCaMode": "GOOGLE_MANAGED_INTERNAL_CA",
        "pscConfigs": [{"pscEnabled": True, "allowedConsumerProjects": ["orderguard-prod"]}],
    }
    endpoint = prod.one("gcp:compute/forwardingRule:ForwardingRule", "alerts")
    assert (endpoint["network"], endpoint["subnetwork"]) == ("orderguard", "orderguard-egress")
    assert (endpoint["ipAddress"], endpoint["loadBalancingScheme"]) == ("10.8.0.9", "")
    assert endpoint["target"].endswith("/serviceAttachments/a-1")
    assert prod.one("gcp:compute/address:Address", "alerts")["addressType"] == "INTERNAL"


def test_each_service_logs_in_as_its_own_account_and_no_password_is_anywhere(prod: Record) -> None:
    users = prod.of("gcp:sql/user:User")
    assert sorted(users) == ["hooks-of-alerts", "scorer-of-alerts"]
    for name, user in users.items():
        who = f"orderguard-prod-{name.partition('-')[0]}@orderguard-prod.iam"
        assert (user["name"], user["type"]) == (who, "CLOUD_IAM_SERVICE_ACCOUNT")
        assert not [key for key in user if "assword" in key]
    assert "ootPassword" not in json.dumps(prod.one(STORE, "alerts"))
    grants = {n: g for n, g in prod.of("gcp:projects/iAMMember:IAMMember").items() if "logs-in-to" in n}
    assert sorted(grants) == ["hooks-logs-in-to-alerts", "scorer-logs-in-to-alerts"]
    held = {(grant["role"], grant["condition"]["expression"].partition(" && ")[0]) for grant in grants.values()}
    named = "resource.name == 'projects/orderguard-prod/instances/orderguard-prod-alerts'"
    assert held == {("roles/cloudsql.instanceUser", named)}


@pytest.mark.parametrize("service", ["scorer", "hooks"])
def test_both_services_keep_alerts_in_it(prod: Record, service: str) -> None:
    (container,) = prod.one(SERVICE, service)["template"]["containers"]
    told = {one["name"]: one.get("value") for one in container["envs"]}
    account = f"orderguard-prod-{service}%40orderguard-prod.iam"
    assert told["ALERTS_URL"] == f"postgresql://{account}@10.8.0.9/orderguard"
    assert (told["ALERTS_LOGIN"], told["ALERTS_CA"]) == ("iam", "an authority's certificate\n")
    assert told["ALERTS_DAYS"] == "365" and "ALERTS_PASSWORD" not in told


def test_what_it_holds_stays_and_can_be_brought_back(prod: Record, wanted: dict[str, Any]) -> None:
    store = prod.one(STORE, "alerts")
    assert store["databaseVersion"].startswith("POSTGRES_1")
    assert store["deletionProtection"] and wanted["deletionProtectionEnabled"]
    assert store["encryptionKeyName"].endswith("/cryptoKeys/data")
    assert wanted["availabilityType"] == "REGIONAL" and wanted["diskAutoresize"] and wanted["diskAutoresizeLimit"]
    backups = wanted["backupConfiguration"]
    assert backups["enabled"] and backups["pointInTimeRecoveryEnabled"] and backups["location"] == "europe-west1"
    assert wanted["userLabels"]["environment"] == "prod"


def test_it_takes_as_many_connections_as_all_instances_open(wanted: dict[str, Any]) -> None:
    flags = {flag["name"]: flag["value"] for flag in wanted["databaseFlags"]}
    assert flags["cloudsql.iam_authentication"] == "on"
    assert flags["max_connections"] == str(20 * 2 * 10)


def test_staging_has_a_small_one_and_local_none(models: Path) -> None:
    staging = declared("staging")
    settings = staging.one(STORE, "alerts")["settings"]
    assert (settings["tier"], settings["availabilityType"]) == ("db-f1-micro", "ZONAL")
    assert environment(staging)["IDENTITY"] == "invoker"
    local = declared("local")
    assert not local.of(STORE) and environment(local)["IDENTITY"] == "typed"


def test_who_acts_is_told_by_identity_aware_proxy_where_the_stack_says_so(models: Path) -> None:
    told = environment(declared("staging", identity="iap", iapAudience="/projects/1/global/backendServices/2"))
    assert (told["IDENTITY"], told["IAP_AUDIENCE"]) == ("iap", "/projects/1/global/backendServices/2")
