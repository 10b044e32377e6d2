"""What a TOML mapping says: which column or path of somebody's table is which field of an order.

docs/technical/importing.md describes the file; `mappings/` holds those that ship.
"""

import tomllib
from difflib import get_close_matches
from importlib.resources import files
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from orderguard.schema import CLASSIFICATION
from orderguard.sources.documents import at, entries

ORDER_FIELDS = tuple(path for path in CLASSIFICATION if not path.startswith("items[]."))
ITEM_FIELDS = tuple(path.removeprefix("items[].") for path in CLASSIFICATION if path.startswith("items[]."))
REQUIRED = ("order_id", "created_at", "currency", "items[].sku", "items[].quantity", "items[].unit_price")
ANY = "*"


class MappingError(ValueError):
    """A mapping that can't be used: what is wrong in it, and what to write instead."""


class Field(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a field comes from: one of `column`, `columns` (put together with `by`), `either` (the first that holds
    something), `value` (always this), `row` (this and the number of the row).

    Then `strip` takes characters off both ends, `values` translates; `sum` adds up over the lines of an order.
    """

    column: str | None = None
    columns: tuple[str, ...] = ()
    by: str = " "
    either: tuple[str, ...] = ()
    value: str | None = None
    row: str | None = None
    strip: str = ""
    values: dict[str, str] = {}
    sum: bool = False

    @property
    def sources(self) -> tuple[str, ...]:
        """All columns that it looks at."""
        return (*([self.column] if self.column else []), *self.columns, *self.either)


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the file is written; what is left out is found out. `name` is the main file's where there are several,
    `header` names the columns of a file that doesn't, `records` is the path of the list in a JSON document.
    """

    name: str | None = None
    format: Literal["csv", "excel", "json"] | None = None
    delimiter: str | None = None
    encoding: str | None = None
    header: tuple[str, ...] = ()
    sheet: str | None = None
    records: str = ""


class Values(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How values are written. `unit_price` and `discount` say what the column means; amounts are divided by `divide`.
    With `dates_only` the time of day means nothing; a cell that holds one of `empty` holds nothing. Where `countries`
    are written by name, a name is no repair.
    """

    date_format: tuple[str, ...] = ()
    zone: str | None = None
    dates_only: bool = False
    countries: Literal["codes", "names"] = "codes"
    empty: tuple[str, ...] = ()
    decimal_comma: bool = False
    divide: float = 1.0
    unit_price: Literal["piece", "line", "line after discount"] = "piece"
    discount: Literal["line", "piece", "share", "percent"] = "line"


class Lines(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the lines of an order stand: a row each (the usual), in a list of the document (`each`), or written into one
    cell (`cell`; `between` parts lines, `begins` is what each label in it begins with).

    Rows belong together by the order's number, or by the column `by`. With `fill_down` a row without an order number
    belongs to the order above, with `one_piece_a_row` equal rows are put together and counted, and a line in which the
    column `without` holds something is left out.
    """

    by: str | None = None
    each: str | None = None
    cell: str | None = None
    between: str = "|"
    begins: str = ""
    fill_down: bool = False
    one_piece_a_row: bool = False
    without: str | None = None


class Apart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"test_order": "test order"}):
    """A column that says what is no order, and the values that say so; `"*"` is any value."""

    column: str
    refund: tuple[str, ...] = ()
    cancellation: tuple[str, ...] = ()
    exchange: tuple[str, ...] = ()
    test_order: tuple[str, ...] = ()

    def kinds(self) -> dict[str, str]:
        """The kind by value, in small letters."""
        told = {
            "refund": self.refund,
            "cancellation": self.cancellation,
            "exchange": self.exchange,
            "test order": self.test_order,
        }
        return {value.strip().lower(): kind for kind, values in told.items() for value in values}


class Join(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A second file beside the first: the row whose column `there` is what the column `here` holds, the first of them,
    or the first in which `where` is so. Its columns are called `NAME.column`.
    """

    file: str
    here: str
    there: str
    where: dict[str, str] = {}


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping, checked. `order` and `items` are by the field's path."""

    about: str = ""
    place: str = ""
    file: File = File()
    values: Values = Values()
    lines: Lines = Lines()
    order: dict[str, Field]
    items: dict[str, Field]
    apart: tuple[Apart, ...] = ()
    join: dict[str, Join] = {}

    def columns(self) -> dict[str, None]:
        """Every column or path that it looks at, in the order of the fields."""
        told = [name for field in self.order.values() for name in field.sources]
        told += [apart.column for apart in self.apart]
        told += [self.lines.by] if self.lines.by else []
        if not self.lines.each and not self.lines.cell:
            told += [name for field in self.items.values() for name in field.sources]
        return dict.fromkeys([*told, *([self.lines.cell] if self.lines.cell else [])])


def read_mapping(text: str) -> Mapping:
    """A mapping from TOML. Raises `MappingError`, which names the place and the way out."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"the mapping is not TOML: {error}") from None
    try:
        raw["order"] = _flat(raw.get("order", {}), ORDER_FIELDS, "order")
        raw["items"] = _flat(raw.get("items", {}), ITEM_FIELDS, "items")
        mapping = msgspec.convert(_tuples(raw), Mapping)
    except msgspec.ValidationError as error:
        raise MappingError(f"the mapping can't be used: {_plain(str(error))}") from None
    _check(mapping)
    return mapping


def shipped() -> dict[str, Any]:
    """The mappings that ship, by name, as files not yet read."""
    folder = files("orderguard.sources").joinpath("mappings")
    found = {path.name.removesuffix(".toml"): path for path in folder.iterdir() if path.name.endswith(".toml")}
    return dict(sorted(found.items()))


def shipped_mapping(name: str) -> Mapping:
    """One of the mappings that ship. Raises `KeyError`."""
    return read_mapping(shipped()[name].read_text("utf-8"))


def mapping_for(name: str, table: bool) -> Mapping | None:
    """The shipped mapping of a source's tables, or of its JSON documents; None where there is none."""
    there = shipped()
    for known in (f"{name}-csv", name) if table else (name,):
        if known in there:
            mapping = read_mapping(there[known].read_text("utf-8"))
            if (mapping.lines.each is None) == table:
                return mapping
    return None


def records_in(document: object, mapping: Mapping) -> list[object]:
    """The orders in a document: those of its list of records, or itself."""
    field = mapping.order["order_id"]
    if mapping.file.records and all(at(document, *path.split(".")) is None for path in field.sources):
        inside = at(document, *mapping.file.records.split("."))
        if inside is not None:
            return entries(inside)
    return document if isinstance(document, list) else [document]


def _flat(table: object, known: tuple[str, ...], part: str) -> dict[str, object]:
    """The fields of a part by their whole path; a text stands for the column of that name."""
    flat: dict[str, object] = {}
    if not isinstance(table, dict):
        raise MappingError(f'[{part}] has to be a table of fields: {part}.{known[0]} = "the column\'s name"')

    def go(inside: dict[str, Any], path: str) -> None:
        for name, value in inside.items():
            whole = f"{path}{name}"
            if whole in known:
                flat[whole] = {"column": value} if isinstance(value, str) else value
            elif isinstance(value, dict) and any(field.startswith(f"{whole}.") for field in known):
                go(value, f"{whole}.")
            else:
                near = get_close_matches(whole, known, 1)
                way = f"do you mean {near[0]}?" if near else f"there are {', '.join(known)}"
                raise MappingError(f"[{part}] has a field that an order doesn't have: {whole}; {way}")

    go(table, "")
    return flat


def _tuples(raw: dict[str, Any]) -> dict[str, Any]:
    """`date_format` may be one text."""
    values = raw.get("values")
    if isinstance(values, dict) and isinstance(values.get("date_format"), str):
        values["date_format"] = [values["date_format"]]
    return raw


def _plain(message: str) -> str:
    reason, _, path = message.partition(" - at `$")
    place = path.rstrip("`").strip(".")
    return f"{place}: {reason[0].lower()}{reason[1:]}" if place else reason


def _check(mapping: Mapping) -> None:
    """What a structure can't say. Raises `MappingError`."""
    there = {*mapping.order, *(f"items[].{name}" for name in mapping.items)}
    if mapping.lines.one_piece_a_row:
        there.add("items[].quantity")
    if missing := [path for path in REQUIRED if path not in there]:
        told = ", ".join(path.replace("items[].", "[items] ") for path in missing)
        raise MappingError(f"the mapping lacks what every order needs: {told}")
    for path, field in (*mapping.order.items(), *mapping.items.items()):
        ways = [
            bool(field.column),
            bool(field.columns),
            bool(field.either),
            field.value is not None,
            field.row is not None,
        ]
        if sum(ways) != 1:
            raise MappingError(f"{path}: name one of column, columns, either, value and row")
    if mapping.values.zone is not None:
        try:
            ZoneInfo(mapping.values.zone)
        except (KeyError, ValueError, OSError):
            raise MappingError('values.zone is no time zone: write one such as "Europe/Berlin" or "UTC"') from None
    if not mapping.values.divide > 0:
        raise MappingError("values.divide has to be a number above 0: 100 where amounts are in cents")
