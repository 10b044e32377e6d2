"""Python packages that a program or an image asks for, in an environment of their own that is made once."""

import hashlib
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from infra.local.errors import EXIT_ENVIRONMENT, LocalCloudError
from infra.local.files import locked, remove_tree
from infra.local.home import user_cache
from orderguard.private_files import make_private_folder

_COMPLETE = "complete"
_REPORT_SECONDS = 10.0
# The SDKs before pulumi-gcp 7.3 import pkg_resources, which Python and later versions of setuptools no longer bring.
_OF_OLD_SDKS = "setuptools<81"
_WITH_FILE = ("-r", "--requirement", "-c", "--constraint")
_WITH_VALUE = ("-t", "--target", "--prefix", "-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--root")
_TOOLS = {"pip", "setuptools", "wheel", "uv"}
_PIP = re.compile(r"(?:^|\s)(?:pip3?|uv pip|python3? -m pip)\s+install\s(.*)")

Say = Callable[[str], None]


def told(text: str) -> None:
    """Say it at once, to whoever waits."""
    print(text, flush=True)


def python_with(
    what: str, folder: Path, words: Sequence[str], files: Sequence[Path], variables: Mapping[str, str], say: Say = told
) -> Path:
    """The Python of an environment with what `words` ask an installer for; the user's cache keeps it by words and
    `files`.

    Raises LocalCloudError with the installer's last words where it can't be made.
    """
    asked = [word for word in words if not Path(word).is_absolute()]
    digest = hashlib.sha256("\0".join([sys.version, *asked]).encode())
    for path in files:
        lines = (line.partition(" #")[0].strip() for line in path.read_text(errors="replace").splitlines())
        digest.update("\n".join(line for line in lines if line and not line.startswith("#")).encode() + b"\0")
    made = user_cache(variables) / "programs" / digest.hexdigest()[:24]
    make_private_folder(made.parent)
    with locked(made.with_suffix(".lock")):
        if not (made / _COMPLETE).is_file():
            remove_tree(made)  # of a killed run
            _install(what, folder, made, words, variables, say)
            (made / _COMPLETE).touch()
    return made / "bin" / "python"


def installed_by(dockerfile: Iterator[tuple[str, str]], context: Path) -> tuple[list[str], list[Path]]:
    """What the Dockerfile's `RUN pip install` lines ask for, as words for an installer here, and the files that they
    name, found in the context. Other lines are not run.
    """
    words: list[str] = []
    files: list[Path] = []
    for instruction, rest in dockerfile:
        for command in re.split(r"&&|;|\|\|", rest) if instruction == "RUN" else ():
            if found := _PIP.search(f" {command.strip()} "):
                _take(shlex.split(found[1]), context, words, files)
    return words, files


def _take(given: Sequence[str], context: Path, words: list[str], files: list[Path]) -> None:
    waiting = iter(given)
    for word in waiting:
        if word in _WITH_FILE:
            path = _in(context, next(waiting, ""))
            if path:
                words += [word, str(path)]
                files.append(path)
        elif word in _WITH_VALUE:
            next(waiting, None)
        elif word in (".", "./"):
            words.append(str(context))
        elif not word.startswith("-") and re.split(r"[<>=!~\[]", word)[0].lower() not in _TOOLS:
            words.append(word)


def _in(context: Path, name: str) -> Path | None:
    """The file of the context that a path in the image most likely is: the same path, else the same name."""
    direct = context / name.lstrip("/")
    if name and direct.is_file():
        return direct
    same = sorted(context.rglob(Path(name).name), key=lambda path: len(path.parts)) if name else []
    return next((path for path in same if path.is_file()), None)


def _install(
    what: str, project: Path, folder: Path, words: Sequence[str], variables: Mapping[str, str], say: Say
) -> None:
    uv = shutil.which("uv", path=variables.get("PATH", ""))
    has_pip = importlib.util.find_spec("pip") is not None
    shown = f"{what}: its packages"
    say(f"    {shown} are installed into {folder} (once; used again until they change)")
    make = [sys.executable, "-m", "venv", *(["--without-pip"] if uv or has_pip else []), str(folder)]
    _run(make, project, variables, f"{shown}: making the environment", say)
    python = str(folder / "bin" / "python")
    if uv:
        command = [uv, "pip", "install", "--python", python]
    elif has_pip:
        command = [sys.executable, "-m", "pip", "--python", python, "install", "--no-input", "--no-compile"]
    else:
        command = [python, "-m", "pip", "install", "--no-input", "--no-compile"]
    _run([*command, *words, _OF_OLD_SDKS], project, variables, shown, say)


def _run(command: Sequence[str], folder: Path, variables: Mapping[str, str], doing: str, say: Say) -> None:
    """Run a step, and tell every ten seconds how far it is."""
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
                say(f"    {doing}, {time.monotonic() - begun:.0f} s, {packages} packages found")
    if process.returncode:
        tail = "".join(lines[-12:]).rstrip()
        raise LocalCloudError(
            f"The packages of {folder} could not be installed:\n{tail}\nMake the environment yourself (python -m venv"
            f" {folder / '.venv'}, then install into it): it is used as it is.",
            EXIT_ENVIRONMENT,
        )
