"""Check answers as the real provider was seen to answer, and finds beyond it what Google Cloud refuses in `up`."""

import json
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from bench.fidelity.asker import Asker
from bench.fidelity.cases import judged, plain
from bench.fidelity.fuzz import crashes
from bench.fidelity.run import CASES
from bench.fidelity.statements import sample
from infra.local.facts import distil, facts_of, known_types
from infra.local.provider.check import REFUSED, check
from infra.local.provider.given import DEFAULTS
from infra.local.provider.program import lacks
from infra.local.provider.values import UNKNOWN, struct
from infra.local.services import all_resources, modules, resource_of

ANSWERS = json.loads(CASES.read_bytes())
SERVICE = "gcp:cloudrunv2/service:Service"
ALERT = "gcp:monitoring/alertPolicy:AlertPolicy"
REDIS = "gcp:redis/instance:Instance"
THRESHOLD = {
    "filter": 'resource.type="cloud_run_revision" AND metric.type="logging.googleapis.com/user/errors"',
    "comparison": "COMPARISON_GT",
    "duration": "0s",
}


def test_check_and_diff_answer_as_the_real_provider_did(tmp_path: Path) -> None:
    found = list(judged(Asker(tmp_path), ANSWERS))
    assert len(found) > 300
    assert [one.disagrees for one in found if one.disagrees] == []
    # In three of them the real provider names a neighbour of the property that is wrong.
    assert sum(not one.same_sentence for one in found) == 3


def test_check_and_diff_say_of_any_type_what_its_facts_state(tmp_path: Path) -> None:
    found = sample(Asker(tmp_path), seed=18, types=60, share=0.4)
    assert len(found) > 300 and {"missing", "mistyped", "unknown", "same", "becomes unknown"} <= {
        one.kind for one in found
    }
    assert [one.disagrees for one in found if one.disagrees] == []


def test_no_input_of_any_shape_crashes_the_provider(tmp_path: Path) -> None:
    assert list(crashes(Asker(tmp_path), seed=18, inputs=200)) == []


def test_check_fills_in_what_the_real_provider_does(ask: Any) -> None:
    for case in ANSWERS["checks"]:
        if "error" in case:
            continue
        inputs, _ = ask.check(case["type"], plain(case["inputs"]))
        added = {key: value for key, value in inputs.items() if key not in case["inputs"] and key != DEFAULTS}
        for key, value in list(added.items()):
            if case["added"].get(key) == "AUTOMATIC":
                assert value.startswith("x-") and len(value) == 9 and int(value[2:], 16) >= 0
                added[key] = "AUTOMATIC"
        assert added == case["added"], case
        changed = {key: inputs[key] for key in case.get("changed", ())}
        assert changed == plain(case.get("changed", {})), case


def alert(**condition: Any) -> dict[str, Any]:
    return {"displayName": "a", "combiner": "OR", "conditions": [{"displayName": "c", **condition}]}


def service(**changes: Any) -> dict[str, Any]:
    template = {"containers": [{"image": "x"}], **changes.pop("template", {})}
    return {"location": "europe-west1", "name": "web", "template": template, **changes}


def container(**fields: Any) -> dict[str, Any]:
    return {"template": {"containers": [{"image": "x", **fields}]}}


@pytest.mark.parametrize(
    ("token", "inputs", "says"),
    [
        ("gcp:storage/bucket:Bucket", {"location": "EU", "name": "Upper"}, "Invalid bucket name: 'Upper'"),
        ("gcp:storage/bucket:Bucket", {"location": "EU", "name": "goog-x"}, "Invalid bucket name: 'goog-x'"),
        ("gcp:storage/bucket:Bucket", {"location": "EU", "storageClass": "WARM"}, "storage class WARM"),
        (
            "gcp:storage/bucketObject:BucketObject",
            {"bucket": "b", "name": "a\nb", "content": "1"},
            "Invalid object name",
        ),
        (
            "gcp:secretmanager/secret:Secret",
            {"secretId": "bad id!", "replication": {"auto": {}}},
            "Secret ID [bad id!]",
        ),
        ("gcp:artifactregistry/repository:Repository", {"repositoryId": "r", "format": "WAT"}, "WAT"),
        ("gcp:artifactregistry/repository:Repository", {"repositoryId": "Bad_R", "format": "DOCKER"}, "Bad_R"),
        ("gcp:pubsub/topic:Topic", {"name": "goog-topic"}, "Invalid resource name given"),
        (REDIS, {"memorySizeGb": 301}, "Instance size must be from 1 to 300 GB"),
        (REDIS, {"memorySizeGb": 1, "redisVersion": "REDIS_8"}, "Redis version REDIS_8 is not supported"),
        (REDIS, {"memorySizeGb": 1, "redisConfigs": {"appendonly": "yes"}}, "Invalid Redis config appendonly"),
        (REDIS, {"memorySizeGb": 1, "redisConfigs": {"maxmemory-policy": "lru"}}, "maxmemory-policy=lru"),
        (REDIS, {"memorySizeGb": 5, "readReplicasMode": "READ_REPLICAS_ENABLED"}, "need the tier STANDARD_HA"),
        (ALERT, alert(conditionThreshold=THRESHOLD), "Cannot find metric(s) that match type"),
        (ALERT, alert(conditionMatchedLog={"filter": "severity=ERROR"}), "notification_rate_limit"),
        (
            "gcp:storage/bucketIAMMember:BucketIAMMember",
            {"bucket": "b", "role": "viewer", "member": "allUsers"},
            "Role viewer",
        ),
        (
            "gcp:storage/bucketIAMMember:BucketIAMMember",
            {"bucket": "b", "role": "roles/storage.objectReader", "member": "allUsers"},
            "Role roles/storage.objectReader is not supported",
        ),
        (SERVICE, service(name="UPPER"), "only lowercase"),
        (
            SERVICE,
            service(**container(envs=[{"name": "PORT", "value": "1"}])),
            "reserved env names were provided: PORT",
        ),
        (SERVICE, service(**container(envs=[{"name": "A"}, {"name": "A"}])), "duplicate environment variable name 'A'"),
        (SERVICE, service(**container(resources={"limits": {"cpu": "3"}})), "Invalid value specified for cpu"),
        (SERVICE, service(**container(resources={"limits": {"cpu": "4", "memory": "1Gi"}})), "at least 2Gi"),
        (
            SERVICE,
            service(**container(volumeMounts=[{"name": "v", "mountPath": "/v"}])),
            "The volume 'v' was not found",
        ),
        (SERVICE, service(template={"scaling": {"minInstanceCount": 3, "maxInstanceCount": 2}}), "less than or equal"),
        (SERVICE, service(traffics=[{"percent": 50}]), "must be 100; got 50"),
        (SERVICE, service(template={"containers": [{"image": "a"}, {"image": "b"}]}), "exactly one container with an"),
        (
            SERVICE,
            service(
                template={
                    "containers": [{"image": "a", "ports": {"containerPort": 1}, "dependsOns": ["b"]}, {"image": "b"}]
                }
            ),
            "the container 'b' was not found",
        ),
        (SERVICE, service(**container(ports={"containerPort": 99999})), "must be from 1 to 65535"),
        (SERVICE, service(template={"revision": "other-1"}), "must begin with the service's name"),
        ("gcp:cloudscheduler/job:Job", {"schedule": "whenever", "httpTarget": {"uri": "x"}}, "time zone is invalid"),
    ],
)
def test_what_google_cloud_refuses_in_up_is_found_in_check(
    ask: Any, token: str, inputs: dict[str, Any], says: str
) -> None:
    _, failures = ask.check(token, inputs)
    assert [failure for failure in failures if says in failure and failure.startswith(REFUSED)], failures


@pytest.mark.parametrize(
    ("token", "inputs", "says"),
    [
        (
            "docker:index/image:Image",
            {"imageName": "a", "build": {"context": "/no/such"}},
            "build context '/no/such' is not",
        ),
    ],
)
def test_a_limit_of_the_local_cloud_is_not_told_as_googles(
    ask: Any, token: str, inputs: dict[str, Any], says: str
) -> None:
    _, failures = ask.check(token, inputs)
    assert [failure for failure in failures if says in failure and not failure.startswith(REFUSED)], failures


@pytest.mark.parametrize(
    ("token", "inputs", "says"),
    [
        (
            SERVICE,
            service(deletionProtection=["no"]),
            "Attribute must be a single value, not a list. Examine values at 'x.deletion",
        ),
        (
            SERVICE,
            {**service(), "template": "x"},
            "Expected Object Type. Expected object, got string. Examine values at 'x.template'",
        ),
        (SERVICE, service(**container(envs="A=1")), "Examine values at 'x.template.containers[0].envs'"),
        (
            SERVICE,
            service(**container(envs=[{"nmae": "A"}])),
            "Invalid or unknown key. Examine values at 'x.template.con",
        ),
        (
            SERVICE,
            service(template={"scaling": {"maxInstanceCount": True}}),
            "Attribute must be a whole number, got true",
        ),
        ("gcp:storage/bucket:Bucket", {"location": "EU", "labels": ["a"]}, "Attribute must be a map"),
    ],
)
def test_mistyped_inputs_are_found_at_any_depth(ask: Any, token: str, inputs: dict[str, Any], says: str) -> None:
    _, failures = ask.check(token, inputs)
    assert any(says in failure for failure in failures), failures


@pytest.mark.parametrize(("registry", "taken"), [({"address": "r"}, True), ({"address": "r", "password": "p"}, False)])
def test_a_registry_may_be_named_and_nobody_signed_in_there(ask: Any, registry: dict[str, str], taken: bool) -> None:
    request = provider_pb2.CheckRequest(urn="urn", news=struct({"registryAuth": json.dumps([registry])}))
    failures = ask.providers["docker"].CheckConfig(request, None).failures
    assert [failure.property for failure in failures] == ([] if taken else ["registryAuth"])


def test_unknown_values_are_not_judged(ask: Any) -> None:
    inputs = service(name=UNKNOWN, traffics=UNKNOWN, **container(image=UNKNOWN, envs=[{"name": UNKNOWN}]))
    assert ask.check(SERVICE, inputs)[1] == []


def test_an_automatic_name_stays_and_an_explicit_one_wins(ask: Any) -> None:
    token = "gcp:storage/bucket:Bucket"
    first, _ = ask.check(token, {"location": "EU"})
    again, _ = ask.check(token, {"location": "US"}, old=first)
    explicit, _ = ask.check(token, {"location": "EU", "name": "mine"}, old=first)
    assert again["name"] == first["name"]
    assert explicit["name"] == "mine"


def test_a_type_that_the_sdk_does_not_have_is_an_error_that_names_it(ask: Any) -> None:
    with pytest.raises(Exception, match="gcp:sql/nosuch:NoSuch .* is no resource type"):
        ask.check("gcp:sql/nosuch:NoSuch", {})


def test_a_text_for_an_integer_is_an_error_as_the_real_provider_makes_it(ask: Any) -> None:
    with pytest.raises(Exception, match='max_instance_count: strconv.ParseInt: parsing "many": invalid syntax'):
        ask.check(SERVICE, service(template={"scaling": {"maxInstanceCount": "many"}}))


def test_a_project_is_required_where_the_type_belongs_to_one(ask: Any) -> None:
    ask.providers["gcp"].configured = {}
    _, failures = ask.check("gcp:storage/bucket:Bucket", {"location": "EU"})
    assert any("project: required field is not set" in failure for failure in failures)


def test_every_type_of_the_sdks_has_facts_and_acts() -> None:
    known = set(known_types())
    assert known == set(distil.sdk_types())
    assert set(all_resources()) <= known
    others = [resource_of(token) for token in known - set(all_resources())]
    assert {other.kind for other in others if other} == {"generic"} and None not in others
    assert "storage" in modules()


def test_the_fact_files_agree_with_the_installed_sdks() -> None:
    # The others are declared only, and importing all of the SDK takes half a minute; `python -m
    # infra.local.facts.distil --check` does.
    assert distil.stale({"storage", "secretmanager", "artifactregistry", "cloudrunv2", "docker", "eventarc"}) == {}


def test_a_program_with_an_older_sdk_gets_no_default_that_it_could_not_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google's provider protects services since its sixth version: before, nothing could be said about it."""
    source = tmp_path / "lib/python3.11/site-packages/pulumi_gcp/cloudrunv2/service.py"
    source.parent.mkdir(parents=True)
    source.write_text('pulumi.set(__self__, "ingress", ingress)')
    monkeypatch.setenv("LOCAL_CLOUD_PYTHON", str(tmp_path / "bin/python"))
    facts, resource = facts_of(SERVICE), resource_of(SERVICE)
    assert facts and resource
    lacks.cache_clear()
    given = {"location": "europe-west1", "template": {"containers": [{"image": "x"}]}}
    found = {other: check(facts, resource, "web", {}, given, b"", other_names=other)[0] for other in (False, True)}
    lacks.cache_clear()
    assert (found[False]["deletionProtection"], found[True].get("deletionProtection")) == (True, None)
