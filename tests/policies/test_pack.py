"""The pack as a whole: rules that name real types, documentation that is current, modules that shadow nothing."""

import json
import sys
from pathlib import Path

import pulumi_gcp
import pytest
import yaml

from policies.catalogue import MODULES, RULES
from policies.page import PAGE, page
from policies.pack import Pack
from policies.rule import EVERY_GOOGLE_TYPE, EVERY_GRANT_TYPE, PLATFORM, SETTINGS, Rule
from policies.testing import TODAY
from policies.version import PACK_NAME

PACK = Path(__file__).resolve().parents[2] / "policies"

# All Checkov checks for types of this platform, and all CIS recommendations that a program can keep (v5.0.0 numbering).
CHECKOV = {
    *(f"CKV_GCP_{n}" for n in (4, 15, 27, 28, 29, 41, 42, 43, 46, 49, 62, 63, 73, 78, 80, 81, 82, 83, 84, 86, 92, 96)),
    *(f"CKV_GCP_{n}" for n in (99, 100, 101, 102, 107, 112, 113, 114, 117, 118, 121, 124, 125)),
    *(f"CKV2_GCP_{n}" for n in (3, 4, 5, 6, 8, 9, 11, 24, 25, 26, 33, 34, 38)),
}
CIS = {
    *(f"1.{n}" for n in (5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18)),
    *(f"2.{n}" for n in (1, 3, 4, 5, 6, 7, 11, 14)),
    *("5.1", "5.2", "7.1", "7.2", "7.3", "7.4"),
}


def _tokens_of_the_sdk() -> set[str]:
    """What the SDK registers, read from its source: importing all of it would take a minute."""
    source = Path(pulumi_gcp.__file__).read_text()
    listed = source.partition('resource_modules="""')[2].partition('"""')[0]
    return {token for module in json.loads(listed) for token in module["classes"]}


TOKENS = _tokens_of_the_sdk()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_type_that_a_rule_names_exists_in_the_sdk(rule: Rule) -> None:
    named = {
        token
        for token in rule.types
        if token not in {EVERY_GOOGLE_TYPE, EVERY_GRANT_TYPE, SETTINGS, "pulumi:pulumi:Stack", "pulumi:providers:gcp"}
    }
    assert named <= TOKENS


def test_grants_are_recognised_however_their_tokens_are_cased() -> None:
    rules_for = Pack(RULES, PLATFORM, TODAY).rules_for
    grants = {token for token in TOKENS if token.lower().endswith(("iammember", "iambinding", "iampolicy"))}
    rules = {"iam-no-public-members", "iam-no-basic-roles", "iam-no-default-service-accounts"}
    assert all(rules <= {rule.name for rule in rules_for(token)} for token in grants)
    calls = {token for token in grants if "cloudrun" in token}
    assert calls == {token for token in grants if "cloud-run-no-public-invoker" in {r.name for r in rules_for(token)}}
    assert {"gcp:storage/bucketIAMMember:BucketIAMMember", "gcp:projects/iAMPolicy:IAMPolicy"} <= grants
    assert {"gcp:cloudrunv2/serviceIamMember:ServiceIamMember", "gcp:cloudrun/iamBinding:IamBinding"} <= grants


def test_names_are_unique_and_descriptions_are_sentences() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.description.endswith(".") and rule.fix.endswith("."), rule.name


def test_the_catalogues_of_checkov_and_cis_are_covered() -> None:
    references = {(framework.name, framework.reference) for rule in RULES for framework in rule.frameworks}
    assert not {("Checkov", check) for check in CHECKOV} - references
    assert not {("CIS Google Cloud Foundations", number) for number in CIS} - references


def test_every_cis_number_says_of_which_version_it_is() -> None:
    for rule in RULES:
        assert all(f.version == "5.0.0" for f in rule.frameworks if f.name.startswith("CIS")), rule.name


def test_no_module_shadows_the_standard_library() -> None:
    # The engine runs the pack with its folder first on the path of imports.
    names = {path.stem for path in PACK.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert not names & set(sys.stdlib_module_names)


def test_all_modules_of_rules_are_in_the_catalogue() -> None:
    files = {path.stem for path in (PACK / "rules").glob("[a-z]*.py")}
    assert files == {module.__name__.rpartition(".")[2] for module in MODULES}


def test_the_project_file_says_what_the_pack_says() -> None:
    project = yaml.safe_load((PACK / "PulumiPolicy.yaml").read_text())
    assert project["name"] == PACK_NAME and "version" not in project


def test_the_documentation_is_current() -> None:
    assert PAGE.read_text() == page(), "run `make pages`"


def test_the_examples_of_the_documentation_run() -> None:
    namespace: dict[str, object] = {}
    for block in page().split("```python\n")[1:]:
        exec(block.partition("```")[0], namespace)  # noqa: S102
    assert "topic_keeps_messages" in namespace
