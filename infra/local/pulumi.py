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

from infra.local.cloud import Cloud
from infra.local.engine import environment
from infra.local.errors import EXIT_USAGE, LocalCloudError
from infra.local.files import locked, write_whole
from infra.local.home import DEFAULT_STACK, REPOSITORY, Home
from infra.local.supervisor.process import die_with_parent

_SAFE = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""PyYAML's safe loader, in C where it was built with it: ten times as fast."""
_SALT, _SECRETS, _DEFAULTS = "encryptionsalt", "secrets", "defaults"
_CLOUD_SECRETS = ("secretsprovider", "encryptedkey", _SALT)
_DEPLOYER = "orderguard:deployer"
_RUN_PROGRAM = ("up", "preview", "destroy", "refresh", "import")
"""The commands that read the stack's settings. All others need the state alone, so they run in the home."""
_CHANGE_CLOUD = ("up", "destroy", "refresh", "import")
SHARED = "LOCAL_CLOUD_SHARED"
"""1: several Pulumi projects make up one cloud, as in a Google Cloud project; whose it is stays as it was."""
_OWNER = "project"
"""The file in a stack's cloud that names the project whose it is."""


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
    command, folder = prepare(_absolute(arguments, project), home, stack, project, whole)
    return captured(command, folder, whole)


def _absolute(arguments: Sequence[str], project: Path) -> list[str]:
    """A policy pack is named relative to the project's folder, as for the engine, or to this process's."""
    given = list(arguments)
    for before, word in enumerate(given[1:]):
        if given[before] == "--policy-pack":
            found = [path for path in (project / word, Path(word), REPOSITORY / word) if path.exists()]
            given[before + 1] = str(found[0].resolve()) if found else word
    return given


def project_file(folder: Path) -> Path:
    """The project's Pulumi.yaml, whether it is there or not."""
    other = folder / "Pulumi.yml"
    return other if other.is_file() else folder / "Pulumi.yaml"


def require_stack(stack: str, project: Path = REPOSITORY) -> None:
    """Raises LocalCloudError for a stack that has no file of settings; the message lists those that have one."""
    there = sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in project.glob("Pulumi.*.yaml"))
    if stack not in there:
        raise LocalCloudError(
            f"There is no stack {stack!r}; there are: {', '.join(there)}. For a new one, copy Pulumi.staging.yaml to"
            f" Pulumi.{stack}.yaml.",
            EXIT_USAGE,
        )


def require_own(home: Home, stack: str, name: str) -> None:
    """Raises LocalCloudError where the stack's cloud is another project's: nothing of one is taken for the other's."""
    path = Cloud(home, stack).root / _OWNER
    owner = path.read_text().strip() if path.is_file() else name
    if owner != name:
        raise LocalCloudError(
            f"The stack {stack!r} in {home.root} is the cloud of the project {owner!r}, not of {name!r}. Give this"
            " project a home of its own: LOCAL_CLOUD_HOME=/another/folder",
            EXIT_USAGE,
        )


def _own(home: Home, stack: str, name: str) -> None:
    require_own(home, stack, name)
    path = Cloud(home, stack).root / _OWNER
    if not path.is_file():
        write_whole(path, f"{name}\n".encode())


def prepare(
    arguments: Sequence[str], home: Home, stack: str, project: Path, whole: Mapping[str, str]
) -> tuple[list[str], Path]:
    """The command line for `pulumi ARGUMENTS` on this stack and the folder to run it in. Makes the stack where it is
    missing.
    """
    name = str(read_yaml(project_file(project)).get("name") or "")
    if not name:
        raise LocalCloudError(f"{project_file(project)} is missing or has no `name`.", EXIT_USAGE)
    folder = home.root / "config" / name
    with locked(home.root / ".lock"):
        if arguments[0] in _CHANGE_CLOUD and whole.get(SHARED) != "1":
            _own(home, stack, name)
        settings = _write_settings(folder, name, stack, settings_file(project, stack))
        if not home.state_file(name, stack).exists():
            made = captured(["pulumi", "stack", "select", "--create", stack, *_PLAIN], folder, whole)
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
    found = (read_yaml(folder / f"Pulumi.{stack}.yaml").get("config") or {}).get(key)
    if done.returncode or not isinstance(found, dict):
        raise LocalCloudError(f"{key} can't be set: {done.stderr.strip()}", EXIT_USAGE)
    with locked(home.root / ".lock"):
        kept = folder / f"{_SECRETS}.{stack}.yaml"
        write_whole(kept, yaml.safe_dump({**read_yaml(kept), key: found}).encode())


def keep_settings(
    home: Home, stack: str, name: str, defaults: Mapping[str, Any] | None = None, given: Mapping[str, Any] | None = None
) -> None:
    """Keeps settings in this home for each run of the project `name`: `defaults` hold where the stack's file has none,
    `given` in any case.
    """
    folder = home.root / "config" / name
    with locked(home.root / ".lock"):
        for kind, values in ((_DEFAULTS, defaults), (_SECRETS, given)):
            if values:
                kept = folder / f"{kind}.{stack}.yaml"
                write_whole(kept, yaml.safe_dump({**read_yaml(kept), **values}).encode())


def kept_settings(home: Home, stack: str, project: Path) -> list[Path]:
    """The files of settings that this home keeps for a stack of the project, beside the project's own."""
    folder = home.root / "config" / str(read_yaml(project_file(project)).get("name"))
    found = [folder / f"{kind}.{stack}.yaml" for kind in (_DEFAULTS, _SECRETS)]
    return [path for path in found if path.is_file()]


def settings_file(project: Path, stack: str) -> Path:
    """The file of a stack's settings in the project: beside Pulumi.yaml, or where that says."""
    named = read_yaml(project_file(project)).get("stackConfigDir")
    folder = project / str(named) if named else project
    other = folder / f"Pulumi.{stack}.yml"
    return other if other.is_file() else folder / f"Pulumi.{stack}.yaml"


def setting(stack: str, key: str, project: Path = REPOSITORY) -> Any:
    """The value of a key such as `orderguard:cmek` in a stack's file, else its default in Pulumi.yaml; None without
    either.
    """
    own = read_yaml(settings_file(project, stack)).get("config") or {}
    if key in own:
        return own[key]
    declared = (read_yaml(project_file(project)).get("config") or {}).get(key.partition(":")[2])
    return declared.get("default") if isinstance(declared, dict) else declared


_PLAIN = ("--non-interactive", "--color", "never")


def _write_settings(folder: Path, name: str, stack: str, source: Path) -> Path:
    """Copies the project's settings of the stack, without its cloud's secrets provider and its deployer, with the salt
    of this home. Whoever runs a stack here administers it: it makes all its grants itself, and they are enforced.
    The copy's path.
    """
    settings = folder / f"Pulumi.{stack}.yaml"
    wanted = {key: value for key, value in read_yaml(source).items() if key not in _CLOUD_SECRETS}
    config = wanted.get("config") or {}
    kept_defaults = read_yaml(folder / f"{_DEFAULTS}.{stack}.yaml")
    wanted["config"] = {**kept_defaults, **{key: value for key, value in config.items() if key != _DEPLOYER}}
    if salt := read_yaml(settings).get(_SALT):
        wanted[_SALT] = salt
    kept = read_yaml(folder / f"{_SECRETS}.{stack}.yaml")
    wanted["config"] |= kept
    foreign = [key for key, value in wanted["config"].items() if _is_secret(value) and key not in kept]
    if foreign:
        raise LocalCloudError(
            f"{source} keeps {', '.join(sorted(foreign))} encrypted with a passphrase that this home doesn't have. Give"
            f" it a value here: printf VALUE | orderguard-cloud secret {foreign[0]} --project {source.parent} --stack"
            f" {stack} (for the platform's own stacks: python -m infra.local secret {foreign[0]})",
            EXIT_USAGE,
        )
    write_whole(settings, yaml.safe_dump(wanted).encode())
    write_whole(folder / "Pulumi.yaml", yaml.safe_dump({"name": name, "runtime": "python"}).encode())
    return settings


def _is_secret(value: Any) -> bool:
    """Whether a setting is encrypted, or holds something that is."""
    if isinstance(value, dict):
        return set(value) == {"secure"} or any(_is_secret(one) for one in value.values())
    return isinstance(value, list) and any(_is_secret(one) for one in value)


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file's mapping, empty where there is no file. Raises LocalCloudError where it can't be read."""
    try:
        content = _SAFE(path.read_text()).get_single_data()
    except FileNotFoundError:
        return {}
    except yaml.YAMLError as problem:
        raise LocalCloudError(f"{path} is not YAML: {problem}", EXIT_USAGE) from None
    return content if isinstance(content, dict) else {}


def captured(command: Sequence[str], folder: Path, whole: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs a command line of the engine's to its end; its output as text, standard error included."""
    return subprocess.run(
        command,
        cwd=folder,
        env=whole,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        preexec_fn=die_with_parent,  # an engine that outlives its command would hold the state's lock
    )
