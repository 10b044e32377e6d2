"""A real shop's orders, thin but real: CDNOW's first buyers of 1997 and all that they bought until June 1998.

`python -m data.cdnow --out FILE` takes the data set out of the PyPI package `lifetimes` (fetched into a cache, never
part of this repository) and writes it in the schema with the required fields alone: 69,659 purchases of 23,570
customers; dates, quantities and dollars as they are. The data set has days without hours: every order counts as
placed at midnight UTC. Source: Fader and Hardie, "Forecasting repeat sales at CDNOW", Interfaces 31 (2001).
"""

import orderguard.interrupts  # noqa: F401  first: the others take a while
import argparse
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

PACKAGE = "lifetimes==0.11.3"
MEMBER = "lifetimes/datasets/CDNOW_master.txt"


class FetchError(RuntimeError):
    """The data set can't be had; the message says why."""


def default_cache() -> Path:
    """Where the data set is kept between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "orderguard" / "cdnow"


def fetch(cache: Path) -> Path:
    """The data set's text file, fetched with pip if the cache does not have it. Raises `FetchError`."""
    text = cache / "CDNOW_master.txt"
    if text.exists():
        return text
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise FetchError(f"pip can't fetch {PACKAGE}: {done.stderr.strip().splitlines()[-1:]}")
        aside = Path(folder, text.name)
        aside.write_bytes(member_of(next(Path(folder).iterdir())))
        aside.replace(text)
    return text


def member_of(archive: Path) -> bytes:
    """The data set out of the package, a wheel or a source archive. Raises `FetchError`."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            if MEMBER in wheel.namelist():
                return wheel.read(MEMBER)
    else:
        with tarfile.open(archive) as source:
            for name in source.getnames():
                file = source.extractfile(name) if name.endswith(MEMBER) else None
                if file:
                    return file.read()
    raise FetchError(f"{archive.name} does not hold {MEMBER}")


class Purchase(NamedTuple):
    """One row of the data set; `day` is written as 19970131."""

    customer: str
    day: str
    pieces: int
    dollars: float


def purchases(text: str) -> Iterator[Purchase]:
    """The rows of the data set, whose first line names the columns."""
    for row in filter(str.strip, text.splitlines()[1:]):
        customer, day, pieces, dollars = row.split()
        yield Purchase(customer, day, int(pieces), float(dollars))


def orders(text: str) -> Iterator[bytes]:
    """One line of JSON for each purchase, which becomes an order with one line item."""
    for number, (customer, day, pieces, dollars) in enumerate(purchases(text), 1):
        yield msgspec.json.encode(
            {
                "order_id": f"cdnow-{number}",
                "created_at": f"{day[:4]}-{day[4:6]}-{day[6:]}T00:00:00Z",
                "customer": {"id": customer},
                "currency": "USD",
                "items": [{"sku": "cd", "quantity": pieces, "unit_price": dollars / pieces}],
            }
        ) + b"\n"


def convert(out: Path, cache: Path) -> int:
    """Write the data set as an order file, whole or not at all; returns the number of orders. Raises `FetchError`."""
    text = fetch(cache).read_text("ascii")
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}.part")
    count = 0
    with aside.open("wb") as file:
        for line in orders(text):
            count += file.write(line) > 0
    aside.replace(out)
    return count


def main(argv: list[str] | None = None) -> int:
    """The command line; exit code 0, or 1 if the data set can't be had."""
    parser = argparse.ArgumentParser(prog="python -m data.cdnow", description="Write CDNOW's real purchases as orders.")
    parser.add_argument("--out", type=Path, required=True, help="the file to write, *.ndjson")
    parser.add_argument("--cache", type=Path, default=default_cache(), help="folder that keeps the fetched data set")
    options = parser.parse_args(argv)
    try:
        count = convert(options.out, options.cache)
    except FetchError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{count} orders in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
