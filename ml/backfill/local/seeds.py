"""What a store of histories would hold after all orders, by partitions: the records that `orderguard.history.records`
makes one order at a time, made of whole columns here.
"""

from collections.abc import Iterator
from pathlib import Path
from struct import Struct

import numpy as np

from ml.backfill.local.records import LETTERS
from ml.backfill.local.shuffle import Records
from orderguard.features.columns import Coded, Floats
from orderguard.history.records import CUSTOMER, ENTITY, HEADER, Kind
from orderguard.history.seed import Entry
from orderguard.private_files import make_private_folder, open_private

_FIELDS = {"I": "<u4", "d": "<f8", "H": "<u2", "3s": "S3"}
_CUSTOMER_NAMES = ("number", "at", "net", "address", "device", "payment", "card", "minute", "currency")
_ENTITY_NAMES = ("number", "at", "customer", "card")
_LENGTHS = Struct("<HI")
_MOST = 2**32 - 1


def _dtype(kind: Kind, names: tuple[str, ...]) -> np.dtype[np.void]:
    """The fields of an entry of this kind, as it stands in a record."""
    letters = [kind.fields.replace("3s", "s")[place] for place in range(len(names))]
    dtype = np.dtype([(name, _FIELDS["3s" if letter == "s" else letter]) for name, letter in zip(names, letters)])
    assert dtype.itemsize == kind.size, f"an entry of {kind} has {kind.size} bytes"
    return dtype


_ENTRY = {CUSTOMER: _dtype(CUSTOMER, _CUSTOMER_NAMES), ENTITY: _dtype(ENTITY, _ENTITY_NAMES)}


def customer_entries(orders: Records, currencies: list[str]) -> Records:
    """What each order adds to its customer's record."""
    entries = np.empty(len(orders), _ENTRY[CUSTOMER])
    for name in _CUSTOMER_NAMES:
        entries[name] = np.array(currencies, "S3")[orders[name]] if name == "currency" else orders[name]
    return entries


def entity_entries(orders: Records) -> Records:
    """What each order adds to the record of its entity."""
    entries = np.empty(len(orders), _ENTRY[ENTITY])
    for name in _ENTITY_NAMES:
        entries[name] = orders[name]
    return entries


class SeedParts:
    """Records of a store at the moment `end`, a file for each partition and kind of token, in a folder of their own."""

    def __init__(self, folder: Path, end: float) -> None:
        self.folder, self.end = folder, end

    def begin(self, kind: Kind) -> "Held":
        """Begin with a partition."""
        return Held(self, kind)


class Held:
    """The records of a partition's tokens, that take in orders in time order."""

    def __init__(self, parts: SeedParts, kind: Kind) -> None:
        self._parts, self._kind = parts, kind
        self._records: dict[str, tuple[float, int, float, bytes]] = {}

    def add(self, coded: Coded, at: Floats, entries: Records) -> None:
        """Take in orders (n,): whose they are, when they were placed, and what they add."""
        kind, size = self._kind, self._kind.size
        by_token = np.argsort(coded.index, kind="stable")
        whose, moments = coded.index[by_token], at[by_token]
        first = np.ones(len(whose), dtype=bool)
        first[1:] = whose[1:] != whose[:-1]
        anew = first.copy()
        anew[1:] |= moments[1:] - moments[:-1] > kind.silence
        # Where the present life of each token begins, and where it ends.
        begins = np.maximum.accumulate(np.where(anew, np.arange(len(whose)), 0))
        ends = np.append(np.flatnonzero(first)[1:], len(whose)) if len(whose) else np.empty(0, dtype=np.int64)
        data = entries[by_token].tobytes()
        starts = np.flatnonzero(first)
        for number, begin, end, start in zip(
            whose[starts].tolist(), begins[ends - 1].tolist(), ends.tolist(), starts.tolist(), strict=True
        ):
            token, last = coded.values[number], float(moments[end - 1])
            born, count, older = float(moments[begin]), end - begin, b""
            known = self._records.get(token)
            if known and begin == start and float(moments[start]) - known[2] <= kind.silence:
                born, count, older = known[0], known[1] + count, known[3]
            recent = data[max(begin, end - kind.kept) * size : end * size]
            self._records[token] = born, count, last, (older + recent)[-kind.kept * size :]

    def write(self, part: int) -> int:
        """Write the records that a store would not have forgotten by the end, by token; how many they are."""
        by_prefix: dict[str, list[bytes]] = {}
        for token in sorted(self._records):
            born, count, last, entries = self._records[token]
            if self._parts.end - last > self._kind.silence:
                continue
            key = f"{self._kind.letter}:{token}".encode()
            record = HEADER.pack(self._kind.mark, born, min(count, _MOST)) + entries
            piece = _LENGTHS.pack(len(key), len(record)) + key + record
            by_prefix.setdefault(key[:-LETTERS].decode(), []).append(piece)
        for prefix, pieces in by_prefix.items():
            folder = make_private_folder(self._parts.folder / prefix.replace(":", "-"))
            with open_private(folder / f"{part:07}", "wb") as file:
                file.writelines(pieces)
        return sum(map(len, by_prefix.values()))


def entries_in_order(folder: Path) -> Iterator[Entry]:
    """All records of the folder, by kind and token: partitions follow each other as tokens do."""
    prefixes = sorted(folder.iterdir(), key=lambda path: path.name.replace("-", ":", 1)) if folder.is_dir() else []
    for prefix in prefixes:
        for path in sorted(prefix.iterdir()):
            with path.open("rb") as file:
                while lengths := file.read(_LENGTHS.size):
                    of_key, of_record = _LENGTHS.unpack(lengths)
                    yield Entry(file.read(of_key).decode(), file.read(of_record))
