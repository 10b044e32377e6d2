"""All that a deployment of a stack needs, in the order in which it is brought. docs/technical/first-deployment.md tells
the same to people.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import yaml

from delivery.commands import REPOSITORY
from delivery.doctor.need import (
    HERE,
    MISSING,
    Finding,
    Machine,
    Need,
    answers,
    lists,
    program,
    says,
)
from delivery.doctor.on_github import BOOTSTRAP, on_github
from delivery.stack import Stack
from infra.local.engine.install import ENGINE_VERSION

# What the one-time stack itself stands on; it switches the other APIs on.
FIRST_APIS = ("cloudresourcemanager.googleapis.com", "iam.googleapis.com", "serviceusage.googleapis.com")
# Google makes these service agents when it is asked to; a right can't be given to one that does not exist.
AGENTS = (
    "artifactregistry",
    "eventarc",
    "memorystore",
    "monitoring",
    "pubsub",
    "redis",
    "run",
    "secretmanager",
    "sqladmin",
)
CPU_QUOTA = "CpuAllocPerProjectRegion"
"""Cloud Run's quota of CPUs in thousandths, for a project and region (cloud.google.com/run/quotas)."""


def needs_of(stack: Stack) -> list[Need]:
    """The needs of a stack, in order."""
    return [*_machine(), *_project(stack), *_one_time(stack), *on_github(stack), *_file(stack), *_registry(stack)]


def _machine() -> list[Need]:
    return [
        Need(
            "python",
            lambda machine: HERE if sys.version_info[:2] == (3, 11) else MISSING,
            "apt-get install python3.11 python3.11-venv",
        ),
        Need("git", program("git"), "apt-get install git"),
        Need(
            "pulumi",
            _engine,
            f"make engine   # {ENGINE_VERSION}, checked against its pinned SHA-256; put the folder it names on PATH",
            by_hand=True,
        ),
        Need(
            "pulumi's Python host",
            program("pulumi-language-python"),
            "the vendor's archive has it; put its folder on PATH",
            ("pulumi",),
            by_hand=True,
        ),
        Need("gcloud", program("gcloud"), "https://cloud.google.com/sdk/docs/install", by_hand=True),
        Need("gh", program("gh"), "https://github.com/cli/cli#installation", by_hand=True),
        Need("Google Cloud: signed in", _account, "gcloud auth login", ("gcloud",)),
        Need(
            "Google Cloud: credentials for programs",
            answers("gcloud auth application-default print-access-token"),
            "gcloud auth application-default login",
            ("gcloud",),
        ),
        Need("GitHub: signed in", answers("gh auth status"), "gh auth login", ("gh",)),
    ]


def _engine(machine: Machine) -> Finding:
    said = machine.ask("pulumi version")
    if said is None:
        return MISSING
    return (
        HERE
        if said.removeprefix("v") == ENGINE_VERSION
        else Finding("missing", f"{said} is here, v{ENGINE_VERSION} is needed")
    )


def _account(machine: Machine) -> Finding:
    said = machine.ask("gcloud auth list --filter=status:ACTIVE --format=value(account)")
    return HERE if said else MISSING


def _project(stack: Stack) -> list[Need]:
    project, region = stack.setting("project", "gcp"), stack.setting("region", "gcp")
    signed_in = ("Google Cloud: signed in",)
    there = ("project",)
    needs = [
        Need(
            "project",
            says("active", f"gcloud projects describe {project} --format=value(lifecycleState)"),
            f"gcloud projects create {project}",
            signed_in,
            by_hand=True,
        ),
        Need(
            "billing",
            says("true", f"gcloud billing projects describe {project} --format=value(billingEnabled)"),
            f"gcloud billing projects link {project} --billing-account {stack.setting('billingAccount') or 'ACCOUNT'}",
            there,
            by_hand=True,
        ),
        Need(
            "APIs",
            lists(
                FIRST_APIS,
                f"gcloud services list --enabled --project {project} --format=value(config.name)",
            ),
            f"gcloud services enable {' '.join(FIRST_APIS)} --project {project}",
            there,
        ),
        Need(
            "quota of CPUs",
            _quota(stack, project, region),
            f"gcloud beta quotas preferences create --service run.googleapis.com --quota-id {CPU_QUOTA}"
            f" --project {project} --dimensions region={region} --preferred-value {_wanted_cpus(stack)}",
            there,
            advised=True,
            by_hand=True,
        ),
    ]
    network, whole = stack.setting("vpcSubnetwork"), stack.setting("vpcNetwork")
    if network:
        needs.append(
            Need(
                "network",
                answers(
                    f"gcloud compute networks subnets describe {network} --region {region} --project {project}",
                ),
                f"gcloud compute networks create {whole} --subnet-mode custom --project {project}\n"
                f"gcloud compute networks subnets create {network} --network {whole}"
                f" --region {region} --range 10.8.0.0/20 --enable-private-ip-google-access --enable-flow-logs"
                f" --project {project}",
                there,
            )
        )
    return needs


def _wanted_cpus(stack: Stack) -> int:
    """Thousandths of CPUs that the service takes at most."""
    return 1000 * int(stack.setting("maxInstances") or 3) * int(stack.setting("cpu") or 1)


def _quota(stack: Stack, project: str, region: str) -> Callable[[Machine], Finding]:
    def look(machine: Machine) -> Finding:
        said = machine.ask(
            f"gcloud beta quotas info describe {CPU_QUOTA} --service run.googleapis.com --project {project}"
            " --format=json",
        )
        try:
            places = json.loads(said or "")["dimensionsInfos"]
            values = [
                int(place["details"]["value"])
                for place in places
                if region in place.get("applicableLocations", [region])
            ]
        except (ValueError, KeyError, TypeError):
            return Finding("unknown", "not readable with this account")
        wanted = _wanted_cpus(stack)
        return (
            HERE
            if values and max(values) >= wanted
            else Finding("missing", f"{max(values, default=0)} of {wanted} thousandths of a CPU")
        )

    return look


def _one_time(stack: Stack) -> list[Need]:
    project, region = stack.setting("project", "gcp"), stack.setting("region", "gcp")
    bucket, name = f"{project}-pulumi-state", stack.name
    made = ("one-time stack",)
    local = "export PULUMI_BACKEND_URL=file://$HOME/orderguard-bootstrap"
    backend = f"export PULUMI_BACKEND_URL=gs://{bucket}"
    attestor = f"gcloud container binauthz attestors describe built-by-deploy --project {project}"
    return [
        Need(
            "one-time stack",
            # Of an `up` that was interrupted, one of these lacks.
            answers(
                f"gcloud storage buckets describe gs://{bucket}",
                f"gcloud kms keys describe stack-secrets --keyring pulumi --location {region} --project {project}",
                "gcloud iam workload-identity-pools providers describe github --workload-identity-pool github"
                f" --location global --project {project}",
                f"gcloud iam service-accounts describe orderguard-deploy@{project}.iam.gserviceaccount.com",
                attestor,
            ),
            f"cd {BOOTSTRAP}\n{local} && mkdir -p ~/orderguard-bootstrap\n"
            f"pulumi stack select --create {name}\n"
            f"pulumi config set gcp:project {project} && pulumi config set gcp:region {region}\n"
            'pulumi config set repository "$(gh api repos/{owner}/{repo} --jq .id)"\n'
            'pulumi config set repositoryOwner "$(gh api repos/{owner}/{repo} --jq .owner.id)"\n'
            "pulumi up --policy-pack ../../policies --policy-pack-config policies.json",
            (
                "pulumi",
                "pulumi's Python host",
                "Google Cloud: credentials for programs",
                "GitHub: signed in",
                "billing",
                "APIs",
            ),
        ),
        Need(
            "its state in the bucket",
            answers(
                f"gcloud storage objects describe gs://{bucket}/.pulumi/stacks/orderguard-bootstrap/{name}.json",
            ),
            f"cd {BOOTSTRAP}\n{local}\n"
            f"KEY=$(pulumi stack output --stack {name} secrets_provider)\numask 077\n"
            f"pulumi stack export --stack {name} --show-secrets --file /dev/shm/bootstrap.json\n{backend}\n"
            f'pulumi stack select --create {name} --secrets-provider "$KEY"\n'
            f"pulumi stack import --stack {name} --file /dev/shm/bootstrap.json\nrm /dev/shm/bootstrap.json",
            made,
        ),
        Need(
            "attestor's key",
            lambda machine: (
                HERE if machine.ask(f"{attestor} --format=value(userOwnedGrafeasNote.publicKeys[0].id)") else MISSING
            ),
            f"cd {BOOTSTRAP}\n{backend}\n"
            f"gcloud container binauthz attestors public-keys add --attestor built-by-deploy --project {project}"
            f' --keyversion "$(pulumi stack output --stack {name} attestor_key)/cryptoKeyVersions/1"',
            ("its state in the bucket",),
        ),
        Need(
            "service agents",
            _agents(project),
            "\n".join(
                [
                    *(
                        f"gcloud beta services identity create --service {api}.googleapis.com --project {project}"
                        for api in AGENTS
                    ),
                    f"gcloud storage service-agent --project {project}",
                ]
            ),
            made,
            advised=True,
        ),
    ]


def _agents(project: str) -> Callable[[Machine], Finding]:
    """An agent shows only in the rights that the project gives it; Google gives most of them one when it makes them."""

    def look(machine: Machine) -> Finding:
        policy = machine.ask(
            f"gcloud projects get-iam-policy {project} --flatten=bindings[].members --format=value(bindings.members)",
        )
        found = {member.rpartition("@")[2].partition(".")[0] for member in (policy or "").split()}
        lacking = {"gcp-sa-artifactregistry", "gcp-sa-eventarc", "gcp-sa-pubsub", "serverless-robot-prod"} - found
        return Finding("missing", ", ".join(sorted(lacking))) if policy is None or lacking else HERE

    return look


def _file(stack: Stack) -> list[Need]:
    path = REPOSITORY / f"Pulumi.{stack.name}.yaml"
    project = stack.setting("project", "gcp")
    return [
        Need(
            f"{path.name}: secrets provider",
            _holds(path, "secretsprovider: gcpkms://"),
            f"export PULUMI_BACKEND_URL=gs://{project}-pulumi-state\n"
            f"pulumi stack select --create {stack.name} --secrets-provider"
            f' "$(pulumi --cwd {BOOTSTRAP} stack output --stack {stack.name} secrets_provider)"',
            ("its state in the bucket",),
        ),
        Need(
            f"{path.name}: deployer and attestor of its project",
            _of_project(stack),
            f"write orderguard:deployer: serviceAccount:orderguard-deploy@{project}.iam.gserviceaccount.com into"
            f" {path.name}, and an attestor of this project, where it names one; commit it",
            by_hand=True,
        ),
        Need(
            f"{path.name}: no example left",
            _no_example(stack),
            f"write your own into {path.name}, and commit it",
            by_hand=True,
        ),
    ]


def _holds(path: Path, text: str) -> Callable[[Machine], Finding]:
    return lambda machine: HERE if path.exists() and text in path.read_text(encoding="utf-8") else MISSING


def _no_example(stack: Stack) -> Callable[[Machine], Finding]:
    """The settings that an example can't know."""

    def look(machine: Machine) -> Finding:
        path = REPOSITORY / f"Pulumi.{stack.name}.yaml"
        config = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("config", {}) if path.exists() else {}
        left = [key for key, value in config.items() if "example.com" in str(value) or value == "000000-AAAAAA-000000"]
        return Finding("missing", ", ".join(left)) if left or not config else HERE

    return look


def _of_project(stack: Stack) -> Callable[[Machine], Finding]:
    """Whose project the stack's deployer and attestor are of."""
    project, attestor = stack.setting("project", "gcp"), stack.setting("attestor")
    deploys = stack.setting("deployer") == f"serviceAccount:orderguard-deploy@{project}.iam.gserviceaccount.com"
    fits = deploys and (not attestor or attestor.startswith(f"projects/{project}/"))
    return lambda machine: HERE if fits else MISSING


def _registry(stack: Stack) -> list[Need]:
    """Where images are pushed before anything is deployed, and what a deployment of several projects needs besides."""
    place = ["--location", stack.setting("region", "gcp"), "--project", stack.setting("project", "gcp")]
    name, deployer = f"orderguard-{stack.setting('environment')}", stack.setting("deployer")
    targets = "'**ProjectServices**' '**EncryptionKey**' '**Images::images' '**::registry'"
    needs = [
        Need(
            "registry",
            answers(" ".join(["gcloud artifacts repositories describe", name, *place])),
            f"export PULUMI_BACKEND_URL=gs://{place[-1]}-pulumi-state\n"
            f"pulumi up --stack {stack.name} " + " ".join(f"--target {target}" for target in targets.split()),
            (f"Pulumi.{stack.name}.yaml: secrets provider", "one-time stack"),
            by_hand=True,
        )
    ]
    before = Stack("staging", stack.environment)
    if stack.name != before.name and before.setting("project", "gcp") != place[-1]:
        source = f"orderguard-{before.setting('environment')}"
        of = f"--location {before.setting('region', 'gcp')} --project {before.setting('project', 'gcp')}"
        needs.append(
            Need(
                "the images' registry is read",
                lists(
                    (deployer,),
                    f"gcloud artifacts repositories get-iam-policy {source} {of} --flatten=bindings[].members"
                    " --format=value(bindings.members)",
                ),
                f"gcloud artifacts repositories add-iam-policy-binding {source} {of}"
                f" --role roles/artifactregistry.reader --member {deployer}",
                ("one-time stack",),
            )
        )
    account = stack.setting("billingAccount")
    if account and stack.setting("budgetAmount") not in ("", "0"):
        needs.append(
            Need(
                "the budget's right",
                _may_budget(account, deployer),
                f"gcloud billing accounts add-iam-policy-binding {account} --role roles/billing.costsManager"
                f" --member {deployer}",
                ("one-time stack",),
                by_hand=True,
            )
        )
    return needs


def _may_budget(account: str, deployer: str) -> Callable[[Machine], Finding]:
    """Only who administers the billing account sees who may what there."""

    def look(machine: Machine) -> Finding:
        said = machine.ask(
            f"gcloud billing accounts get-iam-policy {account} --flatten=bindings[].members"
            " --filter=bindings.role:roles/billing.costsManager --format=value(bindings.members)"
        )
        if said is None:
            return Finding("unknown", "not readable with this account")
        return HERE if deployer in said.split() else MISSING

    return look
