"""Build the wheel of the local cloud: a PEP 517 backend without dependencies, and a command that takes a folder.

The wheel holds the room `infra/local/`, and the little of `orderguard/` that it needs, as the package
`orderguard_cloud`; `../wheel.py` writes it.
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

REPOSITORY = HERE.parent.parent
SOURCE = REPOSITORY / "infra" / "local"
SHARED_MODULES = ("interrupts", "private_files")
SHARED = tuple(REPOSITORY / "orderguard" / f"{name}.py" for name in SHARED_MODULES)
PACKAGE = "orderguard_cloud"
_LEFT_OUT = {SOURCE / "__main__.py", SOURCE / "facts" / "distil.py", SOURCE / "apis" / "distil.py"}
"""Of the repository alone: its own command line, and what writes the facts from the SDK."""
_NAMES = (
    (re.compile(rb"python -m infra\.local\b"), b"orderguard-cloud"),
    (re.compile(rb"\binfra\.local\b"), PACKAGE.encode()),
    (re.compile(rf"\borderguard\.(?=({'|'.join(SHARED_MODULES)})\b)".encode()), f"{PACKAGE}.".encode()),
)
_SAYS = f"`python -m {PACKAGE}` is `orderguard-cloud`."
_MAIN = f'"""{_SAYS}"""\n\nfrom {PACKAGE}.programs.cli import main\n\nraise SystemExit(main())\n'


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """Write the wheel into a folder; its name."""
    return wheel.write(wheel_directory, HERE, PACKAGE, dict(_modules()))


def _modules() -> Iterator[tuple[str, bytes]]:
    """The files of the package, in which it has its own name."""
    for path in [*SOURCE.rglob("*"), *SHARED]:
        if not path.is_file() or path in _LEFT_OUT or "__pycache__" in path.parts:
            continue
        content = path.read_bytes()
        if path.suffix == ".py":
            for name, own in _NAMES:
                content = name.sub(own, content)
        inside = path.name if path in SHARED else path.relative_to(SOURCE).as_posix()
        yield f"{PACKAGE}/{inside}", content
    yield f"{PACKAGE}/__main__.py", _MAIN.encode()
    yield f"{PACKAGE}/LICENSE", (REPOSITORY / "LICENSE").read_bytes()


if __name__ == "__main__":
    import orderguard.interrupts  # noqa: F401  here, since an installer has this folder alone

    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    print(f"Built {folder / build_wheel(str(folder))}. Install it anywhere: pip install {folder / '*.whl'}")
