"""Masking a whole order, field by field, as `orderguard.schema.CLASSIFICATION` says."""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address, ip_network

from orderguard.masking.keyring import Keyring
from orderguard.masking.text import mask_text
from orderguard.schema import Address, LineItem, MaskedAddress, MaskedItem, MaskedOrder, Order

_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")


def mask_order(order: Order, keyring: Keyring) -> MaskedOrder:
    """The order without personal data: identifiers as pseudonyms, contact data gone, the rest generalised, free text
    searched and masked.
    """
    token, customer, device, payment, delivery = (
        keyring.token,
        order.customer,
        order.device,
        order.payment,
        order.shipping,
    )
    known = list(known_values(order)) if order.note or order.gift_message else []
    return MaskedOrder(
        order_token=token("order", order.order_id),
        customer_token=token("customer", customer.id),
        created_at=order.created_at,
        currency=order.currency,
        items=[_item(item) for item in order.items],
        discount=order.discount,
        has_coupon=bool(order.coupon),
        shipping_method=_code(delivery.method) if delivery else None,
        shipping_cost=delivery.cost if delivery else None,
        payment_method=_code(payment.method) if payment else None,
        card_country=payment.card_country if payment else None,
        channel=order.channel,
        billing=_address(order.billing_address, keyring),
        shipping=_address(order.shipping_address, keyring),
        customer_since=customer.registered_at,
        birth_year=birth_year(customer.birth_date),
        email_token=token("email", customer.email) if customer.email else None,
        device_token=token("device", device.id) if device and device.id else None,
        ip_network=network(device.ip) if device else None,
        note=mask_text(order.note, known) if order.note is not None else None,
        gift_message=mask_text(order.gift_message, known) if order.gift_message is not None else None,
    )


def known_values(order: Order) -> Iterator[str]:
    """The personal values of an order's structured fields."""
    customer, payment, device = order.customer, order.payment, order.device
    yield from filter(
        None, (customer.id, customer.name, customer.email, customer.phone, customer.birth_date, customer.national_id)
    )
    for address in (order.billing_address, order.shipping_address):
        if address:
            parts = (address.name, address.company, address.street, address.postcode, address.city, address.phone)
            yield from filter(None, parts)
    if payment:
        yield from filter(None, (payment.card_number, payment.card_holder, payment.iban))
    if device:
        yield from filter(None, (device.ip, device.id))


def birth_year(birth_date: str | None) -> int | None:
    """The year in a date of birth, in whatever order its parts stand."""
    found = _YEAR.search(birth_date) if birth_date else None
    return int(found[0]) if found else None


def network(ip: str | None) -> str | None:
    """The network of an IP address: /24 of IPv4, /48 of IPv6."""
    try:
        address = ip_address(ip.strip()) if ip else None
    except ValueError:
        return None
    return str(ip_network((address, 24 if isinstance(address, IPv4Address) else 48), strict=False)) if address else None


def _item(item: LineItem) -> MaskedItem:
    return MaskedItem(
        sku=mask_text(item.sku),
        quantity=item.quantity,
        unit_price=item.unit_price,
        category=_code(item.category),
        discount=item.discount,
    )


def _code(value: str | None) -> str | None:
    return mask_text(value) if value else None


def _address(address: Address | None, keyring: Keyring) -> MaskedAddress | None:
    if address is None:
        return None
    whole = " ".join(filter(None, (address.street, address.postcode, address.city, address.country)))
    return MaskedAddress(
        token=keyring.token("address", whole) if address.street else None,
        name_token=keyring.token("name", address.name) if address.name else None,
        region=region(address.country, address.postcode),
        country=address.country,
    )


def region(country: str | None, postcode: str | None) -> str | None:
    """The country and the first part of the postcode (two characters, which stand for tens of thousands of people or
    more): `DE-10`.
    """
    if not country or not postcode:
        return country
    compact = "".join(c for c in postcode.upper() if c.isalnum())
    return f"{country}-{compact[:2]}" if len(compact) >= 4 else country
