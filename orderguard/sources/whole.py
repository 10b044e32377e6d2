"""A whole file in memory, as orders: what it was taken for, and what became of each order. For files of some megabytes,
such as a page sends; `data.importing` reads larger ones. Work and memory are bounded, whatever the file holds.
"""

import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice

from orderguard.repair import Feed, repair_order
from orderguard.schema import OrderError, encode_order
from orderguard.sources import SOURCES, UnknownSource, source
from orderguard.sources.documents import Loose, decoded
from orderguard.sources.looking import CANONICAL, of_document, of_table
from orderguard.sources.mapped import together
from orderguard.sources.mapping import File, Mapping, MappingError, mapping_for, read_mapping, records_in
from orderguard.sources.plan import Plan
from orderguard.sources.proposing import LOOKED_AT, propose
from orderguard.sources.shopify import assembled
from orderguard.sources.tables import Table, encoding_of, errors_for, is_text, table_of, without_header
from orderguard.sources.workbooks import ZIP, Limits, workbook_table

MOST_COLUMNS = 1_000
WORKBOOK = Limits(held=16 * 2**20, sheets=64 * 2**20, cells=400_000)
_OTHER = (b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b")


@dataclass
class Whole:
    """What a file holds. `taken_for` says it in words, `mapping` is the proposed one for a table that nobody knows, and
    `doubts` what is to be checked in it; `bad` counts what can't be used, by field and reason.
    """

    taken_for: str
    orders: list[bytes] = field(default_factory=list)
    repaired: Counter[str] = field(default_factory=Counter)
    apart: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)
    unmapped: list[str] = field(default_factory=list)
    mapping: str | None = None
    doubts: list[str] = field(default_factory=list)


def whole(data: bytes, name: str | None = None, feed: Feed = Feed()) -> Whole:
    """Read a file. `name` is the source's, if it was named, and `feed` says what documents leave open (of a table its
    mapping says it).

    Raises `MappingError` for a file that is none of those, and `UnknownSource`.
    """
    if name is not None and name not in SOURCES:
        raise UnknownSource
    if data.startswith(_OTHER):
        raise MappingError("an old Excel file, a PDF or a packed file: save the table as .xlsx or CSV")
    with ExitStack() as held:
        if data.startswith(ZIP):
            return _table(name, lambda file: workbook_table(io.BytesIO(data), file, held, WORKBOOK))
        encoding = encoding_of(data)
        if not is_text(data, encoding):
            raise MappingError("a file that contains no text: save the table as .xlsx or CSV, or as JSON")
        text = data.decode(encoding, errors_for(encoding)).lstrip("\ufeff")
        if text.lstrip()[:1] in ("{", "["):
            return _documents(text, name, feed)
        return _table(name, lambda file: table_of(io.StringIO(text, newline=""), file, encoding))


def is_own(text: str) -> bool:
    """Whether a text begins with an order of our own: its first line, or all of it."""
    for part in (text.lstrip("\ufeff \t\r\n").partition("\n")[0], text):
        try:
            return of_document(decoded(part)) == CANONICAL
        except ValueError:
            continue
    return False


def _documents(text: str, name: str | None, feed: Feed) -> Whole:
    bad: Counter[str] = Counter()
    found = _decoded(text, bad)
    name = name or of_document(found[:1] if len(found) > 1 else found[0] if found else None)
    if name is None:
        raise MappingError(f"JSON of no source that is known: name one of {', '.join(SOURCES)}")
    read: Callable[[object], Iterator[Loose]] = _own if name == CANONICAL else source(name)
    mapping = mapping_for(name, table=False)
    title = mapping.about if mapping else "orders as orderguard has them" if name == CANONICAL else f"orders of {name}"
    told = Whole(title, bad=bad)
    if name == "shopify":
        found = [*assembled(found)]
    documents = [record for one in found for record in (records_in(one, mapping) if mapping else [one])]
    return _repaired(told, (order for document in documents for order in read(document)), feed)


def _decoded(text: str, bad: Counter[str]) -> list[object]:
    """The document, or those of the lines."""
    try:
        return [decoded(text)]
    except ValueError:
        found = []
        for line in filter(str.strip, text.splitlines()):
            try:
                found.append(decoded(line))
            except ValueError:
                bad["not valid JSON"] += 1
        if not found:
            raise MappingError("not JSON, and no table either") from None
        return found


def _own(document: object) -> Iterator[Loose]:
    if isinstance(document, list):
        yield from (one if isinstance(one, dict) else {} for one in document)
    else:
        yield document if isinstance(document, dict) else {}


def _table(name: str | None, read: Callable[[File], Table]) -> Whole:
    mapping = mapping_for(name, table=True) if name else None
    table = read(mapping.file if mapping else File())
    if len(table.columns) > MOST_COLUMNS:
        raise MappingError(f"a table of more than {MOST_COLUMNS:,} columns is no table of orders")
    if without_header(table.columns):
        raise MappingError("a table whose first line holds values: put the names of the columns above it")
    if mapping is None and (known := of_table(table.columns)):
        mapping = known[1]
    if mapping is None:
        return _guessed(table)
    return _rows(Whole(f"{mapping.about} ({table.told})"), mapping, table)


def _guessed(table: Table) -> Whole:
    """A table that nobody knows, by the mapping that is proposed. Raises `MappingError` if it lacks something."""
    first = [*islice(table.rows, LOOKED_AT)]
    proposal = propose(table.columns, first)
    told = Whole(f"{table.told} that no source knows, read by the names of its columns", mapping=proposal.text)
    told.doubts = proposal.doubts
    rest = table.rows
    table.rows = (row for part in (first, rest) for row in part)
    return _rows(told, read_mapping(proposal.text), table)


def _rows(told: Whole, mapping: Mapping, table: Table) -> Whole:
    plan = Plan(mapping, table.columns)
    used = mapping.columns()
    told.unmapped = [column for column in table.columns if column not in used]
    values = mapping.values
    feed = Feed(zone=values.zone, decimal_comma=values.decimal_comma)
    _repaired(told, together(plan, plan.runs(table.rows)), feed)
    told.bad += table.left_out
    return told


def _repaired(told: Whole, orders: Iterable[Loose], feed: Feed) -> Whole:
    for order in orders:
        try:
            repaired = repair_order(order, feed)
        except OrderError as error:
            told.bad[f"{error.field}: {error.reason}" if error.field else error.reason] += 1
            continue
        if repaired.apart:
            told.apart[repaired.apart] += 1
        elif repaired.order:
            told.repaired.update({f"{repair.field}: {repair.reason}" for repair in repaired.repairs})
            told.orders.append(encode_order(repaired.order))
    return told
