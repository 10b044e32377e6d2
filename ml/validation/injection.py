"""Anomalies and shifts made from real held-out orders, one small function a kind.

They are written from what goes wrong in shops, and share nothing with the generator of the sample: a model validated
with the generator's own idea of an anomaly would mark its own homework.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, timedelta
from typing import NamedTuple

import msgspec
import numpy as np

from ml.validation.held_out import Case
from orderguard.history import after
from orderguard.schema import MaskedAddress, MaskedItem, MaskedOrder

_BILLING = "injected-billing"

Change = Callable[[Case, np.random.Generator], Case]


def _with_items(case: Case, items: list[MaskedItem]) -> Case:
    return case.changed(msgspec.structs.replace(case.order, items=items))


def _one_item(case: Case, generator: np.random.Generator, change: Callable[[MaskedItem], MaskedItem]) -> Case:
    items = list(case.order.items)
    chosen = int(generator.integers(len(items)))
    items[chosen] = change(items[chosen])
    return _with_items(case, items)


def price_slip(case: Case, generator: np.random.Generator) -> Case:
    """The decimal point of one price is two places off, to either side."""
    factor = 100.0 if generator.random() < 0.5 else 0.01
    return _one_item(case, generator, lambda item: msgspec.structs.replace(item, unit_price=item.unit_price * factor))


def price_tenfold(case: Case, generator: np.random.Generator) -> Case:
    """One price is ten times too high or too low."""
    factor = 10.0 if generator.random() < 0.5 else 0.1
    return _one_item(case, generator, lambda item: msgspec.structs.replace(item, unit_price=item.unit_price * factor))


def bulk_quantity(case: Case, generator: np.random.Generator) -> Case:
    """Forty times the quantity of one line."""
    return _one_item(case, generator, lambda item: msgspec.structs.replace(item, quantity=item.quantity * 40))


def deep_discount(case: Case, generator: np.random.Generator) -> Case:
    """A discount of 70 to 95 % of the basket."""
    gross = sum(item.quantity * item.unit_price for item in case.order.items)
    discount = gross * float(generator.uniform(0.70, 0.95))
    return case.changed(msgspec.structs.replace(case.order, discount=discount, has_coupon=True))


def burst(case: Case, generator: np.random.Generator) -> Case:
    """The last of eight orders of one customer within some minutes."""
    past, start = case.past, case.order.created_at
    for number in range(8, 0, -1):
        moment = start - timedelta(seconds=number * float(generator.uniform(20, 60)))
        past = after(past, msgspec.structs.replace(case.order, created_at=moment))
    return case._replace(past=past)


def takeover(case: Case, generator: np.random.Generator) -> Case:
    """The following night, from a new device, sent to someone else elsewhere, three times the usual quantities."""
    order = case.order
    night = (order.created_at + timedelta(days=1)).replace(hour=int(generator.integers(2, 5)))
    return case.changed(
        msgspec.structs.replace(
            order,
            created_at=night,
            device_token=f"injected-device-{generator.integers(2**31)}",
            shipping=_elsewhere(order, generator),
            items=[msgspec.structs.replace(item, quantity=item.quantity * 3) for item in order.items],
        )
    )


def foreign_card(case: Case, generator: np.random.Generator) -> Case:
    """A card from one country, a bill to another, a delivery to a third."""
    billed = case.order.billing or MaskedAddress(token=_BILLING)
    return case.changed(
        msgspec.structs.replace(
            case.order,
            payment_method="card",
            card_country=_other_country(billed.country, "VN"),
            billing=billed,
            shipping=_elsewhere(case.order, generator),
        )
    )


def combination(case: Case, generator: np.random.Generator) -> Case:
    """Nothing far out by itself: dearer and more pieces, a discount, a new device, at an unusual hour, to another
    name.
    """
    order = case.order
    items = [
        msgspec.structs.replace(item, quantity=item.quantity * 2, unit_price=item.unit_price * 1.5)
        for item in order.items
    ]
    gross = sum(item.quantity * item.unit_price for item in items)
    hour = (order.created_at.hour + 12) % 24
    return case.changed(
        msgspec.structs.replace(
            order,
            items=items,
            discount=0.3 * gross,
            created_at=(order.created_at + timedelta(days=1)).replace(hour=hour),
            device_token=f"injected-device-{generator.integers(2**31)}",
            shipping=_elsewhere(order, generator),
        )
    )


class Kind(NamedTuple):
    """A kind of anomaly. `needs` says of an order whether it tells what the change is about."""

    change: Change
    needs: Callable[[MaskedOrder], bool] = lambda order: True


def _tells_address(order: MaskedOrder) -> bool:
    return bool(order.shipping or order.billing)


def _tells_discount(order: MaskedOrder) -> bool:
    return bool(order.discount or order.has_coupon or any(item.discount for item in order.items))


ANOMALIES: dict[str, Kind] = {
    "price_slip": Kind(price_slip),
    "price_tenfold": Kind(price_tenfold),
    "bulk_quantity": Kind(bulk_quantity),
    "deep_discount": Kind(deep_discount, _tells_discount),
    "burst": Kind(burst),
    "takeover": Kind(takeover, lambda order: _tells_address(order) and bool(order.device_token)),
    "foreign_card": Kind(foreign_card, lambda order: _tells_address(order) and bool(order.payment_method)),
    "combination": Kind(combination, lambda order: _tells_address(order) and bool(order.device_token)),
}


def applicable(cases: Sequence[Case]) -> list[str]:
    """The kinds that mean something in this feed: at least one order in a hundred tells what they change."""
    least = len(cases) / 100
    return [name for name, kind in ANOMALIES.items() if sum(kind.needs(case.order) for case in cases) >= least]


def _elsewhere(order: MaskedOrder, generator: np.random.Generator) -> MaskedAddress:
    number = generator.integers(2**31)
    known = order.shipping or order.billing
    return MaskedAddress(
        token=f"injected-address-{number}",
        name_token=f"injected-name-{number}",
        region=None,
        country=_other_country(known.country if known else None, "NG"),
    )


def _other_country(country: str | None, other: str) -> str:
    return other if country != other else "BR"


def dearer(case: Case, factor: float) -> Case:
    """All prices times `factor`."""
    items = [msgspec.structs.replace(item, unit_price=item.unit_price * factor) for item in case.order.items]
    return _with_items(case, items)


def gift_season(case: Case, factor: float) -> Case:
    """Baskets as before a holiday: more of each, sent to others, in the evening."""
    order = case.order
    items = [msgspec.structs.replace(item, quantity=round(item.quantity * factor)) for item in order.items]
    evening = order.created_at.replace(hour=20 + order.created_at.hour % 3)
    return case._replace(order=msgspec.structs.replace(order, items=items, created_at=evening))


def new_assortment(case: Case, factor: float) -> Case:
    """Goods that the catalogue doesn't know, in a category that it doesn't know."""
    items = [
        msgspec.structs.replace(item, sku=f"injected-{index}", category="injected")
        for index, item in enumerate(case.order.items)
    ]
    return _with_items(case, items)


def without_device(case: Case, factor: float) -> Case:
    """The feed no longer sends what was ordered from."""
    return case.changed(msgspec.structs.replace(case.order, device_token=None, ip_network=None))


def without_billing(case: Case, factor: float) -> Case:
    """The feed no longer sends billing addresses."""
    return case.changed(msgspec.structs.replace(case.order, billing=None))


def without_categories(case: Case, factor: float) -> Case:
    """The feed no longer sends categories."""
    return _with_items(case, [msgspec.structs.replace(item, category=None) for item in case.order.items])


def in_utc(case: Case, factor: float) -> Case:
    """The same moments, without the local time."""
    return case.changed(msgspec.structs.replace(case.order, created_at=case.order.created_at.astimezone(UTC)))


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """A drift: `change` with `factor`, on a share of the orders that goes from `first` to `last` over the set. `needs`
    says of an order whether it tells what the change is about.
    """

    kind: str
    strength: str
    change: Callable[[Case, float], Case]
    factor: float = 1.0
    first: float = 1.0
    last: float = 1.0
    needs: Callable[[MaskedOrder], bool] = lambda order: True

    @property
    def name(self) -> str:
        return f"{self.kind}, {self.strength}"

    def apply(self, cases: list[Case], generator: np.random.Generator) -> list[Case]:
        """The set after the shift; which orders it meets is drawn from `generator`."""
        shares = np.linspace(self.first, self.last, len(cases))
        hit = generator.random(len(cases)) < shares
        return [self.change(case, self.factor) if moved else case for case, moved in zip(cases, hit, strict=True)]


SHIFTS: tuple[Shift, ...] = (
    Shift(kind="sudden rise of prices", strength="weak", change=dearer, factor=1.25),
    Shift(kind="sudden rise of prices", strength="strong", change=dearer, factor=2.0),
    Shift(kind="gradual rise of prices", strength="weak", change=dearer, factor=1.5, first=0.0, last=0.8),
    Shift(kind="gradual rise of prices", strength="strong", change=dearer, factor=3.0, first=0.0),
    Shift(kind="gift season", strength="weak", change=gift_season, factor=2.0, first=0.4, last=0.4),
    Shift(kind="gift season", strength="strong", change=gift_season, factor=3.0),
    Shift(kind="unit mistake (cents)", strength="weak", change=dearer, factor=100.0, first=0.15, last=0.15),
    Shift(kind="unit mistake (cents)", strength="strong", change=dearer, factor=100.0),
    Shift(kind="new category", strength="weak", change=new_assortment, first=0.2, last=0.2),
    Shift(kind="new category", strength="strong", change=new_assortment),
    Shift(
        kind="device", strength="no longer sent", change=without_device, needs=lambda order: bool(order.device_token)
    ),
    Shift(
        kind="billing_address",
        strength="no longer sent",
        change=without_billing,
        needs=lambda order: bool(order.billing),
    ),
    Shift(
        kind="category",
        strength="no longer sent",
        change=without_categories,
        needs=lambda order: any(item.category for item in order.items),
    ),
    Shift(
        kind="local time",
        strength="sent as UTC",
        change=in_utc,
        needs=lambda order: bool(order.created_at.utcoffset()) and order.hour_known,
    ),
)


def applicable_shifts(cases: Sequence[Case]) -> list[Shift]:
    """The shifts that mean something in this feed: at least half of the orders tell what they change."""
    return [shift for shift in SHIFTS if 2 * sum(shift.needs(case.order) for case in cases) >= len(cases)]
