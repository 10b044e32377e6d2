"""Masked orders of customers who share devices, networks, addresses and cards."""

from datetime import UTC, datetime, timedelta
from random import Random

from orderguard.schema import MaskedAddress, MaskedItem, MaskedOrder

START = datetime(2026, 3, 1, tzinfo=UTC)
MINUTES_BETWEEN = 4


def shared_orders(count: int, seed: int, customers: int | None = None) -> list[MaskedOrder]:
    """Orders in time order. A customer has some 25 of them, and a fifth of customers use what others use, too."""
    random = Random(seed)
    customers = customers or max(4, count // 25)
    homes = [random.randrange(customers // 5 + 1) if random.random() < 0.2 else number for number in range(customers)]
    orders = []
    for number in range(count):
        customer = random.randrange(customers)
        home = homes[customer]
        orders.append(
            MaskedOrder(
                order_token=_token("ord", number),
                customer_token=_token("cus", customer),
                created_at=START + timedelta(minutes=MINUTES_BETWEEN * number),
                currency=random.choice(("EUR", "EUR", "EUR", "USD")),
                items=[MaskedItem(sku="a", quantity=random.randint(1, 3), unit_price=random.randint(100, 9_999) / 100)],
                payment_method="card",
                channel=random.choice(("web", "app", "phone")),
                device_token=_token("dev", home),
                network_token=_token("net", home % 40),
                email_token=_token("eml", customer),
                card_token=_token("crd", random.choice((home, customer))) if random.random() < 0.9 else None,
                shipping=MaskedAddress(token=_token("adr", home)),
            )
        )
    return orders


def _token(prefix: str, number: int) -> str:
    return f"{prefix}_k1_{number:022}"
