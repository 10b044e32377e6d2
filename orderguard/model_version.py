"""A model version on disk: what its manifest says, and the check that it is whole before anything is loaded from it."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from orderguard.features import FEATURE_NAMES, FEATURE_SET_VERSION

MANIFEST = "manifest.json"
CHAMPION = "CHAMPION"


class ModelVersionError(ValueError):
    """A model version that can't be used; the message names the folder and the file, and says what to do."""


class DataFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of raw orders that the model was trained from. `orders` counts those taken from it.

    `position` counts from 1 in the order of the files' names. `token` is the pseudonym of the name, which may tell who
    ordered; it is empty in a version that was trained when names still stood here.
    """

    position: int = 0
    token: str = ""
    sha256: str
    orders: int

    def __str__(self) -> str:
        return " ".join(filter(None, (f"order file {self.position}", self.token)))


class _FormerFile(msgspec.Struct, frozen=True):
    name: str = ""


class _FormerManifest(msgspec.Struct, frozen=True):
    data: list[_FormerFile]


class Undecided(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of a gate that there were too few orders to decide on, and what would decide it."""

    gate: str
    figure: str
    value: float
    limit: str
    needs: str


class OutcomesUsed(msgspec.Struct, frozen=True, kw_only=True):
    """The file of outcomes that a training read: its hash, its lines, those that could not be used, and of how many
    orders it told.
    """

    sha256: str
    lines: int
    unusable: int
    orders: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Where a model comes from and what belongs to it. Holds no time of recording: equal inputs give equal bytes.

    `files` maps each file of the folder to its SHA-256.
    `key` is the fingerprint of the masking key that the pseudonyms of the order files' names were made with; "" where
    the key was made for that run alone, so that nothing here depends on it; None in a version from before.
    `sample` says that the orders were the sample's, not a shop's.
    `undecided` are the figures of its gates that there were too few orders for.
    `outcomes` is the file of outcomes that it was trained with, where there was one.
    """

    version: str
    commit: str | None
    tag: str | None
    dirty: bool
    data: list[DataFile]
    data_sha256: str
    first_order: str
    last_order: str
    code_sha256: str
    lock_sha256: str | None
    schema_sha256: str
    feature_set_version: str
    feature_names: list[str]
    threshold: float
    parameters: dict[str, Any]
    metrics: dict[str, float]
    libraries: dict[str, str]
    files: dict[str, str]
    undecided: list[Undecided] = []
    key: str | None = None
    sample: bool = False
    outcomes: OutcomesUsed | None = None


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def model_sha256(manifest: bytes) -> str:
    """The SHA-256 of what a manifest says of its model, as JSON with sorted keys and without blanks: all but what
    depends on the masking key, under which the order files' names stand there. A training under another key writes the
    same model again.
    """
    found = json.loads(manifest)
    found.pop("key", None)
    for file in found["data"]:
        file.pop("token", None)
    return hashlib.sha256(json.dumps(found, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_manifest(version_dir: Path) -> Manifest:
    """The manifest of a version, unchecked against its files. Raises `ModelVersionError` where it is missing or
    malformed.
    """
    path = version_dir / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise ModelVersionError(f"{path}: not found, so {version_dir} contains no model version") from None
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelVersionError(f"{path}: unreadable ({error}); fetch or train the version again") from None
    numbered = [msgspec.structs.replace(file, position=place) for place, file in enumerate(manifest.data, 1)]
    return msgspec.structs.replace(manifest, data=numbered)


def former_names(version_dir: Path) -> list[str]:
    """The names of the order files as the manifest has them; "" in a version that keeps pseudonyms in their place.

    They may hold personal data: they are looked at, and never shown.
    """
    former = msgspec.json.decode((version_dir / MANIFEST).read_bytes(), type=_FormerManifest)
    return [file.name for file in former.data]


def has_order_file(version_dir: Path, name: str, tokens: Iterable[str]) -> bool:
    """Whether a file called `name` was among the order files, by one of the name's pseudonyms or, in a former version,
    by the name itself.
    """
    known = set(tokens)
    by_token = any(file.token in known for file in read_manifest(version_dir).data)
    return by_token or name in former_names(version_dir)


def verify(version_dir: Path) -> Manifest:
    """Check every file of a version against its manifest, and the features against this code. Returns the manifest.

    Raises `ModelVersionError` for a file that is missing, changed or outside the folder, and for another feature set.
    """
    manifest = read_manifest(version_dir)
    for name, expected in manifest.files.items():
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts:
            raise ModelVersionError(f"{version_dir / MANIFEST}: names a file outside the folder: {name}")
        path = version_dir / relative
        if not path.is_file():
            raise ModelVersionError(f"{path}: missing; fetch or train version {manifest.version} again")
        if sha256(path) != expected:
            raise ModelVersionError(
                f"{path}: not the file that was recorded (SHA-256 differs); fetch or train it again"
            )
    if (manifest.feature_set_version, manifest.feature_names) != (FEATURE_SET_VERSION, list(FEATURE_NAMES)):
        raise ModelVersionError(
            f"{version_dir}: trained on feature set {manifest.feature_set_version}, but this code computes "
            f"{FEATURE_SET_VERSION}; run the code of commit {manifest.commit}, or train a new version"
        )
    return manifest


def champion(models_dir: Path) -> str | None:
    """The version that is in service by default, or None where nothing was promoted yet."""
    try:
        return (models_dir / CHAMPION).read_text("utf-8").strip() or None
    except FileNotFoundError:
        return None
