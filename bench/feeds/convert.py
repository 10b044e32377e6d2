"""`python -m bench.feeds.convert RAW_DIR DIR [NAME …]`: turn public order data into order files, DIR/NAME.ndjson.

RAW_DIR holds the sources as they were cloned, a folder each (CDNOW is fetched from PyPI). A source that fails says why
and does not stop the others.
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from bench.feeds.lines import Line, write
from bench.feeds.sources import (
    cdnow,
    coffee,
    fixed,
    gifts,
    merchandise,
    northwind,
    olist,
    olist_cut,
    superstore,
    takeaway,
)
from data.cdnow import FetchError

Lines = Callable[[Path], Iterable[Line]]

SOURCES: dict[str, tuple[str, Lines]] = {
    "cdnow": (cdnow.FOLDER, cdnow.lines),
    "superstore": (superstore.FOLDER, superstore.lines),
    "northwind": (northwind.FOLDER, northwind.lines),
    "olist": (olist.FOLDER, olist.lines),
    "olist-cut": (olist_cut.FOLDER, olist_cut.lines),
    "gifts": (gifts.FOLDER, gifts.lines),
    "coffee": (coffee.FOLDER, coffee.lines),
    "takeaway": (takeaway.FOLDER, takeaway.lines),
    "merchandise": (merchandise.FOLDER, merchandise.lines),
    "fixed": (fixed.FOLDER, fixed.lines),
}


def main(argv: list[str] | None = None) -> int:
    """Convert the sources named, or all; exit code 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m bench.feeds.convert", description="Public order data to orders.")
    parser.add_argument("raw", type=Path, metavar="RAW_DIR", help="the folder that the sources were cloned into")
    parser.add_argument("out", type=Path, metavar="DIR", help="the folder to write NAME.ndjson to")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(SOURCES)}; all if none is named")
    options = parser.parse_args(argv)
    if unknown := set(options.names) - set(SOURCES):
        parser.error(f"no such feed: {', '.join(sorted(unknown))}. There are {', '.join(SOURCES)}")
    failed = 0
    for name in options.names or SOURCES:
        folder, lines = SOURCES[name]
        out = options.out / f"{name}.ndjson"
        try:
            counts = write(out, lines(options.raw / folder))
        except (OSError, ValueError, KeyError, FetchError) as error:
            failed += 1
            print(f"{name}: not converted: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            continue
        print(f"{name}: {counts.orders:,} orders of {counts.lines:,} lines in {out}", flush=True)
        for reason, count in counts.left_out.most_common():
            print(f"  left out: {count:,} {reason}")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
