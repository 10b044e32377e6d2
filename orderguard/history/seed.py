"""The seed of a store of histories, as a file: what the store would hold after the orders that it was made from.

    8 bytes   `ogseed1` and a line feed
    4 bytes   the header's length, then the header, as JSON
    records   each 2 bytes of the key's length, 4 of the record's, then both; by kind and token, so that it is the same
              file each time
    6 bytes   zeros: no record comes after
    32 bytes  SHA-256 of all that stands before

Numbers are unsigned and little-endian. A file is written aside and put in its place whole; it is read record by record,
and none is given away before the whole file was looked through.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from struct import Struct
from typing import BinaryIO, NamedTuple

import msgspec

from orderguard.history.records import KINDS
from orderguard.private_files import make_private_folder, open_private

SEED_FILE = "histories.seed"
FORM = "+".join(kind.mark.decode() for kind in KINDS)
"""The form of the records."""
_MAGIC = b"ogseed1\n"
_LENGTH, _LENGTHS = Struct("<I"), Struct("<HI")
_END = _LENGTHS.pack(0, 0)
_PIECE = 2**20
_LONGEST_HEADER = 2**16


class SeedError(ValueError):
    """A seed that can't be used. The message says which file, why, and the way out."""


class SeedHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What a seed is. `key` is the fingerprint of the masking key of its pseudonyms, `form` that of its records;
    `made_of` tells the orders and the code apart that it was made of; `records` and `orders` are counts, `last_order`
    is in epoch seconds.
    """

    key: str
    form: str = FORM
    feature_set_version: str
    made_of: str
    orders: int
    records: int
    last_order: float

    @property
    def name(self) -> str:
        """What tells this seed from others."""
        return f"{self.key} {self.made_of[:16]}"


class Entry(NamedTuple):
    """A record under its key, both as a store has them."""

    key: str
    record: bytes


def write_seed(folder: Path, header: SeedHeader, entries: Iterable[Entry]) -> Path:
    """Write a seed into the folder of histories (made if needed), whole or not at all. Raises `SeedError` where there
    are more or fewer entries than the header says.
    """
    make_private_folder(folder)
    path = folder / SEED_FILE
    aside = path.with_suffix(".part")
    written, digest = 0, hashlib.sha256()
    try:
        with open_private(aside, "wb") as file:
            about = msgspec.json.encode(header)
            for piece in (_MAGIC, _LENGTH.pack(len(about)), about):
                digest.update(piece)
                file.write(piece)
            for key, record in entries:
                name = key.encode()
                piece = _LENGTHS.pack(len(name), len(record)) + name + record
                digest.update(piece)
                file.write(piece)
                written += 1
            digest.update(_END)
            file.write(_END + digest.digest())
            file.flush()
            os.fsync(file.fileno())
        if written != header.records:
            raise SeedError(f"{path}: {written} records instead of {header.records}")
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return path


def read_header(folder: Path) -> SeedHeader | None:
    """What the seed in the folder is, or None where there is none. Raises `SeedError`."""
    path = folder / SEED_FILE
    try:
        with path.open("rb") as file:
            return _header(file, path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SeedError(f"{path}: can't be read: {error.strerror}") from None


def read_entries(folder: Path) -> Iterator[Entry]:
    """The records of the seed in the folder, after the whole file was checked. Raises `SeedError`."""
    path = folder / SEED_FILE
    try:
        _check(path)
        with path.open("rb") as file:
            _header(file, path)
            while (lengths := file.read(_LENGTHS.size)) != _END:
                of_key, of_record = _LENGTHS.unpack(lengths)
                yield Entry(file.read(of_key).decode(), file.read(of_record))
    except OSError as error:
        raise SeedError(f"{path}: can't be read: {error.strerror}") from None


def _header(file: BinaryIO, path: Path) -> SeedHeader:
    begin = file.read(len(_MAGIC) + _LENGTH.size)
    if not begin.startswith(_MAGIC) or len(begin) < len(_MAGIC) + _LENGTH.size:
        raise SeedError(f"{path}: not a seed of histories; make one with: make seed-histories")
    (length,) = _LENGTH.unpack_from(begin, len(_MAGIC))
    try:
        header = msgspec.json.decode(file.read(min(length, _LONGEST_HEADER)), type=SeedHeader)
    except msgspec.DecodeError:
        raise SeedError(f"{path}: its header can't be read; make it again: make seed-histories") from None
    if header.form != FORM:
        raise SeedError(
            f"{path}: its records have the form {header.form}, and this release keeps {FORM}; make it again: "
            "make seed-histories"
        )
    return header


def _check(path: Path) -> None:
    """Hold the file against its digest."""
    digest, left = hashlib.sha256(), path.stat().st_size - hashlib.sha256().digest_size
    with path.open("rb") as file:
        while left > 0:
            piece = file.read(min(_PIECE, left))
            if not piece:
                break
            digest.update(piece)
            left -= len(piece)
        if left or file.read() != digest.digest():
            raise SeedError(f"{path}: damaged or cut short (its SHA-256 differs); make it again: make seed-histories")
