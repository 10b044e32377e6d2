"""`logs`: the newest lines of what services and jobs wrote."""

from collections import deque

from infra.local.errors import EXIT_OK, EXIT_USAGE, LocalCloudError
from infra.local.home import Home


def logs(home: Home, stack: str, name: str | None, lines: int) -> int:
    """Print the newest lines of each log, oldest log first. Raises LocalCloudError for a name that has none."""
    folder = home.logs / stack
    found = sorted(
        folder.glob(f"{name}/*.log") if name else folder.glob("*/*.log"), key=lambda path: path.stat().st_mtime
    )
    if not found:
        known = ", ".join(sorted(path.name for path in folder.glob("*") if path.is_dir())) or "none"
        raise LocalCloudError(
            f"There are no logs{f' of {name!r}' if name else ''} in {folder}; there are logs of: {known}", EXIT_USAGE
        )
    for path in found[-3:]:
        print(f"==> {path}")
        with open(path, errors="replace") as file:
            print("".join(deque(file, lines)), end="")
    return EXIT_OK
