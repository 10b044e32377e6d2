"""Histories as bytes: what a store keeps under one key, and how an order is counted into it.

A record is a header (`first_at` and `count`, behind a mark of kind and form) and one entry of fixed size for each of
the newest orders, oldest first. An entry begins with the digest of the order's token and the moment at which it was
placed. So a store needs to know sizes alone to find a repeated order, to add one and to drop the oldest; what the rest
means is here. A record holds `SPARE` more orders than features see, so that an order that is sent again sees what it
saw the first time.
"""

from collections.abc import Iterable, Sequence, Set
from struct import Struct
from typing import NamedTuple, Unpack

from orderguard.history.customer import CUSTOMER_SILENT_DAYS, REMEMBERED, CustomerHistory
from orderguard.history.digests import digest, minute_of, net_value, payment_digest
from orderguard.history.entity import REMEMBERED_OF_ENTITY, SILENT_DAYS, EntityHistory, entity_tokens
from orderguard.history.past import Past, customer_as_of, entity_as_of
from orderguard.schema import MaskedOrder

SPARE = 16
HEADER = Struct("<4sdI")
"""The mark, `first_at` in epoch seconds, and how many orders were ever counted."""


class Kind(NamedTuple):
    """A kind of record: the letter of its keys, its mark, the fields of an entry, and how many entries are kept."""

    letter: str
    mark: bytes
    fields: str
    size: int
    kept: int
    silence: float
    """After so many seconds without an order a record starts over."""


CUSTOMER = Kind("c", b"ogc2", "IddIIIIH3s", 41, REMEMBERED + SPARE, CUSTOMER_SILENT_DAYS * 86_400)
"""Entries: order, at, value, address, device, payment, card, minute of the day, currency."""
ENTITY = Kind("e", b"oge2", "IdII", 20, REMEMBERED_OF_ENTITY + SPARE, SILENT_DAYS * 86_400)
"""Entries: order, at, customer, card."""
KINDS = (CUSTOMER, ENTITY)

_CUSTOMER_LAYOUTS, _ENTITY_LAYOUTS = (
    [Struct("<4xdI" + kind.fields.replace("I", "4x", 1) * entries) for entries in range(kind.kept + 1)]
    for kind in KINDS
)
"""A record of each possible number of entries, without its mark and its orders' digests."""
_CUSTOMER_ENTRY, _ENTITY_ENTRY = Struct(f"<{CUSTOMER.fields}"), Struct(f"<{ENTITY.fields}")
_HEADER_SIZE, _CUSTOMER_SIZE, _ENTITY_SIZE, _SILENCE = HEADER.size, CUSTOMER.size, ENTITY.size, ENTITY.silence
_COUNT, _AT = Struct("<I"), Struct("<d")
_AT_COUNT = HEADER.size - _COUNT.size
_LARGEST_COUNT = 2**32 - 1
_ORDER, _MOMENT = slice(0, 4), slice(4, 12)
"""Where an entry has the digest of the order's token, and when it was placed."""


class Counted(NamedTuple):
    """An order as stores count it.

    `keys` are the customer's and those of the entities, None where the order names none; a key is the letter of its
    kind, a colon and a pseudonym. One entry goes into the customer's record, the other one into each entity's.
    """

    keys: tuple[str, Unpack[tuple[str | None, ...]]]
    customer_entry: bytes
    entity_entry: bytes
    placed: float


def counted(order: MaskedOrder) -> Counted:
    """What stores count of an order."""
    placed = order.created_at.timestamp()
    number, card = digest(order.order_token), digest(order.card_token)
    tokens = entity_tokens(order)
    device, _, _, address, _ = tokens
    return Counted(
        ("c:" + order.customer_token, *[token and "e:" + token for token in tokens]),
        _CUSTOMER_ENTRY.pack(
            number,
            placed,
            net_value(order),
            digest(address),
            digest(device),
            payment_digest(order.payment_method, order.card_country),
            card,
            minute_of(order),
            order.currency.encode(),
        ),
        _ENTITY_ENTRY.pack(number, placed, digest(order.customer_token), card),
        placed,
    )


def customer_record(history: CustomerHistory) -> bytes:
    """A record of this history, whose orders have no numbers: one of them that is sent again is counted again."""
    columns = (history.at, history.values, history.addresses, history.devices, history.payments, history.cards)
    rows = zip(*columns, history.minutes, map(str.encode, history.currencies), strict=True)
    entries = b"".join([_CUSTOMER_ENTRY.pack(0, *row) for row in rows])
    return HEADER.pack(CUSTOMER.mark, history.at[0], history.count) + entries


def entity_record(history: EntityHistory) -> bytes:
    """A record of this history, whose orders have no numbers."""
    rows = zip(history.at, history.customers, history.cards, strict=True)
    entries = b"".join([_ENTITY_ENTRY.pack(0, *row) for row in rows])
    return HEADER.pack(ENTITY.mark, history.first_at, history.count) + entries


def kind_of(key: str) -> Kind:
    """The kind of the record that this key is for."""
    return CUSTOMER if key[0] == CUSTOMER.letter else ENTITY


def is_record(data: bytes, kind: Kind) -> bool:
    """Whether these bytes are a record of this kind, in the form of today."""
    entries = len(data) - HEADER.size
    return data[:4] == kind.mark and 0 < entries <= kind.kept * kind.size and entries % kind.size == 0


def with_entry(record: bytes | None, entry: bytes, kind: Kind) -> bytes:
    """The record once an order has been counted."""
    if record is None or starts_anew(record, _moment(entry), kind):
        return kind.mark + entry[_MOMENT] + _COUNT.pack(1) + entry
    count = min(_COUNT.unpack_from(record, _AT_COUNT)[0] + 1, _LARGEST_COUNT)
    start = max(_HEADER_SIZE, len(record) + kind.size - kind.kept * kind.size)
    return b"".join((record[:_AT_COUNT], _COUNT.pack(count), record[start:], entry))


def starts_anew(record: bytes, placed: float, kind: Kind) -> bool:
    """Whether an order that was placed then is the first one after a long silence."""
    last = placed - _moment(record, len(record) - kind.size)
    return last > kind.silence and placed - newest(record, kind) > kind.silence


def without_customers(record: bytes, customers: Sequence[int]) -> bytes | None:
    """An entity's record without the orders of these customers (digests of their tokens); None where none is left."""
    entries = [
        record[start : start + ENTITY.size]
        for start in range(HEADER.size, len(record), ENTITY.size)
        if _ENTITY_ENTRY.unpack_from(record, start)[2] not in customers
    ]
    if not entries:
        return None
    mark, first_at, count = HEADER.unpack_from(record)
    removed = (len(record) - HEADER.size) // ENTITY.size - len(entries)
    return HEADER.pack(mark, first_at, count - removed) + b"".join(entries)


def newest(record: bytes, kind: Kind) -> float:
    """When the newest of the orders that features would see was placed, in epoch seconds."""
    first = max(HEADER.size, len(record) - (kind.kept - SPARE) * kind.size)
    return max([_moment(record, start) for start in range(first, len(record), kind.size)])


def is_newer(record: bytes, known: bytes | None, kind: Kind) -> bool:
    """Whether a record's newest order is newer than that of the record that is kept, if one is."""
    return known is None or newest(known, kind) < newest(record, kind)


def newest_of_each(records: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    """Records by key: the one with the newest order, where several are under one key."""
    found: dict[str, bytes] = {}
    for key, record in records:
        if is_newer(record, found.get(key), kind_of(key)):
            found[key] = record
    return found


def _moment(data: bytes, start: int = 0) -> float:
    at: float = _AT.unpack_from(data, start + 4)[0]
    return at


def place_of(record: bytes | None, number: bytes, kind: Kind) -> int | None:
    """The place of an order among a record's entries, by the digest of its token; None where it is not there."""
    at = record.find(number, HEADER.size) if record else -1
    while record and at >= 0:
        place, beside = divmod(at - HEADER.size, kind.size)
        if not beside:
            return place
        at = record.find(number, at + 1)
    return None


def take_in_turn(
    orders: Sequence[Counted], records: dict[str, bytes], *, count: bool = True, again: Set[str] | None = None
) -> list[Past]:
    """What each of these orders finds known, one after another, each counted into `records` unless it was before.

    With `again`, the keys that several of them have, those that have none of these are not counted: nobody looks.
    """
    pasts = []
    known_under = records.get
    for order in orders:
        keys, customer_entry, entry, placed = order
        customer, *found = [known_under(key) if key else None for key in keys]
        number = customer_entry[_ORDER]
        repeated = place_of(customer, number, CUSTOMER) is not None
        pasts.append(past_of(customer, found, placed, number if repeated else None))
        if count and not repeated and (again is None or not again.isdisjoint(keys)):
            records[keys[0]] = with_entry(customer, customer_entry, CUSTOMER)
            # What one customer alone uses has one record under several keys.
            now: dict[bytes | None, bytes] = {}
            for key, record in zip(keys[1:], found, strict=True):
                if key:
                    if record not in now:
                        now[record] = with_entry(record, entry, ENTITY)
                    records[key] = now[record]
    return pasts


def past_of(customer: bytes | None, entities: Sequence[bytes | None], placed: float, number: bytes | None) -> Past:
    """What an order sees in its customer's record and in those of its entities: `as_of` its moment.

    An order that was counted before, told by its `number`, sees what it saw then, as far as each record still holds it.
    Entities with the same record have the same object as their history.
    """
    known: dict[bytes | None, EntityHistory | None] = {None: None}
    for record in entities:
        if record is not None and record not in known:
            known[record] = _entity(record, number, placed)
    return Past(
        None if customer is None else _customer(customer, number, placed), tuple([known[record] for record in entities])
    )


def _customer(record: bytes, number: bytes | None, placed: float) -> CustomerHistory | None:
    """What an order that was placed then sees; with its `number`, what was counted before that order."""
    until = entries = (len(record) - _HEADER_SIZE) // _CUSTOMER_SIZE
    flat = _CUSTOMER_LAYOUTS[entries].unpack(record)
    if number is not None:
        until = place_of(record, number, CUSTOMER) or 0
    start, stop = 2, 2 + 8 * until
    if until > REMEMBERED:
        start = stop - 8 * REMEMBERED
    at = flat[start:stop:8]
    history = CustomerHistory(
        flat[1] - entries + until,
        at,
        flat[start + 1 : stop : 8],
        _currencies(flat[start + 7 : stop : 8]),
        flat[start + 6 : stop : 8],
        flat[start + 2 : stop : 8],
        flat[start + 3 : stop : 8],
        flat[start + 4 : stop : 8],
        flat[start + 5 : stop : 8],
    )
    seen = _in_order(at, placed) and placed - at[-1] <= CUSTOMER.silence
    return history if seen else customer_as_of(history, placed)


def _entity(record: bytes, number: bytes | None, placed: float) -> EntityHistory | None:
    until = entries = (len(record) - _HEADER_SIZE) // _ENTITY_SIZE
    flat = _ENTITY_LAYOUTS[entries].unpack(record)
    place = None if number is None else place_of(record, number, ENTITY)
    if place is not None:
        until = place
        if not flat[1] - entries + until:
            return None
    start, stop = 2, 2 + 3 * until
    if until > REMEMBERED_OF_ENTITY:
        start = stop - 3 * REMEMBERED_OF_ENTITY
    at = flat[start:stop:3]
    history = EntityHistory(
        flat[0], flat[1] - entries + until, at, flat[start + 1 : stop : 3], flat[start + 2 : stop : 3]
    )
    if _in_order(at, placed) and flat[0] <= at[0] and placed - at[-1] <= _SILENCE:
        return history
    return entity_as_of(history, placed)


def _in_order(at: tuple[float, ...], placed: float) -> bool:
    """Whether an order that was placed then sees all of this as it stands: what nearly every order does."""
    return bool(at) and at[-1] <= placed and sorted(at) == [*at]


def _currencies(codes: tuple[bytes, ...]) -> tuple[str, ...]:
    if codes and codes.count(codes[0]) == len(codes):
        return (codes[0].decode(),) * len(codes)
    return tuple([code.decode() for code in codes])
