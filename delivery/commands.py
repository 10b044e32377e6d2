"""Running other programs: their failure becomes one clear message, and nothing secret stands in their arguments."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from delivery.errors import DeliveryError

REPOSITORY = Path(__file__).resolve().parents[1]


def run(command: Sequence[str], *, folder: Path = REPOSITORY, environment: Mapping[str, str] | None = None) -> str:
    """Run a command and return what it wrote to standard output.

    Raises `DeliveryError` with the command's own last words where it can't be started or fails.
    """
    if shutil.which(command[0], path=(environment or {}).get("PATH")) is None:
        raise DeliveryError(f"{command[0]} is needed here and is not installed, or not on PATH.")
    done = subprocess.run(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()[-15:]
        raise DeliveryError(f"`{' '.join(command[:4])} …` ended with exit code {done.returncode}:\n" + "\n".join(words))
    return done.stdout


def stream(command: Sequence[str], *, folder: Path = REPOSITORY, environment: Mapping[str, str] | None = None) -> None:
    """Run a command whose output goes straight to the terminal. Raises `DeliveryError` where it fails."""
    if shutil.which(command[0], path=(environment or {}).get("PATH")) is None:
        raise DeliveryError(f"{command[0]} is needed here and is not installed, or not on PATH.")
    done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise DeliveryError(
            f"`{' '.join(command[:4])} …` ended with exit code {done.returncode}; its output stands above."
        )


def commit() -> str:
    """The full hash of HEAD. Raises `DeliveryError` outside a clone."""
    return run(["git", "rev-parse", "HEAD"]).strip()


def tag() -> str | None:
    """The version tag (`v*`) that points at HEAD, the highest where there are several; None where there is none."""
    tags = run(["git", "tag", "--points-at", "HEAD", "--list", "v*", "--sort=-version:refname"]).split()
    return tags[0] if tags else None
