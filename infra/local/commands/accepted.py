"""Whether the last `up` of a stack took the whole project as it is now.

`pulumi up` runs the program twice: a preview, so that a refusal comes before anything is made, and the update. Where
nothing has changed since an `up` that ended well, the preview would find what it found then, so the update alone runs.
It compares and heals in any case: what a program reads elsewhere, and this does not see, is updated all the same.
"""

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from infra.local import pulumi
from infra.local.cloud import Cloud
from infra.local.commands.engine_run import state_file
from infra.local.files import write_whole
from infra.local.home import PYTHON
from infra.local.supervisor.control import code_version

_MOST_FILES = 20_000
"""A larger project is previewed each time."""
_OF_THE_SHELL = ("_", "PWD", "OLDPWD", "SHLVL")
_PACK = "--policy-pack"


class Accepted:
    """What an `up` with these words and this environment starts from; made before the engine runs."""

    def __init__(self, cloud: Cloud, project: Path, words: Sequence[str], whole: Mapping[str, str]) -> None:
        self._note = cloud.root / "accepted"
        self._state = state_file(cloud.home, cloud.stack, project)
        # With a key, since variables may be secrets: what is kept tells nobody of them.
        told = hashlib.blake2b(key=hashlib.sha256(cloud.home.passphrase.read_bytes()).digest())
        for part in _parts(cloud, project, words, whole):
            told.update(os.fsencode(part) + b"\0")
        self._told = told.hexdigest()

    def words(self) -> list[str]:
        """The further words for the engine. Forgets what was noted: after an `up` that ends badly comes a preview."""
        same = self._note.is_file() and self._note.read_text() == self._whole()
        self._note.unlink(missing_ok=True)
        return ["--skip-preview"] if same else []

    def keep(self) -> None:
        """Notes that the `up` has ended well."""
        write_whole(self._note, self._whole().encode())

    def _whole(self) -> str:
        return f"{self._told} {_looks(self._state)}"


def _parts(cloud: Cloud, project: Path, words: Sequence[str], whole: Mapping[str, str]) -> Iterator[str]:
    """All that a program and its checks are made of: code, arguments, variables, packages, settings, files."""
    yield from (code_version(), *words)
    yield from sorted(f"{name}={value}" for name, value in whole.items() if name not in _OF_THE_SHELL)
    environment = Path(whole.get(PYTHON, sys.executable)).parent.parent
    yield from (f"{path} {_looks(path)}" for path in sorted(environment.glob("lib*/python*/site-packages")))
    for path in pulumi.kept_settings(cloud.home, cloud.stack, project):
        yield f"{path} {path.read_text()}"
    packs = [Path(after).resolve() for before, after in zip(words, words[1:], strict=False) if before == _PACK]
    folders = [project, *(pack for pack in packs if not pack.is_relative_to(project))]
    yield from (f"{path} {_looks(path)}" for folder in folders for path in _files(folder, cloud.home.root))


def _files(folder: Path, home: Path) -> Iterator[Path]:
    """The files below a folder, but for those of hidden folders, of environments and of the home itself."""
    count = 0
    for place, folders, names in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in ("__pycache__", "node_modules")
            and here / name != home
            and not (here / name / "pyvenv.cfg").is_file()
        )
        count += len(names)
        if count > _MOST_FILES:
            yield Path(os.urandom(16).hex())  # is like nothing
            return
        yield from (here / name for name in sorted(names))


def _looks(path: Path) -> str:
    """Size and time of a file; a change of the content that leaves both is not seen."""
    try:
        found = path.stat()
    except OSError:
        return "none"
    return f"{found.st_size} {found.st_mtime_ns} {found.st_mode}"
