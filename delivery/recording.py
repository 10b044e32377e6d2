"""Recording example orders for canaries: orders masked as everywhere, under a key that is thrown away."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from delivery.errors import UsageError
from infra.local.files import write_whole
from orderguard.masking import Keyring, mask_order, new_key_text
from orderguard.repair import read_order
from orderguard.schema import (
    Address,
    Channel,
    Customer,
    Device,
    LineItem,
    MaskedAddress,
    MaskedOrder,
    Order,
    OrderError,
    Payment,
    Shipping,
    encode_order,
)

MOST = 40


def record(source: Path, target: Path) -> int:
    """Write up to `MOST` orders of `source` (one JSON object a line) to `target`, masked; how many there are.

    Nobody can tell whose they are: the key is made for this and thrown away, contact data, notes and numbers are gone.
    Raises `DeliveryError` where no line holds an order.
    """
    keyring = Keyring.from_environment({"MASKING_KEY": new_key_text()})
    try:
        lines = source.read_bytes().splitlines()[:MOST]
    except OSError as problem:
        raise UsageError(f"{source} can't be read: {problem.strerror}") from None
    found = list(_masked(filter(None, lines), keyring))
    if not found:
        raise UsageError(f"{source} contains no order, one JSON object a line.")
    write_whole(target, b"".join(encode_order(order) + b"\n" for order in found))
    return len(found)


def _masked(lines: Iterable[bytes], keyring: Keyring) -> Iterable[Order]:
    for line in lines:
        try:
            order = read_order(line).order
        except OrderError:
            continue
        if isinstance(order, Order):
            yield as_order(mask_order(order, keyring, free_text=False))


def as_order(masked: MaskedOrder) -> Order:
    """A masked order in the form that the service takes. What is a pseudonym there stands as a name here."""
    return Order(
        order_id=masked.order_token,
        created_at=masked.created_at,
        currency=masked.currency,
        hour_known=masked.hour_known,
        items=[LineItem(**msgspec.structs.asdict(item)) for item in masked.items],
        customer=Customer(id=masked.customer_token, registered_at=masked.customer_since),
        discount=masked.discount,
        coupon="used" if masked.has_coupon else None,
        shipping=Shipping(method=masked.shipping_method, cost=masked.shipping_cost),
        payment=Payment(method=masked.payment_method, card_country=masked.card_country, fingerprint=masked.card_token),
        channel=msgspec.convert(masked.channel, Channel | None),
        billing_address=_address(masked.billing),
        shipping_address=_address(masked.shipping),
        device=Device(id=masked.device_token) if masked.device_token else None,
    )


def _address(masked: MaskedAddress | None) -> Address | None:
    if masked is None:
        return None
    return Address(name=masked.name_token, street=masked.token, country=masked.country)
