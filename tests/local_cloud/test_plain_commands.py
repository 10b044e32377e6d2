"""`pulumi` as people type it, in a fresh clone: with an engine, its Python host and a virtual environment, and nothing
of ours running it. What docs/technical/everyday.md tells is done here, on an environment of your own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from infra.local.cloud import Cloud
from infra.local.engine import environment
from infra.local.engine.install import RUNNER, ensure_engine
from infra.local.home import RECORDING, Home
from orderguard.model_version import CHAMPION
from tests.infra.conftest import VERSION, write_version
from tests.infra.inventories import read_inventory
from tests.local_platform import copy_of_the_tree

PLUGINS = ("pulumi-resource-gcp", "pulumi-resource-docker")
BUCKET, ALERT = "gcp:storage/bucket:Bucket", "gcp:monitoring/alertPolicy:AlertPolicy"
ONE_TIME = (
    *("--config", "gcp:project=a-project", "--config", "gcp:region=europe-west1"),
    *("--config", "orderguard-bootstrap:repository=1", "--config", "orderguard-bootstrap:repositoryOwner=2"),
    *("--policy-pack", "../../policies", "--policy-pack-config", "policies.json"),
)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone whose virtual environment writes down what it runs; the plugins of the real cloud stand in a folder.
    Pulumi.qa.yaml is a copy of staging's with a name of its own, and without its deployer.
    """
    folder = tmp_path_factory.mktemp("plain")
    tree = copy_of_the_tree(folder / "clone")
    (tree / ".venv" / "bin").mkdir(parents=True)
    python = tree / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\necho "$@" >> {folder}/ran\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    write_version(tree / "models", VERSION)
    (tree / "models" / CHAMPION).write_text(f"{VERSION}\n")
    settings = yaml.safe_load((tree / "Pulumi.staging.yaml").read_text())
    settings["config"] |= {"orderguard:environment": "qa", "orderguard:deletionProtection": True}
    del settings["config"]["orderguard:deployer"]  # nobody deploys for it: it makes all its grants itself
    (tree / "Pulumi.qa.yaml").write_text(yaml.safe_dump(settings))
    environment(folder / "home", stack="qa")
    (folder / "plugins").mkdir()
    for plugin in PLUGINS:
        (folder / "plugins" / plugin).symlink_to(folder / "home" / "bin" / plugin)
    (folder / "state").mkdir()
    return tree


def plain(clone: Path, *words: str, where: str = ".") -> subprocess.CompletedProcess[str]:
    """`pulumi WORDS` in a folder of the clone, in an environment as a person has it."""
    folder = clone.parent
    variables: Mapping[str, str] = {
        "PATH": os.pathsep.join([str(folder / "plugins"), str(ensure_engine().pulumi.parent), "/usr/bin", "/bin"]),
        "HOME": str(folder),
        "PULUMI_BACKEND_URL": f"file://{folder}/state",
        "PULUMI_CONFIG_PASSPHRASE": "plain",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        # What stands in for Google Cloud wants these in the real plugins' place; the program reads none of them.
        "LOCAL_CLOUD_HOME": str(folder / "home"),
        "LOCAL_CLOUD_STACK": "qa" if where == "." else "one-time",
        RECORDING: "1",
    }
    return subprocess.run(
        ["pulumi", *words, "--non-interactive", "--color", "never"],
        cwd=clone / where,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def done(clone: Path, *words: str, where: str = ".") -> str:
    """What the command says, which has to succeed."""
    found = plain(clone, *words, where=where)
    assert found.returncode == 0, found.stdout
    return found.stdout


@pytest.fixture(scope="module")
def up(clone: Path) -> str:
    """What `pulumi up` of an environment of your own says."""
    done(clone, "stack", "init", "qa")
    return done(clone, "up", "--yes", "--skip-preview", "--stack", "qa", "--policy-pack", "policies")


def test_a_plain_up_finds_python_plugins_and_policies(clone: Path, up: str) -> None:
    assert f"+ {len(read_inventory('staging')) + 1} created" in up  # and the stack itself
    assert "orderguard-gcp@v" in up and "warning: using pulumi-resource-gcp" in up
    ran = (clone.parent / "ran").read_text()
    assert RUNNER in ran and "pulumi.policy" in ran


def test_a_plain_up_of_the_one_time_stack_does_too(clone: Path) -> None:
    done(clone, "stack", "init", "prod", where="infra/bootstrap")
    (clone.parent / "ran").unlink(missing_ok=True)
    said = done(clone, "up", "--yes", "--skip-preview", "--stack", "prod", *ONE_TIME, where="infra/bootstrap")
    assert " created" in said and "orderguard-gcp@v" in said
    assert RUNNER in (clone.parent / "ran").read_text()


def test_everyday_acts(clone: Path, up: str) -> None:
    """In the order of the page. The records of the local cloud are what a console would change."""
    cloud = Cloud(Home(clone.parent / "home"), "qa")
    (raw,) = (record for record in cloud.all(BUCKET) if record.id.endswith("-raw"))
    alert = next(iter(cloud.all(ALERT)))
    changed = {"labels": {"team": "somebody"}}
    cloud.put(replace(raw, inputs={**raw.inputs, **changed}, outputs={**raw.outputs, **changed}))
    cloud.remove(ALERT, alert.id)
    beside = done(clone, "refresh", "--stack", "qa", "--preview-only")
    assert "1 to update" in beside and "1 to delete" in beside

    part = done(clone, "up", "--yes", "--skip-preview", "--stack", "qa", "--refresh", "--target", "**::raw")
    assert "~ 1 updated" in part and cloud.get(BUCKET, raw.id) is not None
    whole = cloud.get(BUCKET, raw.id)
    assert whole is not None and whole.inputs["labels"] == raw.inputs["labels"]

    cloud.put(replace(raw, id="old-orders", urn="", inputs={**raw.inputs, "name": "old-orders"}))
    cloud.bucket("old-orders").mkdir()
    taken = ("import", BUCKET, "old", "old-orders", "--yes", "--generate-code=false", "--stack", "qa")
    assert "= 1 imported" in done(clone, *taken)
    urn = f"urn:pulumi:qa::orderguard::{BUCKET}::old"
    refused = plain(clone, "state", "rm", urn, "--yes", "--stack", "qa")
    assert refused.returncode != 0 and "--force" in refused.stdout
    done(clone, "state", "delete", urn, "--force", "--yes", "--stack", "qa")
    assert cloud.get(BUCKET, "old-orders") is not None

    outputs = json.loads(done(clone, "stack", "output", "--stack", "qa", "--json"))
    assert outputs["raw_bucket"] == raw.id
    there = len(list(cloud.all()))
    kept = plain(clone, "destroy", "--yes", "--stack", "qa")
    assert kept.returncode != 0 and "because it is protected" in kept.stdout
    assert len(list(cloud.all())) == there  # its preview refuses: with --skip-preview what is not protected would go
