"""The SDK that a program uses: where that is another major version, its names are not all in the facts."""

import os
import re
from functools import cache
from pathlib import Path

from infra.local.facts import Facts, facts_of

PYTHON = "LOCAL_CLOUD_PYTHON"
"""The environment variable that names the program's interpreter, where that is not ours."""


@cache
def other_major(package: str, version: str) -> bool:
    """Whether the program's SDK of this package is of another major version than `version`."""
    python = os.environ.get(PYTHON)
    if not python:
        return False
    # The interpreter of an environment is a link: what is installed lies beside the link, not beside its target.
    folder = Path(python).absolute().parent.parent
    found = sorted(folder.glob(f"lib/python3*/site-packages/pulumi_{package}-*.dist-info"))
    majors = {one.name.partition("-")[2].partition(".")[0] for one in found}
    return bool(majors) and version.partition(".")[0] not in majors


def facts_for(token: str, *, other: bool) -> Facts | None:
    """A type's facts. A program with another SDK may use types that ours has no longer: nothing is known of those."""
    found = facts_of(token)
    if found is None and other and re.fullmatch(r"(gcp|docker):\w+/\w+:\w+", token):
        return Facts(token, {"from": "nowhere", "props": {}})
    return found
