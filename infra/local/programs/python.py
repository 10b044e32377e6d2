"""The Python that runs a program: its own virtual environment, or one that is made from its requirements."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.local.errors import LocalCloudError
from infra.local.packages import python_with
from infra.local.programs.project import Project

WITHOUT_REQUIREMENTS = ("pulumi>=3,<4", "pulumi-gcp")
_INCLUDE = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[ =]*(\S+)", re.MULTILINE)


def interpreter(project: Project, variables: Mapping[str, str] | None = None) -> Path:
    """The Python of the environment that the project names, of a `.venv` or `venv` in its folder, or of one in the
    user's cache, which is made here where it is missing.

    Raises LocalCloudError with the installer's last words where it can't be made.
    """
    named = [project.virtual_environment, project.folder / ".venv", project.folder / "venv"]
    for folder in named:
        if folder and os.access(folder / "bin" / "python", os.X_OK):
            return folder / "bin" / "python"
    return _made(project, os.environ if variables is None else variables)


def _made(project: Project, variables: Mapping[str, str]) -> Path:
    words, files = _wanted(project)
    return python_with(project.name, project.folder, words, files, variables)


def _wanted(project: Project) -> tuple[list[str], list[Path]]:
    """What the installer is asked for, and the files that this depends on."""
    requirements, described = project.folder / "requirements.txt", project.folder / "pyproject.toml"
    if requirements.is_file():
        return ["-r", str(requirements)], list(_included(requirements))
    if described.is_file():
        locks = [project.folder / name for name in ("uv.lock", "poetry.lock")]
        return _described(described), [described, *(path for path in locks if path.is_file())]
    return list(WITHOUT_REQUIREMENTS), []


def _included(file: Path) -> Iterator[Path]:
    """A file of requirements and those that it includes."""
    found, waiting = set(), [file]
    while waiting:
        path = waiting.pop().resolve()
        if path in found or not path.is_file():
            continue
        found.add(path)
        waiting += [path.parent / name for name in _INCLUDE.findall(path.read_text(errors="replace"))]
    return iter(sorted(found))


def _described(file: Path) -> list[str]:
    """The dependencies of a pyproject.toml: of the standard, else as Poetry writes them."""
    try:
        content = tomllib.loads(file.read_text())
    except tomllib.TOMLDecodeError as problem:
        raise LocalCloudError(f"{file} is not TOML: {problem}") from None
    if "dependencies" in content.get("project", {}):
        return [str(one) for one in content["project"]["dependencies"]] or list(WITHOUT_REQUIREMENTS)
    poetry = content.get("tool", {}).get("poetry", {}).get("dependencies", {})
    wanted = [_of_poetry(name, asked) for name, asked in poetry.items() if name.lower() != "python"]
    return wanted or list(WITHOUT_REQUIREMENTS)


def _of_poetry(name: str, asked: Any) -> str:
    """`^1.2` → `>=1.2,<2`, `~1.2` → `>=1.2,<1.3`, as Poetry documents its constraints."""
    version = asked.get("version", "*") if isinstance(asked, dict) else asked
    extras = f"[{','.join(asked['extras'])}]" if isinstance(asked, dict) and asked.get("extras") else ""
    parts = [_bounds(part.strip()) for part in str(version).split(",")]
    return f"{name}{extras}{','.join(part for part in parts if part)}"


def _bounds(constraint: str) -> str:
    if constraint in ("", "*"):
        return ""
    sign, version = (constraint[0], constraint[1:]) if constraint[0] in "^~" and constraint[1:2] != "=" else ("", "")
    if not sign:
        return constraint if constraint[0] in "<>=!~" else f"=={constraint}"
    numbers = [int(part) for part in re.findall(r"\d+", version)[:3]]
    kept = min(2, len(numbers)) if sign == "~" else next((i + 1 for i, one in enumerate(numbers) if one), 1)
    upper = [*numbers[: kept - 1], numbers[kept - 1] + 1]
    return f">={version},<{'.'.join(map(str, upper))}"
