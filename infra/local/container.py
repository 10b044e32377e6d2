"""How a container of Cloud Run becomes a process here: command, environment, secrets, mounts."""

import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.cloud import Cloud
from infra.local.home import bytecode_cache
from infra.local.image import RunConfig, run_config
from infra.local.provider.resource import Refused
from infra.local.services import docker, secretmanager
from orderguard.private_files import make_private_folder

_PYTHON = re.compile(r"python(3(\.\d+)?)?")


class ContainerError(Exception):
    """The container can't be started; the message is Cloud Run's."""


@dataclass(frozen=True)
class Launch:
    """What to run, where and with which environment. The environment may hold secrets: it goes to the kernel alone."""

    command: list[str]
    environment: dict[str, str]
    folder: Path


def launch(cloud: Cloud, service: str, revision: str, spec: Mapping[str, Any], port: int) -> Launch:
    """The process for a revision's container. Raises ContainerError for what is missing."""
    reserved = {"PORT": str(port), "K_SERVICE": service, "K_REVISION": revision, "K_CONFIGURATION": service}
    return _launch(cloud, revision, spec, reserved)


def launch_job(cloud: Cloud, job: str, execution: str, spec: Mapping[str, Any], index: int, count: int) -> Launch:
    """The process for one task of a job's execution. Raises ContainerError as `launch` does."""
    reserved = {
        "CLOUD_RUN_JOB": job,
        "CLOUD_RUN_EXECUTION": execution,
        "CLOUD_RUN_TASK_INDEX": str(index),
        "CLOUD_RUN_TASK_COUNT": str(count),
        "CLOUD_RUN_TASK_ATTEMPT": "0",
    }
    return _launch(cloud, execution, spec, reserved)


def _launch(cloud: Cloud, name: str, spec: Mapping[str, Any], reserved: Mapping[str, str]) -> Launch:
    container = spec["containers"][0]
    image = docker.manifest(cloud, str(container["image"]))
    if image is None:
        raise ContainerError(
            f"Revision '{name}' is not ready and cannot serve traffic. Image '{container['image']}' not found."
        )
    folder = cloud.images / "contexts" / str(image["context"])
    wanted = run_config(str(image["dockerfile"]), image["arguments"], image["target"])
    mounts = _mounts(cloud, name, spec, container)
    return Launch(
        command=[_translated(word, mounts) for word in _command(wanted, container, name)],
        environment=_environment(cloud, name, wanted, container, mounts, reserved),
        folder=folder,
    )


def _command(wanted: RunConfig, container: Mapping[str, Any], name: str) -> list[str]:
    words = list(container.get("commands") or wanted.entrypoint)
    words += container.get("args") or ([] if container.get("commands") else wanted.command)
    if not words:
        raise ContainerError(
            f"Revision '{name}' is not ready and cannot serve traffic. The image has no command to run."
        )
    program = Path(words[0]).name
    beside = Path(sys.executable).parent / program
    if _PYTHON.fullmatch(program):
        words[0] = sys.executable
    elif beside.exists():
        words[0] = str(beside)
    else:
        words[0] = shutil.which(words[0]) or words[0]
    return [str(word) for word in words]


def _mounts(cloud: Cloud, name: str, spec: Mapping[str, Any], container: Mapping[str, Any]) -> dict[str, str]:
    """Mount path → folder on this machine, for volumes that are buckets or empty."""
    volumes = {one["name"]: one for one in spec.get("volumes") or ()}
    mounts = {}
    for mount in container.get("volumeMounts") or ():
        volume = volumes[mount["name"]]
        if "gcs" in volume:
            folder = cloud.bucket(str(volume["gcs"]["bucket"]))
            if not folder.is_dir():
                raise ContainerError(
                    f"Revision '{name}' is not ready and cannot serve traffic. Mounting the bucket"
                    f" {volume['gcs']['bucket']!r} failed: googleapi: Error 404: The specified bucket does not exist.,"
                    " notFound"
                )
        else:
            folder = cloud.run / "volumes" / name / str(mount["name"])
            make_private_folder(folder)
        mounts[str(mount["mountPath"]).rstrip("/")] = str(folder)
    return mounts


def _translated(text: str, mounts: Mapping[str, str]) -> str:
    """A process has no mounts: a path below a mount path becomes the path below the volume's folder."""
    for path, folder in mounts.items():
        text = re.sub(rf"(^|=|:){re.escape(path)}(?=/|$)", lambda found: found[1] + folder, text)
    return text


def _environment(
    cloud: Cloud,
    name: str,
    wanted: RunConfig,
    container: Mapping[str, Any],
    mounts: Mapping[str, str],
    reserved: Mapping[str, str],
) -> dict[str, str]:
    scratch = make_private_folder(cloud.run / "scratch")
    own = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "HOME": str(scratch),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPYCACHEPREFIX": str(bytecode_cache()),
    }
    from_image = {key: value for key, value in wanted.environment.items() if key not in ("PATH", "PYTHONPATH")}
    given = {}
    for one in container.get("envs") or ():
        reference = (one.get("valueSource") or {}).get("secretKeyRef")
        if reference:
            try:
                given[one["name"]] = secretmanager.value(
                    cloud, reference["secret"], str(reference.get("version") or "latest")
                )
            except Refused as refusal:
                raise ContainerError(f"Revision '{name}' is not ready and cannot serve traffic. {refusal}") from None
        else:
            given[one["name"]] = _translated(str(one.get("value") or ""), mounts)
    # An image listens on every interface of its container; this process shares the machine's.
    return {**own, **from_image, **given, "HOST": "127.0.0.1", **reserved}
