"""Anomalies of named kinds: what goes wrong in real shops. Their truth is written apart from the orders."""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from data.generator.customers import Person, address, device, full_name
from data.generator.orders import RawOrder, normal_order, placed_at, stamp
from data.generator.places import COUNTRIES
from data.generator.products import Product, charm_price
from data.generator.rings import RINGS, card

Shelves = dict[str, list[Product]]
Maker = Callable[[Person, datetime, Shelves, Random], list[tuple[datetime, RawOrder]]]


def ordinary(person: Person, moment: datetime, shelves: Shelves, random: Random) -> RawOrder:
    """A normal order without free text, to be spoilt."""
    order, _ = normal_order(person, moment, shelves, random)
    order.pop("note", None)
    order.pop("gift_message", None)
    return order


def rounded(amount: float, person: Person) -> float:
    """An amount with the currency's decimals."""
    return round(amount, person.country.decimals)


def price_mistake(
    person: Person, moment: datetime, shelves: Shelves, random: Random
) -> list[tuple[datetime, RawOrder]]:
    """A slipped decimal point: one line costs a hundredth, a tenth, ten or a hundred times its usual price."""
    order = ordinary(person, moment, shelves, random)
    item = random.choice(order["items"])
    item["unit_price"] = rounded(item["unit_price"] * random.choice((0.01, 0.01, 0.1, 10, 100)), person)
    item.pop("discount", None)
    return [(moment, order)]


def quantity_burst(
    person: Person, moment: datetime, shelves: Shelves, random: Random
) -> list[tuple[datetime, RawOrder]]:
    """Dozens or hundreds of one sku: a reseller, a bot, or a slipped key."""
    order = ordinary(person, moment, shelves, random)
    item = random.choice(order["items"])
    item["quantity"] = random.randrange(40, 500)
    item.pop("discount", None)
    return [(moment, order)]


def card_testing(person: Person, moment: datetime, shelves: Shelves, random: Random) -> list[tuple[datetime, RawOrder]]:
    """Several tiny orders within minutes from one account, to find out which stolen cards work."""
    used = device(random)
    result: list[tuple[datetime, RawOrder]] = []
    at = moment
    for _ in range(random.randrange(5, 9)):
        at += timedelta(seconds=random.randrange(20, 150))
        order = ordinary(person, at, shelves, random)
        product = random.choice(shelves["groceries"])
        price = charm_price(min(product.price, 4.0), person.country.rate, person.country.decimals)
        order["items"] = [{"sku": product.sku, "quantity": 1, "unit_price": price, "category": "groceries"}]
        order.pop("discount", None)
        order.pop("coupon", None)
        order["payment"] = card(random)
        order["device"] = used
        order["channel"] = "web"
        result.append((at, order))
    return result


def account_takeover(
    person: Person, moment: datetime, shelves: Shelves, random: Random
) -> list[tuple[datetime, RawOrder]]:
    """Somebody else at night with an old account: new device, new address, expensive electronics, express."""
    night = placed_at(moment, random.uniform(1.5, 4.5), person)
    order = ordinary(person, night, shelves, random)
    country = person.country
    dear = sorted(shelves["electronics"], key=lambda product: product.price)[-12:]
    order["items"] = [
        {
            "sku": product.sku,
            "quantity": random.randrange(1, 4),
            "unit_price": charm_price(product.price, country.rate, country.decimals),
            "category": "electronics",
        }
        for product in random.sample(dear, random.randrange(2, 4))
    ]
    order["shipping_address"] = address(random.choice(COUNTRIES), full_name(country, random), random)
    order["billing_address"] = person.home
    order["device"] = device(random)
    order["shipping"] = {"method": "express", "cost": rounded(12.9 * country.rate, person)}
    order["channel"] = "web"
    order.pop("discount", None)
    order.pop("coupon", None)
    return [(night, order)]


def reshipping(person: Person, moment: datetime, shelves: Shelves, random: Random) -> list[tuple[datetime, RawOrder]]:
    """A mule's address: bill, card and parcel in three countries, another addressee, goods that sell well."""
    order = ordinary(person, moment, shelves, random)
    abroad = [country for country in COUNTRIES if country.code != person.country.code]
    parcel, card_country = random.sample(abroad, 2)
    order["shipping_address"] = address(parcel, full_name(parcel, random), random)
    order["billing_address"] = person.home
    holder = full_name(card_country, random).upper()
    order["payment"] = {**card(random), "card_country": card_country.code, "card_holder": holder}
    product = random.choice(shelves["electronics"])
    order["items"].append(
        {
            "sku": product.sku,
            "quantity": random.randrange(2, 6),
            "unit_price": charm_price(product.price, person.country.rate, person.country.decimals),
            "category": "electronics",
        }
    )
    return [(moment, order)]


def discount_abuse(
    person: Person, moment: datetime, shelves: Shelves, random: Random
) -> list[tuple[datetime, RawOrder]]:
    """Stacked vouchers: most of the basket is taken off."""
    order = ordinary(person, moment, shelves, random)
    total = sum(item["quantity"] * item["unit_price"] for item in order["items"])
    order["coupon"] = "STAFF-" + str(random.randrange(100, 999))
    order["discount"] = rounded(total * random.uniform(0.65, 0.98), person)
    return [(moment, order)]


def gift_card_cash_out(
    person: Person, moment: datetime, shelves: Shelves, random: Random
) -> list[tuple[datetime, RawOrder]]:
    """A stolen card turned into gift cards, on a new device."""
    order = ordinary(person, moment, shelves, random)
    dear = max(shelves["gift-cards"], key=lambda product: product.price)
    price = charm_price(dear.price, person.country.rate, person.country.decimals)
    order["items"] = [
        {"sku": dear.sku, "quantity": random.randrange(6, 20), "unit_price": price, "category": "gift-cards"}
    ]
    order["device"] = device(random)
    order["payment"] = card(random)
    order.pop("discount", None)
    order.pop("coupon", None)
    return [(moment, order)]


KINDS: dict[str, Maker] = {
    "price_mistake": price_mistake,
    "quantity_burst": quantity_burst,
    "card_testing": card_testing,
    "account_takeover": account_takeover,
    "reshipping": reshipping,
    "discount_abuse": discount_abuse,
    "gift_card_cash_out": gift_card_cash_out,
    **RINGS,
}


def anomalous_orders(
    kind: str, person: Person, moment: datetime, shelves: Shelves, random: Random
) -> list[tuple[datetime, RawOrder]]:
    """The orders of one anomaly of a kind, each with its moment; `created_at` agrees with it."""
    spoilt = KINDS[kind](person, moment, shelves, random)
    for at, order in spoilt:
        order["created_at"] = stamp(at, random)
    return spoilt
