"""What the project's own file tells of things that are made beside the program."""

import os
from pathlib import Path
from typing import Any

import yaml

from infra.local.home import PROJECT
from infra.local.provider.resource import Refused

FILE = "orderguard-cloud.yaml"
"""Beside Pulumi.yaml. `answers` is what exists before the program runs, `secrets` what somebody makes beside it."""


def told(about: str) -> list[dict[str, Any]]:
    """The entries of one part of the file; none where there is no file. Raises Refused for one that can't be read."""
    named = os.environ.get(PROJECT)
    # The engine starts a plugin in the folder of the program, which Pulumi.yaml may have in one below its own.
    folders = [Path(named)] if named else [Path.cwd(), Path.cwd().parent]
    path = next((folder / FILE for folder in folders if (folder / FILE).is_file()), None)
    if path is None:
        return []
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as problem:
        raise Refused(f"{path} is not YAML: {problem}") from None
    return list((content or {}).get(about) or ())
