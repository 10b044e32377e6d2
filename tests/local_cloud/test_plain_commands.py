"""`pulumi` as people type it, in a fresh clone: with an engine, its Python host and a virtual environment, and nothing
of ours running it.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra.local.engine import environment
from infra.local.engine.install import RUNNER, ensure_engine
from orderguard.model_version import CHAMPION
from tests.infra.conftest import VERSION, write_version
from tests.local_platform import copy_of_the_tree

PLUGINS = ("pulumi-resource-gcp", "pulumi-resource-docker")
BOOTSTRAP = (
    *("--config", "gcp:project=a-project", "--config", "gcp:region=europe-west1"),
    *("--config", "orderguard-bootstrap:repository=1", "--config", "orderguard-bootstrap:repositoryOwner=2"),
)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone whose virtual environment writes down what it runs; the plugins of the real cloud stand in a folder."""
    folder = tmp_path_factory.mktemp("plain")
    tree = copy_of_the_tree(folder / "clone")
    (tree / ".venv" / "bin").mkdir(parents=True)
    python = tree / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\necho "$@" >> {folder}/ran\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    write_version(tree / "models", VERSION)
    (tree / "models" / CHAMPION).write_text(f"{VERSION}\n")
    made = environment(folder / "home", stack="prod")
    (folder / "plugins").mkdir()
    for plugin in PLUGINS:
        (folder / "plugins" / plugin).symlink_to(folder / "home" / "bin" / plugin)
    (folder / "state").mkdir()
    assert made["LOCAL_CLOUD_HOME"] == str(folder / "home")
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
        # What stands in for Google Cloud wants these of the real plugins' place; the program reads neither.
        "LOCAL_CLOUD_HOME": str(folder / "home"),
        "LOCAL_CLOUD_STACK": "prod",
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


@pytest.mark.parametrize(
    ("where", "words"),
    [(".", ("--policy-pack", "policies")), ("infra/bootstrap", BOOTSTRAP)],
    ids=["root", "bootstrap"],
)
def test_a_plain_preview_finds_python_plugins_and_policies(clone: Path, where: str, words: tuple[str, ...]) -> None:
    made = plain(clone, "stack", "init", "prod", where=where)
    assert made.returncode == 0, made.stdout
    (clone.parent / "ran").unlink(missing_ok=True)
    done = plain(clone, "preview", "--stack", "prod", *words, where=where)
    assert done.returncode == 0, done.stdout
    assert " to create" in done.stdout and "warning: using pulumi-resource-gcp" in done.stdout
    ran = (clone.parent / "ran").read_text()
    assert RUNNER in ran and ("pulumi.policy" in ran) == ("--policy-pack" in words)
