"""Which container engine is used: what the variable asks for, as far as the machine has it."""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from infra.local.errors import ContainerError

VARIABLE = "LOCAL_CLOUD_CONTAINERS"
FROZEN, AUTO, ENGINE = "frozen", "auto", "engine"
ENGINES = ("docker", "podman", "buildah")
"""In the order in which they are looked for."""
OWN_DOCKER_HOST = "LOCAL_CLOUD_DOCKER_HOST"
"""The shell's own DOCKER_HOST: the engine's environment has one that stands for the local cloud."""
OF_ENGINES = ("HOME", "STORAGE_DRIVER", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", OWN_DOCKER_HOST)
"""What an engine finds its images and its daemon by: who runs an image needs the same as who built it."""
_PASSED = ("LANG", "PATH", "TMPDIR", *OF_ENGINES[:-1])
_SECONDS = 20.0


def chosen(variables: Mapping[str, str] = os.environ) -> str | None:
    """The engine that builds and runs images; None where build contexts are frozen, as they are unless the variable
    asks for something else.

    Raises ContainerError for a value that is none, and where an engine is asked for and none is here.
    """
    wanted = variables.get(VARIABLE) or FROZEN
    if wanted == FROZEN:
        return None
    if wanted not in (AUTO, ENGINE, *ENGINES):
        raise ContainerError(f"{VARIABLE}={wanted}: write {FROZEN}, {AUTO}, {ENGINE} or one of {', '.join(ENGINES)}.")
    asked = (wanted,) if wanted in ENGINES else ENGINES
    found = next((name for name in asked if _works(name, variables)), None)
    if found is None and wanted != AUTO:
        raise ContainerError(
            f"{VARIABLE}={wanted}, but none of {', '.join(asked)} works here (docker and podman have to answer `info`,"
            " buildah needs root). Install one (Debian and Ubuntu: apt-get install podman, or buildah), or write"
            f" {VARIABLE}={FROZEN}: a command is then run in a copy of its build context."
        )
    return found


def _works(name: str, variables: Mapping[str, str]) -> bool:
    if not shutil.which(name, path=variables.get("PATH")):
        return False
    if name == "buildah":
        return os.geteuid() == 0
    try:
        asked = subprocess.run(
            [name, "info"], env=environment(variables), capture_output=True, check=False, timeout=_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def environment(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that an engine's commands get. buildah does with neither a daemon nor more than a chroot."""
    passed = {name: variables[name] for name in _PASSED if name in variables}
    host = {"DOCKER_HOST": variables[OWN_DOCKER_HOST]} if variables.get(OWN_DOCKER_HOST) else {}
    return {"HOME": os.path.expanduser("~"), "BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs", **passed, **host}


def ask(command: Sequence[str], variables: Mapping[str, str] = os.environ) -> str:
    """What an engine's command printed. Raises ContainerError with its last words."""
    try:
        done = subprocess.run(
            command, env=environment(variables), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError as problem:
        raise ContainerError(f"{command[0]} can't be run: {problem.strerror}") from None
    if done.returncode:
        words = "\n".join(done.stderr.strip().splitlines()[-12:]) or f"exit code {done.returncode}"
        raise ContainerError(f"{' '.join(command[:2])} failed: {words}")
    return done.stdout.strip()
