"""A container of an image that an engine has, as a command and its environment: no value is in the command."""

import json
import os
import resource
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.cloud import Cloud
from infra.local.containers import engines, images
from infra.local.errors import ContainerError
from infra.local.run_checks import cpus, memory_bytes
from orderguard.private_files import make_private_folder

_HERE = Path(__file__).resolve().parent
_FILES, _PROCESSES = 16_384, 4_096
"""As many as a container's process may have, if this one may."""


@dataclass(frozen=True)
class Mount:
    """A folder of this machine at a path of the container."""

    folder: str
    path: str
    read_only: bool


def command_of(
    cloud: Cloud,
    engine: Mapping[str, Any],
    container: Mapping[str, Any],
    words: Sequence[str],
    variables: Mapping[str, str],
    mounts: Sequence[Mount],
) -> tuple[list[str], dict[str, str]]:
    """What starts `words` with exactly these variables. `engine` is what `images.described` told of the image,
    `container` the specification. Raises ContainerError.
    """
    limits = (container.get("resources") or {}).get("limits") or {}
    folder = str(container.get("workingDir") or engine["folder"] or "/")
    if engine["name"] == "buildah":
        return _on_root(cloud, engine, folder, words, variables, mounts, int(memory_bytes(limits.get("memory")) or 0))
    return _by_client(engine, folder, words, variables, mounts, limits)


def _on_root(
    cloud: Cloud,
    engine: Mapping[str, Any],
    folder: str,
    words: Sequence[str],
    variables: Mapping[str, str],
    mounts: Sequence[Mount],
    memory: int,
) -> tuple[list[str], dict[str, str]]:
    root = images.root_of(engine)
    user, group = user_of(str(engine["user"]), root)
    plan = {
        "root": str(root),
        "scratch": str(make_private_folder(cloud.run / "rootfs")),
        "command": list(words),
        "folder": folder,
        "user": user,
        "group": group,
        "mounts": [[one.folder, one.path, one.read_only] for one in mounts],
        "memory": memory,
    }
    given = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/", **variables}
    return (
        [sys.executable, "-I", "-S", str(_HERE / "rootfs.py"), json.dumps(plan)],
        {f"_{name}": value for name, value in given.items()},
    )


def user_of(wanted: str, root: Path) -> tuple[int, int]:
    """Numbers for an image's USER (`65532:65532`, `app`, nothing), by names as its own /etc/passwd has them. Raises
    ContainerError for a name that is not there.
    """
    user, _, group = wanted.partition(":")
    people = _entries(root / "etc/passwd")
    found = next((one for one in people if user in (one[0], one[2])), None)
    if not user:
        return 0, 0
    if not user.isdigit() and found is None:
        raise ContainerError(f"The image's user {user!r} is not in its /etc/passwd.")
    number = int(found[2] if found else user)
    if not group:
        return number, int(found[3]) if found else 0
    groups = next((one for one in _entries(root / "etc/group") if group in (one[0], one[2])), None)
    if not group.isdigit() and groups is None:
        raise ContainerError(f"The image's group {group!r} is not in its /etc/group.")
    return number, int(groups[2] if groups else group)


def _entries(path: Path) -> list[list[str]]:
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return []
    return [parts for line in lines if len(parts := line.split(":")) > 3 and parts[2].isdigit()]


def _by_client(
    engine: Mapping[str, Any],
    folder: str,
    words: Sequence[str],
    variables: Mapping[str, str],
    mounts: Sequence[Mount],
    limits: Mapping[str, Any],
) -> tuple[list[str], dict[str, str]]:
    tool, name = str(engine["name"]), f"orderguard-local-{secrets.token_hex(8)}"
    run = [tool, "run", "--rm", "--name", name, "--network", "host", "--pull", "never", "--workdir", folder]
    run += ["--log-driver", "none", "--security-opt", "no-new-privileges", *_ulimits()]
    for one in mounts:
        run += ["--volume", f"{one.folder}:{one.path}{':ro' if one.read_only else ''}"]
    if mounts and engine["user"]:  # the files are this user's alone
        run += ["--user", f"{os.getuid()}:{os.getgid()}"]
    if cpu := cpus(limits.get("cpu")):
        run += ["--cpus", f"{min(cpu, os.cpu_count() or 1):g}"]
    if memory := memory_bytes(limits.get("memory")):
        run += ["--memory", f"{int(memory)}"]
    own = engines.environment()
    for key, value in sorted(variables.items()):  # by name alone, but for what the client needs for itself
        run += ["--env", f"{key}={value}" if key in own else key]
    run += ["--entrypoint", words[0], str(engine["image"]), *words[1:]]
    remove = [tool, "rm", "--force", "--time", "0", name] if tool == "podman" else [tool, "rm", "--force", name]
    return [sys.executable, "-I", "-S", str(_HERE / "client.py"), *remove, "--", *run], {**variables, **own}


def _ulimits() -> list[str]:
    """An engine's usual ones may be above what it may give."""
    found = []
    for name, kind, most in (("nofile", resource.RLIMIT_NOFILE, _FILES), ("nproc", resource.RLIMIT_NPROC, _PROCESSES)):
        own = resource.getrlimit(kind)[0]
        found += ["--ulimit", f"{name}={min(own, most) if own > 0 else most}"]
    return found
