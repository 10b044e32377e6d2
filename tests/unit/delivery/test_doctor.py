"""`make doctor` finds what lacks by asking the machine; `make bootstrap` brings it, and goes on where it was broken
off.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from delivery.doctor import leading
from delivery.doctor.need import Machine, examine
from delivery.doctor.needs import CPU_QUOTA, FIRST_APIS, needs_of
from delivery.doctor.on_github import APPROVED, ENVIRONMENTS, ON_MAIN, ON_TAGS, VARIABLES
from delivery.stack import Stack
from infra.local.engine.install import ENGINE_VERSION

NEEDS = needs_of(Stack("prod", {}))
DEPLOYER = "serviceAccount:orderguard-deploy@orderguard-prod.iam.gserviceaccount.com"
ANSWERS = {
    "pulumi": [("version", f"v{ENGINE_VERSION}")],
    "pulumi-language-python": [("", "")],
    "git": [("", "")],
    "gcloud": [
        ("auth list", "me@example.org"),
        ("lifecycleState", "ACTIVE"),
        ("billingEnabled", "True"),
        ("services list", "\n".join(FIRST_APIS)),
        (CPU_QUOTA, '{"dimensionsInfos": [{"details": {"value": "40000"}, "applicableLocations": ["europe-west1"]}]}'),
        ("publicKeys", "a-key"),
        ("get-iam-policy orderguard-staging", DEPLOYER),
        ("billing accounts get-iam-policy", DEPLOYER),
        (
            "get-iam-policy",
            "\n".join(
                f"serviceAccount:s-1@{n}.iam.x"
                for n in ("gcp-sa-artifactregistry", "gcp-sa-eventarc", "gcp-sa-pubsub", "serverless-robot-prod")
            ),
        ),
    ],
    "gh": [
        ("variable get GOOGLE_CLOUD", "on"),
        ("variable get PROMOTION", "on"),
        ("deployment-branch-policies", "branch:main\ntag:v*"),
        ("rulesets", "tag"),
        ("protection_rules", "required_reviewers"),
        *((f"--env {name}", "\n".join([*wanted, "MODEL"])) for name, wanted in VARIABLES.items()),
    ],
}


def machine(folder: Path, refuses: Mapping[str, str] = {}) -> Machine:
    """A machine whose programs answer as those of a ready project do, but for what `refuses` says of a program."""
    for name, answers in ANSWERS.items():
        cases = "".join(f"  *'{words}'*) printf '%s\\n' '{said}';;\n" for words, said in answers)
        refused = f"*'{refuses[name]}'*) [ -e {folder}/brought ] || exit 1;;" if name in refuses else ""
        (folder / name).write_text(f'#!/bin/sh\ncase "$*" in {refused} esac\ncase "$*" in\n{cases}  *) ;;\nesac\n')
        (folder / name).chmod(0o755)
    return Machine({"PATH": os.pathsep.join([str(folder), "/usr/bin", "/bin"])})


def test_a_bare_machine_lacks_its_programs_and_looks_at_nothing_behind_them() -> None:
    found = examine(NEEDS, Machine({"PATH": "/nowhere"}))
    assert {found[name].state for name in ("git", "pulumi", "gcloud", "gh")} == {"missing"}
    assert {found[name].state for name in ("project", "one-time stack", "GitHub: signed in")} == {"unknown"}
    told = leading.report(NEEDS, found)
    assert f"make engine   # {ENGINE_VERSION}, checked against its pinned SHA-256" in told and "first: gcloud" in told


def test_on_a_ready_machine_only_the_example_is_left(tmp_path: Path) -> None:
    found = examine(NEEDS, machine(tmp_path))
    left = {name for name, finding in found.items() if finding.state != "here"}
    assert left == {"Pulumi.prod.yaml: secrets provider", "Pulumi.prod.yaml: no example left", "registry"}


@pytest.mark.parametrize(
    ("program", "refused", "lacks", "command"),
    [
        ("gcloud", "auth list", "Google Cloud: signed in", "gcloud auth login"),
        (
            "gcloud",
            "application-default",
            "Google Cloud: credentials for programs",
            "gcloud auth application-default login",
        ),
        ("gcloud", "billingEnabled", "billing", "gcloud billing projects link orderguard-prod"),
        ("gcloud", "services list", "APIs", "gcloud services enable cloudresourcemanager.googleapis.com"),
        ("gcloud", "subnets describe", "network", "gcloud compute networks subnets create orderguard-egress"),
        ("gcloud", "kms keys describe", "one-time stack", "pulumi up --policy-pack ../../policies"),
        ("gcloud", "objects describe", "its state in the bucket", "pulumi stack import"),
        ("gh", "auth status", "GitHub: signed in", "gh auth login"),
        ("gh", "environments/production", "GitHub: environment production", "--method PUT"),
        ("gh", "protection_rules", "GitHub: who approves preview-prod", "-F 'reviewers[][id]=NUMBER'"),
        ("gh", "--env production", "GitHub: variables of production", "gh variable set DEPLOY_SERVICE_ACCOUNT"),
    ],
)
def test_what_is_missing_is_told_with_its_command(
    program: str, refused: str, lacks: str, command: str, tmp_path: Path
) -> None:
    found = examine(NEEDS, machine(tmp_path, {program: refused}))
    assert [need.name for need in leading.stopping(NEEDS, found)][0] == lacks
    assert command in leading.report(NEEDS, found)


@pytest.mark.parametrize(
    ("refused", "advised", "command"),
    [
        ("variable get PROMOTION", "GitHub: promotion switched on", "gh variable set PROMOTION --body on"),
        ("environments/promotion-prod", "GitHub: environment promotion-prod", "--method PUT"),
        ("--env promotion-prod", "GitHub: variables of promotion-prod", "--env promotion-prod --body"),
        (
            "promotion-prod/deployment-branch",
            "GitHub: branch main alone in promotion-prod",
            "-f 'name=main' -f type=br",
        ),
        ("production/deployment-branch", "GitHub: tag v* alone in production", "-f 'name=v*' -f type=tag"),
        (
            "--env production",
            "GitHub: whose models production takes",
            "gh variable set MODEL --env production --body j",
        ),
        ("production --jq", "GitHub: who approves production", "custom_branch_policies]=true"),
    ],
)
def test_what_is_advised_is_asked_for_and_stops_nobody(
    refused: str, advised: str, command: str, tmp_path: Path
) -> None:
    found = examine(NEEDS, machine(tmp_path, {"gh": refused}))
    assert found[advised].state == "missing" and command in leading.report(NEEDS, found)
    assert advised not in [need.name for need in leading.stopping(NEEDS, found)]


def test_a_deployer_of_another_project_and_a_missing_registry_are_seen(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.prod.yaml"
    whole = Stack("prod", {}).file.read_text().replace("gcp:project: orderguard-prod", "gcp:project: a-shop-prod")
    path.write_text(whole)
    found = examine(needs_of(Stack("prod", {}, path)), machine(tmp_path))
    assert found["Pulumi.prod.yaml: deployer and attestor of its project"].state == "missing"
    needs = [replace(need, waits_for=()) for need in NEEDS if need.name == "registry"]
    found = examine(needs, machine(tmp_path, {"gcloud": "repositories describe"}))
    lacks = examine(NEEDS, machine(tmp_path, {"gcloud": "get-iam-policy orderguard-staging"}))
    assert lacks["the images' registry is read"].state == "missing"
    assert "add-iam-policy-binding orderguard-staging --location europe-west1" in leading.report(NEEDS, lacks)
    assert found["registry"].state == "missing" and "--target '**::registry'" in leading.report(needs, found)


def test_an_engine_of_another_version_does_not_count(tmp_path: Path) -> None:
    made = machine(tmp_path)
    (tmp_path / "pulumi").write_text("#!/bin/sh\necho v3.1.0\n")
    assert examine(NEEDS, made)["pulumi"].note == f"v3.1.0 is here, v{ENGINE_VERSION} is needed"


def test_bootstrap_stops_where_nobody_agrees_and_goes_on_from_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = machine(tmp_path, {"gh": "variable get GOOGLE_CLOUD"})
    left = leading.lead(NEEDS, made, lambda question: False)
    assert left is not None and left.name == "GitHub: Google Cloud switched on"
    assert "gh variable set GOOGLE_CLOUD --body on" in capsys.readouterr().out
    (tmp_path / "brought").touch()  # a person did it elsewhere: nothing written down says otherwise
    left = leading.lead(NEEDS, made, lambda question: False)
    assert left is not None and left.name == "Pulumi.prod.yaml: secrets provider"


def test_bootstrap_runs_what_is_agreed_to_and_looks_again(tmp_path: Path) -> None:
    made = machine(tmp_path, {"gh": "variable get GOOGLE_CLOUD"})
    gh = tmp_path / "gh"
    gh.write_text(gh.read_text().replace("  *) ;;", f"  *'variable set'*) touch {tmp_path}/brought;;\n  *) ;;"))
    needs = [need for need in NEEDS if "switched on" in need.name or need.name in ("gh", "GitHub: signed in")]
    left = leading.lead(needs, made, lambda question: True)
    assert left is None and (tmp_path / "brought").exists()


def test_each_environment_of_the_stacks_has_its_variables() -> None:
    assert {name for names in ENVIRONMENTS.values() for name in names} == set(VARIABLES)
    assert set(VARIABLES) == {*ON_MAIN, *ON_TAGS, *APPROVED}, "each is held to a ref, or to an approval"
