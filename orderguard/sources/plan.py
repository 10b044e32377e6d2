"""A mapping at work: rows of a table, or documents, become loose orders."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from orderguard.sources.documents import KIND, Loose, at, entries
from orderguard.sources.line_items import counted, packed, priced
from orderguard.sources.mapping import ANY, REQUIRED, Field, Mapping, MappingError
from orderguard.sources.values import Moments, Numbers, country_named

Row = Sequence[Any]
Get = Callable[[Any, int], Any]
_WHOLE = re.compile(r"(\d+)\.0+")
_AMOUNTS = ("discount", "shipping.cost", "unit_price")
_NEW_EACH = ("coupon", "discount", "note", "gift_message", "shipping")
"""Parts of an order that are told last."""
_MOMENTS = ("created_at", "customer.registered_at")


class Plan:
    """How a mapping reads rows of these columns; without columns it reads documents, whose fields are paths.

    Raises `MappingError` where a column that is needed is not there. `absent` names the others.
    """

    def __init__(self, mapping: Mapping, columns: Sequence[str] | None = None) -> None:
        self.mapping = mapping
        self._places = None if columns is None else {name: place for place, name in reversed([*enumerate(columns)])}
        if self._places is None and not mapping.lines.each:
            raise MappingError('a mapping of documents names the list of their lines: [lines] each = "items"')
        self.absent = self._absent()
        values = mapping.values
        self.moments = Moments(values.date_format, values.zone, values.dates_only)
        self._amounts = Numbers(values.decimal_comma, values.divide)
        self._quantities = Numbers(values.decimal_comma)
        self._id = self.getter(mapping.order["order_id"], self._places)
        self._by = self.getter(Field(column=mapping.lines.by), self._places) if mapping.lines.by else self._id
        self._created = self.getter(mapping.order["created_at"], self._places)
        self.parts: dict[str, dict[str, Field]] = {}
        self._sums: list[tuple[str, Get]] = []
        for path, field in mapping.order.items():
            if path in ("order_id", "created_at") or (self._places is not None and not self._there(field)):
                continue
            if field.sum:
                self._sums.append((path, self.getter(field, self._places)))
            else:
                self.parts.setdefault(path.partition(".")[0], {})[path] = field
        self.parts = dict(sorted(self.parts.items(), key=lambda part: part[0] in _NEW_EACH))
        self._groups = [(name, self._group(fields)) for name, fields in self.parts.items()]
        self.number_place = self._place_of_number()
        self._kinds = [
            (self.getter(Field(column=apart.column), self._places), apart.kinds()) for apart in mapping.apart
        ]
        self.lines_of = self._lines()

    def _absent(self) -> list[str]:
        """The columns of the mapping that are not there. Raises `MappingError` for one that every order needs."""
        if self._places is None:
            return []
        needed = [(path, field) for path, field in self.mapping.order.items() if path in REQUIRED]
        if not self.mapping.lines.cell:
            needed += [(path, field) for path, field in self.mapping.items.items() if f"items[].{path}" in REQUIRED]
        for path, field in needed:
            if not self._there(field):
                names = " or ".join(repr(name) for name in field.sources)
                raise MappingError(f"the file has no column {names}, which the mapping reads {path} from")
        others = [*self.mapping.order.values(), *([] if self.mapping.lines.cell else self.mapping.items.values())]
        return [name for field in others if not self._there(field) for name in field.sources]

    def _there(self, field: Field) -> bool:
        assert self._places is not None
        return not field.sources or any(name in self._places for name in field.sources)

    def getter(self, field: Field, places: dict[str, int] | None) -> Get:
        """What reads a field's raw value out of a row and its number: None where it holds nothing."""
        one = _of_document if places is None else _of_row(places, frozenset(self.mapping.values.empty))
        if field.value is not None:
            return _translated(field, lambda row, number: field.value)
        if field.row is not None:
            return lambda row, number: f"{field.row}{number}"
        if field.column is not None:
            return _translated(field, one(field.column))
        gets = [one(name) for name in field.sources]
        if field.either:
            return _translated(
                field, lambda row, number: next((v for get in gets if (v := get(row, number)) is not None), None)
            )
        return _translated(
            field,
            lambda row, number: field.by.join(str(v) for get in gets if (v := get(row, number)) is not None) or None,
        )

    def _group(self, fields: dict[str, Field]) -> Get:
        """What reads the fields of one part of an order."""
        gets = [
            (path.rpartition(".")[2], self.getter(field, self._places), self.converter(path))
            for path, field in fields.items()
        ]
        nested = "." in next(iter(fields))

        def read(row: Any, number: int) -> Any:
            found = {}
            for name, get, convert in gets:
                value = get(row, number)
                if value is not None:
                    found[name] = convert(value) if convert else value
            return found or None if nested else next(iter(found.values()), None)

        return read

    def _place_of_number(self) -> int | None:
        """The cell that alone tells which order a row belongs to, where there is one."""
        field = Field(column=self.mapping.lines.by) if self.mapping.lines.by else self.mapping.order["order_id"]
        plain = field.column is not None and not field.strip and not field.values
        return self._places.get(field.column) if plain and self._places is not None and field.column else None

    def converter(self, path: str) -> Callable[[Any], Any] | None:
        if path in _AMOUNTS:
            return self._amounts
        if path == "quantity":
            return self._quantities
        if path == "customer.id":
            return as_identifier
        if path.endswith("country") and self.mapping.values.countries == "names":
            return country_named
        if path in _MOMENTS:
            return lambda value: self.moments(str(value))[0]
        return None

    def _lines(self) -> Callable[[Any, int], list[Loose]]:
        """What reads the lines that a row or a document holds."""
        lines, fields = self.mapping.lines, self.mapping.items
        if lines.each is not None:
            line = self._line(None)
            path, without = lines.each.split("."), lines.without
            return lambda row, number: [
                line(one, number)
                for one in entries(at(row, *path))
                if without is None or at(one, *without.split(".")) in (None, "", 0, False)
            ]
        if lines.cell is not None:
            cell = self.getter(Field(column=lines.cell), self._places)
            labels = {
                name: place for place, name in enumerate(dict.fromkeys(n for f in fields.values() for n in f.sources))
            }
            line = self._line(labels)
            return lambda row, number: [line(one, number) for one in packed(cell(row, number), lines, labels)]
        line = self._line(self._places)
        if lines.without and self._places and lines.without in self._places:
            left_out = self.getter(Field(column=lines.without), self._places)
            return lambda row, number: [] if left_out(row, number) is not None else [line(row, number)]
        return lambda row, number: [found] if (found := line(row, number)) else []

    def _line(self, places: dict[str, int] | None) -> Get:
        """What reads one line: its fields, with price and discount as an order has them."""
        fields = self.mapping.items
        gets = [(path, self.getter(field, places), self.converter(path)) for path, field in fields.items()]
        constant = {path for path, field in fields.items() if field.value is not None}
        values = self.mapping.values

        def read(row: Any, number: int) -> Loose:
            found: Loose = {}
            for name, get, convert in gets:
                value = get(row, number)
                if value is not None:
                    found[name] = convert(value) if convert else value
            if not found.keys() - constant:
                return {}
            if values.unit_price != "piece" or values.discount != "line":
                priced(found, values.unit_price, values.discount)
            return found

        return read

    def runs(self, rows: Iterable[Any]) -> Iterator[tuple[str, Loose]]:
        """Loose orders with their number, from rows or documents. Rows of one order that stand together become one;
        `merge` puts together those that don't, and each has to go through `finished`.
        """
        return ((key, order) for _, key, order in self.placed_runs(rows))

    def placed_runs(self, rows: Iterable[Any]) -> Iterator[tuple[int, str, Loose]]:
        """The same with the first row of each, counted from 1."""
        current: str | None = None
        order: Loose = {}
        begun = 1
        fill_down, whole = self.mapping.lines.fill_down, self._places is None
        cell, by, lines, sums = None, self.number_place, self.lines_of, self._sums
        for place, row in enumerate(rows, 1):
            if by is not None and by < len(row):
                if row[by] == cell and current and not sums and "currency" in order and "created_at" in order:
                    order["items"] += lines(row, place)
                    continue
                cell = row[by]
            key = as_identifier(self._by(row, place))
            if fill_down and not key and current is not None:
                key = current
            if key != current or whole or not key:
                if current is not None:
                    yield begun, current, order
                current, order, begun = key, self._order(row, place), place
            else:
                order["items"] += self.lines_of(row, place)
                for path, get in self._sums:
                    self._add(order, path, get(row, place))
                if "created_at" not in order or "currency" not in order:
                    _fill(order, self._order(row, place))
        if current is not None:
            yield begun, current, order

    def known_of(self, field: Field) -> list[str]:
        """The columns of a field that are there."""
        return [name for name in field.sources if self._places is not None and name in self._places]

    def place_of(self, name: str) -> int:
        """Where in a row a column stands."""
        return (self._places or {})[name]

    def places_of(self, fields: Iterable[Field]) -> tuple[int, ...]:
        """Their places in a row, each once, and in order."""
        known = self._places or {}
        return tuple(sorted({known[name] for field in fields for name in self.known_of(field)}))

    def number_of(self, row: Row) -> str:
        """What tells which order a row belongs to; empty where nothing does."""
        return as_identifier(self._by(row, 0))

    @property
    def sums(self) -> tuple[str, ...]:
        """The fields that are added up over the lines."""
        return tuple(path for path, _ in self._sums)

    def _order(self, row: Any, place: int) -> Loose:
        number = as_identifier(self._id(row, place))
        order: Loose = {"order_id": number} if number else {}
        created = self._created(row, place)
        if created is not None:
            order["created_at"], hour_known = self.moments(str(created))
            if not hour_known:
                order["hour_known"] = False
        for name, get in self._groups:
            value = get(row, place)
            if value is not None:
                order[name] = value
        for path, get in self._sums:
            self._add(order, path, get(row, place))
        for get, kinds in self._kinds:
            kind = kind_of(get(row, place), kinds)
            if kind and KIND not in order:
                order[KIND] = kind
        order["items"] = self.lines_of(row, place)
        return order

    def _add(self, order: Loose, path: str, value: Any) -> None:
        """Add to a sum; what is no number stands for the whole, for repair to tell."""
        if value is None:
            return
        group, _, name = path.rpartition(".")
        place = dict(order.get(group) or {}) if group else order
        amount, before = self._amounts(value), place.get(name, 0.0)
        both = isinstance(amount, int | float) and isinstance(before, int | float)
        place[name] = round(before + amount, 6) if both else amount
        if group:
            order[group] = place

    def finished(self, order: Loose) -> Loose:
        """An order of which no more lines come."""
        if self.mapping.lines.one_piece_a_row:
            order["items"] = counted(order.get("items", []))
        return order


def merge(order: Loose, more: Loose) -> None:
    """Put a second part of an order to the first, whose fields count where both have them."""
    items = order.get("items", []) + more.get("items", [])
    _fill(order, more)
    order["items"] = items


def merge_sums(order: Loose, more: Loose, paths: Iterable[str]) -> None:
    """Add up what a mapping sums over the lines."""
    for path in paths:
        group, _, name = path.rpartition(".")
        place, other = (order.setdefault(group, {}), more.get(group) or {}) if group else (order, more)
        a, b = place.get(name), other.get(name)
        if isinstance(a, int | float) and isinstance(b, int | float):
            place[name] = round(a + b, 6)


def as_identifier(value: Any) -> str:
    """An id as text; a whole number that a spreadsheet made `17850.0` of is read as it was."""
    text = "" if value is None else str(value)
    if text.endswith("0") and (whole := _WHOLE.fullmatch(text)):
        return whole.group(1)
    return text


def kind_of(value: Any, kinds: dict[str, str]) -> str | None:
    """What the value of a column says that is no order."""
    return None if value is None else kinds.get(str(value).strip().lower()) or kinds.get(ANY)


def _fill(order: Loose, more: Loose) -> None:
    for name, value in more.items():
        if order.get(name) in (None, {}):
            order[name] = value


def _of_row(places: dict[str, int], empty: frozenset[str]) -> Callable[[str], Get]:
    def getter(name: str) -> Get:
        place = places.get(name)
        if place is None:
            return lambda row, number: None

        def get(row: Row, number: int) -> Any:
            if place >= len(row):
                return None
            text = row[place].strip()
            return None if not text or text in empty else text

        return get

    return getter


def _of_document(path: str) -> Get:
    steps = path.split(".")

    def get(document: Any, number: int) -> Any:
        for step in steps:
            if isinstance(document, list) and step.isdigit():
                document = document[int(step)] if int(step) < len(document) else None
            else:
                document = at(document, step)
        return None if document in ("", [], {}) else document

    return get


def _translated(field: Field, get: Get) -> Get:
    """With characters stripped, and the value that the mapping has for it."""
    if not field.strip and not field.values:
        return get
    values = {name.strip().lower(): value for name, value in field.values.items()}

    def translated(row: Any, number: int) -> Any:
        value = get(row, number)
        if not isinstance(value, str):
            return value
        value = value.strip(field.strip + " ") if field.strip else value
        return values.get(value.strip().lower(), value) or None

    return translated
