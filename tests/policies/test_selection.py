"""Which rules a run applies: profiles, and what narrows them."""

import pytest

from policies.catalogue import RULES
from policies.configuration import read
from policies.frameworks import CIS, cis_levels
from policies.pack import Pack, configured
from policies.rule import ADVISORY, GENERIC, MANDATORY, PLATFORM, Level, Resource, Rule
from policies.selection import PROFILES, Selection, SelectionError, selected
from policies.testing import TODAY, check
from policies.value import Value


def names(selection: Selection) -> set[str]:
    return {rule.name for rule in selected(RULES, selection)}


def test_the_platforms_profile_has_every_rule_as_it_is_written() -> None:
    assert selected(RULES, Selection(PLATFORM)) == tuple(rule for rule in RULES if PLATFORM in rule.profiles)


def test_any_program_is_spared_what_fits_this_platform_alone() -> None:
    generic = names(Selection(GENERIC))
    assert not [name for name in generic if name.startswith(("duties-", "privacy-masking-"))]
    assert {"iam-no-public-members", "workload-identity-bound", "placement-residency"} <= generic


def test_residency_is_asked_for_where_locations_are_configured() -> None:
    (rule,) = selected(RULES, Selection(GENERIC, rules=("placement-residency",)))
    bucket = ("gcp:storage/bucket:Bucket", {"location": "US"})
    assert check(rule, *bucket).state == "holds"
    assert check(rule, *bucket, configuration={"locations": ["eu"]}).state == "violated"
    assert read(next(r for r in RULES if r.name == rule.name), None).settings["locations"]


@pytest.mark.parametrize(("profile", "highest"), [("cis-l1", 1), ("cis-l2", 2)])
def test_a_profile_of_cis_has_what_its_level_asks_for_and_all_of_it_is_mandatory(profile: str, highest: int) -> None:
    def asked(rule: Rule) -> bool:
        return any(cis_levels()[f.reference] <= highest for f in rule.frameworks if f.name == CIS)

    found = selected(RULES, Selection(profile))
    assert {rule.name for rule in found} == {rule.name for rule in RULES if asked(rule)}
    assert all(rule.level is MANDATORY and rule.stacks == ("*",) for rule in found)


def test_framework_severity_and_name_narrow_it_together() -> None:
    assert names(Selection(frameworks=("checkov 3.3 ckv_gcp_29",))) == {"bucket-uniform-access"}
    assert {rule.severity.value for rule in selected(RULES, Selection(severity="critical"))} == {"critical"}
    assert names(Selection(frameworks=("cis",), severity="critical", rules=("bucket-*",))) == {
        "bucket-public-access-prevention"
    }


@pytest.mark.parametrize(
    "selection", [Selection("nist"), Selection(severity="fatal"), Selection(rules=("no-such-rule",))]
)
def test_a_selection_of_nothing_is_told(selection: Selection) -> None:
    with pytest.raises(SelectionError, match="there is no|no rule of profile"):
        selected(RULES, selection)


def test_a_configuration_file_sets_levels_settings_and_exceptions_without_the_engine() -> None:
    pack = Pack(selected(RULES, Selection()), GENERIC, TODAY)
    configured(
        pack, {"all": "advisory", "bucket-uniform-access": {"enforcementLevel": "mandatory", "stacks": ["prod"]}}
    )
    levels = {rule.name: pack.level(rule) for rule in pack.rules}
    assert levels.pop("bucket-uniform-access") is MANDATORY and set(levels.values()) == {ADVISORY}
    with pytest.raises(ValueError, match="bucket-uniform-access: enforcementLevel must be one of"):
        configured(pack, {"bucket-uniform-access": "fatal"})
    assert Level.REMEDIATE.value == "remediate" and set(PROFILES) == {PLATFORM, GENERIC, "cis-l1", "cis-l2"}


@pytest.mark.parametrize(("version", "asked"), [("7.38.0", False), ("8.0.0", True), ("10.2.0", True), (None, True)])
def test_an_older_provider_is_not_asked_for_what_it_does_not_have(version: str | None, asked: bool) -> None:
    pack = Pack(selected(RULES, Selection()), GENERIC, TODAY)
    kind = "gcp:secretmanager/secret:Secret"
    urn = f"urn:pulumi:prod::shop::{kind}::key"
    secret = Resource(kind, "key", urn, Value({"secretId": "key"}), provider=Value({"version": version}))
    assert ("secret-deletion-protection" in {rule.name for rule, _ in pack.judge(secret)}) is asked
