"""Which change replaces a resource, and what goes first."""

from typing import Any

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
