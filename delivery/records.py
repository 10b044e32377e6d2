"""The records that GitHub's releases keep, brought back to a machine, so that `make trace` knows what the pipeline
deployed.

Whoever may write to a release may exchange its assets, so none is taken at its word: a record has to be attested by
the deploying workflow at the release's tag, or by the promoting one at main, and a model version is taken where its
manifest has the hash that such a record holds.
"""

import json
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from delivery.commands import run
from delivery.deployment import Deployment, history_folder, name_of
from delivery.errors import DeliveryError
from delivery.images import BUILT_BY
from delivery.models import manifest_hash, models_folder
from delivery.provenance import MAIN_REF, on_main, require_attestation
from orderguard.model_version import ModelVersionError, verify

DEPLOYMENTS, PROMOTIONS, MODELS = PATTERNS = ("deployment-*.json", "promotion-*.json", "model-*.tar.gz")
PROMOTED_BY = ".github/workflows/promote.yml"


def fetch() -> list[str]:
    """Fetch the records of every release; returns the tags that had some. What can't be trusted is not kept.

    Raises `DeliveryError` where no release has records, and, after all that can be kept is, where an asset was refused.
    """
    found, refused = [], []
    for name in run(["gh", "release", "list", "--limit", "1000", "--json", "tagName", "--jq", ".[].tagName"]).split():
        with tempfile.TemporaryDirectory() as folder:
            assets = run(["gh", "release", "view", name, "--json", "assets", "--jq", ".assets[].name"]).split()
            wanted = [asset for asset in assets if any(Path(asset).match(pattern) for pattern in PATTERNS)]
            if not wanted:
                continue
            chosen = [word for asset in wanted for word in ("--pattern", asset)]
            run(["gh", "release", "download", name, "--dir", folder, *chosen])
            refused += keep(Path(folder), name)
        found.append(name)
    if not found:
        raise DeliveryError("No release of this repository keeps records yet: a deployment by a tag makes the first.")
    if refused:
        raise DeliveryError(
            f"{len(refused)} of the releases' assets were not kept; the others are here:\n"
            + "\n".join(f"  {one}" for one in refused)
        )
    return found


def keep(folder: Path, name: str) -> list[str]:
    """Put the records of one release where `make trace` reads them; a model version that is here already stays.

    Returns what was refused, and why.
    """
    history_folder().mkdir(parents=True, exist_ok=True)
    records, refused = [], []
    for path in [*sorted(folder.glob(DEPLOYMENTS)), *sorted(folder.glob(PROMOTIONS))]:
        try:
            records.append(_attested(path, name))
        except (DeliveryError, OSError, ValueError, TypeError) as problem:
            refused.append(f"{name}: {path.name}: {problem}")
            continue
        shutil.copy(path, history_folder() / name_of(records[-1]))
    for path in sorted(folder.glob(MODELS)):
        try:
            _keep_model(path, records)
        except (DeliveryError, ModelVersionError, OSError, ValueError, tarfile.TarError) as problem:
            refused.append(f"{name}: {path.name}: {problem}")
    return refused


def _attested(path: Path, name: str) -> Deployment:
    """The record of a deployment, made by the deploying workflow on this tag and speaking of it; or of a promotion,
    made by the promoting workflow on main, which runs the program of this tag."""
    found = Deployment(**json.loads(path.read_text(encoding="utf-8")))
    if found.tag != name:
        raise DeliveryError(f"it speaks of {found.tag}")
    if path.match(PROMOTIONS):
        if found.run_commit not in on_main():
            raise DeliveryError(f"it was made at {found.run_commit or 'no commit that it names'}: main never was that")
        require_attestation(str(path), PROMOTED_BY, MAIN_REF, found.run_commit)
        return found
    require_attestation(str(path), BUILT_BY, f"refs/tags/{name}", found.commit)
    return found


def _keep_model(path: Path, records: Sequence[Deployment]) -> None:
    version = path.name.removeprefix("model-").removesuffix(".tar.gz")
    target = models_folder() / version
    if target.exists():
        return
    deployed = {one.manifest_sha256 for one in records if one.model_version == version and one.manifest_sha256}
    aside = target.with_name(f".{version}.part")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        with tarfile.open(path) as archive:
            archive.extractall(aside, filter="data")
        verify(aside / version)
        if manifest_hash(aside / version) not in deployed:
            raise DeliveryError(f"no attested record of this release has deployed a {version} with this manifest")
        (aside / version).replace(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
