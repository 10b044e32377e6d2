"""What one machine can't tell of the workflows: which rights, settings and tools each job has where GitHub runs it."""

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.bootstrap.trust import trusted

REPOSITORY = Path(__file__).resolve().parents[3]
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
SWITCHES = {"GOOGLE_CLOUD", "CODE_SCANNING", "PROMOTION"}
"""Variables of the repository. The others belong to an environment: each stack is a project of its own."""
ENVIRONMENTS = {
    "staging": {"PULUMI_BACKEND_URL", "WORKLOAD_IDENTITY_PROVIDER", "DEPLOY_SERVICE_ACCOUNT", "REGISTRY", "MODEL"},
    "production": {"PULUMI_BACKEND_URL", "WORKLOAD_IDENTITY_PROVIDER", "DEPLOY_SERVICE_ACCOUNT", "REGISTRY", "MODEL"},
    "promotion-${{ matrix.stack }}": {"PULUMI_BACKEND_URL", "WORKLOAD_IDENTITY_PROVIDER", "DEPLOY_SERVICE_ACCOUNT"},
    "preview-${{ matrix.stack }}": {"PULUMI_BACKEND_URL", "WORKLOAD_IDENTITY_PROVIDER", "PREVIEW_SERVICE_ACCOUNT"},
    "drift-${{ matrix.stack }}": {"PULUMI_BACKEND_URL", "WORKLOAD_IDENTITY_PROVIDER", "PREVIEW_SERVICE_ACCOUNT"},
    "models": {"PULUMI_BACKEND_URL", "WORKLOAD_IDENTITY_PROVIDER", "PUBLISH_SERVICE_ACCOUNT", "MODELS_BUCKET"},
}
ENVIRONMENT = "./.github/actions/environment"
SIGN_IN = "google-github-actions/auth"
# What a target asks of GitHub, by `gh` or its API; and what an action needs of the job's token.
TARGET_RIGHTS = {
    "drift-issue": {"issues": "write"},
    "check-tag": {"actions": "read"},
    "fetch-champion": {"actions": "read", "attestations": "read"},
    "fetch-model": {"actions": "read", "attestations": "read"},
    "gate-issue": {"issues": "write"},
    "preview-comment": {"pull-requests": "write"},
    "release": {"contents": "write"},
    "verify-image": {"attestations": "read"},
}
ACTION_RIGHTS = {
    "actions/attest-build-provenance": {"id-token": "write", "attestations": "write"},
    "actions/checkout": {"contents": "read"},
    "github/codeql-action/analyze": {"security-events": "write", "actions": "read"},
    "github/codeql-action/upload-sarif": {"security-events": "write", "actions": "read"},
    SIGN_IN: {"id-token": "write"},
}
WITHOUT_PYTHON = {"cloud-notice", "snyk-notice"}
"""Targets that need nothing but make."""


@dataclass(frozen=True)
class Job:
    """One job of one workflow file."""

    workflow: str
    name: str
    content: Mapping[str, Any]

    @property
    def text(self) -> str:
        return yaml.safe_dump(self.content)

    @property
    def steps(self) -> list[dict[str, Any]]:
        return list(self.content.get("steps", []))

    @property
    def condition(self) -> str:
        return str(self.content.get("if", ""))

    @property
    def actions(self) -> set[str]:
        return {step["uses"].partition("@")[0] for step in self.steps if "uses" in step}

    @property
    def targets(self) -> set[str]:
        return {word for step in self.steps if "run" in step for word in step["run"].removeprefix("make ").split()}


def jobs() -> Iterator[Job]:
    for path in WORKFLOWS:
        for name, content in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items():
            yield Job(path.name, name, content)


JOBS = list(jobs())
each_job = pytest.mark.parametrize("job", JOBS, ids=lambda job: f"{job.workflow}:{job.name}")


@each_job
def test_a_job_that_runs_our_python_sets_it_up_first(job: Job) -> None:
    """A runner's own Python is another version, and has none of our packages."""
    ready = False
    for step in job.steps:
        ready = ready or step.get("uses") == ENVIRONMENT
        targets = set(step.get("run", "").removeprefix("make ").split())
        assert ready or targets <= WITHOUT_PYTHON, f"{job.workflow}: {job.name} runs {targets} without the environment"


@each_job
def test_the_cache_of_a_job_holds_what_its_targets_would_build(job: Job) -> None:
    """A cache is written once for a key: by a job that never lints, it would lack Checkov and actionlint for good."""
    packages = [step.get("with", {}).get("packages") for step in job.steps if step.get("uses") == ENVIRONMENT]
    if "lint-workflows" in job.targets:
        assert packages == ["checks"]
    else:
        assert "checks" not in packages


@each_job
def test_a_jobs_rights_cover_what_its_steps_ask_for(job: Job) -> None:
    given = dict(job.content.get("permissions", {}))
    needed: dict[str, str] = {}
    for name in sorted(job.actions | job.targets):
        for scope, level in {**ACTION_RIGHTS.get(name, {}), **TARGET_RIGHTS.get(name, {})}.items():
            needed[scope] = "write" if "write" in (level, needed.get(scope)) else level
    lacking = {scope: level for scope, level in needed.items() if given.get(scope) not in (level, "write")}
    assert not lacking
    for step in job.steps:
        if set(step.get("run", "").split()) & set(TARGET_RIGHTS):
            assert "GH_TOKEN" in step.get("env", {}), f"{step['name']} asks gh, which takes its token from GH_TOKEN"


@each_job
def test_a_job_has_no_right_that_nothing_in_it_uses(job: Job) -> None:
    if "uses" in job.content:
        return
    used = {"contents"}
    for name in job.actions | job.targets:
        used |= set(ACTION_RIGHTS.get(name, {})) | set(TARGET_RIGHTS.get(name, {}))
    assert set(job.content["permissions"]) <= used


def test_a_caller_grants_what_the_called_workflow_asks_for() -> None:
    for job in JOBS:
        if called := job.content.get("uses"):
            asked: dict[str, str] = {}
            for inner in (one for one in JOBS if one.workflow == Path(called).name):
                for scope, level in inner.content["permissions"].items():
                    asked[scope] = "write" if "write" in (level, asked.get(scope)) else level
            assert dict(job.content["permissions"]) == asked


def test_a_called_workflow_does_not_wait_for_its_caller() -> None:
    """With one concurrency group for both, the called one would wait for a run that waits for it."""
    groups = {path.name: yaml.safe_load(path.read_text())["concurrency"]["group"] for path in WORKFLOWS}
    assert len(set(groups.values())) == len(groups)


@each_job
def test_what_belongs_to_an_environment_is_asked_for_in_a_job_of_that_environment(job: Job) -> None:
    asked = set(re.findall(r"vars\.(\w+)", job.text))
    assert set(re.findall(r"vars\.(\w+)", job.condition)) <= SWITCHES, "a job's `if` knows no environment yet"
    assert asked - SWITCHES <= ENVIRONMENTS.get(str(job.content.get("environment")), set())


def test_no_workflow_reads_settings_outside_its_jobs() -> None:
    """There they would be the repository's alone, and empty where an environment has them."""
    for path in WORKFLOWS:
        document = yaml.safe_load(path.read_text())
        assert "vars." not in yaml.safe_dump({key: value for key, value in document.items() if key != "jobs"})


@each_job
def test_what_signs_in_to_google_cloud_works_there(job: Job) -> None:
    """Without a backend named, a step would quietly work on the local cloud."""
    if SIGN_IN in job.actions:
        assert job.content["env"]["PULUMI_BACKEND_URL"] == "${{ vars.PULUMI_BACKEND_URL }}"
        guarded = [job, *(one for one in JOBS if one.workflow == job.workflow and one.name in _needed(job))]
        assert any("vars.GOOGLE_CLOUD == 'on'" in one.condition for one in guarded), "a fork has no Google Cloud"


def _needed(job: Job) -> set[str]:
    needed = job.content.get("needs", [])
    return {needed} if isinstance(needed, str) else set(needed)


IDENTITIES = {
    "deploy": "DEPLOY_SERVICE_ACCOUNT",
    "preview": "PREVIEW_SERVICE_ACCOUNT",
    "publish": "PUBLISH_SERVICE_ACCOUNT",
}
KINDS = {"push": "tag", "pull_request": "branch"}


@each_job
def test_an_identity_is_asked_for_by_a_job_that_may_become_it(job: Job) -> None:
    """infra/bootstrap/trust.py says which jobs those are, each by its file, its environment and where it runs."""
    events = _events(job.workflow)
    if "pull_request" in events and job.content["permissions"].get("id-token"):
        assert "github.event.pull_request.head.repo.full_name == github.repository" in job.condition
    if SIGN_IN not in job.actions:
        return
    (identity,) = (name for name, account in IDENTITIES.items() if f"vars.{account}" in job.text)
    stack = (
        job.content.get("strategy", {}).get("matrix", {}).get("stack", [job.content["env"].get("STACK", "staging")])[0]
    )
    environment = str(job.content["environment"]).replace("${{ matrix.stack }}", stack)
    (run,) = (run for run in trusted(stack)[identity] if (run.environment, run.workflow) == (environment, job.workflow))
    if run.kind:
        assert events == {event for event, kind in KINDS.items() if kind == run.kind}
        assert run.kind != "tag" or _document(job.workflow)[True]["push"] == {"tags": ["v*"]}
    else:
        assert events <= {"schedule", "workflow_dispatch"} or f"github.ref == '{run.ref}'" in job.condition


@each_job
def test_no_secret_is_near_a_pull_requests_code_but_in_the_step_that_needs_it(job: Job) -> None:
    assert "pull_request_target" not in _events(job.workflow)
    outside = yaml.safe_dump({key: value for key, value in job.content.items() if key != "steps"}, width=1000)
    assert "secrets." not in re.sub(r"secrets\.\w+ != '", "", outside)


@each_job
def test_artifacts_may_be_uploaded_by_a_run_that_is_repeated(job: Job) -> None:
    for step in job.steps:
        if step.get("uses", "").startswith("actions/upload-artifact@"):
            assert step["with"].get("overwrite") is True, f"{step['name']} would fail: the name is taken"


@each_job
def test_every_action_is_pinned_by_commit_and_no_credential_stays_in_the_clone(job: Job) -> None:
    for step in job.steps:
        if "uses" in step and not step["uses"].startswith("./"):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def _updates(ecosystem: str) -> dict[str, Any]:
    found = yaml.safe_load((REPOSITORY / ".github" / "dependabot.yml").read_text(encoding="utf-8"))
    (entry,) = (one for one in found["updates"] if one["package-ecosystem"] == ecosystem)
    return dict(entry)


@pytest.mark.parametrize(("target", "word"), [("cloud-notice", "GOOGLE_CLOUD"), ("snyk-notice", "SNYK_TOKEN")])
def test_what_is_not_set_up_is_told_on_the_runs_page(target: str, word: str, tmp_path: Path) -> None:
    """A job that did nothing is green too: who looks at the run has to see that, and not in a step's log alone."""
    page = tmp_path / "summary.md"
    given = {**os.environ, "GITHUB_STEP_SUMMARY": str(page)}
    done = subprocess.run(["make", target], cwd=REPOSITORY, env=given, capture_output=True, text=True, check=True)
    assert word in done.stdout and word in page.read_text()
    elsewhere = {name: value for name, value in given.items() if name != "GITHUB_STEP_SUMMARY"}
    assert subprocess.run(["make", target], cwd=REPOSITORY, env=elsewhere, capture_output=True).returncode == 0


def test_no_suite_alone_is_held_to_the_coverage_of_all() -> None:
    """pytest-cov takes the threshold from pyproject.toml by itself, which only the suites together reach."""
    command = ["make", "--dry-run", "--no-print-directory", "pytest", "SUITE=policies"]
    told = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    assert "--cov-fail-under=0" in told.splitlines()[-1]


def test_every_action_that_is_pinned_is_kept_up_to_date() -> None:
    """For `/` Dependabot reads the workflows, and of actions none but one in the root."""
    directories = _updates("github-actions")["directories"]
    for path in [*WORKFLOWS, *sorted((REPOSITORY / ".github" / "actions").rglob("action.y*ml"))]:
        place = f"/{path.parent.relative_to(REPOSITORY)}"
        assert any(fnmatch(place.removesuffix("/.github/workflows") or "/", one) for one in directories), place
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.search(r"uses: (?!\./)", line):
                assert re.search(
                    r"@[0-9a-f]{40} # v?\d+\.\d+\.\d+$", line
                ), f"{line}: it moves commit and comment together"


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.slim"])
def test_the_base_image_stands_where_it_is_kept_up_to_date(name: str) -> None:
    """Dependabot reads FROM and no ARG; a digest that nothing moves keeps every flaw of its day."""
    assert _updates("docker")["directory"] == "/"
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    assert re.search(r"^FROM \S+/python:3\.11\S*@sha256:[0-9a-f]{64} AS pinned$", text, re.MULTILINE)
    assert "ARG PYTHON_IMAGE=pinned\n" in text and not re.search(r"^ARG .*@sha256:", text, re.MULTILINE)


def test_both_images_are_scanned_whole_and_what_is_high_and_mended_fails_the_run() -> None:
    (image,) = (job for job in JOBS if (job.workflow, job.name) == ("security-scan.yml", "image"))
    scans = [step["with"] for step in image.steps if step.get("uses", "").startswith("anchore/scan-action@")]
    assert [scan["image"] for scan in scans] == ["orderguard:latest", "orderguard-train:latest"]
    for scan in scans:
        assert (scan["severity-cutoff"], scan["only-fixed"]) == ("high", True) and "fail-build" not in scan


def test_what_starts_a_training_is_what_training_reads() -> None:
    from ml.order_files import SUFFIXES

    (paths,) = (_document("ml-pipeline.yml")[True]["push"]["paths"],)
    assert paths == [f"data/raw/**/*{suffix}" for suffix in SUFFIXES]


def test_a_model_is_attested_before_a_deployment_can_find_it() -> None:
    """A run that ends in between would leave a version that every deployment finds first and refuses."""
    (train,) = (job for job in JOBS if (job.workflow, job.name) == ("train_model.yml", "train"))
    uses = [step.get("uses", "").partition("@")[0] for step in train.steps]
    names = [step.get("with", {}).get("name", "") for step in train.steps]
    assert uses.index("actions/attest-build-provenance") < names.index("model-${{ github.sha }}")


def test_a_training_is_compared_with_the_champion_though_the_runner_is_fresh() -> None:
    (train,) = (job for job in JOBS if (job.workflow, job.name) == ("train_model.yml", "train"))
    commands = [step.get("run") for step in train.steps]
    assert commands.index("make fetch-champion") < commands.index("make train")


def test_the_docs_tell_each_setting_and_each_environment() -> None:
    page = (REPOSITORY / "docs" / "technical" / "CICD_MLOPS_IMPLEMENTATION.md").read_text(encoding="utf-8")
    for environment, names in ENVIRONMENTS.items():
        for name in (environment.replace("${{ matrix.stack }}", "staging"), *names, *SWITCHES):
            assert f"`{name}`" in page, name


def _document(workflow: str) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load((REPOSITORY / ".github" / "workflows" / workflow).read_text())
    return found  # YAML 1.1 reads the key `on` as true


def _events(workflow: str) -> set[str]:
    on = _document(workflow)[True]
    return {on} if isinstance(on, str) else set(on)
