"""Where a model comes from: the commit, the tag, and the hashes of code, lock file, schema and data."""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import msgspec

from orderguard.model_version import DataFile, sha256
from orderguard.schema import json_schema

ROOT = Path(__file__).resolve().parents[1]
COMMIT_VARIABLE = "ORDERGUARD_COMMIT"
_CODE_FOLDERS = ("ml", "orderguard", "data/knowledge", "data/probe-orders")
_CODE_SUFFIXES = (".py", ".toml", ".md", ".txt", ".ndjson")
_LIBRARIES = ("numpy", "onnx", "onnxruntime", "scikit-learn", "skl2onnx")
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The code that trains. `dirty` says that it differs from the commit; only files that can change a model count."""

    commit: str | None
    tag: str | None
    dirty: bool
    code_sha256: str
    lock_sha256: str | None


def source(root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> Source:
    """What is known of the code under `root`. Outside a clone the commit is taken from ORDERGUARD_COMMIT, which images
    carry.
    """
    code = _code_sha256(root)
    lock = root / "requirements" / "train.txt"
    lock_sha256 = sha256(lock) if lock.is_file() else None
    if _git(root, "rev-parse", "--show-toplevel") != str(root):
        commit = environment.get(COMMIT_VARIABLE, "")
        known = commit if re.fullmatch(r"[0-9a-f]{7,64}", commit) else None
        return Source(commit=known, tag=None, dirty=False, code_sha256=code, lock_sha256=lock_sha256)
    changes = _git(root, "status", "--porcelain", "--", *_CODE_FOLDERS, "requirements/train.txt")
    tags = (_git(root, "tag", "--points-at", "HEAD", "--sort=-version:refname") or "").split()
    return Source(
        commit=_git(root, "rev-parse", "HEAD"),
        tag=next((tag for tag in tags if _TAG.fullmatch(tag)), None),
        dirty=bool(changes),
        code_sha256=code,
        lock_sha256=lock_sha256,
    )


def version_name(
    code: Source, data_sha256: str, last_order: str, own_config: str = "", outcomes: str = "", drawn: int = 0
) -> str:
    """The tag, or YYYYMMDD-commit-data: the day of the last order, the first of the commit's and of the data's digits.

    Code that differs from the commit adds `-dirty-` and the first of its own hash's digits, and a configuration other
    than the code's own, whose hash is `own_config`, adds `-config-` and the first of that, and outcomes add
    `-outcomes-` and the first of their file's hash. A sample of the orders adds `-drawn-` and its rows. So no two
    versions share a name.
    """
    suffix = f"-config-{own_config[:6]}" if own_config else ""
    suffix += f"-outcomes-{outcomes[:6]}" if outcomes else ""
    suffix += f"-drawn-{drawn}" if drawn else ""
    if code.tag and not code.dirty:
        return code.tag + suffix
    day = last_order[:10].replace("-", "")
    commit = (code.commit or "unknown")[:7]
    name = f"{day}-{commit}-{data_sha256[:8]}"
    return (f"{name}-dirty-{code.code_sha256[:6]}" if code.dirty or not code.commit else name) + suffix


def data_hash(files: Iterable[DataFile]) -> str:
    """One hash for the files in their sequence, which settles what counts of two equal orders. Names don't count: who
    guesses one could test it against the hash.
    """
    lines = [f"{file.sha256}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def schema_hash() -> str:
    """The hash of the order schema."""
    return hashlib.sha256(msgspec.json.encode(json_schema(), order="sorted")).hexdigest()


def library_versions() -> dict[str, str]:
    """Versions of what a model's bytes depend on."""
    return {"python": python_version(), **{name: version(name) for name in _LIBRARIES}}


def _code_sha256(root: Path) -> str:
    digest = hashlib.sha256()
    paths = [path for folder in _CODE_FOLDERS for path in (root / folder).rglob("*") if path.suffix in _CODE_SUFFIXES]
    for path in sorted(paths, key=lambda path: path.relative_to(root).as_posix()):
        digest.update(f"{sha256(path)}  {path.relative_to(root).as_posix()}\n".encode())
    return digest.hexdigest()


def _git(root: Path, *arguments: str) -> str | None:
    """What git answers, or None where it isn't installed or refuses."""
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run([git, "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
