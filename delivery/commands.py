"""Running other programs: their failure becomes one clear message, and nothing secret stands in their arguments."""

import os
import shutil
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

from delivery.errors import DeliveryError

REPOSITORY = Path(__file__).resolve().parents[1]


def run(
    command: Sequence[str],
    *,
    folder: Path = REPOSITORY,
    environment: Mapping[str, str] | None = None,
    given: str = "",
) -> str:
    """Run a command, with `given` as its standard input, and return what it wrote to standard output.

    Raises `DeliveryError` with the command's own last words where it can't be started or fails.
    """
    _require(command[0], environment)
    done = subprocess.run(
        command, cwd=folder, env=environment, input=given, capture_output=True, text=True, check=False
    )
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()[-15:]
        raise DeliveryError(f"`{' '.join(command[:4])} …` ended with exit code {done.returncode}:\n" + "\n".join(words))
    return done.stdout


def stream(command: Sequence[str], *, folder: Path = REPOSITORY, environment: Mapping[str, str] | None = None) -> None:
    """Run a command whose output goes straight to the terminal. Raises `DeliveryError` where it fails."""
    _require(command[0], environment)
    done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise DeliveryError(f"`{' '.join(command[:4])} …` ended with exit code {done.returncode}; its output is above.")


def follow(command: Sequence[str], *, folder: Path = REPOSITORY, environment: Mapping[str, str] | None = None) -> str:
    """Run a command that takes minutes: each line is shown as it comes, errors and all. Returns what was shown.

    Raises `DeliveryError` with the last 60 lines where it fails: the engine puts its reasons on either output.
    """
    _require(command[0], environment)
    lines: list[str] = []
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode:
        raise DeliveryError(
            f"`{' '.join(command[:4])} …` ended with exit code {process.returncode}:\n"
            + "".join(deque(lines, maxlen=60)).strip()
        )
    return "".join(lines)


def _require(program: str, environment: Mapping[str, str] | None) -> None:
    if shutil.which(program, path=(environment or {}).get("PATH")) is None:
        raise DeliveryError(f"{program} is needed here and is not installed, or not on PATH.")


def commit() -> str:
    """The full hash of HEAD. Raises `DeliveryError` outside a clone."""
    return run(["git", "rev-parse", "HEAD"]).strip()


def tag(environment: Mapping[str, str] = os.environ) -> str | None:
    """The version tag (`v*`) that points at HEAD; None where there is none. Of several, the one that was pushed where
    GitHub says which (a run that is repeated means its own tag), else the highest."""
    tags = run(["git", "tag", "--points-at", "HEAD", "--list", "v*", "--sort=-version:refname"]).split()
    pushed = environment.get("GITHUB_REF_NAME") if environment.get("GITHUB_REF_TYPE") == "tag" else None
    if pushed in tags:
        return pushed
    return tags[0] if tags else None


def repository(environment: Mapping[str, str] = os.environ) -> str:
    """This repository's name on GitHub (owner/name): the workflow's, or for a person what `gh` finds in the clone."""
    known = environment.get("GITHUB_REPOSITORY")
    return known or run(["gh", "repo", "view", "--json", "nameWithOwner", "--jq", ".nameWithOwner"]).strip()
