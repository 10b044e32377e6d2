"""A Pulumi project on the disk: what its files say, checked once."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local.errors import EXIT_USAGE, LocalCloudError
from infra.local.home import DEFAULT_STACK, Home
from infra.local.pulumi import project_file, read_yaml

HOME_VARIABLE = "ORDERGUARD_CLOUD_HOME"


@dataclass(frozen=True)
class Project:
    """A project in Python. `options` are the runtime's, `template` the settings that `pulumi new` would ask for."""

    folder: Path
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    template: Mapping[str, Any] = field(default_factory=dict)

    @property
    def virtual_environment(self) -> Path | None:
        """The folder that `runtime.options.virtualenv` names, relative to the project's."""
        named = self.options.get("virtualenv")
        return self.folder / str(named) if named else None


def read_project(folder: Path) -> Project:
    """The project in `folder`. Raises LocalCloudError for what the local cloud can't run, with the way out."""
    folder = folder.resolve()
    if not folder.is_dir():
        raise LocalCloudError(f"{folder} is not a folder. Name that of a Pulumi project: --project DIR", EXIT_USAGE)
    file = project_file(folder)
    if not file.is_file():
        below = sorted(path.parent.name for path in folder.glob("*/Pulumi.y*ml"))
        found = f" There are projects below it: {', '.join(below)}." if below else ""
        raise LocalCloudError(
            f"{folder} contains no Pulumi.yaml. Name the folder of a Pulumi project: --project DIR.{found}", EXIT_USAGE
        )
    content = read_yaml(file)
    name, runtime = content.get("name"), content.get("runtime")
    if not name or not runtime:
        raise LocalCloudError(f"{file} has no `{'runtime' if name else 'name'}`.", EXIT_USAGE)
    if "${" in str(name):
        raise LocalCloudError(
            f"{file} is a template: its name is {name}. Make a project of it in a folder of your own"
            f" (`pulumi new {folder}`), or write a name there.",
            EXIT_USAGE,
        )
    language = runtime if isinstance(runtime, str) else (runtime or {}).get("name")
    if language != "python":
        raise LocalCloudError(
            f"{file} says `runtime: {language}`. The local cloud runs programs in Python; there is no way yet to run"
            " one in another language.",
            EXIT_USAGE,
        )
    options = runtime.get("options") if isinstance(runtime, dict) else None
    template = content.get("template")
    return Project(
        folder,
        str(name),
        options if isinstance(options, dict) else {},
        content["config"] if isinstance(content.get("config"), dict) else {},
        (template.get("config") if isinstance(template, dict) else None) or {},
    )


def stack_of(project: Project, named: str | None) -> str:
    """The stack asked for, else the only one that has a file of settings, else `local`."""
    if named:
        return named
    files = sorted(path for path in project.folder.glob("Pulumi.*.y*ml") if path.suffix in (".yaml", ".yml"))
    return files[0].name.split(".", 1)[1].rpartition(".")[0] if len(files) == 1 else DEFAULT_STACK


def home_of(project: Project, variables: Mapping[str, str] | None = None) -> Home:
    """The project's own home: ORDERGUARD_CLOUD_HOME, else a folder of the user's data that the project's name and
    place name. Each stack is a cloud of its own in it.
    """
    variables = os.environ if variables is None else variables
    if named := variables.get(HOME_VARIABLE):
        return Home(Path(named).resolve())
    base = variables.get("XDG_DATA_HOME") or str(Path(variables.get("HOME", "~")).expanduser() / ".local" / "share")
    place = hashlib.sha256(str(project.folder).encode()).hexdigest()[:8]
    return Home(Path(base) / "orderguard-cloud" / f"{project.name}-{place}")
