"""Runs the engine's commands on the local cloud, for the command line and for tests.

The engine wants to keep the salt of a stack's passphrase in `Pulumi.STACK.yaml`. That file belongs to the project and
to every clone, the passphrase to this home alone. So a stack's settings are copied to the home at each run, and the
salt is added there, with the secrets that were kept in this home.
"""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from infra.local.engine import environment
from infra.local.errors import EXIT_USAGE, LocalCloudError
from infra.local.files import locked, write_whole
from infra.local.home import DEFAULT_STACK, REPOSITORY, Home
from infra.local.supervisor.process import die_with_parent

_SALT, _SECRETS = "encryptionsalt", "secrets"
_CLOUD_SECRETS = ("secretsprovider", "encryptedkey", _SALT)
_DEPLOYER = "orderguard:deployer"
_RUN_PROGRAM = ("up", "preview", "destroy", "refresh", "import")
"""The commands that read the stack's settings. All others need the state alone, so they run in the home."""


def run(
    arguments: Sequence[str],
    *,
    home: Home | Path,
    stack: str = DEFAULT_STACK,
    project: Path = REPOSITORY,
    variables: Mapping[str, str] | None = None,
    extra: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Runs `pulumi ARGUMENTS` on a stack, and returns it with its output as text, standard error included.

    The stack is made where it is missing. `project` is the folder of Pulumi.yaml; `variables` is the environment to
    start from (this process's own by default); `extra` is added to what the engine gets. A failing command is
    returned, not raised.
    """
    home = home if isinstance(home, Home) else Home(Path(home).resolve())
    whole = {**environment(home, stack=stack, variables=variables), **(extra or {})}
    command, folder = prepare(arguments, home, stack, project, whole)
    return _captured(command, folder, whole)


def prepare(
    arguments: Sequence[str], home: Home, stack: str, project: Path, whole: Mapping[str, str]
) -> tuple[list[str], Path]:
    """The command line for `pulumi ARGUMENTS` on this stack and the folder to run it in. Makes the stack where it is
    missing.
    """
    name = _read_yaml(project / "Pulumi.yaml").get("name")
    if not name:
        raise LocalCloudError(f"{project / 'Pulumi.yaml'} is missing or has no `name`.", EXIT_USAGE)
    folder = home.root / "config" / str(name)
    settings = folder / f"Pulumi.{stack}.yaml"
    with locked(home.root / ".lock"):
        _write_settings(folder, str(name), settings, project / f"Pulumi.{stack}.yaml")
        if not (home.state / ".pulumi" / "stacks" / str(name) / f"{stack}.json").exists():
            made = _captured(["pulumi", "stack", "select", "--create", stack, *_PLAIN], folder, whole)
            if made.returncode:
                raise LocalCloudError(f"The stack {stack!r} can't be made:\n{made.stdout.strip()}", EXIT_USAGE)
    command = ["pulumi", *arguments, "--stack", stack, *_PLAIN]
    if arguments[0] in _RUN_PROGRAM:
        return [*command, "--config-file", str(settings)], project
    return command, folder


def keep_secret(key: str, value: str, home: Home, stack: str, project: Path, whole: Mapping[str, str]) -> None:
    """Encrypts a setting as the stack's own secrets are, and keeps it for each run. Raises LocalCloudError."""
    command, folder = prepare(("config", "set", "--secret", key), home, stack, project, whole)
    done = subprocess.run(command, cwd=folder, env=whole, input=value, capture_output=True, text=True)
    found = (_read_yaml(folder / f"Pulumi.{stack}.yaml").get("config") or {}).get(key)
    if done.returncode or not isinstance(found, dict):
        raise LocalCloudError(f"{key} can't be set: {done.stderr.strip()}", EXIT_USAGE)
    with locked(home.root / ".lock"):
        kept = folder / f"{_SECRETS}.{stack}.yaml"
        write_whole(kept, yaml.safe_dump({**_read_yaml(kept), key: found}).encode())


def setting(stack: str, key: str, project: Path = REPOSITORY) -> Any:
    """The value of a key such as `orderguard:cmek` in a stack's file, else its default in Pulumi.yaml; None without
    either.
    """
    own = _read_yaml(project / f"Pulumi.{stack}.yaml").get("config") or {}
    if key in own:
        return own[key]
    declared = (_read_yaml(project / "Pulumi.yaml").get("config") or {}).get(key.partition(":")[2])
    return declared.get("default") if isinstance(declared, dict) else declared


_PLAIN = ("--non-interactive", "--color", "never")


def _write_settings(folder: Path, name: str, settings: Path, source: Path) -> None:
    """Copies the project's settings of the stack, without its cloud's secrets provider and its deployer, with the salt
    of this home. Whoever runs a stack here administers it: it makes all its grants itself, and they are enforced.
    """
    wanted = {key: value for key, value in _read_yaml(source).items() if key not in _CLOUD_SECRETS}
    config = wanted.get("config") or {}
    wanted["config"] = {key: value for key, value in config.items() if key != _DEPLOYER}
    if salt := _read_yaml(settings).get(_SALT):
        wanted[_SALT] = salt
    if kept := _read_yaml(settings.with_name(settings.name.replace("Pulumi", _SECRETS, 1))):
        wanted["config"] = {**(wanted.get("config") or {}), **kept}
    write_whole(settings, yaml.safe_dump(wanted).encode())
    write_whole(folder / "Pulumi.yaml", yaml.safe_dump({"name": name, "runtime": "python"}).encode())


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        return {}
    except yaml.YAMLError as problem:
        raise LocalCloudError(f"{path} is not YAML: {problem}", EXIT_USAGE) from None
    return content if isinstance(content, dict) else {}


def _captured(command: Sequence[str], folder: Path, whole: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=whole,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=die_with_parent,  # an engine that outlives its command would hold the state's lock
    )
