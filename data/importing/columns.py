"""Rows of a table as parts of orders, a column at a time: the mapping's plan reads each value once, and it is JSON from
then on. What keeps to the schema needs no decoder afterwards.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import repeat
from typing import Any

import msgspec

from orderguard.currencies import KNOWN
from orderguard.schema import FIRST_YEAR, LAST_YEAR, MAX_ITEMS, Identifier, LineItem, Order, PlacedAt
from orderguard.sources.documents import KIND
from orderguard.sources.mapping import Field
from orderguard.sources.plan import Get, Plan, as_identifier, kind_of

MOST_REMEMBERED = 2**16
"""Values of one column that are remembered. Beyond it all are forgotten, and remembering starts over."""

LONGEST_NUMBER = 128
Row = list[str]
_encode = msgspec.json.Encoder().encode
_TYPES = {field.name: field.type for field in msgspec.structs.fields(Order)}
_is_identifier = msgspec.json.Decoder(Identifier).decode
_is_line = msgspec.json.Decoder(LineItem).decode
_placed = msgspec.json.Decoder(PlacedAt).decode
_there = partial(filter, None)


Part = tuple[str, int, bytes, int, int]
"""What rows that stand together tell of an order: its number, the first row, all of it as JSON, how many bytes stand
before its lines (0: they may stand anywhere), and how many lines it has if it keeps to the schema, so that nothing has
to be repaired (else 0).
"""


class Remembered(dict[Any, bytes]):
    """By its cells, a field as JSON: empty where they hold nothing. `odd` are those that don't keep to the schema."""

    def __init__(self, read: Callable[[Any], tuple[bytes, bool]]) -> None:
        self._read = read
        self.odd: set[Any] = set()

    def __missing__(self, cells: Any) -> bytes:
        written, plain = self._read(cells)
        self[cells] = written
        if not plain:
            self.odd.add(cells)
        return written

    def forget(self) -> None:
        """Start over where it is much."""
        if len(self) > MOST_REMEMBERED:
            self.clear()
            self.odd.clear()


class Columns:
    """Reads rows by a plan, of which `can_read` is true."""

    def __init__(self, plan: Plan, width: int) -> None:
        self._plan = plan
        self._width = width
        self._groups = [
            (name, any("." in path for path in fields), [self._column(path, field) for path, field in fields.items()])
            for name, fields in plan.parts.items()
        ]
        self._number_is_key = plan.mapping.lines.by is None
        self._number = self._getter(plan.mapping.order["order_id"])
        self._created = self._getter(plan.mapping.order["created_at"])
        self._kinds = [self._kind(apart.column, apart.kinds()) for apart in plan.mapping.apart]
        self._line_places = _line_places(plan)
        self._lines = Remembered(self._line)

    @staticmethod
    def can_read(plan: Plan) -> bool:
        """Whether all of the plan is told by cells of one row: no sums, no numbers of rows, no lines in a cell."""
        lines, fields = plan.mapping.lines, [*plan.mapping.order.values(), *plan.mapping.items.values()]
        return not (
            plan.sums
            or lines.cell
            or lines.each
            or lines.one_piece_a_row
            or any(field.row is not None for field in fields)
            or not _line_places(plan)
        )

    def starts(self, rows: Sequence[Row]) -> tuple[list[int], list[str]]:
        """Where in rows of which the first begins an order others begin, with their numbers."""
        by, identify, fill_down = self._plan.number_place, self._plan.number_of, self._plan.mapping.lines.fill_down
        places, keys = list[int](), list[str]()
        current, cell = "", None
        for place, row in enumerate(rows):
            if by is not None:
                raw = row[by] if by < len(row) else ""
                if raw == cell and current:
                    continue
                cell = raw
            key = identify(row)
            if fill_down and not key and places:
                key = current
            if key != current or not key:
                places.append(place)
                keys.append(key)
                current = key
        return places, keys

    def all_parts(self, rows: Sequence[Row], first: int) -> Iterator[Part]:
        """The parts of orders in rows of which the first, numbered `first`, begins one and the last ends one."""
        return self.parts(rows, *self.starts(rows), first)

    def parts(self, rows: Sequence[Row], starts: list[int], keys: list[str], first: int) -> Iterator[Part]:
        """The same where it is known what begins where."""
        width = self._width
        if not rows:
            return
        if {*map(len, rows)} != {width}:
            rows = [row[:width] + [""] * (width - len(row)) for row in rows]
        ends = [*starts[1:], len(rows)]
        columns: list[Sequence[str]] = [*zip(*rows)]
        odd = set[int]()
        lines = self._lines_of(columns, starts, odd)
        begun: list[Sequence[str]] = columns if len(starts) == len(rows) else [*zip(*map(rows.__getitem__, starts))]
        numbers = keys if self._number_is_key else [*map(as_identifier, self._values(self._number, begun))]
        created = self._values(self._created, begun)
        heads = [_numbers(numbers, odd), self._moments(created, odd)]
        currencies: list[bytes] = []
        for name, nested, fields in self._groups:
            read = [_read(places, known, begun, odd) for places, known in fields]
            heads.append(_object(name, read) if nested else read[0])
            if name == "currency":
                currencies = heads[-1]
        if self._kinds:
            heads.append(self._kinds_of(begun, odd))
        blank = b"" in lines
        texts = map(b",".join, map(_there, zip(*heads)))
        for place, (start, end, key, head) in enumerate(zip(starts, ends, keys, texts, strict=True)):
            if end - start > 1 and (created[place] is None or not currencies[place]):
                yield self._filled(rows[start:end], key, first + start)
                continue
            some = lines[start:end]
            if blank:
                some = [line for line in some if line]
            count = len(some) if len(some) <= MAX_ITEMS and place not in odd else 0
            if head:
                yield key, first + start, b'{%b,"items":[%b]}' % (head, b",".join(some)), len(head) + 11, count
            else:
                yield key, first + start, b'{"items":[%b]}' % b",".join(some), 10, count
        for known in (self._lines, *(known for _, _, fields in self._groups for _, known in fields)):
            known.forget()

    def _filled(self, rows: Sequence[Row], key: str, first: int) -> Part:
        """An order whose first row lacks what a later one has."""
        ((_, order),) = self._plan.runs(rows)
        return loose_part(key, first, order)

    def _lines_of(self, columns: list[Sequence[str]], starts: list[int], odd: set[int]) -> list[bytes]:
        cells = [*zip(*(columns[place] for place in self._line_places))]
        found = [*map(self._lines.__getitem__, cells)]
        if self._lines.odd and not self._lines.odd.isdisjoint(cells):
            odd.update(bisect_right(starts, place) - 1 for place, cell in enumerate(cells) if cell in self._lines.odd)
        return found

    def _line(self, cells: tuple[str, ...]) -> tuple[bytes, bool]:
        row = [""] * self._width
        for place, cell in zip(self._line_places, cells, strict=True):
            row[place] = cell
        found = self._plan.lines_of(row, 0)
        written = _encode(found[0]) if found else b""
        return written, not found or _takes(_is_line, written)

    def _getter(self, field: Field) -> tuple[tuple[int, ...], Get]:
        """The places of a field's cells, and what reads it out of them."""
        known = self._plan.known_of(field)
        places = self._plan.places_of([field])
        return places, self._plan.getter(field, {name: places.index(self._plan.place_of(name)) for name in known})

    @staticmethod
    def _values(getter: tuple[tuple[int, ...], Get], columns: list[Sequence[str]]) -> list[Any]:
        places, get = getter
        if not places:
            return [get((), 0)] * len(columns[0])
        return [*map(get, zip(*(columns[place] for place in places)), repeat(0))]

    def _moments(self, values: list[Any], odd: set[int]) -> list[bytes]:
        """The moments of many orders as JSON; those that are none are put to `odd`."""
        quick = self._plan.moments.quick
        return [
            (
                b'"created_at":"%b"' % known.encode()
                if value.__class__ is str and (known := quick(value))
                else self._moment(value, place, odd)
            )
            for place, value in enumerate(values)
        ]

    def _moment(self, value: Any, place: int, odd: set[int]) -> bytes:
        if value is None:
            odd.add(place)
            return b""
        read, hour_known = self._plan.moments(str(value))
        written = _encode(read)
        if not _takes(_placed, written) or not str(FIRST_YEAR) <= read[:4] <= str(LAST_YEAR):
            odd.add(place)
        return b'"created_at":%b%b' % (written, b"" if hour_known else b',"hour_known":false')

    def _column(self, path: str, field: Field) -> tuple[tuple[int, ...], Remembered]:
        """The places of a field's cells, and what makes JSON of them."""
        group, _, name = path.rpartition(".")
        places, get = self._getter(field)
        convert = self._plan.converter(path)
        takes = msgspec.json.Decoder(_TYPES[group or name]).decode
        label = _encode(name) + b":"

        def read(cells: Any) -> tuple[bytes, bool]:
            value = get(cells if len(places) != 1 else (cells,), 0)
            if value is None:
                return b"", True
            value = convert(value) if convert else value
            written = _encode(value)
            plain = _takes(takes, b"{%b%b}" % (label, written) if group else written)
            return label + written, plain and (path != "currency" or value in KNOWN)

        return places, Remembered(read)

    def _kind(self, column: str, kinds: dict[str, str]) -> tuple[tuple[int, ...], Remembered]:
        """What in a column says that a row is no order."""
        places, get = self._getter(Field(column=column))

        def read(cell: Any) -> tuple[bytes, bool]:
            kind = kind_of(get((cell,) if places else (), 0), kinds)
            return (b"", True) if kind is None else (b'"%b":%b' % (KIND.encode(), _encode(kind)), False)

        return places, Remembered(read)

    def _kinds_of(self, begun: list[Sequence[str]], odd: set[int]) -> list[bytes]:
        """Of each order the first that says so."""
        told = [_read(places, known, begun, odd) for places, known in self._kinds]
        return [next(_there(kinds), b"") for kinds in zip(*told)]


def loose_part(key: str, row: int, order: dict[str, Any]) -> Part:
    """A part that was put together as a dictionary, which repair has to look at."""
    return key, row, _encode(order), 0, 0


def _line_places(plan: Plan) -> tuple[int, ...]:
    """The places of the cells that make a line."""
    without = plan.mapping.lines.without
    return plan.places_of([*plan.mapping.items.values(), *([Field(column=without)] if without else [])])


def _numbers(numbers: list[str], odd: set[int]) -> list[bytes]:
    """The numbers of orders as JSON; those that are none are put to `odd`."""
    if not all(numbers) or max(map(len, numbers)) > LONGEST_NUMBER or not "".join(numbers).isascii():
        odd.update(place for place, number in enumerate(numbers) if not _takes(_is_identifier, _encode(number)))
        return [b'"order_id":' + _encode(number) if number else b"" for number in numbers]
    return [b'"order_id":' + written for written in map(_encode, numbers)]


def _read(places: tuple[int, ...], known: Remembered, columns: list[Sequence[str]], odd: set[int]) -> list[bytes]:
    """A field of many orders as JSON; the orders in which it does not keep to the schema are put to `odd`."""
    if not places:
        constant = known[()]
        count = len(columns[0])
        if known.odd:
            odd.update(range(count))
        return [constant] * count
    cells: Sequence[Any] = columns[places[0]] if len(places) == 1 else [*zip(*(columns[place] for place in places))]
    found = [*map(known.__getitem__, cells)]
    if known.odd and not known.odd.isdisjoint(cells):
        odd.update(place for place, cell in enumerate(cells) if cell in known.odd)
    return found


def _object(name: str, fields: list[list[bytes]]) -> list[bytes]:
    """A part of many orders as JSON: an object of its fields."""
    contents = fields[0] if len(fields) == 1 else [*map(b",".join, map(_there, zip(*fields)))]
    begin = _encode(name) + b":{"
    return [begin + content + b"}" if content else b"" for content in contents]


def _takes(decode: Callable[[bytes], object], written: bytes) -> bool:
    try:
        decode(written)
    except (msgspec.MsgspecError, ValueError):
        return False
    return True
