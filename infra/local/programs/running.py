"""What `up`, `preview` and `down` of a program share: its environment, its settings, what stands in the state."""

import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.local import pulumi
from infra.local.apis.identity import owner_headers
from infra.local.cloud import Cloud
from infra.local.commands.engine_run import latest_state, state_file
from infra.local.engine import environment
from infra.local.engine.environment import ASKED_FOR
from infra.local.errors import EXIT_USAGE, LocalCloudError
from infra.local.facts import facts_of
from infra.local.home import PROJECT, PYTHON, Home
from infra.local.ports import straight
from infra.local.programs.project import Project
from infra.local.programs.python import interpreter

_ON_DISK = ("gcp", "docker")
"""The packages whose resources the cloud keeps a record of."""
PLACE = {"project": "local-project", "region": "us-central1", "zone": "us-central1-a"}
"""What stands in where neither settings nor environment name a project, a region or a zone."""
_VARIABLES = {
    "project": ("GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"),
    "region": ("GOOGLE_REGION", "GCLOUD_REGION", "CLOUDSDK_COMPUTE_REGION"),
    "zone": ("GOOGLE_ZONE", "GCLOUD_ZONE", "CLOUDSDK_COMPUTE_ZONE"),
}
_HINTS = (
    (
        r"(?i)(no space left on device)",
        "The disk is full. Existing files are intact: free some space, and run the same command again.",
    ),
    (
        r"no resource plugin '?(?:pulumi-resource-)?([\w-]+)",
        "The program uses the provider {0}, which is not part of the local cloud. Where its plugin is installed (on"
        " PATH, or by `pulumi plugin install resource {0}`), name it: --provider {0}. It may then act on something"
        " real.",
    ),
    (
        r"Missing required configuration variable '([^']+)'",
        "The program asks for a setting that the stack has not: --config {0}=VALUE keeps one in this home.",
    ),
    (
        r"ModuleNotFoundError: No module named '([^']+)'",
        "The program's Python lacks {0}: name its package in requirements.txt or pyproject.toml, or install it into the"
        " environment that the program has.",
    ),
)


def variables(
    project: Project, home: Home, stack: str, providers: Sequence[str] = (), *, program: bool = True
) -> dict[str, str]:
    """The engine's whole environment for this project. `program` is whether the program's own Python will run."""
    asked = {**os.environ, ASKED_FOR: ",".join(providers)}
    own = {PYTHON: str(interpreter(project)), PROJECT: str(project.folder)} if program else {}
    nobody = str(home.root / "nobody")  # where a program that asks gcloud or a cluster who it is finds nothing
    apart = {"CLOUDSDK_CONFIG": nobody, "KUBECONFIG": f"{nobody}/kubeconfig"}
    places = {name: os.environ[name] for names in _VARIABLES.values() for name in names if name in os.environ}
    someone = {"USER": os.environ.get("USER") or "local"}  # programs name things by it, and containers leave it out
    return {**environment(home, stack=stack, variables=asked), **places, **apart, **someone, **own}


def settle(project: Project, home: Home, stack: str, given: Sequence[str]) -> list[str]:
    """Keeps the settings `KEY=VALUE`, and defaults where the project leaves them open; the defaults that hold.

    Raises LocalCloudError for a setting that is not one.
    """
    values = {}
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise LocalCloudError(f"{pair!r} is not a setting: write --config KEY=VALUE", EXIT_USAGE)
        values[full_key(project, key)] = value
    said = pulumi.read_yaml(pulumi.settings_file(project.folder, stack)).get("config") or {}
    there = {full_key(project, key) for key in (*said, *values)} | set(_valued(project))
    defaults = {key: value for key, value in _defaults(project) if key not in there}
    pulumi.keep_settings(home, stack, project.name, defaults, values)
    return [f"{key} = {value}" for key, value in sorted(defaults.items())]


def full_key(project: Project, key: str) -> str:
    """A setting's key with the project's name in front of it, where it has none."""
    return key if ":" in key else f"{project.name}:{key}"


def _valued(project: Project) -> Iterator[str]:
    """The settings that Pulumi.yaml itself gives a value."""
    for key, declared in project.settings.items():
        if not isinstance(declared, dict) or "value" in declared or "default" in declared:
            yield full_key(project, key)


def _defaults(project: Project) -> Iterator[tuple[str, Any]]:
    for name, value in PLACE.items():
        yield f"gcp:{name}", next((os.environ[one] for one in _VARIABLES[name] if os.environ.get(one)), value)
    for key, declared in project.template.items():
        if isinstance(declared, dict) and declared.get("default") is not None:
            yield full_key(project, key), declared["default"]


def state_of(project: Project, home: Home, stack: str) -> list[dict[str, Any]]:
    """The resources in the engine's state."""
    return list(latest_state(state_file(home, stack, project.folder)).get("resources") or ())


def lost(resources: Sequence[Mapping[str, Any]], cloud: Cloud) -> list[str]:
    """What the state lists and the cloud doesn't hold: type and id."""
    return [
        f"{one['type']} {one['id']}"
        for one in resources
        if one.get("custom")
        and one.get("id")
        and str(one["type"]).partition(":")[0] in _ON_DISK
        and cloud.get(_present(str(one["type"])), str(one["id"])) is None
    ]


def _present(token: str) -> str:
    """The name under which the cloud keeps a type: programs with an older SDK use former ones."""
    found = facts_of(token)
    return found.type if found else token


def protected(resources: Sequence[Mapping[str, Any]]) -> list[str]:
    """The resources that the program or Google Cloud protects, each with what lifts the protection."""
    found = []
    for one in resources:
        name = f"{one['type']} {str(one['urn']).rpartition('::')[2]!r}"
        if one.get("retainOnDelete"):
            continue
        if one.get("protect"):
            found.append(f"{name}: it is declared with protect=True")
        elif (one.get("outputs") or {}).get("deletionProtection") is True:
            found.append(f"{name}: its deletion_protection is on (declare deletion_protection=False)")
    return found


def hints(text: str) -> list[str]:
    """What to do about an error that the engine or the program tells."""
    return list(
        dict.fromkeys(says.format(match[1]) for pattern, says in _HINTS for match in re.finditer(pattern, text))
    )


def answers(cloud: Cloud, url: str) -> bool:
    """Whether something behind the service's URL answers, whatever it says."""
    try:
        asked = urllib.request.Request(url, headers=owner_headers(cloud, url))
        with straight().open(asked, timeout=10):
            return True
    except urllib.error.HTTPError as answer:
        return answer.code not in (502, 503, 504)
    except OSError:
        return False


def packs(named: Sequence[str]) -> list[str]:
    """The engine's arguments for policy packs, relative to where the command was typed."""
    words = []
    for one in named:
        path = Path(one).resolve()
        if not (path / "PulumiPolicy.yaml").is_file():
            raise LocalCloudError(f"{one} contains no policy pack (PulumiPolicy.yaml)", EXIT_USAGE)
        words += ["--policy-pack", str(path)]
    return words
