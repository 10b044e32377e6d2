"""Write a wheel whose bytes depend on its files alone: names are sorted, times are fixed, and nothing is compressed,
since a compressor's output differs from version to version.
"""

from __future__ import annotations

import base64
import hashlib
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VERSION = Path(__file__).resolve().parents[1] / "orderguard" / "VERSION"
_WHEEL = "Wheel-Version: 1.0\nGenerator: orderguard\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def write(target: str, described: Path, package: str, files: Mapping[str, bytes]) -> str:
    """Write the wheel into the folder `target`; its name. `described` is the folder of pyproject.toml and README.md,
    `files` maps a path in the wheel to what the file holds. The version is the repository's.
    """
    project = tomllib.loads((described / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    number = version()
    info = f"{package}-{number}.dist-info"
    scripts = "".join(f"{name} = {entry}\n" for name, entry in project["scripts"].items())
    whole = {
        **files,
        f"{info}/METADATA": _metadata(project, number, described).encode(),
        f"{info}/WHEEL": _WHEEL.encode(),
        f"{info}/entry_points.txt": f"[console_scripts]\n{scripts}".encode(),
    }
    records = [f"{name},sha256={_hash(content)},{len(content)}\n" for name, content in sorted(whole.items())]
    whole[f"{info}/RECORD"] = "".join([*records, f"{info}/RECORD,,\n"]).encode()
    name = f"{package}-{number}-py3-none-any.whl"
    with zipfile.ZipFile(Path(target) / name, "w", zipfile.ZIP_STORED) as wheel:
        for path, content in sorted(whole.items()):
            entry = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3
            wheel.writestr(entry, content)
    return name


def version() -> str:
    """The repository's version."""
    return VERSION.read_text("ascii").strip()


def _metadata(project: dict[str, Any], number: str, described: Path) -> str:
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {project['name']}",
        f"Version: {number}",
        f"Summary: {project['description']}",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {dependency}" for dependency in project["dependencies"]),
        "Description-Content-Type: text/markdown",
        "",
        (described / project["readme"]).read_text(encoding="utf-8"),
    ]
    return "\n".join(lines)


def _hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
