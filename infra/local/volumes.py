"""The volumes of a revision's instance, or of a job's task, as folders of this machine: buckets, secrets, empty ones.

A volume of a kind that this machine does not have (Cloud SQL, NFS) is an empty folder.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.cloud import Cloud
from infra.local.containers.run import Mount
from infra.local.errors import ContainerError, not_ready
from infra.local.provider.resource import Refused
from infra.local.services import secretmanager
from orderguard.private_files import make_private_folder

_MEMORY = Path(
    "/dev/shm"
)  # a file system in memory: what Cloud Run keeps in memory never gets to the disk  # nosec B108
_READABLE = 0o444


@dataclass(frozen=True)
class Volumes:
    """Volume's name → its folder. `own` are the folders that end with the instance, `read_only` the volumes that nobody
    may write to.
    """

    folders: Mapping[str, Path]
    own: tuple[Path, ...]
    read_only: frozenset[str] = frozenset()

    def mounts(self, container: Mapping[str, Any]) -> dict[str, str]:
        """Mount path → folder, for one of the containers."""
        return {
            str(mount["mountPath"]).rstrip("/"): str(self.folders[mount["name"]])
            for mount in container.get("volumeMounts") or ()
            if mount["name"] in self.folders
        }

    def shown(self, container: Mapping[str, Any]) -> list[Mount]:
        """The same for a real container, where a mount may be read-only."""
        mounts = container.get("volumeMounts") or ()
        return [
            Mount(str(self.folders[mount["name"]]), str(mount["mountPath"]), mount["name"] in self.read_only)
            for mount in mounts
            if mount["name"] in self.folders
        ]

    def remove(self) -> None:
        """Remove what ends with the instance."""
        for folder in self.own:
            shutil.rmtree(folder, ignore_errors=True)


def in_memory(cloud: Cloud) -> Path:
    """Where this cloud keeps what must not get to the disk; below the home where the machine has no such place."""
    if not os.access(_MEMORY, os.W_OK):
        return cloud.run / "memory"
    return _MEMORY / f"orderguard-{os.getuid()}" / cloud.short(str(cloud.root))


def prepared(cloud: Cloud, name: str, spec: Mapping[str, Any]) -> Volumes:
    """Make the folders. `name` is the revision or the execution. Raises ContainerError as Cloud Run does."""
    folders: dict[str, Path] = {}
    own: list[Path] = []
    try:
        for volume in spec.get("volumes") or ():
            if "gcs" in volume:
                folders[volume["name"]] = _bucket(cloud, name, str(volume["gcs"]["bucket"]))
                continue
            disk = "secret" not in volume and (volume.get("emptyDir") or {}).get("medium") == "DISK"
            base = make_private_folder((cloud.run if disk else in_memory(cloud)) / "volumes")
            own.append(Path(tempfile.mkdtemp(prefix=f"{name}-", dir=base)))
            folders[volume["name"]] = own[-1]
            if "secret" in volume:
                _write_secret(cloud, name, volume["secret"], own[-1])
    except BaseException:
        Volumes(folders, tuple(own)).remove()
        raise
    fixed = (
        one["name"] for one in spec.get("volumes") or () if "secret" in one or (one.get("gcs") or {}).get("readOnly")
    )
    return Volumes(folders, tuple(own), frozenset(fixed))


def _bucket(cloud: Cloud, name: str, bucket: str) -> Path:
    folder = cloud.bucket(bucket)
    if not folder.is_dir():
        raise ContainerError(
            not_ready(name) + f" Mounting the bucket {bucket!r} failed: googleapi: Error 404: The specified bucket does"
            " not exist., notFound"
        )
    return folder


def _write_secret(cloud: Cloud, name: str, secret: Mapping[str, Any], folder: Path) -> None:
    """A file for each item; without items one with the secret's own name that holds the newest version."""
    usual = secret.get("defaultMode")
    short = str(secret["secret"]).rpartition("/")[2]
    for item in secret.get("items") or ({"path": short, "version": "latest"},):
        try:
            value = secretmanager.value(cloud, str(secret["secret"]), str(item.get("version") or "latest"))
        except Refused as refusal:
            raise ContainerError(f"{not_ready(name)} {refusal}") from None
        path = Path(os.path.normpath(folder / str(item["path"])))
        if folder not in path.parents:
            raise ContainerError(f"{not_ready(name)} The path {item['path']!r} leaves the secret's volume.")
        make_private_folder(path.parent)
        path.write_bytes(value.encode())
        mode = item.get("mode") if item.get("mode") is not None else usual
        path.chmod(_READABLE if mode is None else int(mode))
