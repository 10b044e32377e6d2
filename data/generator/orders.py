"""Normal orders: when they come, who places them, what is in them."""

import math
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from random import Random
from typing import Any

from data.generator.customers import Crowd, Person, address, device, full_name
from data.generator.notes import Planted, gift_message, note
from data.generator.places import offset_hours
from data.generator.products import CATEGORIES, Product, charm_price

MONTHS = (0.95, 0.85, 1.0, 1.0, 1.0, 0.9, 0.85, 0.9, 1.0, 1.05, 1.45, 1.6)
WEEKDAYS = (1.1, 1.0, 1.0, 1.05, 0.9, 0.85, 1.15)
COUPONS = ("WELCOME10", "SPRING15", "VIP20", "FREESHIP")
SHIPPING = (("standard", 4.9), ("standard", 4.9), ("standard", 0.0), ("express", 12.9), ("pickup", 0.0))
OFFERS = (0.05, 0.1, 0.1, 0.2, 0.3)
SALE_OFFERS = (0.2, 0.3, 0.4, 0.5)
SALE_DAYS = (25, 26)

RawOrder = dict[str, Any]


def moments(count: int, start: datetime, end: datetime, random: Random) -> Iterator[datetime]:
    """Days for `count` orders in time order, by month and weekday: midnight UTC of each order's day."""
    days = [start + timedelta(days=number) for number in range((end - start).days)]
    weights = [
        MONTHS[day.month - 1] * WEEKDAYS[day.weekday()] * (1 + 0.3 * n / len(days)) for n, day in enumerate(days)
    ]
    total = sum(weights)
    due = 0.0
    for day, weight in zip(days, weights, strict=True):
        due += count * weight / total
        whole = round(due)
        due -= whole
        for _ in range(whole):
            yield day


def local_hour(person: Person, random: Random) -> float:
    """The local hour of an order: mostly near the person's own, now and then any."""
    if random.random() < 0.12:
        return random.random() * 24
    return random.gauss(person.hour, 1.8) % 24


def placed_at(day: datetime, hour: float, person: Person) -> datetime:
    """The moment of an order with the person's offset."""
    offset = timezone(timedelta(hours=offset_hours(person.country, day.date())))
    return datetime(day.year, day.month, day.day, tzinfo=offset) + timedelta(seconds=round(hour * 3600))


def stamp(moment: datetime, random: Random) -> str:
    """RFC 3339 as different shops' systems write it."""
    style = random.random()
    if style < 0.05:
        return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    if style < 0.15:
        return (moment + timedelta(milliseconds=random.randrange(1, 1000))).isoformat(timespec="milliseconds")
    return moment.isoformat()


def quantity_of(product: Product, random: Random) -> int:
    """How many of a product: one plus a geometric number."""
    extra = product.category.quantity - 1
    return 1 + int(math.log(1 - random.random()) / math.log(extra / (1 + extra)))


def line_item(person: Person, product: Product, on_sale: bool, random: Random) -> dict[str, Any]:
    """A line of the basket near the usual price; one in eight is on offer, more in a sale."""
    country = person.country
    price = charm_price(product.price * math.exp(random.gauss(0, 0.03)), country.rate, country.decimals)
    quantity = quantity_of(product, random) * (random.randrange(2, 12) if person.business else 1)
    item: dict[str, Any] = {
        "sku": product.sku,
        "quantity": quantity,
        "unit_price": price,
        "category": product.category.code,
    }
    if random.random() < 0.8:
        item["name"] = product.name
    offers, share = (SALE_OFFERS, 0.35) if on_sale else (OFFERS, 0.12)
    if random.random() < share:
        item["discount"] = round(price * quantity * random.choice(offers), country.decimals)
    return item


def pick(person: Person, month: int, shelves: dict[str, list[Product]], random: Random) -> Product:
    """A product: a favourite, one from a liked category, or any, by season."""
    draw = random.random()
    if draw < 0.3:
        return random.choice(person.favourites)
    if draw < 0.7:
        return random.choice(shelves[random.choice(person.categories)])
    weights = [category.share * category.months.get(month, 1.0) for category in CATEGORIES]
    return random.choice(shelves[random.choices(CATEGORIES, weights)[0].code])


def normal_order(
    person: Person, moment: datetime, shelves: dict[str, list[Product]], random: Random
) -> tuple[RawOrder, list[Planted]]:
    """An order as this person places it, and the personal values planted in its free text. It has no `order_id` yet."""
    country = person.country
    lines = min(30, 1 + int(random.expovariate(1 / person.basket)))
    chosen = {product.sku: product for product in (pick(person, moment.month, shelves, random) for _ in range(lines))}
    items = [line_item(person, product, moment.day in SALE_DAYS, random) for product in chosen.values()]
    order: RawOrder = {
        "order_id": "",
        "created_at": stamp(moment, random),
        "customer": as_guest(person.customer, random) if person.guest else person.customer,
        "currency": country.currency,
        "items": items,
    }
    total = sum(item["quantity"] * item["unit_price"] for item in items)
    if random.random() < 0.15:
        order["coupon"] = random.choice(COUPONS)
        order["discount"] = round(total * random.choice((0.05, 0.1, 0.1, 0.15)), country.decimals)
    method, cost = random.choice(SHIPPING)
    order["shipping"] = {"method": method, "cost": round(cost * country.rate, country.decimals)}
    order["payment"] = person.payment if random.random() < 0.93 else {"method": random.choice(("card", "paypal"))}
    order["channel"] = person.channel if random.random() < 0.85 else random.choice(("web", "app"))
    order["billing_address"] = person.home
    elsewhere = person.second_address if person.second_address and random.random() < 0.3 else None
    if person.business and random.random() < 0.5:
        # A reseller's parcels go to customers of its own.
        elsewhere = address(country, full_name(country, random), random)
    order["shipping_address"] = elsewhere or person.home
    order["device"] = person.device if random.random() < 0.95 else device(random)
    planted: list[Planted] = []
    if random.random() < 0.12:
        order["note"], found = note(person, random)
        planted += found
    if random.random() < (0.3 if elsewhere else 0.03):
        order["gift_message"], found = gift_message(person, random)
        planted += found
    return forgetful(order, person, random), planted


def as_guest(customer: dict[str, Any], random: Random) -> dict[str, Any]:
    """The same person without an account."""
    told = {name: customer[name] for name in ("name", "email", "phone")}
    return {"id": f"G{random.getrandbits(40):010x}", **told}


def forgetful(order: RawOrder, person: Person, random: Random) -> RawOrder:
    """Leave out what real feeds leave out: a marketplace sends little, any optional field is missing now and then."""
    if order["channel"] == "marketplace":
        order["customer"] = {"id": person.customer["id"]}
        order.pop("device", None)
        order["payment"] = {"method": "marketplace"}
    elif order["channel"] in ("store", "phone"):
        order.pop("device", None)
        own = person.till if order["channel"] == "store" else person.desk
        if own and random.random() < 0.8:
            order["device"] = own
    for name in ("shipping", "payment", "channel", "billing_address", "shipping_address", "device"):
        if random.random() < 0.015:
            order.pop(name, None)
    if random.random() < 0.03:
        for item in order["items"]:
            item.pop("category", None)
    if random.random() < 0.004:
        return {name: order[name] for name in ("order_id", "created_at", "customer", "currency", "items")}
    return order


def normal_orders(
    count: int, start: datetime, end: datetime, crowd: Crowd, shelves: dict[str, list[Product]], random: Random
) -> Iterator[tuple[datetime, Person, RawOrder, list[Planted]]]:
    """`count` normal orders, by day, unsorted within a day."""
    for day in moments(count, start, end, random):
        person = crowd.draw(day, random)
        moment = placed_at(day, local_hour(person, random), person)
        order, planted = normal_order(person, moment, shelves, random)
        yield moment, person, order, planted
