"""A model version on its way from the training run to the deployment: recorded, published, fetched again and
checked."""

import hashlib
import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from delivery import github
from delivery.commands import REPOSITORY, commit, run, tag
from delivery.errors import DeliveryError, UsageError
from delivery.provenance import MAIN_REF, on_main, require_attestation
from delivery.stack import on_google_cloud
from delivery.tokens import google_headers
from infra.local.files import write_whole
from infra.local.home import DEFAULT_STACK, home_from
from orderguard.model_version import CHAMPION, MANIFEST, ModelVersionError, champion, verify
from orderguard.private_files import kept_private, make_private_folder

RECORD = REPOSITORY / "reports" / "model-record.json"
RIVAL = REPOSITORY / "reports" / "champion.json"
"""The record of the champion that was fetched for a training: a version that this run has not made."""
STORAGE = "https://storage.googleapis.com"
TRAINED_BY = ".github/workflows/train_model.yml"
DATA_PIPELINE = "ml-pipeline.yml"
ORDERS = ("data/raw/*.ndjson", "data/raw/*.ndjson.gz")
TRAINING_SECONDS, POLL_SECONDS = 1200.0, 15.0
"""How long a deployment waits for the training of its own orders, and how often it looks."""


class NoModelVersion(DeliveryError):
    """Nothing was trained yet at the commits that were asked for."""


@dataclass(frozen=True)
class Record:
    """What a training run records for later comparison: the manifest's hash covers every file of the version.
    `run` is the page of the run, empty for a training elsewhere: it can't be in the version, whose bytes must not
    depend on the run. `source` is `job` for a version of the stack's own training job, which is in its bucket:
    `model_sha256` is then what its manifest says of the model, `promoted_at` when the job named it the champion."""

    version: str
    commit: str
    manifest_sha256: str
    run: str = ""
    source: str = ""
    model_sha256: str = ""
    promoted_at: str = ""


@dataclass(frozen=True)
class Run:
    """A run that holds a record: its number, and the ref that it ran on."""

    number: str
    ref: str


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
    page = github.run_page(environment) if environment.get("GITHUB_RUN_ID") else ""
    made = Record(version, commit(), manifest_hash(folder / version), page)
    write(made)
    return made


def write(record: Record, path: Path | None = None) -> None:
    """Keep the record for the steps that follow."""
    write_whole(path or RECORD, (json.dumps(asdict(record), indent=2) + "\n").encode())


def read(path: Path = RECORD) -> Record:
    """Raise `DeliveryError` where there is no such record, or it is not one."""
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as problem:
        raise DeliveryError(f"{path} is not the record of a model version: {problem}") from None


def fetch(environment: Mapping[str, str] = os.environ) -> Record:
    """Bring this commit's model version into the models folder: the one trained at HEAD or, where HEAD changed no
    orders, at the nearest commit of main before it. Its manifest must have the recorded hash, every file the
    manifest's, and GitHub's attestation must say that the Model Retrainer of this repository made it at that commit,
    run on main or on the tag at HEAD.

    MODEL_COMMIT and MODEL_MANIFEST_SHA256 ask for one version and no other: the one that the stack before this runs.
    MODEL_ARTIFACTS names a folder that holds the artifacts (`model-record-SHA/`, `model-SHA/`); without it they come
    from GitHub Actions.
    """
    history = _history()
    if wanted := environment.get("MODEL_COMMIT"):
        history = [trained_at for trained_at in history if trained_at == wanted]
    found, source = _find(history, environment, wait=True)
    _bring(found, source, environment)
    if run(["git", "diff", "--name-only", found.commit, "HEAD", "--", *ORDERS]):
        print(
            f"note: orders came since {found.commit[:12]} whose training has kept no version: it failed, or a gate did"
        )
    write(found)
    return found


def fetch_champion(environment: Mapping[str, str] = os.environ) -> Record | None:
    """Bring the version that was trained last before HEAD into the models folder, as the champion that a training on a
    fresh runner has to match. None where there is none, or none that can be trusted and read: then nothing is compared.

    It is checked as `fetch` does. A champion that is in the folder already stays, and a deployment gets no record.
    """
    folder = models_folder(environment)
    if champion(folder):
        return None
    try:
        found, source = _find(_history("--skip=1"), environment)
    except NoModelVersion:
        return None
    finally:
        RECORD.unlink(missing_ok=True)
    try:
        _bring(found, source, environment)
    except (DeliveryError, ModelVersionError) as problem:
        # A renamed repository, another feature set: a training must not wait until the artifact is gone. Nobody gains
        # by spoiling it, because who can do that can delete it as well.
        print(f"{found.version} can't be compared with: {problem}")
        return None
    write(found, RIVAL)
    write_whole(folder / CHAMPION, f"{found.version}\n".encode())
    return found


def _history(*options: str) -> list[str]:
    """The commits of main at or before HEAD, the newest first: a model is taken from no other."""
    main = set(on_main())
    before = run(["git", "rev-list", "--first-parent", "--max-count=1000", *options, "HEAD"]).split()
    return [one for one in before if one in main]


def _find(history: list[str], environment: Mapping[str, str], wait: bool = False) -> tuple[Record, Run | None]:
    """The record of the first commit in `history` that has one, and the run that holds it (None for a folder).

    A tag may be pushed together with orders: `wait` for the training of a commit that stands before that one.
    """
    if store := environment.get("MODEL_ARTIFACTS"):
        return _from_folder(Path(store), history)
    end = time.monotonic() + TRAINING_SECONDS
    while True:
        runs = _runs_with_records(tag(environment))
        nearest = next((number for number, one in enumerate(history) if one in runs), len(history))
        training = _in_training().intersection(history[:nearest]) if wait else set()
        if not training:
            return _from_github(history, runs)
        named = ", ".join(one[:12] for one in training)
        if time.monotonic() > end:
            raise DeliveryError(f"The orders of {named} are still in training: run this job again when that has ended.")
        print(f"==> the orders of {named} are in training; waiting", flush=True)
        time.sleep(POLL_SECONDS)


def _in_training() -> set[str]:
    """The commits whose data push still runs, or waits for its turn."""
    query = '.[] | select(.status != "completed") | .headSha'
    listing = ["gh", "run", "list", "--workflow", DATA_PIPELINE, "--limit", "100", "--json", "headSha,status"]
    return set(run([*listing, "--jq", query]).split())


def _bring(found: Record, source: Run | None, environment: Mapping[str, str]) -> None:
    """Put the version's files into the models folder once hash, attestation and files have been checked."""
    target = models_folder(environment) / found.version
    aside = target.with_name(f".{found.version}.part")
    shutil.rmtree(aside, ignore_errors=True)
    make_private_folder(target.parent)
    with kept_private():
        if source:
            _download(source.number, f"model-{found.commit}", aside)
            require_attestation(str(aside / "manifest.json"), TRAINED_BY, source.ref, found.commit, environment)
        else:
            store = Path(environment["MODEL_ARTIFACTS"])
            shutil.copytree(store / f"model-{found.commit}", aside, copy_function=shutil.copyfile)
    expected = {found.manifest_sha256, environment.get("MODEL_MANIFEST_SHA256") or found.manifest_sha256}
    if expected != {manifest_hash(aside)}:
        shutil.rmtree(aside)
        raise DeliveryError(
            f"Model version {found.version} is not the one that was trained at {found.commit}: "
            "its manifest has another hash."
        )
    verify(aside)
    shutil.rmtree(target, ignore_errors=True)
    aside.replace(target)


def _from_folder(store: Path, history: list[str]) -> tuple[Record, None]:
    for trained_at in history:
        path = store / f"model-record-{trained_at}" / RECORD.name
        if path.exists():
            return read(path), None
    raise NoModelVersion(f"{store} contains no model version of this commit or one before it.")


def _runs_with_records(at: str | None) -> dict[str, Run]:
    """Commit → the newest run on main, or else on the tag `at`, that holds a record of its model version.

    A fork's pull request can leave an artifact of any name in this repository's list, and a run on a branch one of a
    commit that is on main too: so the run has to be of this repository, of the commit in the name, and on one of these
    refs. What it trained with is told by the attestation.
    """
    refs = {"main": MAIN_REF, **({at: f"refs/tags/{at}"} if at else {})}
    query = (
        ".artifacts[] | select(.expired | not)"
        " | select(.workflow_run.head_repository_id == .workflow_run.repository_id)"
        ' | select(.name == "model-record-" + .workflow_run.head_sha)'
        f" | select(.workflow_run.head_branch as $ref | {json.dumps(list(refs))} | index($ref))"
        ' | "\\(.workflow_run.head_sha) \\(.workflow_run.id) \\(.workflow_run.head_branch)"'
    )
    listing = ["gh", "api", "--paginate", "repos/{owner}/{repo}/actions/artifacts?per_page=100", "--jq", query]
    found = [line.split() for line in run(listing).splitlines()]  # the newest first
    runs: dict[str, Run] = {}
    for trained_at, number, branch in sorted(found, key=lambda one: one[2] != "main"):
        runs.setdefault(trained_at, Run(number, refs[branch]))
    return runs


def _from_github(history: list[str], runs: Mapping[str, Run]) -> tuple[Record, Run]:
    """The record of the nearest commit, and the run that holds it."""
    for trained_at in history:
        if trained_at in runs:
            RECORD.unlink(missing_ok=True)
            _download(runs[trained_at].number, f"model-record-{trained_at}", RECORD.parent)
            found = read(RECORD)
            if found.commit != trained_at:
                raise DeliveryError(f"The record of {trained_at} speaks of {found.commit}: it is not of that run.")
            return found, runs[trained_at]
    raise NoModelVersion(
        "No training run on main, of this commit or of one before it, has kept its model version (GitHub keeps "
        "artifacts for 90 days). Run the Model Retrainer on it, `gh workflow run train_model.yml --ref TAG`, then this "
        "job again."
    )


def _download(run_id: str, name: str, folder: Path) -> None:
    run(["gh", "run", "download", run_id, "--name", name, "--dir", str(folder)])


def listed(folder: Path) -> str:
    """The names of the model versions in a folder, as a message tells them."""
    return ", ".join(sorted(path.parent.name for path in folder.glob(f"[!.]*/{MANIFEST}"))) or "none yet: make train"


def publish(bucket: str, version: str, environment: Mapping[str, str] = os.environ) -> str:
    """Copy a model version into the model bucket, the manifest last: a version without one is not whole. Returns where
    it is."""
    folder = models_folder(environment) / version
    if not (folder / MANIFEST).is_file():
        raise UsageError(f"VERSION={version} is not in {folder.parent}; there are: {listed(folder.parent)}")
    verify(folder)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    files.sort(key=lambda path: path.name == "manifest.json")
    for path in files:
        name = f"{version}/{path.relative_to(folder)}"
        if on_google_cloud(environment):
            _create(bucket, name, path.read_bytes())
        else:
            home = {**environment, "LOCAL_CLOUD_HOME": str(home_from(environment).root)}
            put = [sys.executable, "-m", "infra.local", "object-put", bucket, str(path), "--name", name]
            run([*put, "--stack", environment.get("STACK") or DEFAULT_STACK], environment=home)
    return f"gs://{bucket}/{version}/"


def _create(bucket: str, name: str, content: bytes) -> None:
    """Make an object, or leave the one that is there: a version never changes. `gcloud storage cp` would first list the
    bucket, which an identity that only adds to it may not. Raises `DeliveryError` where Google Cloud refuses.

    That there is one already is told by the precondition (412), or by the right to delete, which only
    replacing it would ask for (403): https://cloud.google.com/storage/docs/access-control/iam-json, `objects.insert`.
    """
    query = urllib.parse.urlencode({"uploadType": "media", "ifGenerationMatch": "0", "name": name})
    request = urllib.request.Request(
        f"{STORAGE}/upload/storage/v1/b/{urllib.parse.quote(bucket, safe='')}/o?{query}",
        content,
        {**google_headers(), "Content-Type": "application/octet-stream"},
    )
    try:
        with urllib.request.urlopen(request, timeout=300):  # nosec B310  # Google's own address, or a test's
            pass
    except urllib.error.HTTPError as problem:
        with problem:
            words = problem.read(2000).decode(errors="replace")
            if problem.code != 412 and not (problem.code == 403 and "storage.objects.delete" in words):
                raise DeliveryError(f"gs://{bucket}/{name} could not be written: {problem.code} {words}") from None
    except OSError as problem:
        raise DeliveryError(f"gs://{bucket}/{name} could not be written: {problem}") from None
