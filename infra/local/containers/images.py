"""Images that an engine builds or pulls, and what they say about being run."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.local.containers.engines import ask
from infra.local.errors import ContainerError

TAG = "localhost/orderguard-local"
"""No registry's name: nothing that is built here can be pushed by mistake."""


def build(
    engine: str,
    context: Path,
    dockerfile: Path,
    *,
    target: str | None,
    arguments: Mapping[str, str],
    platform: str,
    tag: str,
) -> dict[str, Any]:
    """Build, and return what `described` does. Raises ContainerError with the engine's last words."""
    words = [engine, "build", "--quiet", "--file", str(dockerfile), "--platform", platform]
    words += ["--tag", tag, *(["--target", target] if target else [])]
    words += [] if engine == "docker" else ["--timestamp", "0", "--layers"]
    words += [word for name, value in sorted(arguments.items()) for word in ("--build-arg", f"{name}={value}")]
    return {**described(engine, ask([*words, str(context)]).splitlines()[-1]), "tag": tag}


def pulled(engine: str, reference: str) -> dict[str, Any]:
    """What `described` says of an image of any registry, pulled unless the engine has it already. Raises
    ContainerError.
    """
    try:
        return described(engine, reference)
    except ContainerError:
        ask([engine, "pull", "--quiet", reference])
    return described(engine, reference)


def described(engine: str, image: str) -> dict[str, Any]:
    """The engine, the image's id in it, and its configuration: entrypoint, command, environment, folder, user. Raises
    ContainerError where there is no such image.
    """
    if engine == "buildah":
        told = json.loads(ask(["buildah", "inspect", "--type", "image", image]))
        identity, config = told["FromImageID"], told["OCIv1"].get("config") or {}
    else:
        told = json.loads(ask([engine, "image", "inspect", image]))[0]
        identity, config = told["Id"], told.get("Config") or {}
    return {
        "name": engine,
        "image": str(identity).removeprefix("sha256:"),
        "entrypoint": config.get("Entrypoint") or [],
        "command": config.get("Cmd") or [],
        "environment": dict(one.partition("=")[::2] for one in config.get("Env") or ()),
        "folder": config.get("WorkingDir") or "/",
        "user": config.get("User") or "",
    }


def is_there(engine: Mapping[str, Any]) -> bool:
    """Whether the engine still has the image that `described` told of."""
    try:
        return bool(described(str(engine["name"]), str(engine["image"])))
    except ContainerError:
        return False


def forget(gone: Sequence[Mapping[str, Any]]) -> None:
    """Remove what a cloud had engines build or unpack: images, where nobody else has given them a name, and their root
    file systems. What was pulled stays.
    """
    commands = [["buildah", "rm", str(one["root"])] for one in gone if one["name"] == "buildah"]
    commands += [[str(one["name"]), "rmi", str(one["tag"])] for one in gone if "tag" in one]
    for command in commands:
        try:
            ask(command)
        except ContainerError:
            pass


def root_of(engine: Mapping[str, Any]) -> Path:
    """The folder that holds the root file system of an image that buildah has. Raises ContainerError."""
    name = str(engine["root"])
    try:
        return Path(ask(["buildah", "mount", name]))
    except ContainerError:
        ask(["buildah", "from", "--quiet", "--pull-never", "--name", name, str(engine["image"])])
    return Path(ask(["buildah", "mount", name]))
