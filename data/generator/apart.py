"""`python -m data.generator.apart FOLDER`: see that the sample is where it belongs, and make it where it is wanted.

A clone from before has the sample among the shop's own orders, in `data/raw`: it moves to `data/sample`. Where orders
are wanted from there, and there are none, the sample is made.
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import sys
from pathlib import Path

from data.generator.__main__ import main as make_sample
from orderguard.order_folders import ORDER_FILES, RAW, SAMPLE, SAMPLE_FILE, is_sample
from orderguard.private_files import make_private_folder


def moved(repository: Path = Path()) -> int:
    """How many files of the sample were moved out of the shop's orders. One that the sample has again goes."""
    found = [path for path in sorted((repository / RAW).glob("sample-*.ndjson")) if SAMPLE_FILE.fullmatch(path.name)]
    folder = repository / SAMPLE
    if found:
        make_private_folder(folder)
    for path in found:
        if (folder / path.name).exists():
            path.unlink()
        else:
            path.replace(folder / path.name)
    return len(found)


def main(arguments: list[str]) -> int:
    """Move the sample of before, and make one where FOLDER is the sample's and holds none."""
    folder = Path(arguments[0]) if arguments else SAMPLE
    count = moved()
    if count:
        print(f"moved the sample ({count} files) from {RAW} to {SAMPLE}: it never mixes with orders of your own")
    if is_sample(folder) and not any(path.name.endswith(ORDER_FILES) for path in folder.glob("*")):
        print(f"no orders in {RAW} yet: making the sample in {SAMPLE}")
        return make_sample(["--out", str(folder)])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
