"""The folder that the engine is given for `--policy-pack`: it names the interpreter that the pack is installed in."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from policies.version import PACK_NAME, PACK_VERSION

_PROJECT = """\
name: {name}
version: {version}
description: Rules for Google Cloud.
runtime:
  name: python
{environment}"""
_ENVIRONMENT = """\
  options:
    virtualenv: {prefix}
"""
_MAIN = """\
import sys

sys.path.append({place!r})
from {package}.serve import serve

serve({arguments!r})
"""


def pack_folder(arguments: Sequence[str]) -> Path:
    """A folder that serves the pack with these options, made where it is not there yet. The same options have the same
    folder.
    """
    package, place = __name__.partition(".")[0], str(Path(__file__).resolve().parent.parent)
    environment = _ENVIRONMENT.format(prefix=sys.prefix) if sys.prefix != sys.base_prefix else ""
    files = {
        "PulumiPolicy.yaml": _PROJECT.format(name=PACK_NAME, version=PACK_VERSION, environment=environment),
        "__main__.py": _MAIN.format(place=place, package=package, arguments=list(arguments)),
    }
    key = hashlib.sha256("\n".join(files.values()).encode()).hexdigest()[:16]
    folder = _cache() / key
    for name, content in files.items():
        target = folder / name
        if not target.exists() or target.read_text(encoding="utf-8") != content:
            folder.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(dir=folder)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(content)
            os.replace(part, target)
    return folder


def _cache() -> Path:
    """The user's cache, or where that can't be written the system's folder for temporary files."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    wanted = base / "orderguard-policies"
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        return wanted
    except OSError:
        return Path(tempfile.mkdtemp(prefix="orderguard-policies-"))
