"""What a file holds and how it becomes parts of orders: the source or mapping that was named, else what is found."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from contextlib import ExitStack
from fnmatch import fnmatch
from itertools import chain, islice
from pathlib import Path

from data.importing.documents import documents
from data.importing.bulk import whole_documents
from data.importing.errors import InputError
from data.importing.joining import joined
from data.importing.tables import table_in
from data.importing.texts import beginning, opened, unpacked_size
from orderguard.sources import SOURCES, UnknownSource, source
from orderguard.sources.documents import Loose
from orderguard.sources.looking import CANONICAL, of_document, of_table
from orderguard.sources.mapping import File, Mapping, mapping_for, records_in, shipped, shipped_mapping
from orderguard.sources.plan import Plan
from orderguard.sources.proposing import LOOKED_AT, Proposal, propose
from orderguard.sources.shopify import is_bulk
from orderguard.sources.tables import Table, encoding_of

_TITLES = {"shopify": "Shopify", "woocommerce": "WooCommerce", "stripe": "Stripe"}


@dataclass
class Found:
    """Orders to be read: `told` says what the file was taken for, `name` is the source's. `orders` gives those of
    documents with their row; a `table` is read by the `plan`. A table that nobody knows has a `proposal`, and its first
    rows. `size` is that of the file at `path` in bytes, of which `read` tells how many were read.
    """

    name: str
    told: str
    path: Path
    orders: Iterator[tuple[int, Loose]] = iter(())
    table: Table | None = None
    plan: Plan | None = None
    left_out: Counter[str] = field(default_factory=Counter)
    read: Callable[[], int] = int
    unmapped: list[str] = field(default_factory=list)
    proposal: Proposal | None = None
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


def found_in(path: Path, source_name: str | None, mapping: Mapping | None, aside: Path, held: ExitStack) -> Found:
    """What a file or a folder holds; `held` closes what is open, `aside` is where a database may be kept meanwhile.

    Raises `InputError`, `UnknownSource` and `MappingError`.
    """
    if source_name and source_name not in SOURCES:
        raise UnknownSource
    name = source_name or ("mapping" if mapping else "")
    if path.is_dir():
        main = _main_file(path, name, mapping)
        if main is None:
            raise InputError("no mapping knows which file of the folder the others join to.")
        path, name, mapping = main
    elif not path.is_file():
        raise InputError("there is no such file. Name one: make import FILE=orders.csv")
    if mapping is None and not source_name and (beside := _joining(path)):
        name, mapping = beside
    head = beginning(path)
    encoding = (mapping.file.encoding if mapping else None) or encoding_of(head)
    begins = head.decode(encoding, "replace").lstrip("\ufeff \t\r\n")[:1]
    if not head.strip(b"\0 \r\n\t"):
        raise InputError("the file is empty. Export it again.")
    if begins in ("{", "["):
        return _from_documents(path, encoding, begins == "[", name, mapping, aside.parent, held)
    return _from_table(path, name, mapping, aside, held)


def files_in(path: Path, name: str, mapping: Mapping | None) -> list[Path]:
    """The files to be imported one after the other: all of a folder by name, if they don't join; else what was named.

    Raises `InputError`.
    """
    if not path.is_dir() or _main_file(path, name, mapping):
        return [path]
    files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    if not files:
        raise InputError("the folder contains no file. Put exports there, or name one: make import FILE=orders.csv")
    for each, one in _mappings(name, mapping):
        if one.join and (mapping or name or any(fnmatch(file.name, str(one.file.name)) for file in files)):
            needed = ", ".join([str(one.file.name), *(join.file for join in one.join.values())])
            raise InputError(f"the folder lacks some of the files that {each} joins: {needed}. Put them there.")
    return files


def _main_file(folder: Path, name: str, mapping: Mapping | None) -> tuple[Path, str, Mapping | None] | None:
    """The file of a folder that the others join to, and its mapping; None where there is none."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    for each, one in _mappings(name, mapping):
        if one.file.name is None:
            continue
        main = [path for path in files if fnmatch(path.name, one.file.name)]
        if main and all(any(fnmatch(path.name, join.file) for path in files) for join in one.join.values()):
            return main[0], each, one
    return None


def _mappings(name: str, mapping: Mapping | None) -> list[tuple[str, Mapping]]:
    """The mapping that is wanted, or all that ship."""
    wanted = mapping or (mapping_for(name, table=True) if name else None)
    return [(name, wanted)] if wanted else [(each, shipped_mapping(each)) for each in shipped()]


def _joining(path: Path) -> tuple[str, Mapping] | None:
    """The shipped mapping whose main file has this name, if those that it joins are beside it."""
    for name in shipped():
        mapping = shipped_mapping(name)
        if mapping.file.name and fnmatch(path.name, mapping.file.name):
            if all(
                any(fnmatch(other.name, join.file) for other in path.parent.iterdir()) for join in mapping.join.values()
            ):
                return name, mapping
    return None


def _from_documents(
    path: Path, encoding: str, is_list: bool, name: str, mapping: Mapping | None, folder: Path, held: ExitStack
) -> Found:
    left_out: Counter[str] = Counter()
    text, read = opened(path, encoding, held)
    if mapping is None and name:
        mapping = mapping_for(name, table=False)
    wanted = mapping
    stream = documents(text, is_list, lambda whole: records_in(whole, wanted) if wanted else [whole], left_out)
    first = next(stream, None)
    stream = chain(() if first is None else (first,), stream)
    if not name:
        name = of_document(first) or ""
        if not name:
            raise InputError(
                f"this JSON is of no source that is known. Name SOURCE ({', '.join(SOURCES)}), or write a MAPPING:"
                " docs/technical/importing.md"
            )
        mapping = mapping_for(name, table=False) if name in SOURCES else None
        if mapping:
            return _from_documents(path, encoding, is_list, name, mapping, folder, held)
    if name == CANONICAL:
        told = "orders as orderguard has them"
        return Found(CANONICAL, told, path, _numbered(enumerate(stream, 1), _each), left_out=left_out, read=read)
    if mapping is None:
        numbered: Iterable[tuple[int, object]] = enumerate(stream, 1)
        told = f"orders of {_TITLES.get(name, name)} as its interface and webhooks write them"
        if name == "shopify" and is_bulk(first):
            numbered = whole_documents(stream, unpacked_size(path), folder)
            told = "the answer of a bulk operation of Shopify's"
        return Found(name, told, path, _numbered(numbered, source(name)), left_out=left_out, read=read)
    if not mapping.lines.each:
        raise InputError("the file is JSON, and the mapping is of a table: it names no list of lines ([lines] each).")
    plan = Plan(mapping)
    orders = ((row, order) for row, (_, order) in enumerate(plan.runs(stream), 1))
    return Found(name, mapping.about or f"documents, by {name}", path, orders, plan=plan, left_out=left_out, read=read)


def _each(document: object) -> Iterator[Loose]:
    yield document if isinstance(document, dict) else {}


def _numbered(
    documents: Iterable[tuple[int, object]], orders: Callable[[object], Iterator[Loose]]
) -> Iterator[tuple[int, Loose]]:
    for row, document in documents:
        for order in orders(document):
            yield row, order


def _from_table(path: Path, name: str, mapping: Mapping | None, aside: Path, held: ExitStack) -> Found:
    counters: list[Callable[[], int]] = []
    if mapping is None and name:
        mapping = mapping_for(name, table=True)
        if mapping is None:
            raise InputError(
                f"{name} is a source of JSON documents, and the file is a table. Leave SOURCE out to see what it is."
            )
    table = table_in(path, mapping.file if mapping else File(), held, counters.append)
    if mapping is None and (known := of_table(table.columns)):
        name, mapping = known
    if mapping is None:
        return _proposed(table, path)
    table = joined(table, mapping, path.parent, aside, held)
    plan = Plan(mapping, table.columns)
    used = {*mapping.columns(), *(join.here for join in mapping.join.values())}
    unmapped = [column for column in table.columns if column not in used]
    told = f"{mapping.about or 'a table, by the mapping'} ({table.told})"
    read = counters[0] if counters else int
    return Found(name, told, path, table=table, plan=plan, left_out=table.left_out, read=read, unmapped=unmapped)


def _proposed(table: Table, path: Path) -> Found:
    rows = [*islice(table.rows, LOOKED_AT)]
    proposal = propose(table.columns, rows)
    told = f"{table.told} that no source and no mapping of ours knows"
    return Found("", told, path, proposal=proposal, left_out=table.left_out, columns=table.columns, rows=rows)
