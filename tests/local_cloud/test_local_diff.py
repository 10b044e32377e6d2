"""Which change replaces a resource, and what goes first."""

from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

BUCKET = "gcp:storage/bucket:Bucket"
SERVICE = "gcp:cloudrunv2/service:Service"


def test_equal_inputs_are_no_difference(ask: Any) -> None:
    inputs = {"name": "b", "location": "EU", "labels": {"a": "1"}}
    assert ask.diff(BUCKET, inputs, inputs).changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_label_updates_in_place(ask: Any) -> None:
    answer = ask.diff(BUCKET, {"name": "b", "labels": {"a": "1"}}, {"name": "b", "labels": {"a": "2"}})
    assert dict(answer.detailedDiff).keys() == {"labels.a"}
    assert list(answer.replaces) == []


def test_a_location_replaces(ask: Any) -> None:
    answer = ask.diff(BUCKET, {"name": "b", "location": "EU"}, {"name": "b", "location": "US"})
    assert list(answer.replaces) == ["location"]


def test_the_old_one_goes_first_exactly_when_the_name_was_given(ask: Any) -> None:
    explicit = ask.diff(BUCKET, {"name": "b", "location": "EU"}, {"name": "b", "location": "US"})
    automatic = {"name": "b-1234567", "__defaults": ["name"]}
    auto = ask.diff(BUCKET, {**automatic, "location": "EU"}, {**automatic, "location": "US"})
    assert explicit.deleteBeforeReplace
    assert not auto.deleteBeforeReplace


def test_a_nested_replacement_rule_holds_in_lists(ask: Any) -> None:
    old = {"name": "t", "matchingCriterias": [{"attribute": "type", "value": "a"}], "destination": {"workflow": "w"}}
    new = {**old, "matchingCriterias": [{"attribute": "type", "value": "b"}]}
    assert list(ask.diff("gcp:eventarc/trigger:Trigger", old, new).replaces) == ["matchingCriterias"]


def test_a_template_change_updates_the_service_in_place(ask: Any) -> None:
    old = {"name": "s", "template": {"containers": [{"image": "a"}]}}
    new = {"name": "s", "template": {"containers": [{"image": "b"}]}}
    answer = ask.diff(SERVICE, old, new)
    assert list(answer.detailedDiff) == ["template.containers[0].image"]
    assert list(answer.replaces) == []


REDIS = "gcp:redis/instance:Instance"
STORE = {"name": "cache-a", "memorySizeGb": 1, "tier": "BASIC", "region": "europe-west1", "redisVersion": "REDIS_7_0"}
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
RANGE = {"name": "s", "network": "n", "ipCidrRange": "10.8.0.0/24"}


@pytest.mark.parametrize(
    ("token", "old", "change", "replaces"),
    [
        (REDIS, STORE, {"tier": "STANDARD_HA"}, ["tier"]),
        (REDIS, STORE, {"transitEncryptionMode": "SERVER_AUTHENTICATION"}, ["transitEncryptionMode"]),
        (REDIS, STORE, {"region": "europe-west4"}, ["region"]),
        (REDIS, STORE, {"customerManagedKey": "k"}, ["customerManagedKey"]),
        (REDIS, STORE, {"redisVersion": "REDIS_6_X"}, ["redisVersion"]),
        (REDIS, STORE, {"redisVersion": "REDIS_7_2", "memorySizeGb": 2, "authEnabled": True}, []),
        (SUBNETWORK, RANGE, {"ipCidrRange": "10.8.0.0/20"}, []),
        (SUBNETWORK, RANGE, {"ipCidrRange": "10.8.0.0/25"}, ["ipCidrRange"]),
        (SUBNETWORK, RANGE, {"network": "other"}, ["network"]),
    ],
)
def test_a_store_and_its_network_grow_in_place(
    ask: Any, token: str, old: dict[str, Any], change: dict[str, Any], replaces: list[str]
) -> None:
    answer = ask.diff(token, old, {**old, **change})
    assert list(answer.replaces) == replaces
    assert answer.deleteBeforeReplace == bool(replaces)
