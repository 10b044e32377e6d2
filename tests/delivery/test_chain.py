"""From a data push to a deployed tag: the workflows' own steps, in order, in a fresh clone, with the local cloud
standing for Google Cloud."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orderguard.version import VERSION
from tests.delivery.workflow_runner import Runner, evaluate, fresh_clone

REPOSITORY = Path(__file__).resolve().parents[2]
REGISTRY = "europe-west1-docker.pkg.dev/orderguard-{stack}/orderguard-{stack}"
TAG = f"v{VERSION}"


def git(clone: Path, *words: str) -> str:
    identity = ["-c", "user.name=chain", "-c", "user.email=chain@example.com"]
    return subprocess.run(
        ["git", *identity, *words], cwd=clone, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    folder = tmp_path_factory.mktemp("chain")
    clone = fresh_clone(REPOSITORY, folder / "clone", REPOSITORY / ".venv")
    for lock in (clone / "requirements").iterdir():
        os.utime(lock, (0, 0))  # the shared environment is newer: there is nothing to install
    artifacts = folder / "artifacts"
    artifacts.mkdir()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GITHUB_", "PULUMI_", "MODEL", "MASKING"))
    }
    environment = {
        **kept,
        "LOCAL_CLOUD_HOME": str(folder / "home"),
        "MODEL_ARTIFACTS": str(artifacts),
        "CANARY_MINUTES": "0",  # nobody calls
    }
    for stack in ("staging", "prod"):
        with (clone / f"Pulumi.{stack}.yaml").open("a", encoding="utf-8") as file:
            file.write("  orderguard:canarySteps: [10, 100]\n")
    git(clone, "commit", "--quiet", "--all", "--message", "Take two steps")
    settings = {
        "staging": {"REGISTRY": REGISTRY.format(stack="staging")},
        "production": {"REGISTRY": REGISTRY.format(stack="prod")},
        "models": {"MODELS_BUCKET": "orderguard-staging-staging-models"},
    }
    made = Runner(clone, artifacts, {}, environment, settings)
    yield made
    for stack in ("staging", "prod"):
        down = [sys.executable, "-m", "infra.local", "down", "--stack", stack]
        subprocess.run(down, cwd=clone, env=environment, capture_output=True)
    subprocess.run(["pkill", "-f", str(folder / "home")], check=False)


@pytest.fixture(scope="module")
def data_push(runner: Runner) -> str:
    """A drop of orders is pushed to main; returns the commit."""
    generator = [sys.executable, "-m", "data.generator", "--quiet", "--orders", "8000"]
    folders = ["--out", "data/raw", "--truth", "data/truth", "--score", "data/score"]
    subprocess.run([*generator, *folders], cwd=runner.clone, check=True, capture_output=True)
    for path in sorted((runner.clone / "data" / "raw").glob("sample-*.ndjson")):
        path.rename(path.with_name(path.name.replace("sample", "drop")))
    git(runner.clone, "add", "data/raw")
    git(runner.clone, "commit", "--quiet", "--message", "Add the orders of the year")
    git(runner.clone, "update-ref", "refs/remotes/origin/main", "HEAD")  # as a push to main would
    return git(runner.clone, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def trained(runner: Runner, data_push: str) -> dict[str, dict[str, str]]:
    return runner.run("ml-pipeline.yml", "push", "refs/heads/main")


@pytest.fixture(scope="module")
def deployed(runner: Runner, trained: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    """Both stacks stand (brought up by hand once, as the docs say), then a tag is pushed."""
    for stack in ("staging", "prod"):
        subprocess.run(
            ["make", "fetch-model", "deploy", f"STACK={stack}"], cwd=runner.clone, env=runner.environment, check=True
        )
    with (runner.clone / "README.md").open("a", encoding="utf-8") as page:
        page.write("\n")
    git(runner.clone, "commit", "--quiet", "--all", "--message", "Change something small")
    git(runner.clone, "tag", TAG)
    git(runner.clone, "update-ref", "refs/remotes/origin/main", "HEAD")  # as a push to main would
    runner.variables = {"GOOGLE_CLOUD": "on"}
    return runner.run("deploy.yml", "push", f"refs/tags/{TAG}")


def test_a_data_push_ends_in_a_model_version_linked_to_its_commit(
    runner: Runner, trained: dict[str, dict[str, str]], data_push: str
) -> None:
    record = json.loads((runner.artifacts / f"model-record-{data_push}" / "model-record.json").read_text())
    manifest = json.loads((runner.artifacts / f"model-{data_push}" / "manifest.json").read_text())
    assert record["commit"] == data_push
    assert manifest["commit"] == data_push and not manifest["dirty"]
    assert trained["train"]["version"] == manifest["version"] == record["version"]
    assert "orders: Read, quarantine, mask, count" in runner.ran
    assert (runner.artifacts / f"model-{data_push}" / "model.onnx").stat().st_size > 1_000


def test_a_pull_request_gets_a_preview_of_each_stack_without_a_secret(
    runner: Runner, trained: dict[str, dict[str, str]]
) -> None:
    runner.run("preview.yml", "pull_request", "refs/pull/1/merge")
    for stack in ("staging", "prod"):
        text = (runner.artifacts / f"preview-{stack}" / f"preview-{stack}.md").read_text()
        # The commit before is the base, and orders are no part of the platform: nothing of it changes.
        assert "**0 changes; " in text and "compared with the base" in text and "0 violations" in text


def test_a_tag_of_a_fork_deploys_nothing_and_says_what_is_missing(
    runner: Runner, trained: dict[str, dict[str, str]]
) -> None:
    before = list(runner.ran)
    fork = replace(runner, variables={}, ran=[], output="")
    fork.run("deploy.yml", "push", "refs/tags/v0.0.1")
    assert fork.ran == ["not-set-up: Say what is missing"] and "GOOGLE_CLOUD" in fork.output
    assert runner.ran == before


def test_a_tag_ends_in_a_service_that_runs_its_image_and_its_commits_model(
    runner: Runner, trained: dict[str, dict[str, str]], deployed: dict[str, dict[str, str]]
) -> None:
    for stack in ("staging", "prod"):
        done = json.loads((runner.artifacts / f"deployment-{stack}" / f"deployment-{stack}.json").read_text())
        assert done["tag"] == TAG and done["outcome"] == "deployed"
        assert done["model_version"] == trained["train"]["version"]
        assert done["image"].endswith(deployed["image"]["digest"])
        assert done["manifest_sha256"] == trained["train"]["manifest-sha256"]
    assert "canary: 10 % of the traffic of prod" in runner.output


def test_the_release_notes_name_what_runs(runner: Runner, deployed: dict[str, dict[str, str]]) -> None:
    notes = (runner.clone / "reports" / "release-notes.md").read_text()
    assert f"# {TAG}" in notes and deployed["image"]["digest"] in notes and "Change something small" in notes


@pytest.mark.parametrize("end", ["VERSION", "TAG", "IMAGE"])
def test_the_trace_leads_from_each_end_to_orders_and_deployments(
    runner: Runner, data_push: str, trained: dict[str, dict[str, str]], deployed: dict[str, dict[str, str]], end: str
) -> None:
    value = {"VERSION": trained["train"]["version"], "TAG": TAG, "IMAGE": deployed["image"]["digest"]}[end]
    command = ["make", "trace", f"{end}={value}"]
    told = subprocess.run(
        command, cwd=runner.clone, env=runner.environment, capture_output=True, text=True, check=True
    ).stdout
    orders = [hashlib.sha256(path.read_bytes()).hexdigest() for path in runner.clone.glob("data/raw/drop-*")]
    assert orders
    for part in (trained["train"]["version"], data_push[:7], *orders, f"prod as {TAG}", deployed["image"]["digest"]):
        assert part in told
    assert "drop-" not in told, "a file's name may tell who ordered"


def test_a_stack_goes_back_without_the_files_of_the_version_it_goes_back_to(
    runner: Runner, trained: dict[str, dict[str, str]], deployed: dict[str, dict[str, str]]
) -> None:
    """A runner of the pipeline has fetched the new version's files and no others."""
    version = trained["train"]["version"]
    folder = runner.clone / "models" / version
    folder.rename(runner.clone / "models-of-another-machine")
    go_back = (
        "from delivery.deploy import _go_back; from delivery.errors import DeliveryError; from delivery.stack import "
        "Stack; from delivery.traffic import live_service; stack = Stack('staging'); service = live_service(stack); "
        "print(_go_back(stack, service, service.revisions()[-1], DeliveryError('not well')))"
    )
    try:
        told = subprocess.run(
            [sys.executable, "-c", go_back], cwd=runner.clone, env=runner.environment, capture_output=True, text=True
        )
    finally:
        (runner.clone / "models-of-another-machine").rename(folder)
    assert "staging serves what it served before" in told.stdout, told.stdout + told.stderr
    done = json.loads((runner.clone / "reports" / "deployment-staging.json").read_text())
    assert (done["outcome"], done["model_version"]) == ("went back", version)
    assert "-00001-" in done["revision"]


def test_a_model_that_is_not_the_recorded_one_is_not_deployed(
    runner: Runner, data_push: str, deployed: dict[str, dict[str, str]]
) -> None:
    manifest = runner.artifacts / f"model-{data_push}" / "manifest.json"
    whole = manifest.read_text()
    try:
        manifest.write_text(whole.replace('"dirty":false', '"dirty":true').replace('"dirty": false', '"dirty": true'))
        assert manifest.read_text() != whole
        done = subprocess.run(
            ["make", "fetch-model"], cwd=runner.clone, env=runner.environment, capture_output=True, text=True
        )
    finally:
        manifest.write_text(whole)
    assert done.returncode != 0
    assert "has another hash" in done.stderr


def test_the_next_training_on_a_fresh_runner_is_compared_with_the_version_before_and_published(
    runner: Runner, trained: dict[str, dict[str, str]], deployed: dict[str, dict[str, str]]
) -> None:
    (runner.clone / "models").rename(runner.clone / "models-of-another-machine")
    try:
        monthly = replace(runner, environment={**runner.environment, "STACK": "staging"}, ran=[], output="")
        made = monthly.run("train_model.yml", "schedule", "refs/heads/main")
    finally:
        shutil.rmtree(runner.clone / "models")
        (runner.clone / "models-of-another-machine").rename(runner.clone / "models")
    head = git(runner.clone, "rev-parse", "HEAD")
    challenge = json.loads((runner.artifacts / f"model-{head}" / "challenge.json").read_text())
    assert [figure["name"] for figure in challenge["figures"]] == [
        f"average precision against {trained['train']['version']}'s"
    ]
    assert f"published to gs://orderguard-staging-staging-models/{made['train']['version']}/" in monthly.output


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("github.event_name == 'push'", True),
        ("github.event.pull_request.head.repo.full_name == github.repository && vars.X != ''", False),
        ("always() && github.ref == 'r'", True),
        ("needs.a.outputs.b", "c"),
        ("failure()", False),
        ("!failure() || vars.X", True),
    ],
)
def test_the_runner_understands_the_expressions_of_the_workflows(expression: str, value: object) -> None:
    context = {
        "github": {"event_name": "push", "ref": "r", "repository": "o/n"},
        "vars": {},
        "needs": {"a": {"outputs": {"b": "c"}}},
    }
    assert evaluate(expression, context) == value
