"""Who may read what was written."""

import stat
from pathlib import Path


def shared(folder: Path) -> list[str]:
    """The files and folders in a folder that others than the owner have any right on; links lead to where they lead."""
    paths = [path for path in folder.rglob("*") if not path.is_symlink()]
    assert paths, f"{folder} is empty: nothing would be found there"
    return [f"{stat.S_IMODE(path.lstat().st_mode):04o} {path}" for path in paths if path.lstat().st_mode & 0o077]
