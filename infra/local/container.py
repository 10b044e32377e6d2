"""How a container of Cloud Run becomes a process here: command, environment, secrets, mounts."""

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.apis.roots import roots
from infra.local.cloud import Cloud
from infra.local.containers.run import Mount, command_of
from infra.local.errors import ContainerError, not_ready
from infra.local.home import bytecode_cache
from infra.local.image import RunConfig, run_config
from infra.local.provider.resource import Refused
from infra.local.services import docker, secretmanager
from infra.local.volumes import Volumes
from orderguard.private_files import make_private_folder

DEFAULT_PORT = 8080
_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_EVERY_INTERFACE = re.compile(r"(?<![\d.])0\.0\.0\.0(?![\d./])|\[::\]")
_HERE, _ANYWHERE = "127.0.0.1", "0.0.0.0"  # nosec B104
_NO_COMMAND = "The image has no command to run."


@dataclass(frozen=True)
class Launch:
    """What to run, where and with which environment. The environment may hold secrets: it goes to the kernel alone.
    `apart`: what runs is no child of the command, so that nobody sees from outside what it listens on.
    """

    command: list[str]
    environment: dict[str, str]
    folder: Path
    apart: bool = False


def name_of(container: Mapping[str, Any], index: int) -> str:
    """A container's name, or one by its place where it has none."""
    return str(container.get("name") or f"container-{index}")


def ingress(spec: Mapping[str, Any]) -> int:
    """The place of the container that gets the requests: the one with a port, else the first."""
    ports = [index for index, one in enumerate(spec["containers"]) if one.get("ports")]
    return ports[0] if ports else 0


def in_order(containers: Sequence[Mapping[str, Any]]) -> list[int]:
    """The containers' places, each after those that it depends on; else as they stand."""
    names = [name_of(one, index) for index, one in enumerate(containers)]
    placed: list[int] = []
    left = list(range(len(containers)))
    while left:
        waits = {names[index] for index in left}
        ready = [index for index in left if not waits & {str(one) for one in containers[index].get("dependsOns") or ()}]
        placed += ready or left  # a ring of dependencies is refused in Check
        left = [index for index in left if index not in placed]
    return placed


def declared_port(container: Mapping[str, Any]) -> int:
    """The port that a container says it listens on, 8080 where it says none. A list in v1, an object in v2."""
    ports = container.get("ports") or {}
    first = ports[0] if isinstance(ports, list) else ports
    return int(first.get("containerPort") or DEFAULT_PORT)


def lacking(cloud: Cloud, container: Mapping[str, Any]) -> str | None:
    """Why this machine can't run a container that Google Cloud may well run; None where it can.

    An image of a repository of this very cloud that was never pushed is another matter: Google Cloud has none either.
    """
    image = str(container["image"])
    found = docker.manifest(cloud, image)
    if found is None:
        if docker.has_repository(cloud, image):
            return None
        return f"its image {image} is not on this machine"
    if engine := found.get("engine"):
        here = shutil.which(engine["name"])
        return None if here else f"its image {image} was made with {engine['name']}, which is not on PATH"
    wanted = _wanted(found)
    words = _words(wanted, container)
    if not words:
        return f"its image {image} has the command of its base image, which is not on this machine"
    if _program(words[0], cloud.images / "contexts" / str(found["context"]), wanted, _python_of(found)) is None:
        return f"its command {words[0]!r} is not on this machine, and the steps that build its image are not run here"
    return None


def launch(
    cloud: Cloud,
    service: str,
    revision: str,
    spec: Mapping[str, Any],
    index: int,
    volumes: Volumes,
    port: int,
    google: Mapping[str, str],
) -> Launch:
    """The process for one of a revision's containers; `port` is for the one that gets the requests, `google` are the
    variables that lead to Google's interfaces here. Raises ContainerError for what is missing.
    """
    reserved = {"K_SERVICE": service, "K_REVISION": revision, "K_CONFIGURATION": service}
    if index == ingress(spec):
        reserved["PORT"] = str(port)
    return _launch(cloud, revision, spec["containers"][index], volumes, reserved, google)


def launch_job(
    cloud: Cloud,
    job: str,
    execution: str,
    spec: Mapping[str, Any],
    index: int,
    volumes: Volumes,
    task: tuple[int, int, int],
    google: Mapping[str, str],
) -> Launch:
    """The process for one container of a job's execution; `task` is its task's index, the attempts before this one and
    the number of tasks. Raises ContainerError as `launch` does.
    """
    number, attempt, count = task
    reserved = {
        "CLOUD_RUN_JOB": job,
        "CLOUD_RUN_EXECUTION": execution,
        "CLOUD_RUN_TASK_INDEX": str(number),
        "CLOUD_RUN_TASK_COUNT": str(count),
        "CLOUD_RUN_TASK_ATTEMPT": str(attempt),
    }
    return _launch(cloud, execution, spec["containers"][index], volumes, reserved, google)


def _launch(
    cloud: Cloud,
    name: str,
    container: Mapping[str, Any],
    volumes: Volumes,
    reserved: Mapping[str, str],
    google: Mapping[str, str],
) -> Launch:
    found = docker.manifest(cloud, str(container["image"]))
    if found is None:
        raise ContainerError(f"{not_ready(name)} Image '{container['image']}' not found.")
    if "engine" in found:
        return _real(cloud, name, found["engine"], container, volumes, reserved, google)
    folder = cloud.images / "contexts" / str(found["context"])
    wanted = _wanted(found)
    mounts = volumes.mounts(container)
    words = _words(wanted, container)
    if not words:
        raise ContainerError(f"{not_ready(name)} {_NO_COMMAND}")
    words[0] = _program(words[0], folder, wanted, _python_of(found)) or words[0]
    words[1:] = [_in_context(word, folder, wanted) for word in words[1:]]
    return Launch(
        command=_on_loopback([_translated(word, mounts) for word in words]),
        environment={
            **google,
            **_environment(cloud, name, wanted, container, mounts, reserved, _python_of(found)),
        },
        folder=folder,
    )


def _real(
    cloud: Cloud,
    name: str,
    engine: Mapping[str, Any],
    container: Mapping[str, Any],
    volumes: Volumes,
    reserved: Mapping[str, str],
    google: Mapping[str, str],
) -> Launch:
    """In a container of the image that the engine has; it shares the machine's network."""
    says = RunConfig(list(engine["entrypoint"]), list(engine["command"]), dict(engine["environment"]))
    words = _on_loopback(_words(says, container))
    if not words:
        raise ContainerError(f"{not_ready(name)} {_NO_COMMAND}")
    # A client's container has the image's variables by itself.
    of_image = says.environment if engine["name"] == "buildah" else _listening(says.environment)
    variables = {**google, **_told({**of_image, **_given(cloud, name, container, {})}), "HOST": _HERE, **reserved}
    trusted = str(roots(cloud).parent)
    mounts = [*volumes.shown(container), Mount(trusted, trusted, True)]
    command, environment = command_of(cloud, engine, container, words, variables, mounts)
    return Launch(command, environment, make_private_folder(cloud.run / "scratch"), engine["name"] != "buildah")


def _listening(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if value == _ANYWHERE}


def _told(variables: Mapping[str, str]) -> dict[str, str]:
    """An image listens on every interface of its container; this process shares the machine's."""
    return {name: _HERE if value == _ANYWHERE else value for name, value in variables.items()}


def _wanted(image: Mapping[str, Any]) -> RunConfig:
    return run_config(str(image["dockerfile"]), image["arguments"], image["target"])


def _words(wanted: RunConfig, container: Mapping[str, Any]) -> list[str]:
    words = list(container.get("commands") or wanted.entrypoint)
    words += container.get("args") or ([] if container.get("commands") else wanted.command)
    return [str(word) for word in words]


def _python_of(image: Mapping[str, Any]) -> Path:
    """The Python that has the image's packages; this project's own where the image installs none."""
    return Path(str(image.get("python") or sys.executable))


def _program(word: str, folder: Path, wanted: RunConfig, python: Path) -> str | None:
    """The program on this machine that a command begins with; None where there is none."""
    program = Path(word).name
    beside = python.parent / program
    if _PYTHON.fullmatch(program):
        return str(python)
    if "/" not in word and beside.exists():
        return str(beside)
    own = folder / _in_context(word, folder, wanted)
    return str(own) if "/" in word and own.is_file() else shutil.which(word)


def _in_context(word: str, folder: Path, wanted: RunConfig) -> str:
    """A path below the image's WORKDIR, where the context was copied, becomes one of the frozen context."""
    below = word.removeprefix(f"{wanted.folder.rstrip('/')}/")
    return str(folder / below) if below != word and (folder / below).exists() else word


def _on_loopback(words: Sequence[str]) -> list[str]:
    """A command that is told to listen on every interface listens on this machine's own alone."""
    quiet = [_EVERY_INTERFACE.sub(_HERE, word) for word in words]
    for index, word in enumerate(quiet):
        if word.startswith(":") and index and quiet[index - 1] in ("--bind", "-b"):
            quiet[index] = f"{_HERE}{word}"
    return [re.sub(r"((?:^|\s)(?:--bind|-b)[= ]):", rf"\g<1>{_HERE}:", word) for word in quiet]


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
    python: Path,
) -> dict[str, str]:
    scratch = make_private_folder(cloud.run / "scratch")
    own = {
        "PATH": os.pathsep.join([str(python.parent), os.defpath]),
        "HOME": str(scratch),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPYCACHEPREFIX": str(bytecode_cache()),
    }
    from_image = {key: value for key, value in wanted.environment.items() if key not in ("PATH", "PYTHONPATH")}
    given = _given(cloud, name, container, mounts)
    return {**own, **_told({**from_image, **given}), "HOST": _HERE, **reserved}


def _given(cloud: Cloud, name: str, container: Mapping[str, Any], mounts: Mapping[str, str]) -> dict[str, str]:
    """The variables that the specification gives, secrets read. Raises ContainerError."""
    given = {}
    for one in container.get("envs") or ():
        reference = (one.get("valueSource") or {}).get("secretKeyRef")
        if reference:
            try:
                given[one["name"]] = secretmanager.value(
                    cloud, reference["secret"], str(reference.get("version") or "latest")
                )
            except Refused as refusal:
                raise ContainerError(f"{not_ready(name)} {refusal}") from None
        else:
            given[one["name"]] = _translated(str(one.get("value") or ""), mounts)
    return given
