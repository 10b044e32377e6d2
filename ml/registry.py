"""The folder of model versions: written whole or not at all, one champion, a history that can be rolled back."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from socket import gethostname
from typing import Literal

import msgspec

from ml.validation.gates import Gate, Validation, Verdict, worst
from orderguard.model_signature import SIGNATURE
from orderguard.model_version import (
    CHAMPION,
    MANIFEST,
    DataFile,
    Manifest,
    ModelVersionError,
    champion,
    has_order_file,
    read_manifest,
    sha256,
    verify,
)
from orderguard.private_files import kept_private, make_private_folder

HISTORY = "history.ndjson"
RECORDED = "recorded.json"
VALIDATION = "validation.json"
CHALLENGE = "challenge.json"
_ASIDE = ".building-"
_UNHASHED = (MANIFEST, RECORDED, CHALLENGE, SIGNATURE)


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the history."""

    action: Literal["promote", "rollback"]
    version: str
    previous: str | None
    at: datetime
    forced: bool = False


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A version as `models` lists it; `manifest` is None where it can't be read. `verdict` is that of its gates, the
    comparison with the champion included.
    """

    version: str
    manifest: Manifest | None
    champion: bool
    verdict: Verdict | None
    trouble: str | None


class _Recorded(msgspec.Struct, frozen=True):
    recorded_at: str


class NotPromoted(Exception):
    """A version whose gates failed; it isn't promoted unless that is forced."""


@contextmanager
def building(models_dir: Path) -> Iterator[Path]:
    """A folder aside to write a version into. Its files are the owner's alone, since its cases are pseudonymous. What
    isn't published is removed.
    """
    make_private_folder(models_dir)
    _remove_abandoned(models_dir)
    aside = Path(tempfile.mkdtemp(prefix=f"{_ASIDE}{gethostname()}-{os.getpid()}-", dir=models_dir))
    try:
        with kept_private():
            yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _remove_abandoned(models_dir: Path) -> None:
    """Remove what a killed training of this machine left behind, and nothing that another one is still writing."""
    own = f"{_ASIDE}{gethostname()}-"
    for path in models_dir.glob(f"{_ASIDE}*"):
        process = path.name.removeprefix(own).split("-")[0]
        if not path.name.startswith(own) or not process.isdigit():
            continue
        try:
            os.kill(int(process), 0)
        except ProcessLookupError:
            shutil.rmtree(path, ignore_errors=True)
        except PermissionError:
            continue


def file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a version, but the manifest and what depends on when and beside which champion it was
    made.
    """
    files = (path for path in folder.rglob("*") if path.is_file())
    names = sorted(path.relative_to(folder).as_posix() for path in files)
    return {name: sha256(folder / name) for name in names if name not in _UNHASHED}


def publish(aside: Path, models_dir: Path, manifest: Manifest) -> bool:
    """Move a finished folder to its place. False where the same version, byte for byte, is there already.

    Raises `ModelVersionError` where another model has that name: a version never changes. Only what is keyed may: the
    same model with the names of its files under another masking key takes the old folder's place.
    """
    target = models_dir / manifest.version
    if not target.exists():
        aside.rename(target)
        return True
    if (target / MANIFEST).is_file() and sha256(target / MANIFEST) == sha256(aside / MANIFEST):
        write_atomically(target / CHALLENGE, (aside / CHALLENGE).read_text("utf-8"))
        return False
    old = read_manifest(target)
    if _without_what_is_keyed(old) != _without_what_is_keyed(manifest):
        raise ModelVersionError(
            f"{target}: exists already and is another model ({_difference(old, manifest)}); a version never changes: "
            f"commit what changed, tag a new version, or remove that folder"
        )
    target.rename(aside.with_name(f"{aside.name}-old"))
    aside.rename(target)
    shutil.rmtree(aside.with_name(f"{aside.name}-old"))
    return True


def _without_what_is_keyed(manifest: Manifest) -> Manifest:
    data = [DataFile(position=file.position, sha256=file.sha256, orders=file.orders) for file in manifest.data]
    return msgspec.structs.replace(manifest, data=data, key=None)


def _difference(old: Manifest, new: Manifest) -> str:
    names = [name for name in Manifest.__struct_fields__ if getattr(old, name) != getattr(new, name)]
    return f"differs in {', '.join(names)}" if names else "its manifest was edited"


def promote(models_dir: Path, version: str, *, at: datetime, force: bool = False) -> Promotion:
    """Make a version the champion, after checking its files. Raises `NotPromoted` where its gates failed, unless
    forced.
    """
    verify(known(models_dir, version))
    gates = gates_of(models_dir / version)
    failed = [gate.name for gate in gates if gate.failed]
    if failed and not force:
        raise NotPromoted(
            f"version {version} failed its gates ({', '.join(failed)}); {models_dir / version / 'report.html'} has the "
            f"figures. To serve it all the same: make promote VERSION={version} FORCE=1"
        )
    previous = champion(models_dir)
    promotion = Promotion(action="promote", version=version, previous=previous, at=at, forced=bool(failed))
    if previous != version:
        _record(models_dir, promotion)
    return promotion


def gates_of(folder: Path) -> list[Gate]:
    """What all gates said of a version, the comparison with the champion included."""
    return [*read_validation(folder).gates, *_challenge(folder)]


def verdict_on(folder: Path) -> Verdict:
    """All gates of a version in one word."""
    return worst(gate.verdict for gate in gates_of(folder))


def recorded_at(folder: Path) -> str:
    """When a version was trained, as text that sorts by time; "" where that isn't known."""
    try:
        return msgspec.json.decode((folder / RECORDED).read_bytes(), type=_Recorded).recorded_at
    except (OSError, msgspec.MsgspecError):
        return ""


def _challenge(folder: Path) -> list[Gate]:
    """How the version stood against the champion when it was trained."""
    path = folder / CHALLENGE
    try:
        return [msgspec.json.decode(path.read_bytes(), type=Gate)] if path.is_file() else []
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelVersionError(f"{path}: unreadable ({error}); train the version again") from None


def rollback(models_dir: Path, *, at: datetime) -> Promotion:
    """Make the champion before this one the champion again; a second call goes one further back."""
    line: list[str] = []
    for past in history(models_dir):
        if past.action == "rollback":
            line = line[:-1]
        elif line[-1:] != [past.version]:
            line.append(past.version)
    if len(line) < 2:
        raise ModelVersionError(f"{models_dir}: no champion before this one to go back to; see `python -m ml models`")
    verify(known(models_dir, line[-2]))
    promotion = Promotion(action="rollback", version=line[-2], previous=line[-1], at=at)
    _record(models_dir, promotion)
    return promotion


def _record(models_dir: Path, promotion: Promotion) -> None:
    """The history first: a crash between the two leaves the old champion, and the next promotion records itself
    again.
    """
    lines = [msgspec.json.encode(entry).decode() for entry in [*history(models_dir), promotion]]
    write_atomically(models_dir / HISTORY, "".join(f"{line}\n" for line in lines))
    write_atomically(models_dir / CHAMPION, promotion.version + "\n")


def write_atomically(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(name, path)


def history(models_dir: Path) -> list[Promotion]:
    """The promotions and rollbacks so far, oldest first; a half-written last line doesn't count."""
    path = models_dir / HISTORY
    lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
    try:
        return [msgspec.json.decode(line, type=Promotion) for line in lines]
    except msgspec.MsgspecError as error:
        raise ModelVersionError(f"{path}: unreadable ({error})") from None


def known(models_dir: Path, version: str) -> Path:
    """The folder of a version; raises `ModelVersionError` with the versions that there are."""
    folder = models_dir / version
    if version and Path(version).name == version and (folder / MANIFEST).is_file():
        return folder
    names = ", ".join(path.name for path in version_folders(models_dir)) or "none yet: run `make train`"
    which = f"no version {version!r}" if version else "which version?"
    raise ModelVersionError(f"{models_dir}: {which}; there are: {names}")


def version_folders(models_dir: Path) -> list[Path]:
    """The folders of all versions, by name."""
    return sorted(path.parent for path in models_dir.glob(f"[!.]*/{MANIFEST}"))


def versions(models_dir: Path) -> list[Listed]:
    """All versions in the order of their last order's time, with what is wrong with those that can't be used."""
    current = champion(models_dir)
    listed = []
    for folder in version_folders(models_dir):
        manifest, verdict, trouble = None, None, None
        try:
            manifest = read_manifest(folder)
            verify(folder)
            verdict = verdict_on(folder)
        except ModelVersionError as error:
            trouble = str(error)
        own = folder.name
        listed.append(Listed(version=own, manifest=manifest, champion=own == current, verdict=verdict, trouble=trouble))
    return sorted(listed, key=lambda entry: (entry.manifest.last_order if entry.manifest else "", entry.version))


def trace(models_dir: Path, clue: str, tokens: Iterable[str] = ()) -> list[Manifest]:
    """The versions that a clue leads to: a version, a tag, the start of a commit, or of the SHA-256 of data or of a
    file, or the name of an order file with its pseudonyms `tokens`.
    """
    found = []
    for folder in version_folders(models_dir):
        manifest = read_manifest(folder)
        hashes = [manifest.data_sha256, *(file.sha256 for file in manifest.data), *manifest.files.values()]
        starts = [manifest.commit or "", manifest.code_sha256, *hashes] if len(clue) >= 6 else []
        known = clue in (manifest.version, manifest.tag) or any(value.startswith(clue) for value in starts)
        if known or has_order_file(folder, clue, tokens):
            found.append(manifest)
    return found


def read_validation(folder: Path) -> Validation:
    """What the gates said of a version."""
    try:
        return msgspec.json.decode((folder / VALIDATION).read_bytes(), type=Validation)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelVersionError(f"{folder / VALIDATION}: unreadable ({error}); train the version again") from None
