"""Build the wheel of the policy pack: a PEP 517 backend without dependencies, and a command that takes a folder.

The wheel holds the room `policies/` as the package `orderguard_policies`; `../wheel.py` writes it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

from packages import wheel  # noqa: E402  (beside this folder, where no installer looks)

SOURCE = HERE.parent.parent / "policies"
PACKAGE = "orderguard_policies"
_LEFT_OUT = {"__main__.py", "page.py", "page.md", "PulumiPolicy.yaml"}
"""Of the repository alone: what the engine starts there, and what writes the repository's documentation."""
_LEFT_OUT_FOLDERS = {"examples", "__pycache__"}
_IMPORT = re.compile(r"^(\s*)(from|import) policies\b", re.MULTILINE)
_NUMBER = re.compile(r"^PACK_VERSION = .+$", re.MULTILINE)
"""It is read from a file of the repository there."""


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """Write the wheel into a folder; its name."""
    files = {**dict(_modules()), f"{PACKAGE}/CHANGELOG.md": (HERE / "CHANGELOG.md").read_bytes()}
    return wheel.write(wheel_directory, HERE, PACKAGE, files)


def _modules() -> Iterator[tuple[str, bytes]]:
    """The files of the package, with imports of its own name."""
    for path in SOURCE.rglob("*"):
        inside = path.relative_to(SOURCE)
        if not path.is_file() or path.name in _LEFT_OUT or _LEFT_OUT_FOLDERS & set(inside.parts):
            continue
        content = path.read_bytes()
        if path == SOURCE / "version.py":
            content = _NUMBER.sub(f'PACK_VERSION = "{wheel.version()}"', content.decode()).encode()
        elif path.suffix == ".py":
            content = _IMPORT.sub(rf"\1\2 {PACKAGE}", content.decode()).encode()
        yield f"{PACKAGE}/{inside.as_posix()}", content


if __name__ == "__main__":
    import orderguard.interrupts  # noqa: F401  here, since an installer has this folder alone

    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Built {folder / build_wheel(str(folder))}. Install it anywhere: pip install {folder / '*.whl'}")
