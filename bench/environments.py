"""Environments of the benchmarks' own, for libraries that we compare with and do not use."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "orderguard" / "bench"


def python_with(requirements: Path) -> Path:
    """The interpreter of an environment that holds `requirements` (a hash-locked file), made once for each content of
    the file.
    """
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
    folder = _CACHE / f"{requirements.stem}-{digest}"
    python = folder / "bin" / "python"
    if not python.exists():
        print(f"setting up {requirements} in {folder}")
        aside = folder.with_name(folder.name + ".new")
        shutil.rmtree(aside, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", aside], check=True)
        install = [
            str(aside / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--require-hashes",
            "-r",
            str(requirements),
        ]
        subprocess.run(install, check=True)
        aside.rename(folder)
    return python
