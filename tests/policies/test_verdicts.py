"""What a verdict does with exceptions, stacks, broken rules and values that nobody may see."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from policies.catalogue import RULES
from policies.configuration import ConfigurationError, read
from policies.evaluation import (
    evaluate,
    excepted_message,
    shown_path,
    undecided_message,
    violation_message,
)
from policies.examples import EXAMPLES
from policies.rule import HIGH, Resource, rule
from policies.testing import UNKNOWN, Declared, as_the_engine_sends, check, check_stack, with_value_at
from policies.value import Findings

BY_NAME = {item.name: item for item in RULES}
PREVENTION = BY_NAME["bucket-public-access-prevention"]
BUCKET = "gcp:storage/bucket:Bucket"
EXCEPTION = {"resource": "test*", "reason": "The bucket holds the public price list", "until": "2026-01-31"}


def test_an_exception_in_force_turns_a_violation_into_a_note_with_reason_and_end() -> None:
    verdict = check(PREVENTION, BUCKET, {}, configuration={"exceptions": [EXCEPTION]}, today=date(2026, 1, 31))
    assert verdict.state == "excepted"
    message = excepted_message(verdict.excepted[0])
    assert "public price list" in message and "2026-01-31" in message


def test_an_expired_exception_no_longer_counts() -> None:
    verdict = check(PREVENTION, BUCKET, {}, configuration={"exceptions": [EXCEPTION]}, today=date(2026, 2, 1))
    assert verdict.state == "violated"
    assert "ended on 2026-01-31" in verdict.violations[0].message


@pytest.mark.parametrize("pattern", ["tested", f"{BUCKET}::tested", "urn:pulumi:*::tested"])
def test_an_exception_covers_by_name_by_type_and_name_or_by_urn(pattern: str) -> None:
    configuration = {"exceptions": [{**EXCEPTION, "resource": pattern}]}
    assert check(PREVENTION, BUCKET, {}, configuration=configuration).state == "excepted"


def test_an_exception_for_another_resource_changes_nothing() -> None:
    configuration = {"exceptions": [{**EXCEPTION, "resource": "other"}]}
    assert check(PREVENTION, BUCKET, {}, configuration=configuration).state == "violated"


def test_an_exception_of_a_stack_rule_covers_the_resource_that_it_is_about() -> None:
    secret = Declared("gcp:secretmanager/secret:Secret", "tested", {"secretId": "s"})
    configuration = {"exceptions": [EXCEPTION]}
    assert check_stack(BY_NAME["duties-secret-one-reader"], [secret], configuration=configuration).state == "excepted"


@pytest.mark.parametrize("pattern", ["project-prod", "pulumi:pulumi:Stack::project-*"])
def test_an_exception_covers_what_a_stack_lacks_by_the_name_of_the_stack(pattern: str) -> None:
    secret = Declared("gcp:secretmanager/secret:Secret", "tested", {"secretId": "s"})
    configuration = {"exceptions": [{**EXCEPTION, "resource": pattern}]}
    assert check_stack(BY_NAME["logs-audit-data"], [secret]).state == "violated"
    assert check_stack(BY_NAME["logs-audit-data"], [secret], configuration=configuration).state == "excepted"


@pytest.mark.parametrize(
    ("configuration", "named"),
    [
        ({"exeptions": []}, "exeptions"),
        ({"exceptions": [{**EXCEPTION, "until": "2026-02-31"}]}, "exceptions[0].until"),
        ({"exceptions": [EXCEPTION, {**EXCEPTION, "reason": "because"}]}, "exceptions[1].reason"),
        ({"exceptions": [{"resource": "x", "until": "2026-01-31"}]}, "exceptions[0]"),
        ({"exceptions": ["x"]}, "exceptions[0]"),
    ],
)
def test_a_bad_configuration_is_refused_with_rule_and_entry(configuration: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        read(PREVENTION, configuration)
    assert PREVENTION.name in str(error.value) and named in str(error.value)


def test_a_rule_holds_for_the_stacks_that_are_configured() -> None:
    ingress = BY_NAME["cloud-run-ingress"]
    service = "gcp:cloudrunv2/service:Service"
    assert check(ingress, service, {}, stack="prod-eu").state == "violated"
    assert check(ingress, service, {}, stack="local").state == "holds"
    assert check(ingress, service, {}, stack="local", configuration={"stacks": ["*"]}).state == "violated"


def test_a_rule_that_fails_counts_as_violated_and_its_error_is_not_repeated() -> None:
    @rule("made-to-fail", "Fails.", types=[BUCKET], severity=HIGH, fix="Nothing.")
    def failing(bucket: Resource) -> Findings:
        yield None
        raise ValueError("the value was 4111 1111 1111 1111")

    verdict = check(failing, BUCKET, {"name": "b"})
    assert verdict.state == "violated"
    assert "ValueError" in verdict.violations[0].message and "4111" not in verdict.violations[0].message


def test_a_known_violation_is_found_beside_an_unknown_in_the_same_resource() -> None:
    members = {"members": [UNKNOWN, "allUsers"], "role": UNKNOWN}
    verdict = check(BY_NAME["iam-no-public-members"], "gcp:storage/bucketIAMBinding:BucketIAMBinding", members)
    assert [violation.path for violation in verdict.violations] == ["members[1]"]
    assert [undecided.path for undecided in verdict.undecided] == ["members[0]"]


def test_whose_registry_it_is_is_undecided_while_the_project_is_unknown() -> None:
    image = "europe-west1-docker.pkg.dev/p/images/scorer@sha256:" + "0" * 64
    service = {"template": {"containers": [{"image": image}, {"image": "nginx"}]}}
    verdict = check(
        BY_NAME["cloud-run-image-registry"], "gcp:cloudrunv2/service:Service", service, provider={"project": UNKNOWN}
    )
    assert [violation.path for violation in verdict.violations] == ["template.containers[1].image"]
    assert [undecided.path for undecided in verdict.undecided] == ["project"]


def test_what_is_undecided_is_said_with_its_paths() -> None:
    verdict = check(PREVENTION, BUCKET, {"publicAccessPrevention": UNKNOWN})
    assert undecided_message(verdict.undecided).endswith("not known yet: publicAccessPrevention")


def test_no_message_repeats_a_value_of_the_resource() -> None:
    for examples in EXAMPLES:
        tested = BY_NAME[examples.rule]
        for subject in examples.subjects(holding=False):
            for path in subject.paths():
                secret = "Zq" + "".join(str(part) for part in path) + "xSecretValue"
                verdict = subject.verdict(tested, with_value_at(subject.properties, path, secret))
                messages = [violation_message(tested, violation) for violation in verdict.violations]
                assert not any(secret in message for message in messages), (tested.name, path)


@pytest.mark.parametrize("key", ["anna.schmidt@example.com", "+49 170 1234567", "AKIA" + "IOSFODNN7EXAMPLE"])
def test_a_key_that_is_personal_or_secret_is_not_shown_in_a_path(key: str) -> None:
    assert key not in shown_path(f"labels.{key}")
    assert shown_path("template.containers[0].envs[3].value") == "template.containers[0].envs[3].value"


def test_who_is_meant_is_decided_by_dependency_before_the_address_is_known() -> None:
    account = "gcp:serviceaccount/account:Account"
    declared = [
        Declared(account, "scorer", {"accountId": "scorer", "email": UNKNOWN}),
        Declared(BUCKET, "raw", {"name": UNKNOWN}),
        Declared(
            "gcp:storage/bucketIAMMember:BucketIAMMember",
            "reads",
            {"bucket": UNKNOWN, "member": UNKNOWN, "role": "roles/storage.objectViewer"},
            depends={"bucket": ["raw"], "member": ["scorer"]},
        ),
    ]
    assert check_stack(BY_NAME["duties-raw-orders-one-reader"], declared).state == "violated"
    without = [*declared[:2], Declared(declared[2].type, "reads", declared[2].properties)]
    assert check_stack(BY_NAME["duties-raw-orders-one-reader"], without).state == "undecided"


def test_values_below_an_unknown_are_unknown_and_nothing_raises() -> None:
    value = as_the_engine_sends({"a": UNKNOWN, "list": [1, UNKNOWN], "none": None})
    assert value.at("a.b.c").unknown and value.at("list").each()[1].unknown
    assert value["none"].absent and value["missing"].absent and value.at("list.x").absent
    assert [element.path for element in value.each("a")] == ["a[*]"]


def test_the_harness_refuses_a_rule_that_does_not_apply() -> None:
    with pytest.raises(ValueError, match="does not apply"):
        check(PREVENTION, "gcp:storage/bucketObject:BucketObject", {})


def test_the_same_input_gives_the_same_verdict_whatever_the_day_when_nothing_is_excepted() -> None:
    resource = Resource(BUCKET, "b", f"urn:pulumi:prod::p::{BUCKET}::b", as_the_engine_sends({}))
    verdicts = {evaluate(PREVENTION, resource, read(PREVENTION, None), date(year, 1, 1)) for year in (2020, 2040)}
    assert len(verdicts) == 1


def test_the_exceptions_of_the_one_time_stack_are_well_formed() -> None:
    given = json.loads((Path(__file__).resolve().parents[2] / "infra" / "bootstrap" / "policies.json").read_text())
    for name, configuration in given.items():
        assert read(BY_NAME[name], configuration).exceptions, name
