"""Order lines of any source, and how they become orders of the data contract.

A source tells a line; lines of one order number are one order. What the contract does not take is left out and
counted by reason: cancelled orders, refunds, pieces that are no whole number, orders of more than 1,000 lines.
A time without a zone counts as UTC, a date without a time as midnight: the contract can't say "unknown" yet.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from orderguard.schema import MAX_AMOUNT, MAX_ITEMS


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a source. `left_out` says why it is not wanted; what belongs to the order is in each of its lines.

    `price` is of one piece before `discount`, which is of the whole line. `guest` lines have no customer of their own:
    each order counts as a customer.
    """

    order: str
    at: datetime
    currency: str
    sku: str
    quantity: float
    price: float
    customer: str | None = None
    category: str | None = None
    discount: float | None = None
    left_out: str | None = None
    country: str | None = None
    postcode: str | None = None
    city: str | None = None
    region: str | None = None
    payment: str | None = None
    shipping: str | None = None
    shipping_cost: float | None = None
    coupon: str | None = None


class Counts(msgspec.Struct, kw_only=True):
    """What a conversion wrote, and how many lines and orders it left out, by reason."""

    orders: int = 0
    lines: int = 0
    left_out: Counter[str] = msgspec.field(default_factory=Counter)


def table(path: Path, encoding: str = "utf-8-sig") -> Iterator[dict[str, str]]:
    """The rows of a CSV file by column."""
    with path.open(encoding=encoding, newline="") as file:
        yield from csv.DictReader(file)


def moment(text: str, *formats: str) -> datetime:
    """A time as the source writes it, in UTC for want of a zone. Raises `ValueError` for a time in no such format."""
    for written in formats:
        try:
            return datetime.strptime(text.strip(), written).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise ValueError(f"no time in any of {', '.join(formats)}")


def orders(lines: Iterable[Line], counts: Counts) -> Iterator[dict[str, Any]]:
    """Orders of the contract by time, then by number; `counts` is kept on the way."""
    together: dict[str, list[Line]] = {}
    for line in lines:
        reason = line.left_out or _unusable(line)
        if reason:
            counts.left_out[reason] += 1
        else:
            together.setdefault(line.order, []).append(line)
    for order in sorted(together.values(), key=lambda order: (min(line.at for line in order), order[0].order)):
        if len(order) > MAX_ITEMS:
            counts.left_out[f"orders of more than {MAX_ITEMS:,} lines"] += 1
            continue
        counts.orders += 1
        counts.lines += len(order)
        yield _order(order)


def _unusable(line: Line) -> str | None:
    if line.quantity <= 0:
        return "lines without pieces, or with fewer than none"
    if line.quantity != int(line.quantity):
        return "lines of a part of a piece"
    if not 0 <= line.price <= MAX_AMOUNT:
        return "lines of a price below nothing"
    return None


def _order(lines: list[Line]) -> dict[str, Any]:
    first = lines[0]
    place = {name: getattr(first, name) for name in ("postcode", "city", "region", "country")}
    return _told(
        order_id=first.order,
        created_at=min(line.at for line in lines).isoformat().replace("+00:00", "Z"),
        customer={"id": first.customer or f"guest-{first.order}"},
        currency=first.currency,
        items=[
            _told(
                sku=line.sku,
                quantity=int(line.quantity),
                unit_price=line.price,
                category=line.category,
                discount=line.discount,
            )
            for line in lines
        ],
        coupon=first.coupon,
        shipping=_told(method=first.shipping, cost=first.shipping_cost),
        payment=_told(method=first.payment),
        shipping_address=_told(**place),
    )


def _told(**fields: Any) -> dict[str, Any]:
    """What is there of these fields."""
    return {name: value for name, value in fields.items() if value not in (None, "", {})}


def write(out: Path, lines: Iterable[Line]) -> Counts:
    """Write an order file, whole or not at all; what was written and left out."""
    counts = Counts()
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}.part")
    with aside.open("wb") as file:
        for order in orders(lines, counts):
            file.write(msgspec.json.encode(order) + b"\n")
    aside.replace(out)
    return counts
