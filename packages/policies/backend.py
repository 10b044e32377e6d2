"""Builds the wheel of the policy pack: a PEP 517 backend without dependencies, and a command that takes a folder.

The wheel holds the room `policies/` as the package `orderguard_policies`. Its bytes depend on the files alone: names
are sorted, times are fixed, and nothing is compressed, since a compressor's output differs from version to version.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent.parent / "policies"
PACKAGE = "orderguard_policies"
_LEFT_OUT = {"__main__.py", "page.py", "page.md", "PulumiPolicy.yaml"}
"""Of the repository alone: what the engine starts there, and what writes the repository's documentation."""
_LEFT_OUT_FOLDERS = {"examples", "__pycache__"}
_IMPORT = re.compile(r"^(\s*)(from|import) policies\b", re.MULTILINE)
_WHEEL = "Wheel-Version: 1.0\nGenerator: orderguard\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """Write the wheel into a folder; its name."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    version = re.search(r'^PACK_VERSION = "(.+)"$', (SOURCE / "version.py").read_text(encoding="utf-8"), re.MULTILINE)
    if version is None:
        raise ValueError(f"{SOURCE / 'version.py'} has no PACK_VERSION")
    info = f"{PACKAGE}-{version[1]}.dist-info"
    scripts = "".join(f"{name} = {target}\n" for name, target in project["scripts"].items())
    files = {
        **dict(_modules()),
        f"{PACKAGE}/CHANGELOG.md": (HERE / "CHANGELOG.md").read_bytes(),
        f"{info}/METADATA": _metadata(project, version[1]).encode(),
        f"{info}/WHEEL": _WHEEL.encode(),
        f"{info}/entry_points.txt": f"[console_scripts]\n{scripts}".encode(),
    }
    records = [f"{name},sha256={_hash(content)},{len(content)}\n" for name, content in sorted(files.items())]
    files[f"{info}/RECORD"] = "".join([*records, f"{info}/RECORD,,\n"]).encode()
    name = f"{PACKAGE}-{version[1]}-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w", zipfile.ZIP_STORED) as wheel:
        for path, content in sorted(files.items()):
            entry = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            entry.create_system = 3
            wheel.writestr(entry, content)
    return name


def _modules() -> Iterator[tuple[str, bytes]]:
    """The files of the package, with imports of its own name."""
    for path in SOURCE.rglob("*"):
        inside = path.relative_to(SOURCE)
        if not path.is_file() or path.name in _LEFT_OUT or _LEFT_OUT_FOLDERS & set(inside.parts):
            continue
        content = path.read_bytes()
        if path.suffix == ".py":
            content = _IMPORT.sub(rf"\1\2 {PACKAGE}", content.decode()).encode()
        yield f"{PACKAGE}/{inside.as_posix()}", content


def _metadata(project: dict[str, Any], version: str) -> str:
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {project['name']}",
        f"Version: {version}",
        f"Summary: {project['description']}",
        f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {dependency}" for dependency in project["dependencies"]),
        "Description-Content-Type: text/markdown",
        "",
        (HERE / project["readme"]).read_text(encoding="utf-8"),
    ]
    return "\n".join(lines)


def _hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Built {folder / build_wheel(str(folder))}. Install it anywhere: pip install {folder / '*.whl'}")
