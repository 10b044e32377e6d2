"""What the engine is answered: levels, notes, configuration, and the same verdicts through the SDK's own policies."""

import gc
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2
from grpc import StatusCode
from pulumi.runtime import proto
from pulumi_policy import EnforcementLevel
from pulumi_policy.policy import _PolicyAnalyzerServicer

from policies.analyzer import Analyzer
from policies.catalogue import RULES
from policies.examples import EXAMPLES
from policies.pack import Pack
from policies.remediation import REMEDIES, remedy
from policies.rule import PLATFORM, SETTINGS
from policies.sdk import policy
from policies.testing import TODAY, UNKNOWN, Examples, StackExamples, check, secret
from policies.version import PACK_NAME, PACK_VERSION

BUCKET = "gcp:storage/bucket:Bucket"
SECRET = "gcp:secretmanager/secret:Secret"

# The SDK hands no settings of the stack to a policy, so a rule about those works in this pack alone.
STACK_EXAMPLES = [
    examples
    for examples in EXAMPLES
    if isinstance(examples, StackExamples) and all(item.type != SETTINGS for item in examples.violated[0])
]


class _Aborted(Exception):
    """The call ended with an error for the engine."""


class _Context:
    def abort(self, code: StatusCode, details: str) -> None:
        raise _Aborted(f"{code.name} {details}")


def _servicer(kind: type[_PolicyAnalyzerServicer]) -> Any:
    made: Callable[..., Any] = partial(Analyzer, Pack(RULES, PLATFORM, TODAY), None) if kind is Analyzer else kind
    return made(PACK_NAME, PACK_VERSION, [policy(rule) for rule in RULES], EnforcementLevel.ADVISORY)


def _struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(dict(properties), struct_pb2.Struct())


def _analyze(servicer: Any, type_token: str, properties: Mapping[str, Any], name: str = "tested") -> Any:
    request = proto.AnalyzeRequest(
        type=type_token, name=name, urn=f"urn:pulumi:prod::p::{type_token}::{name}", properties=_struct(properties)
    )
    return servicer.Analyze(request, None).diagnostics


def _configured(rule: str, level: Any, properties: Mapping[str, Any]) -> Any:
    servicer = _servicer(Analyzer)
    request = proto.ConfigureAnalyzerRequest()
    request.policyConfig[rule].enforcementLevel = level
    request.policyConfig[rule].properties.update(properties)
    servicer.Configure(request, _Context())
    return servicer


def _after_the_program(servicer: Any) -> dict[str, tuple[int, str, str]]:
    """What is told with the stack, once all resources were seen: level, URN and message by rule."""
    found = servicer.AnalyzeStack(proto.AnalyzeStackRequest(), None).diagnostics
    return {d.policyName: (d.enforcementLevel, d.urn, d.message) for d in found}


def test_a_violation_is_told_at_once_and_an_undecided_rule_is_advice_at_the_end() -> None:
    servicer = _servicer(Analyzer)
    found = _analyze(servicer, BUCKET, {"location": "US", "uniformBucketLevelAccess": UNKNOWN})
    levels = {diagnostic.policyName: diagnostic.enforcementLevel for diagnostic in found}
    assert levels["placement-residency"] == proto.MANDATORY and "bucket-uniform-access" not in levels
    level, urn, message = _after_the_program(servicer)["bucket-uniform-access"]
    assert (level, urn) == (proto.ADVISORY, f"urn:pulumi:prod::p::{BUCKET}::tested")
    assert "undecided" in message and "not known yet: uniformBucketLevelAccess" in message


def test_what_is_undecided_on_many_resources_is_one_line_unless_it_is_asked_for() -> None:
    servicer, verbose = _servicer(Analyzer), _servicer(Analyzer)
    verbose._pack.verbose = True
    for name in ("a", "b", "c", "d", "e"):
        assert not _undecided(_analyze(servicer, BUCKET, {"location": UNKNOWN}, name))
        assert "placement-residency" in _undecided(_analyze(verbose, BUCKET, {"location": UNKNOWN}, name))
    level, _, message = _after_the_program(servicer)["placement-residency"]
    assert level == proto.ADVISORY and "undecided on 5 resources" in message
    assert "a (location), b (location), c (location) and 2 more" in message


def _undecided(diagnostics: Any) -> set[str]:
    return {d.policyName for d in diagnostics if "undecided" in d.message}


def test_a_remedy_is_given_where_it_is_switched_on_and_only_for_what_is_violated() -> None:
    off, on = _servicer(Analyzer), _configured("bucket-uniform-access", proto.REMEDIATE, {})
    properties = {"location": "EU", "uniformBucketLevelAccess": False, "name": secret("kept")}

    def remedies(servicer: Any, given: Mapping[str, Any]) -> Any:
        return servicer.Remediate(
            proto.AnalyzeRequest(type=BUCKET, name="b", properties=_struct(given)), None
        ).remediations

    assert not remedies(off, properties) and not remedies(on, {"uniformBucketLevelAccess": UNKNOWN})
    assert not remedies(on, {"uniformBucketLevelAccess": True})
    (found,) = remedies(on, properties)
    changed = json_format.MessageToDict(found.properties)
    assert changed == {**properties, "uniformBucketLevelAccess": True}, "and nothing else changes"
    assert "bucket-uniform-access" not in {d.policyName for d in _analyze(on, BUCKET, changed)}


def test_every_remedy_keeps_its_rule() -> None:
    for examples in EXAMPLES:
        if isinstance(examples, Examples) and examples.rule in REMEDIES:
            rule = next(rule for rule in RULES if rule.name == examples.rule)
            for properties in examples.violated:
                changed = remedy(rule.name, properties)
                assert changed is not None
                verdict = check(rule, examples.type, changed, configuration=examples.configuration)
                assert verdict.state == "holds", (rule.name, properties)


def test_a_level_can_be_changed_and_a_rule_can_be_disabled() -> None:
    advisory = _configured("placement-residency", proto.ADVISORY, {})
    found = {d.policyName: d.enforcementLevel for d in _analyze(advisory, BUCKET, {"location": "US"})}
    assert found["placement-residency"] == proto.ADVISORY
    disabled = _configured("placement-residency", proto.DISABLED, {})
    assert "placement-residency" not in {d.policyName for d in _analyze(disabled, BUCKET, {"location": "US"})}


def test_an_exception_is_listed_as_advisory() -> None:
    exception = {"resource": "tested", "reason": "The bucket is emptied this month", "until": "2999-12-31"}
    servicer = _configured("placement-residency", proto.MANDATORY, {"exceptions": [exception]})
    found = [d for d in _analyze(servicer, BUCKET, {"location": "US"}) if d.policyName == "placement-residency"]
    assert [d.enforcementLevel for d in found] == [proto.ADVISORY]
    assert "exception until 2999-12-31" in found[0].message


def test_a_bad_configuration_ends_the_run_with_a_message() -> None:
    with pytest.raises(_Aborted, match="INVALID_ARGUMENT placement-residency"):
        _configured("placement-residency", proto.MANDATORY, {"exceptions": [{"resource": "x"}]})


def test_a_stack_rule_names_the_resource_that_it_is_about() -> None:
    request = proto.AnalyzeStackRequest()
    urn = f"urn:pulumi:prod::p::{SECRET}::masking-key"
    request.resources.add(type=SECRET, name="masking-key", urn=urn, properties=_struct({"secretId": "masking-key"}))
    found = {d.policyName: d.urn for d in _servicer(Analyzer).AnalyzeStack(request, None).diagnostics}
    assert found["duties-secret-one-reader"] == urn


def test_settings_in_clear_are_checked_and_encrypted_ones_are_not() -> None:
    servicer = _servicer(Analyzer)
    settings = {"p:token": "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"}
    cases: list[tuple[list[str], set[str]]] = [([], {"privacy-no-leaks-in-settings"}), (["p:token"], set())]
    for secret_keys, found in cases:
        request = proto.AnalyzerStackConfigureRequest(
            stack="prod", project="p", config=settings, config_secret_keys=secret_keys
        )
        servicer.ConfigureStack(request, None)
        diagnostics = servicer.AnalyzeStack(proto.AnalyzeStackRequest(), None).diagnostics
        assert {d.policyName for d in diagnostics} == found
        assert not any(d.urn for d in diagnostics)


def test_other_providers_resources_are_left_alone() -> None:
    assert not _analyze(_servicer(Analyzer), "aws:s3/bucket:Bucket", {"acl": "public-read", "tags": {"x": UNKNOWN}})


def test_every_rule_is_announced_with_its_metadata() -> None:
    announced = {info.name: info for info in _servicer(Analyzer).GetAnalyzerInfo(None, None).policies}
    assert set(announced) == {rule.name for rule in RULES}
    info = announced["bucket-public-access-prevention"]
    assert (info.framework.name, info.framework.version, info.framework.reference) == (
        "CIS Google Cloud Foundations",
        "5.0.0",
        "5.1",
    )
    assert "Checkov 3.3 CKV_GCP_114" in info.tags and info.remediation_steps and info.severity
    assert set(info.configSchema.properties) >= {"exceptions", "stacks"}


@pytest.mark.parametrize(
    ("type_token", "properties"),
    [
        (examples.type, properties)
        for examples in EXAMPLES
        if isinstance(examples, Examples)
        for properties in examples.violated[:1]
    ],
)
def test_in_the_servicer_of_the_sdk_the_rules_find_the_same_violations(
    type_token: str, properties: Mapping[str, Any]
) -> None:
    def violations(servicer: Any) -> set[tuple[str, str]]:
        mandatory = (d for d in _analyze(servicer, type_token, properties) if d.enforcementLevel == proto.MANDATORY)
        return {(d.policyName, d.message) for d in mandatory}

    assert violations(_servicer(Analyzer)) == violations(_servicer(_PolicyAnalyzerServicer))


def test_in_the_servicer_of_the_sdk_an_undecided_rule_is_a_note_beside_its_violations() -> None:
    members = {"members": ["allUsers", UNKNOWN], "role": "roles/storage.objectViewer"}
    found = _analyze(_servicer(_PolicyAnalyzerServicer), "gcp:storage/bucketIAMBinding:BucketIAMBinding", members)
    public = [d for d in found if d.policyName == "iam-no-public-members"]
    assert [d.enforcementLevel for d in public] == [proto.MANDATORY, proto.ADVISORY]
    assert "not known yet: members[1]" in public[1].message


@pytest.mark.parametrize("examples", STACK_EXAMPLES, ids=lambda e: str(e.rule))
def test_in_the_servicer_of_the_sdk_stack_rules_find_the_same_violations(examples: StackExamples) -> None:
    request = proto.AnalyzeStackRequest()
    urns = {item.name: f"urn:pulumi:prod::p::{item.type}::{item.name}" for item in examples.violated[0]}
    for item in examples.violated[0]:
        sent = request.resources.add(
            type=item.type, name=item.name, urn=urns[item.name], properties=_struct(item.properties)
        )
        for key, names in item.depends.items():
            sent.propertyDependencies[key].urns.extend(urns[name] for name in names)

    def violations(servicer: Any) -> set[tuple[str, str, str]]:
        found = (d for d in servicer.AnalyzeStack(request, None).diagnostics if "undecided" not in d.message)
        return {(d.policyName, d.urn, d.message) for d in found}

    assert examples.rule in {name for name, _, _ in violations(_servicer(Analyzer))}
    assert violations(_servicer(Analyzer)) == violations(_servicer(_PolicyAnalyzerServicer))


def test_the_cost_of_a_resource_does_not_grow_with_the_stack() -> None:
    servicer = _servicer(Analyzer)

    def milliseconds_a_resource(count: int) -> float:
        request = proto.AnalyzeStackRequest()
        for number in range(count):
            email = f"a{number}@p.iam.gserviceaccount.com"
            for kind, properties in (
                ("gcp:serviceaccount/account:Account", {"accountId": f"a{number}", "email": email}),
                (BUCKET, {"name": f"b{number}"}),
                (
                    "gcp:storage/bucketIAMMember:BucketIAMMember",
                    {"bucket": f"b{number}", "role": "roles/storage.objectViewer", "member": f"serviceAccount:{email}"},
                ),
            ):
                urn = f"urn:pulumi:prod::p::{kind}::r{number}"
                request.resources.add(type=kind, name=f"r{number}", urn=urn, properties=_struct(properties))
        return min(_thread_seconds(lambda: servicer.AnalyzeStack(request, None)) for _ in range(3)) / count * 1e3

    milliseconds_a_resource(10)
    assert milliseconds_a_resource(1_500) < 4 * milliseconds_a_resource(150)


def _thread_seconds(act: Callable[[], object]) -> float:
    """Processor time of this thread alone, without the collector, which looks at all that other tests have left."""
    gc.disable()
    try:
        begun = time.thread_time()
        act()
        return time.thread_time() - begun
    finally:
        gc.enable()
