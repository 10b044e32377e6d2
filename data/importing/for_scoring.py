"""`python -m data.importing.for_scoring FILE`: what `make score` sends. Prints the file itself where it holds orders as
they are, else that of the orders that an export was turned into.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import argparse
import sys
from contextlib import redirect_stdout
from pathlib import Path

from data.importing import command
from data.importing.errors import InputError
from data.importing.texts import beginning
from orderguard.sources.tables import encoding_of
from orderguard.sources.whole import is_own

FOLDER = Path(".local/score")
PROPOSAL = "proposed.toml"


def main(argv: list[str] | None = None) -> int:
    """The command line. Exit codes as of `data.importing`; what is said goes to standard error."""
    parser = argparse.ArgumentParser(prog="python -m data.importing.for_scoring", description="Orders to be scored.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--source", default="")
    parser.add_argument("--mapping", default="")
    options = parser.parse_args(argv)
    if not options.source and not options.mapping and _holds_orders(options.file):
        print(options.file)
        return 0
    for old in FOLDER.glob("*"):
        old.unlink()
    given = [str(options.file), "--out", str(FOLDER), "--proposal", str(FOLDER / PROPOSAL), "--shown", "0"]
    with redirect_stdout(sys.stderr):
        code = command.main([*given, "--source", options.source, "--mapping", options.mapping])
        if code == 0 and (FOLDER / PROPOSAL).exists():
            code = command.main([*given, "--mapping", str(FOLDER / PROPOSAL)])
    if code:
        return code
    first, *others = sorted(FOLDER.glob("import-*.ndjson"))
    if others:  # of a folder of files
        with first.open("ab") as whole:
            for other in others:
                whole.write(other.read_bytes())
                other.unlink()
    print(first)
    return 0


def _holds_orders(path: Path) -> bool:
    """Whether a file has our own orders, or is one that `make score` itself has to complain of."""
    if path.is_dir():  # of files that join
        return False
    try:
        head = beginning(path)
    except InputError:
        return True
    return not head.strip() or is_own(head.decode(encoding_of(head), "replace"))


if __name__ == "__main__":
    sys.exit(main())
