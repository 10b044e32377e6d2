"""The SDK that a program uses: where that is another major version, its names are not all in the facts."""

import os
import re
from functools import cache
from pathlib import Path

from infra.local.facts import Facts, facts_of
from infra.local.home import PYTHON


@cache
def other_major(package: str, version: str) -> bool:
    """Whether the program's SDK of this package is of another major version than `version`."""
    found = _installed(f"pulumi_{package}-*.dist-info")
    majors = {one.name.partition("-")[2].partition(".")[0] for one in found}
    return bool(majors) and version.partition(".")[0] not in majors


@cache
def lacks(token: str, name: str) -> bool:
    """Whether the program's SDK has this type but no such property of it, as where only newer providers have it."""
    package, inside, _ = token.split(":")
    module, _, kind = inside.partition("/")
    sources = _installed(f"pulumi_{package}/{module.lower()}/{_snake(kind)}.py")
    return bool(sources) and f'"{_snake(name)}"' not in sources[0].read_text()


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _installed(pattern: str) -> list[Path]:
    """What lies among the packages of the program's own interpreter; nothing where that is ours."""
    python = os.environ.get(PYTHON)
    if not python:
        return []
    # The interpreter of an environment is a link: what is installed lies beside the link, not beside its target.
    return sorted(Path(python).absolute().parent.parent.glob(f"lib/python3*/site-packages/{pattern}"))


def facts_for(token: str, *, other: bool) -> Facts | None:
    """A type's facts. A program with another SDK may use types that ours has no longer: nothing is known of those."""
    found = facts_of(token)
    if found is None and other and re.fullmatch(r"(gcp|docker):\w+/\w+:\w+", token):
        return Facts(token, {"from": "nowhere", "props": {}})
    return found
