"""The answer of a bulk operation of Shopify's, in which the lines of an order may stand anywhere: put together in
memory, or for a large file in files of which each holds all of its orders.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from data.importing.grouping import Groups, file_count, packed
from orderguard.sources.shopify import assembled, owner

CHUNK = 5_000
_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode


def whole_documents(documents: Iterable[object], size: int, folder: Path) -> Iterator[tuple[int, object]]:
    """Each order with its lines, and the row in which it was first met; `size` is that of the file in bytes."""
    groups = Groups(folder, file_count(size))
    groups.begin()
    parts = ((owner(one), row, _encode(one), 0, 0) for row, one in enumerate(documents, 1))
    while some := [*islice(parts, CHUNK)]:
        groups.add(packed(some, groups.count))
    groups.end()
    for path in groups.paths:
        with path.open("rb") as records:
            yield from _together(records)
    yield from _together(groups.records)


def _together(records: Iterable[bytes]) -> Iterator[tuple[int, object]]:
    rows: dict[str, int] = {}
    documents = []
    for record in records:
        name, row, _, _, written = record.split(b"\t", 4)
        rows.setdefault(_decode(name), int(row))
        documents.append(_decode(written))
    for document in assembled(documents):
        yield rows.get(owner(document), 0), document
