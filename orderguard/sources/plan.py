"""A mapping at work: rows of a table, or documents, become loose orders."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any

from orderguard.sources.documents import KIND, Loose, at, entries
from orderguard.sources.line_items import counted, packed, priced
from orderguard.sources.mapping import ANY, REQUIRED, Field, Mapping, MappingError
from orderguard.sources.values import REMEMBERED, Moments, Numbers, country_named

Row = Sequence[Any]
Get = Callable[[Any, int], Any]
_WHOLE = re.compile(r"(\d+)\.0+")
_AMOUNTS = ("discount", "shipping.cost", "unit_price")
_NEW_EACH = ("coupon", "discount", "note", "gift_message", "shipping")
"""Parts of an order that rarely come again as they were; the others do, with their customer."""
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
        self._id = self._getter(mapping.order["order_id"], self._places)
        self._by = self._getter(Field(column=mapping.lines.by), self._places) if mapping.lines.by else self._id
        self._created = self._getter(mapping.order["created_at"], self._places)
        groups: dict[str, dict[str, Field]] = {}
        self._sums: list[tuple[str, Get]] = []
        for path, field in mapping.order.items():
            if path in ("order_id", "created_at") or (self._places is not None and not self._there(field)):
                continue
            if field.sum:
                self._sums.append((path, self._getter(field, self._places)))
            else:
                groups.setdefault(path.partition(".")[0], {})[path] = field
        self._groups = [(name, self._group(fields, self._places)) for name, fields in groups.items()]
        self._usual = self._together(groups)
        self._by_place = self._place_of_number()
        self._kinds = [
            (self._getter(Field(column=apart.column), self._places), apart.kinds()) for apart in mapping.apart
        ]
        self._of_lines = self._lines()

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

    def _getter(self, field: Field, places: dict[str, int] | None) -> Get:
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

    def _group(self, fields: dict[str, Field], places: dict[str, int] | None) -> Get:
        """What reads the fields of one part of an order; from rows it remembers the latest by their cells."""
        gets = [
            (path.rpartition(".")[2], self._getter(field, places), self._converter(path))
            for path, field in fields.items()
        ]

        def read(row: Any, number: int) -> Any:
            found = {}
            for name, get, convert in gets:
                value = get(row, number)
                if value is not None:
                    found[name] = convert(value) if convert else value
            if nested:
                return found or None
            return next(iter(found.values()), None)

        nested = "." in next(iter(fields))
        if places is None or any(field.row is not None for field in fields.values()):
            return read
        return _remembering(
            read, [places[name] for field in fields.values() for name in field.sources if name in places]
        )

    def _together(self, groups: dict[str, dict[str, Field]]) -> Get | None:
        """What reads at once the parts that come again with a customer, where rows tell them; they leave `_groups`."""
        fields = [field for name in groups if name not in _NEW_EACH for field in groups[name].values()]
        if self._places is None or any(field.row is not None for field in fields):
            return None
        usual = [(name, get) for name, get in self._groups if name not in _NEW_EACH]
        self._groups = [(name, get) for name, get in self._groups if name in _NEW_EACH]

        def read(row: Any, number: int) -> Loose:
            return {name: value for name, get in usual if (value := get(row, number)) is not None}

        known = self._places
        return _remembering(read, [known[name] for field in fields for name in field.sources if name in known])

    def _place_of_number(self) -> int | None:
        """The cell that alone tells which order a row belongs to, where there is one."""
        field = Field(column=self.mapping.lines.by) if self.mapping.lines.by else self.mapping.order["order_id"]
        plain = field.column is not None and not field.strip and not field.values
        return self._places.get(field.column) if plain and self._places is not None and field.column else None

    def _converter(self, path: str) -> Callable[[Any], Any] | None:
        if path in _AMOUNTS:
            return self._amounts
        if path == "quantity":
            return self._quantities
        if path == "customer.id":
            return _identifier
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
            cell = self._getter(Field(column=lines.cell), self._places)
            labels = {
                name: place for place, name in enumerate(dict.fromkeys(n for f in fields.values() for n in f.sources))
            }
            line = self._line(labels)
            return lambda row, number: [line(one, number) for one in packed(cell(row, number), lines, labels)]
        line = self._line(self._places)
        if lines.without and self._places and lines.without in self._places:
            left_out = self._getter(Field(column=lines.without), self._places)
            return lambda row, number: [] if left_out(row, number) is not None else [line(row, number)]
        return lambda row, number: [found] if (found := line(row, number)) else []

    def _line(self, places: dict[str, int] | None) -> Get:
        """What reads one line: its fields, with price and discount as an order has them."""
        fields = self.mapping.items
        gets = [(path, self._getter(field, places), self._converter(path)) for path, field in fields.items()]
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

        if places is None or any(field.row is not None for field in fields.values()):
            return read
        return _remembering(
            read, [places[name] for field in fields.values() for name in field.sources if name in places]
        )

    def runs(self, rows: Iterable[Any]) -> Iterator[tuple[str, Loose]]:
        """Loose orders with their number, from rows or documents. Rows of one order that stand together become one;
        `merge` puts together those that don't, and each has to go through `finished`.
        """
        current: str | None = None
        order: Loose = {}
        fill_down, whole = self.mapping.lines.fill_down, self._places is None
        cell, by, lines, sums = None, self._by_place, self._of_lines, self._sums
        for place, row in enumerate(rows, 1):
            if by is not None and by < len(row):
                if row[by] == cell and current and not sums and "currency" in order and "created_at" in order:
                    order["items"] += lines(row, place)
                    continue
                cell = row[by]
            key = _identifier(self._by(row, place))
            if fill_down and not key and current is not None:
                key = current
            if key != current or whole or not key:
                if current is not None:
                    yield current, order
                current, order = key, self._order(row, place)
            else:
                order["items"] += self._of_lines(row, place)
                for path, get in self._sums:
                    self._add(order, path, get(row, place))
                if "created_at" not in order or "currency" not in order:
                    _fill(order, self._order(row, place))
        if current is not None:
            yield current, order

    @property
    def sums(self) -> tuple[str, ...]:
        """The fields that are added up over the lines."""
        return tuple(path for path, _ in self._sums)

    def _order(self, row: Any, place: int) -> Loose:
        number = _identifier(self._id(row, place))
        order: Loose = {"order_id": number} if number else {}
        created = self._created(row, place)
        if created is not None:
            order["created_at"], hour_known = self.moments(str(created))
            if not hour_known:
                order["hour_known"] = False
        if self._usual is not None:
            order.update(self._usual(row, place))
        for name, get in self._groups:
            value = get(row, place)
            if value is not None:
                order[name] = value
        for path, get in self._sums:
            self._add(order, path, get(row, place))
        for get, kinds in self._kinds:
            value = get(row, place)
            if value is not None and KIND not in order:
                kind = kinds.get(str(value).strip().lower()) or kinds.get(ANY)
                if kind:
                    order[KIND] = kind
        order["items"] = self._of_lines(row, place)
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


def _identifier(value: Any) -> str:
    """An id as text; a whole number that a spreadsheet made `17850.0` of is read as it was."""
    text = "" if value is None else str(value)
    if text.endswith("0") and (whole := _WHOLE.fullmatch(text)):
        return whole.group(1)
    return text


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


def _remembering(read: Get, places: list[int]) -> Get:
    """The same for equal cells. What is told is shared, and must not be changed."""
    if not places:
        return read
    cells, last = itemgetter(*places), max(places)
    known: dict[Any, Any] = {}

    def remembered(row: Row, number: int) -> Any:
        if last >= len(row):
            return read(row, number)
        key = cells(row)
        try:
            return known[key]
        except KeyError:
            if len(known) >= REMEMBERED:
                known.clear()
            found = known[key] = read(row, number)
            return found

    return remembered
