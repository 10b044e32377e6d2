"""The Python that runs a program: its own virtual environment, or one that is made from its requirements."""

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.local.errors import EXIT_ENVIRONMENT, LocalCloudError
from infra.local.files import locked, remove_tree
from infra.local.home import user_cache
from infra.local.programs.project import Project
from orderguard.private_files import make_private_folder

WITHOUT_REQUIREMENTS = ("pulumi>=3,<4", "pulumi-gcp")
_COMPLETE = "complete"
_REPORT_SECONDS = 10.0
# The SDKs before pulumi-gcp 7.3 import pkg_resources, which Python and later versions of setuptools no longer bring.
_OF_OLD_SDKS = "setuptools<81"
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
    asked = [word for word in words if word != str(files[0])] if files else words
    digest = hashlib.sha256("\0".join([sys.version, *asked]).encode())
    for path in files:
        lines = (line.partition(" #")[0].strip() for line in path.read_text(errors="replace").splitlines())
        digest.update("\n".join(line for line in lines if line and not line.startswith("#")).encode() + b"\0")
    folder = user_cache(variables) / "programs" / digest.hexdigest()[:24]
    python = folder / "bin" / "python"
    make_private_folder(folder.parent)
    with locked(folder.with_suffix(".lock")):
        if not (folder / _COMPLETE).is_file():
            remove_tree(folder)  # of a killed run
            _install(project, folder, words, variables)
            (folder / _COMPLETE).touch()
    return python


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


def _install(project: Project, folder: Path, words: Sequence[str], variables: Mapping[str, str]) -> None:
    uv = shutil.which("uv", path=variables.get("PATH", ""))
    has_pip = importlib.util.find_spec("pip") is not None
    shown = f"{project.name}: its packages"
    print(f"    {shown} are installed into {folder} (once; used again until they change)", flush=True)
    make = [sys.executable, "-m", "venv", *(["--without-pip"] if uv or has_pip else []), str(folder)]
    _run(make, project.folder, variables, f"{shown}: making the environment")
    python = str(folder / "bin" / "python")
    if uv:
        command = [uv, "pip", "install", "--python", python]
    elif has_pip:
        command = [sys.executable, "-m", "pip", "--python", python, "install", "--no-input", "--no-compile"]
    else:
        command = [python, "-m", "pip", "install", "--no-input", "--no-compile"]
    _run([*command, *words, _OF_OLD_SDKS], project.folder, variables, shown)


def _run(command: Sequence[str], folder: Path, variables: Mapping[str, str], doing: str) -> None:
    """Runs a step, and tells every ten seconds how far it is."""
    begun, lines = time.monotonic(), list[str]()
    kept = {name: value for name, value in variables.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    with subprocess.Popen(
        command, cwd=folder, env=kept, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
        reader.start()
        while reader.is_alive():
            reader.join(_REPORT_SECONDS)
            if reader.is_alive():
                packages = sum(line.startswith("Collecting ") for line in lines)
                print(f"    {doing}, {time.monotonic() - begun:.0f} s, {packages} packages found", flush=True)
    if process.returncode:
        told = "".join(lines[-12:]).rstrip()
        raise LocalCloudError(
            f"The packages of {folder} could not be installed:\n{told}\nMake the environment yourself (python -m venv"
            f" {folder / '.venv'}, then install into it): it is used as it is.",
            EXIT_ENVIRONMENT,
        )
