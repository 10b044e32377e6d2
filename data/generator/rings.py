"""Anomalies of many accounts: each order alone is ordinary, what they share is not."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from data.generator.customers import MAIL_DOMAINS, Person, address, device, full_name
from data.generator.orders import RawOrder, normal_order
from data.generator.places import COUNTRIES
from data.generator.products import Product, charm_price
from data.generator.sharing import host, network

Orders = list[tuple[datetime, RawOrder]]
Shelves = dict[str, list[Product]]

HOURS = (0.3, 0.5, 1, 20, 100)
"""How long a ring goes on, from minutes to days."""


def stranger(person: Person, moment: datetime, random: Random) -> dict[str, Any]:
    """A customer whom nobody knows, with an account of this hour or none."""
    name = full_name(person.country, random)
    customer = {
        "id": f"G{random.getrandbits(40):010x}",
        "name": name,
        "email": f"{random.getrandbits(36):09x}@{random.choice(MAIL_DOMAINS)}",
    }
    if random.random() < 0.5:
        opened = moment - timedelta(minutes=random.randrange(2, 60))
        customer["registered_at"] = opened.isoformat(timespec="seconds")
    return customer


def card(random: Random) -> dict[str, Any]:
    """A card of anybody's."""
    return {
        "method": "card",
        "card_country": random.choice(COUNTRIES).code,
        "fingerprint": f"fp_{random.getrandbits(64):016x}",
    }


def times(moment: datetime, count: int, random: Random) -> list[datetime]:
    """Moments of a ring that begins at this one."""
    seconds = random.choice(HOURS) * 3600
    return [moment + timedelta(seconds=after) for after in sorted(random.randrange(int(seconds)) for _ in range(count))]


def plain(person: Person, at: datetime, shelves: Shelves, random: Random) -> RawOrder:
    """An ordinary order through the web, by a stranger."""
    order, _ = normal_order(person, at, shelves, random)
    for name in ("note", "gift_message", "discount", "coupon"):
        order.pop(name, None)
    return order | {"customer": stranger(person, at, random), "channel": "web", "payment": card(random)}


def guest_card_testing(person: Person, moment: datetime, shelves: Shelves, random: Random) -> Orders:
    """One cheap piece for each of many guests, each with a card of its own, from one device or to one address."""
    used, sent = device(random), address(person.country, full_name(person.country, random), random)
    shared = random.choice(("device", "address", "both", "both"))
    orders = []
    for at in times(moment, random.randrange(10, 15), random):
        order = plain(person, at, shelves, random)
        product = random.choice(shelves["groceries"])
        price = charm_price(min(product.price, 4.0), person.country.rate, person.country.decimals)
        order["items"] = [{"sku": product.sku, "quantity": 1, "unit_price": price, "category": "groceries"}]
        own = address(person.country, order["customer"]["name"], random)
        order["device"] = device(random) if shared == "address" else used
        order["billing_address"] = own
        order["shipping_address"] = own if shared == "device" else {**sent, "name": order["customer"]["name"]}
        orders.append((at, order))
    return orders


def drop_address(person: Person, moment: datetime, shelves: Shelves, random: Random) -> Orders:
    """Goods paid with many stolen cards, through a few accounts, all sent to one address."""
    sent = address(person.country, full_name(person.country, random), random)
    accounts = [stranger(person, moment, random) for _ in range(random.randrange(2, 6))]
    orders = []
    for at in times(moment, random.randrange(9, 14), random):
        order = plain(person, at, shelves, random)
        order["customer"] = random.choice(accounts)
        order["billing_address"] = address(person.country, full_name(person.country, random), random)
        order["shipping_address"], order["device"] = sent, device(random)
        orders.append((at, order))
    return orders


def account_farm(person: Person, moment: datetime, shelves: Shelves, random: Random) -> Orders:
    """Many fresh accounts from one network, each with its welcome coupon."""
    lan = network(random)
    orders = []
    for at in times(moment, random.randrange(10, 15), random):
        order = plain(person, at, shelves, random)
        order["customer"]["registered_at"] = (at - timedelta(minutes=random.randrange(1, 30))).isoformat()
        own = address(person.country, order["customer"]["name"], random)
        order["billing_address"] = order["shipping_address"] = own
        order["device"] = {**device(random), "ip": host(lan, random)}
        order["coupon"] = "WELCOME10"
        orders.append((at, order))
    return orders


RINGS: dict[str, Callable[[Person, datetime, Shelves, Random], Orders]] = {
    "guest_card_testing": guest_card_testing,
    "drop_address": drop_address,
    "account_farm": account_farm,
}
