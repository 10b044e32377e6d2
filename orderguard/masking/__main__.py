"""`python -m orderguard.masking key-file PATH`: make a masking key in a file that only its owner can read, unless the
file is there.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import argparse
import os
import sys
import tempfile
from pathlib import Path

from orderguard.masking.keyring import Keyring, MaskingKeyError, new_key_text
from orderguard.private_files import make_private_folder


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 when the file holds a usable key, 2 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m orderguard.masking", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("key-file", help="make a masking key in a file, if there is none").add_argument(
        "path", type=Path
    )
    path: Path = parser.parse_args(arguments).path
    try:
        write_key_file(path)
        Keyring.from_environment({"MASKING_KEY_FILE": str(path)})
    except MaskingKeyError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"the key file can't be written ({error.strerror}): {path}", file=sys.stderr)
        return 2
    return 0


def write_key_file(path: Path) -> None:
    """Write a new key to `path` with mode 0600 if nothing is there.

    Of several writers at once the first wins; a half-written file never shows.
    """
    if path.exists():
        return
    make_private_folder(path.parent)
    handle, aside = tempfile.mkstemp(prefix=".masking-key-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(new_key_text() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, path)
        except FileExistsError:
            return
    finally:
        os.unlink(aside)


if __name__ == "__main__":
    sys.exit(main())
