"""`python -m data.importing FILE`: make an order file of somebody's export, or say what it is and propose a mapping."""

import argparse
import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import msgspec

from data.importing.errors import InputError
from data.importing.shown import shown
from data.importing.sources import Found, files_in, found_in
from data.importing.writing import BAD, ORDERS, digest_of, feed_of, reason_of, write
from orderguard.private_files import keep_private, make_private_folder, open_private
from orderguard.repair import read_order
from orderguard.schema import OrderError, encode_order
from orderguard.sources import UnknownSource
from orderguard.sources.mapping import Mapping, MappingError, read_mapping
from orderguard.sources.plan import Plan

OUT = Path("data/raw")
QUARANTINE = Path("data/quarantine")
PROPOSAL = Path("data/importing/proposed.toml")
SHOWN = 3
_encode = msgspec.json.Encoder().encode


def main(argv: list[str] | None = None) -> int:
    """The command line. Exit codes: 0 ok, 1 nothing was written, 2 wrong use or a file that can't be read."""
    parser = argparse.ArgumentParser(prog="python -m data.importing", description="Make an order file of an export.")
    parser.add_argument("file", help="CSV, Excel or JSON, packed with gzip or not; a folder of files that join")
    parser.add_argument("--source", default="", help="what the file is: a shop system, or a mapping that ships")
    parser.add_argument("--mapping", default="", help="a TOML file that says which column is what")
    parser.add_argument("--out", type=Path, default=OUT, help="the folder to write import-….ndjson to")
    parser.add_argument("--quarantine", type=Path, default=QUARANTINE, help="the folder for what can't be used")
    parser.add_argument("--proposal", type=Path, default=PROPOSAL, help="where a proposed mapping is written")
    parser.add_argument("--shown", type=int, default=SHOWN, help="how many of the first orders are shown")
    options = parser.parse_args(argv)
    if not options.file:
        print("which file? Name a CSV, Excel or JSON file: make import FILE=orders.csv", file=sys.stderr)
        return 2
    options.file = Path(options.file)
    keep_private()
    gc.disable()  # millions of small things, none of which points back: counting references frees them all
    try:
        return _import(options)
    except (InputError, MappingError, UnknownSource) as error:
        print(f"not imported: {error}", file=sys.stderr)
        return 2
    finally:
        gc.enable()


def _import(options: argparse.Namespace) -> int:
    mapping = mapping_in(Path(options.mapping)) if options.mapping else None
    files = files_in(options.file, options.source, mapping)
    if files == [options.file]:
        return _import_file(options.file, mapping, options)
    codes = []
    for number, file in enumerate(files, 1):
        print(f"File {number} of {len(files)} in the folder, by name:")
        try:
            codes.append(_import_file(file, mapping, options))
        except (InputError, MappingError) as error:
            print(f"not imported: {error}", file=sys.stderr)
            codes.append(2)
    print(f"{codes.count(0)} of {len(files)} files were imported.")
    return max(codes)


def _import_file(file: Path, mapping: Mapping | None, options: argparse.Namespace) -> int:
    make_private_folder(options.out)
    with tempfile.TemporaryDirectory(prefix=".import-", dir=options.out) as aside, ExitStack() as held:
        folder = Path(aside)
        found = found_in(file, options.source or None, mapping, folder / "joined", held)
        print(f"Taken for: {found.told}.", flush=True)
        if found.proposal:
            return _propose(found, options)
        written = write(found, folder)
        report = written.report
        _show(written.first[: options.shown])
        name = f"import-{found.name}-{digest_of(folder / ORDERS)}.ndjson"
        if report.orders:
            (folder / ORDERS).replace(options.out / name)
        if report.quarantined:
            make_private_folder(options.quarantine)
            (folder / BAD).replace(options.quarantine / name)
    print("\n".join(report.told()))
    if found.unmapped:
        print(f"  columns not mapped, and so not written: {', '.join(found.unmapped)}")
    if found.plan and found.plan.absent:
        print(f"  columns of the mapping that the file does not have: {', '.join(found.plan.absent)}")
    if report.quarantined:
        print(f"Row, field and reason of what can't be used: {options.quarantine / name}")
    if not report.orders:
        print("not imported: there is no usable order in the file.", file=sys.stderr)
        return 1
    print(f"Written: {options.out / name}")
    if options.out == OUT:
        print("Next: make train, then make up. Git ignores the file: pushing real orders is for you to decide.")
    return 0


def mapping_in(path: Path) -> Mapping:
    """A mapping from a file. Raises `MappingError`."""
    try:
        return read_mapping(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise MappingError(f"the file of MAPPING can't be read ({reason})") from None


def _propose(found: Found, options: argparse.Namespace) -> int:
    """Write the proposed mapping, show what would come out of the first rows, and what is to be done."""
    proposal = found.proposal
    assert proposal
    make_private_folder(options.proposal.parent)
    aside = options.proposal.with_name(f".{options.proposal.name}.{os.getpid()}.part")
    with open_private(aside, "wb") as file:
        file.write(proposal.text.encode())
    aside.replace(options.proposal)
    print("What it looks like, by the names of the columns and the first rows:")
    print("\n".join(f"  {field:28} {column}" for field, column in proposal.fields.items() if not field.startswith("_")))
    _show(list(_first_orders(proposal.text, found))[: options.shown])
    for heading, told in (
        ("Missing", proposal.missing),
        ("Not mapped, and so not written", proposal.unmapped),
        ("To be checked", proposal.doubts),
    ):
        if told:
            print(f"{heading}: {'; '.join(told) if heading == 'To be checked' else ', '.join(told)}.")
    print(f"A mapping is proposed in {options.proposal}. Look at it, correct it, then:")
    print(f"  make import FILE=… MAPPING={options.proposal}")
    return 0


def _first_orders(text: str, found: Found) -> Iterator[bytes]:
    try:
        plan = Plan(read_mapping(text), found.columns)
    except MappingError:
        return
    for _, order in islice(plan.runs(found.rows), SHOWN):
        try:
            repaired = read_order(_encode(plan.finished(order)), feed_of(plan))
        except OrderError as error:
            print(f"(one of the first orders could not be used: {reason_of(error)})")
            continue
        if repaired.order:
            yield encode_order(repaired.order)


def _show(first: list[bytes]) -> None:
    if first:
        print(f"The first {len(first)} orders as they come out, without what they say of a person:")
        print("\n".join(shown(line) for line in first))
