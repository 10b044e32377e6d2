"""A model version on its way from the training run to the deployment: recorded, published, fetched again and
checked."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from delivery.commands import REPOSITORY, commit, run
from delivery.errors import DeliveryError
from delivery.stack import on_google_cloud
from infra.local.files import write_whole
from infra.local.home import home_from
from orderguard.model_version import champion, verify

RECORD = REPOSITORY / "reports" / "model-record.json"


@dataclass(frozen=True)
class Record:
    """What a training run leaves behind to be held against later: the manifest's hash covers every file of the
    version."""

    version: str
    commit: str
    manifest_sha256: str


def models_folder(environment: Mapping[str, str] = os.environ) -> Path:
    return REPOSITORY / environment.get("MODELS_DIR", "models")


def manifest_hash(folder: Path) -> str:
    return hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


def record(environment: Mapping[str, str] = os.environ) -> Record:
    """Record the champion, after checking each of its files. Raises `DeliveryError` where there is none."""
    folder = models_folder(environment)
    version = champion(folder)
    if version is None:
        raise DeliveryError(f"{folder} has no champion: run `make train` first.")
    verify(folder / version)
    made = Record(version, commit(), manifest_hash(folder / version))
    write(made)
    return made


def write(record: Record) -> None:
    """Keep the record for the steps that follow."""
    write_whole(RECORD, (json.dumps(asdict(record), indent=2) + "\n").encode())


def read(path: Path = RECORD) -> Record:
    """Raises `DeliveryError` where there is no such record, or it is not one."""
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as problem:
        raise DeliveryError(f"{path} is not the record of a model version: {problem}") from None


def fetch(environment: Mapping[str, str] = os.environ) -> Record:
    """Bring this commit's model version into the models folder: the one trained at HEAD or, where HEAD changed no
    orders, at the nearest commit before it. Its manifest must have the recorded hash, every file the manifest's, and
    GitHub's attestation must name this repository.

    MODEL_ARTIFACTS names a folder that holds the artifacts (`model-record-SHA/`, `model-SHA/`); without it they come
    from GitHub Actions.
    """
    history = run(["git", "rev-list", "--max-count=1000", "HEAD"]).split()
    store = environment.get("MODEL_ARTIFACTS")
    found = _from_folder(Path(store), history) if store else _from_github(history)
    target = models_folder(environment) / found.version
    source = target.with_name(f".{found.version}.part")
    shutil.rmtree(source, ignore_errors=True)
    if store:
        shutil.copytree(Path(store) / f"model-{found.commit}", source)
    else:
        run(["gh", "run", "download", "--name", f"model-{found.commit}", "--dir", str(source)])
        run(["gh", "attestation", "verify", str(source / "manifest.json"), "--repo", environment["GITHUB_REPOSITORY"]])
    if manifest_hash(source) != found.manifest_sha256:
        shutil.rmtree(source)
        raise DeliveryError(
            f"Model version {found.version} is not the one that was trained at {found.commit}: "
            "its manifest has another hash."
        )
    verify(source)
    shutil.rmtree(target, ignore_errors=True)
    source.replace(target)
    write(found)
    return found


def _from_folder(store: Path, history: list[str]) -> Record:
    for trained_at in history:
        path = store / f"model-record-{trained_at}" / RECORD.name
        if path.exists():
            return read(path)
    raise DeliveryError(f"{store} holds no model version of this commit or one before it.")


def _from_github(history: list[str]) -> Record:
    query = '.artifacts[] | select(.expired | not) | select(.name | startswith("model-record-")) | .name'
    names = set(
        run(["gh", "api", "--paginate", "repos/{owner}/{repo}/actions/artifacts?per_page=100", "--jq", query]).split()
    )
    for trained_at in history:
        if (name := f"model-record-{trained_at}") in names:
            run(["gh", "run", "download", "--name", name, "--dir", str(RECORD.parent)])
            return read()
    raise DeliveryError(
        "No training run of this commit, or of one before it, has kept its model version: run the Model Retrainer."
    )


def publish(bucket: str, version: str, environment: Mapping[str, str] = os.environ) -> str:
    """Copy a model version into the model bucket, the manifest last: a version without one is not whole. Returns where
    it is."""
    folder = models_folder(environment) / version
    verify(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    files.sort(key=lambda path: path.name == "manifest.json")
    for path in files:
        name = f"{version}/{path.relative_to(folder)}"
        if on_google_cloud(environment):
            run(["gcloud", "storage", "cp", "--no-clobber", str(path), f"gs://{bucket}/{name}"])
        else:
            home = {**environment, "LOCAL_CLOUD_HOME": str(home_from(environment).root)}
            run(["python3", "-m", "infra.local", "object-put", bucket, str(path), "--name", name], environment=home)
    return f"gs://{bucket}/{version}/"
