"""A model version on its way from the training run to the deployment: recorded, published, fetched again and
checked."""

import hashlib
import json
import os
import shutil
import urllib.error
import urllib.parse
import urllib.request
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
STORAGE = "https://storage.googleapis.com"
TRAINED_BY = ".github/workflows/train_model.yml"


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
    GitHub's attestation must say that the Model Retrainer of this repository made it at that commit.

    MODEL_COMMIT and MODEL_MANIFEST_SHA256 ask for one version and no other: the one that the stack before this runs.
    MODEL_ARTIFACTS names a folder that holds the artifacts (`model-record-SHA/`, `model-SHA/`); without it they come
    from GitHub Actions.
    """
    history = run(["git", "rev-list", "--max-count=1000", "HEAD"]).split()
    if wanted := environment.get("MODEL_COMMIT"):
        history = [trained_at for trained_at in history if trained_at == wanted]
    store = environment.get("MODEL_ARTIFACTS")
    found, run_id = _from_folder(Path(store), history) if store else _from_github(history)
    target = models_folder(environment) / found.version
    source = target.with_name(f".{found.version}.part")
    shutil.rmtree(source, ignore_errors=True)
    if store:
        shutil.copytree(Path(store) / f"model-{found.commit}", source)
    else:
        _download(run_id, f"model-{found.commit}", source)
        repository = environment["GITHUB_REPOSITORY"]
        made = ["--repo", repository, "--signer-workflow", f"{repository}/{TRAINED_BY}"]
        made += ["--source-digest", found.commit, "--deny-self-hosted-runners"]
        run(["gh", "attestation", "verify", str(source / "manifest.json"), *made])
    expected = {found.manifest_sha256, environment.get("MODEL_MANIFEST_SHA256") or found.manifest_sha256}
    if expected != {manifest_hash(source)}:
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


def _from_folder(store: Path, history: list[str]) -> tuple[Record, str]:
    for trained_at in history:
        path = store / f"model-record-{trained_at}" / RECORD.name
        if path.exists():
            return read(path), ""
    raise DeliveryError(f"{store} holds no model version of this commit or one before it.")


def _from_github(history: list[str]) -> tuple[Record, str]:
    """The record of the nearest commit, and the run that holds it.

    A fork's pull request can leave an artifact of any name in this repository's list, so the run has to be of this
    repository and of the commit in the name.
    """
    query = (
        ".artifacts[] | select(.expired | not)"
        " | select(.workflow_run.head_repository_id == .workflow_run.repository_id)"
        ' | select(.name == "model-record-" + .workflow_run.head_sha)'
        ' | "\\(.workflow_run.head_sha) \\(.workflow_run.id)"'
    )
    listing = ["gh", "api", "--paginate", "repos/{owner}/{repo}/actions/artifacts?per_page=100", "--jq", query]
    runs: dict[str, str] = {}
    for line in run(listing).splitlines():  # the newest first
        runs.setdefault(*line.split())
    for trained_at in history:
        if trained_at in runs:
            RECORD.unlink(missing_ok=True)
            _download(runs[trained_at], f"model-record-{trained_at}", RECORD.parent)
            found = read(RECORD)
            if found.commit != trained_at:
                raise DeliveryError(f"The record of {trained_at} speaks of {found.commit}: it is not of that run.")
            return found, runs[trained_at]
    raise DeliveryError(
        "No training run of this commit, or of one before it, has kept its model version: run the Model Retrainer."
    )


def _download(run_id: str, name: str, folder: Path) -> None:
    run(["gh", "run", "download", run_id, "--name", name, "--dir", str(folder)])


def publish(bucket: str, version: str, environment: Mapping[str, str] = os.environ) -> str:
    """Copy a model version into the model bucket, the manifest last: a version without one is not whole. Returns where
    it is."""
    folder = models_folder(environment) / version
    verify(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    files.sort(key=lambda path: path.name == "manifest.json")
    token = run(["gcloud", "auth", "print-access-token"]).strip() if on_google_cloud(environment) else ""
    for path in files:
        name = f"{version}/{path.relative_to(folder)}"
        if token:
            _create(bucket, name, path.read_bytes(), token)
        else:
            home = {**environment, "LOCAL_CLOUD_HOME": str(home_from(environment).root)}
            run(["python3", "-m", "infra.local", "object-put", bucket, str(path), "--name", name], environment=home)
    return f"gs://{bucket}/{version}/"


def _create(bucket: str, name: str, content: bytes, token: str) -> None:
    """Make an object, or leave the one that is there: a version never changes. `gcloud storage cp` would first list the
    bucket, which an identity that only adds to it may not. Raises `DeliveryError` where Google Cloud refuses."""
    query = urllib.parse.urlencode({"uploadType": "media", "ifGenerationMatch": "0", "name": name})
    request = urllib.request.Request(
        f"{STORAGE}/upload/storage/v1/b/{urllib.parse.quote(bucket, safe='')}/o?{query}",
        content,
        {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"},
    )
    try:
        with urllib.request.urlopen(request, timeout=300):  # nosec B310  # Google's own address, or a test's
            pass
    except urllib.error.HTTPError as problem:
        with problem:
            if problem.code != 412:  # 412: there is one already
                words = problem.read(2000).decode(errors="replace")
                raise DeliveryError(f"gs://{bucket}/{name} could not be written: {problem.code} {words}") from None
    except OSError as problem:
        raise DeliveryError(f"gs://{bucket}/{name} could not be written: {problem}") from None
