"""Find the pinned engine, download it, or build it from the Go module proxy; into a cache outside the tree, never
twice.

An engine is a folder with `pulumi` and `pulumi-language-python-exec` (the script that runs a Python program; it comes
with the engine).
"""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from infra.local.engine import build
from infra.local.errors import LocalCloudError
from infra.local.files import locked, remove_tree, write_whole
from infra.local.home import user_cache

ENGINE_VERSION = "3.259.0"
VENDOR = "https://get.pulumi.com/releases/sdk"
# As the vendor publishes them in github.com/pulumi/homebrew-tap, Formula/pulumi.rb; another version has others.
ARCHIVE_SHA256 = {
    "pulumi-v3.259.0-darwin-arm64.tar.gz": "57c27f179e527e2cf9f62b841a448af72a020e44b2fb4ee0d9bd85556c00c864",
    "pulumi-v3.259.0-darwin-x64.tar.gz": "eaca4c3b8277bfa3ab061fa3b270d1c66358a0b2e613da8c5587a04b7226c534",
    "pulumi-v3.259.0-linux-arm64.tar.gz": "edc8327463a72160bb36cf82cf5062da9c8a244290a706d9980988e7bf486853",
    "pulumi-v3.259.0-linux-x64.tar.gz": "94ba357acac23d01474084c4b00098dc0f7bc70ce13f34c777459254a5f718e5",
}
RUNNER = "pulumi-language-python-exec"
HOST = "pulumi-language-python"
# For `pulumi` typed plainly in a clone. The engine starts its host in the project's folder or in that of a policy pack.
_OWN_HOST = """#!/bin/sh
# The Python host of an engine that was built from source, which comes without the vendor's: the clone's own.
folder=$PWD
until [ -x "$folder/.venv/bin/python" ] && [ -f "$folder/infra/local/launch.py" ]; do
  [ "$folder" = / ] && echo "no clone with a virtual environment (.venv) is above $PWD: make environment-run" >&2
  [ "$folder" = / ] && exit 1
  folder=$(dirname "$folder")
done
exec "$folder/.venv/bin/python" "$folder/infra/local/launch.py" infra.local.language_host "$@"
"""
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Engine:
    """A usable engine and where it came from."""

    pulumi: Path
    runner: Path
    source: str


def cache_folder(variables: Mapping[str, str]) -> Path:
    """The cache of the pinned version: $XDG_CACHE_HOME/orderguard/engine/VERSION."""
    return user_cache(variables) / "engine" / ENGINE_VERSION


def ensure_engine(
    say: Say = lambda text: print(text, file=sys.stderr, flush=True),
    *,
    variables: Mapping[str, str] | None = None,
    vendor: str = VENDOR,
) -> Engine:
    """The engine of the pinned version: from PATH, the cache, the vendor or the Go module proxy, in this order.

    Raises LocalCloudError that says what to install where none of these can be had.
    """
    variables = os.environ if variables is None else variables
    cache = cache_folder(variables)
    if engine := _complete(cache / "bin", "cache"):
        _add_host(cache / "bin")
        return engine
    if engine := _on_path(variables):
        return engine
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise LocalCloudError(
            f"The engine's cache {cache.parent} can't be made ({problem.strerror}). Name another folder: "
            "XDG_CACHE_HOME=/path/to/cache"
        ) from None
    with locked(cache.parent / f"{ENGINE_VERSION}.lock"):
        return _complete(cache / "bin", "cache") or _install(cache, say, variables, vendor)


def _complete(folder: Path, source: str) -> Engine | None:
    pulumi, runner = folder / "pulumi", folder / RUNNER
    return Engine(pulumi, runner, source) if os.access(pulumi, os.X_OK) and runner.exists() else None


def _add_host(folder: Path) -> None:
    """Put our host beside an engine that has none, so that `pulumi` runs programs when it is typed plainly, too."""
    if not (folder / HOST).exists():
        write_whole(folder / HOST, _OWN_HOST.encode(), executable=True)


def _on_path(variables: Mapping[str, str]) -> Engine | None:
    found = shutil.which("pulumi", path=variables.get("PATH", ""))
    if not found:
        return None
    engine = _complete(Path(found).resolve().parent, "PATH")
    return engine if engine and version_of(engine.pulumi) == ENGINE_VERSION else None


def version_of(pulumi: Path) -> str | None:
    """What `pulumi version` says, without the `v`; None if it can't be run."""
    try:
        told = subprocess.run(
            [pulumi, "version"],
            capture_output=True,
            text=True,
            timeout=30,
            env={"PATH": os.environ.get("PATH", ""), "HOME": "/", "PULUMI_SKIP_UPDATE_CHECK": "1"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return told.stdout.strip().removeprefix("v") if told.returncode == 0 else None


def _install(cache: Path, say: Say, variables: Mapping[str, str], vendor: str) -> Engine:
    """Make the engine in a folder aside and rename it into place. Folders of killed runs go first."""
    for stale in cache.parent.glob(f".{ENGINE_VERSION}.*"):
        remove_tree(stale)
    aside = Path(tempfile.mkdtemp(prefix=f".{ENGINE_VERSION}.", dir=cache.parent))
    try:
        built = cache / "bin" / "pulumi"
        if built.exists() and version_of(built) == ENGINE_VERSION:
            source = "cache"
            (aside / "bin").mkdir()
            os.link(built, aside / "bin" / "pulumi")
            shutil.copy(build.runner(variables, say), aside / "bin" / RUNNER)
        elif _download(vendor, aside, say):
            source = "vendor"
        else:
            source = "Go module proxy"
            build.build(aside / "bin", aside / "scratch", ENGINE_VERSION, variables, say)
            remove_tree(aside / "scratch")
        _add_host(aside / "bin")
        told = version_of(aside / "bin" / "pulumi")
        if told != ENGINE_VERSION:
            raise LocalCloudError(f"The engine from the {source} says it is version {told}, not {ENGINE_VERSION}.")
        if cache.exists():
            shutil.rmtree(cache)
        os.rename(aside, cache)
    finally:
        remove_tree(aside)
    engine = _complete(cache / "bin", source)
    if engine is None:
        raise LocalCloudError(f"The engine from the {source} lacks {RUNNER}: remove {cache} and run this again.")
    return engine


def archive_name() -> str | None:
    """The vendor's archive for this machine; None where there is none."""
    machine = _MACHINES.get(os.uname().machine.lower())
    return f"pulumi-v{ENGINE_VERSION}-{os.uname().sysname.lower()}-{machine}.tar.gz" if machine else None


def _download(vendor: str, folder: Path, say: Say) -> bool:
    """Take the vendor's archive into `folder`/bin; False, without a long wait, where its host can't be reached.

    Raises LocalCloudError where the archive is not the pinned one: nothing of it is unpacked.
    """
    name, where = archive_name(), urlsplit(vendor)
    if name is None or name not in ARCHIVE_SHA256 or not where.hostname:
        say(f"Pulumi engine {ENGINE_VERSION}: no archive of the vendor's is pinned for this machine.")
        return False
    try:
        socket.getaddrinfo(where.hostname, where.port or 443)
    except OSError:
        say(f"Pulumi engine {ENGINE_VERSION}: {where.hostname} can't be resolved here.")
        return False
    address, archive = f"{vendor}/{name}", folder / name
    say(f"Pulumi engine {ENGINE_VERSION}: downloading {address}")
    try:
        with urllib.request.urlopen(
            address, timeout=20
        ) as answer:  # the address is https or a test's own  # nosec B310
            with archive.open("wb") as file:
                shutil.copyfileobj(answer, file)
    except OSError as problem:
        say(f"Pulumi engine {ENGINE_VERSION}: the download failed ({problem}).")
        archive.unlink(missing_ok=True)
        return False
    _unpack(archive, address, folder)
    os.rename(folder / "pulumi", folder / "bin")
    return True


def _unpack(archive: Path, address: str, folder: Path) -> None:
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != ARCHIVE_SHA256[archive.name]:
        raise LocalCloudError(
            f"{address} has the SHA-256 {found} and not the pinned {ARCHIVE_SHA256[archive.name]}: it was cut off, or "
            "it is not the vendor's. None of it is used. Run this again; if it happens again, put an engine of version "
            f"{ENGINE_VERSION} that you trust on PATH."
        )
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")
    archive.unlink()
