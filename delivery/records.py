"""The records that GitHub's releases keep, brought back to a machine, so that `make trace` knows what the pipeline
deployed."""

import shutil
import tarfile
import tempfile
from pathlib import Path

from delivery.commands import run
from delivery.deploy import history_folder
from delivery.errors import DeliveryError
from delivery.models import models_folder
from orderguard.model_version import verify

PATTERNS = ("deployment-*.json", "model-*.tar.gz")


def fetch() -> list[str]:
    """Fetch the records of every release; returns the tags that had some. Raises `DeliveryError` where none has."""
    found = []
    for name in run(["gh", "release", "list", "--limit", "1000", "--json", "tagName", "--jq", ".[].tagName"]).split():
        with tempfile.TemporaryDirectory() as folder:
            assets = run(["gh", "release", "view", name, "--json", "assets", "--jq", ".assets[].name"]).split()
            wanted = [asset for asset in assets if any(Path(asset).match(pattern) for pattern in PATTERNS)]
            if not wanted:
                continue
            chosen = [word for asset in wanted for word in ("--pattern", asset)]
            run(["gh", "release", "download", name, "--dir", folder, *chosen])
            keep(Path(folder), name)
        found.append(name)
    if not found:
        raise DeliveryError("No release of this repository keeps records yet: a deployment by a tag makes the first.")
    return found


def keep(folder: Path, name: str) -> None:
    """Put the records of one release where `make trace` reads them; a model version that is here already stays."""
    history_folder().mkdir(parents=True, exist_ok=True)
    for path in folder.glob("deployment-*.json"):
        stack = path.stem.removeprefix("deployment-")
        shutil.copy(path, history_folder() / f"{stack}-{name}.json")
    for path in folder.glob("model-*.tar.gz"):
        version = path.name.removeprefix("model-").removesuffix(".tar.gz")
        target = models_folder() / version
        if target.exists():
            continue
        aside = target.with_name(f".{version}.part")
        shutil.rmtree(aside, ignore_errors=True)
        with tarfile.open(path) as archive:
            archive.extractall(aside, filter="data")
        verify(aside / version)
        (aside / version).replace(target)
        shutil.rmtree(aside)
