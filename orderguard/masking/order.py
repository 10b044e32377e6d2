"""Masking a whole order, field by field, as `orderguard.schema.CLASSIFICATION` says."""

import re
import string
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

import msgspec

from orderguard.masking.canonical import digits
from orderguard.masking.keyring import Keyring
from orderguard.masking.known import Known
from orderguard.masking.codes import (
    ROOM,
    Doubt,
    Room,
    compact_code,
    decided,
    is_undecided,
    mask_code,
    mask_own_code,
    masked,
    remembered_room,
    rooming,
)
from orderguard.masking.steps import Steps, finished
from orderguard.masking.text import masking_parts, masking_text
from orderguard.schema import Address, Customer, Device, MaskedAddress, MaskedItem, MaskedOrder, Order, Payment

_YEAR = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")
_MAPPED = bytes(10) + b"\xff\xff"
"""So an IPv6 address begins that stands for an IPv4 one."""
_LONGEST_POSTCODE = 10
_WHOLE_NUMBER = 12
"""A card or an account has so many digits or more; of one that is cut off or hidden, others have the same rest."""
_DATE = re.compile(r"(\d{4}|\d\d?)[-./ ](\d\d?)[-./ ](\d{4}|\d\d?)", re.ASCII)
_LETTERS_AND_DIGITS = frozenset(string.ascii_letters + string.digits)
_PLAIN = re.compile(r"[^%&\\<=]{0,64}?([A-Za-z0-9]{4})")
"""Four characters that stand together in a code, too, however it is written; nothing ahead of them is an escape."""
NOBODY = Customer()
"""The customer of an order that names none."""


def mask_order(order: Order, keyring: Keyring, *, free_text: bool = True, doubt: Doubt = masked) -> MaskedOrder:
    """The order without personal data.

    Identifiers become pseudonyms, contact data goes, the rest is generalised, free text is searched and masked. With
    `free_text=False` what no feature uses is left out: the texts, the year of birth and the network itself. That spares
    a pipeline the search. `doubt` says what becomes of an article's sku and
    category that look like a person's number: see `orderguard.catalogue.Catalogue.doubt`.
    """
    return finished(masking_order(order, keyring, free_text=free_text, doubt=doubt))


def masking_order(
    order: Order, keyring: Keyring, *, free_text: bool = True, doubt: Doubt = masked
) -> Steps[MaskedOrder]:
    """`mask_order` in steps. An order that holds little is masked in one."""
    token, customer, device, payment, delivery = (
        keyring.token,
        order.customer or NOBODY,
        order.device,
        order.payment,
        order.shipping,
    )
    order_token, customer_token = token("order", order.order_id), customer_token_of(order, keyring)
    billing = mask_address(order.billing_address, keyring) if order.billing_address else None
    same = order.shipping_address == order.billing_address
    note, gift_message = (order.note, order.gift_message) if free_text else (None, None)
    if note or gift_message:
        note, gift_message = yield from _texts(order, order_token, customer_token)
    codes, methods = yield from _codes(order, doubt)
    network_of = network(device.ip) if device and device.ip else None
    return MaskedOrder(
        order_token=order_token,
        customer_token=customer_token,
        created_at=order.created_at,
        currency=order.currency,
        hour_known=order.hour_known,
        items=[
            MaskedItem(
                sku=codes.get(item.sku, item.sku),
                quantity=item.quantity,
                unit_price=item.unit_price,
                category=codes.get(item.category, item.category),
                discount=item.discount,
            )
            for item in order.items
        ],
        discount=order.discount,
        has_coupon=bool(order.coupon),
        shipping_method=methods.get(delivery.method, delivery.method) if delivery and delivery.method else None,
        shipping_cost=delivery.cost if delivery else None,
        payment_method=methods.get(payment.method, payment.method) if payment and payment.method else None,
        card_country=payment.card_country if payment else None,
        channel=order.channel,
        billing=billing,
        shipping=billing if same else mask_address(order.shipping_address, keyring) if order.shipping_address else None,
        customer_since=customer.registered_at,
        birth_year=birth_year(customer.birth_date) if customer.birth_date and free_text else None,
        email_token=email_token(customer, keyring),
        device_token=device_token(device, keyring) if device else None,
        network_token=token("network", network_of) if network_of else None,
        card_token=card_token(payment, keyring) if payment else None,
        ip_network=network_of if free_text else None,
        note=note,
        gift_message=gift_message,
    )


def decided_order(order: MaskedOrder, doubt: Doubt) -> MaskedOrder:
    """The order with decided codes, where it was masked with `undecided`."""
    codes = (code for item in order.items for code in (item.sku, item.category) if code)
    if not any(map(is_undecided, codes)):
        return order
    items = [
        msgspec.structs.replace(
            item, sku=decided(item.sku, doubt), category=decided(item.category, doubt) if item.category else None
        )
        for item in order.items
    ]
    return msgspec.structs.replace(order, items=items)


def known_values(order: Order) -> Known:
    """The personal values of an order's structured fields, prepared for search."""
    known, customer, payment, device = Known(), order.customer or NOBODY, order.payment, order.device
    billing, shipping = order.billing_address, order.shipping_address
    addresses = [address for address in (billing, shipping if shipping != billing else None) if address]
    holder = payment.card_holder if payment else None
    for name in unlike(customer.name, holder, *(address.name for address in addresses)):
        known.add_name(name)
    for phone in unlike(customer.phone, *(address.phone for address in addresses)):
        known.add_phone(phone)
    known.add_email(customer.email)
    known.add_birth_date(customer.birth_date)
    known.add_code(customer.national_id)
    for address in addresses:
        known.add_company(address.company)
        known.add_street(address.street)
        known.add_postcode(address.postcode)
        known.add_place(address.city)
    if payment:
        known.add_code(payment.card_number, "CARD")
        known.add_code(payment.iban, "IBAN")
        known.add_code(payment.fingerprint)
    if device:
        known.add_code(device.ip, "IP")
        known.add_code(device.id)
    return known


def unlike(*values: str | None) -> list[str]:
    """The values that are there, in lower case, each once."""
    return list(dict.fromkeys(value.lower() for value in values if value))


def birth_year(birth_date: str | None) -> int | None:
    """The year in a date of birth, in whatever order its parts stand."""
    found = _YEAR.search(birth_date) if birth_date else None
    return int(found[0]) if found else None


def network(ip: str) -> str | None:
    """The network of an IP address: /24 of IPv4, /48 of IPv6."""
    ip = ip.strip()
    try:
        if ":" not in ip:
            inet_pton(AF_INET, ip)
            return f"{ip.rpartition('.')[0]}.0/24"
        packed = inet_pton(AF_INET6, ip.partition("%")[0])
    except (OSError, ValueError):
        return None
    if packed.startswith(_MAPPED):
        return f"{packed[12]}.{packed[13]}.{packed[14]}.0/24"
    return f"{inet_ntop(AF_INET6, packed[:6] + bytes(10))}/48"


def customer_token_of(order: Order, keyring: Keyring) -> str:
    """The customer's pseudonym. A guest has one of their own for this order: no customer's id gives the same."""
    identifier = order.customer.id if order.customer else None
    return keyring.token("customer", identifier) if identifier else keyring.token("guest", order.order_id)


def email_token(customer: Customer, keyring: Keyring) -> str | None:
    """The pseudonym of the mail address."""
    return keyring.token("email", customer.email) if customer.email and not customer.email.isspace() else None


def device_token(device: Device, keyring: Keyring) -> str | None:
    """The pseudonym of the device's id."""
    return keyring.token("device", device.id) if device.id and not device.id.isspace() else None


def network_token(device: Device, keyring: Keyring) -> str | None:
    """The pseudonym of the network that the device is in."""
    found = network(device.ip) if device.ip else None
    return keyring.token("network", found) if found else None


def card_token(payment: Payment, keyring: Keyring) -> str | None:
    """The pseudonym of what it is paid with: of the card's fingerprint, else its number, else the account's."""
    if payment.fingerprint and not payment.fingerprint.isspace():
        return keyring.token("fingerprint", payment.fingerprint)
    for namespace, number in (("card", payment.card_number), ("iban", payment.iban)):
        if number and len(digits(number)) >= _WHOLE_NUMBER:
            return keyring.token(namespace, number)
    return None


def _texts(order: Order, order_token: str, customer_token: str) -> Steps[tuple[str | None, str | None]]:
    known = known_values(order)
    known.add_code(order.order_id, token=order_token)
    if order.customer and order.customer.id:
        known.add_code(order.customer.id, token=customer_token)
    yield
    if order.note and order.gift_message:
        return (yield from masking_parts(order.note, order.gift_message, known))
    note = (yield from masking_text(order.note, known)) if order.note else order.note
    return note, (yield from masking_text(order.gift_message, known)) if order.gift_message else order.gift_message


def _codes(order: Order, doubt: Doubt) -> Steps[tuple[dict[str | None, str], dict[str | None, str]]]:
    """What stands for the catalogue codes of the order's items and for its methods of payment and shipping, where that
    is not the code itself. Each is masked once.
    """
    codes = [item.sku for item in order.items]
    codes += [item.category for item in order.items if item.category]
    methods = [part.method for part in (order.payment, order.shipping) if part and part.method]
    room = remembered_room(codes + methods)
    harmless = room is not None
    if room is None:
        room = yield from rooming(dict.fromkeys(codes + methods))
    own = _own_values(order) if _has_own(order, room) else None
    if harmless and own is None:
        return {}, {}
    masked_codes: dict[str | None, str] = {}
    for code in dict.fromkeys(codes):
        masked_codes[code] = mask_own_code(code, own, doubt) if own else mask_code(code, doubt)
        yield
    return masked_codes, {method: mask_own_code(method, own) if own else mask_code(method) for method in methods}


def _has_own(order: Order, room: Room) -> bool:
    """Whether one of the order's own values seems to stand in its codes."""
    words, digits, starts = room
    return bool(
        (words and _any_in(words, starts, _own_words(order)))
        or (digits and _any_in(digits, starts, _own_numbers(order)))
    )


def _own_values(order: Order) -> Known:
    """The order's own values, those included that are looked for in codes alone."""
    known = known_values(order)
    if order.customer:
        known.add_code(order.customer.id)
        for date in dates(order.customer.birth_date):
            known.add_code(date, "BIRTH DATE")
    return known


def _own_words(order: Order) -> list[str | None]:
    billing, shipping, payment = order.billing_address, order.shipping_address, order.payment
    values = names_of_customer(order.customer or NOBODY)
    if payment:
        values += (payment.card_holder, payment.fingerprint)
    if billing:
        values += names_of_address(billing)
    if shipping and shipping != billing:
        values += names_of_address(shipping)
    if order.device:
        values += (order.device.id, order.device.ip if order.device.ip and ":" in order.device.ip else None)
    return values


def _own_numbers(order: Order) -> list[str | None]:
    values = numbers_of_customer(order.customer or NOBODY)
    for address in (order.billing_address, order.shipping_address):
        if address:
            values += numbers_of_address(address)
    if order.payment:
        values += (order.payment.card_number, order.payment.iban, order.payment.fingerprint)
    if order.device:
        values += values_of_device(order.device)
    return values


def names_of_customer(customer: Customer) -> list[str | None]:
    """What names a customer and may stand in a catalogue code, in words."""
    name = customer.name
    return [name, customer.email, customer.id, name and " ".join(reversed(name.split()))]


def names_of_address(address: Address) -> list[str | None]:
    """What names somebody at an address and may stand in a catalogue code, in words."""
    return [address.name, address.company, address.street]


def numbers_of_customer(customer: Customer) -> list[str | None]:
    """The same in numbers: telephone numbers by their end, since their start is written in several ways."""
    return [customer.phone and compact_code(customer.phone)[-ROOM:], customer.national_id, *dates(customer.birth_date)]


def numbers_of_address(address: Address) -> list[str | None]:
    """The same of an address."""
    return [address.phone and compact_code(address.phone)[-ROOM:]]


def values_of_device(device: Device) -> list[str | None]:
    """The same of a device."""
    return [device.ip, device.id]


def dates(birth_date: str | None) -> list[str]:
    """A date of birth as eight digits, in each order of its parts; none where it is not written in digits."""
    parts = _DATE.fullmatch(birth_date.strip()[:10]) if birth_date else None
    if not parts:
        return []
    first, second, third = parts.groups()
    year, rest = (first, (second, third)) if len(first) == 4 else (third, (first, second))
    one, other = (part.zfill(2) for part in rest)
    return [year + one + other, year + other + one, one + other + year, other + one + year]


def _any_in(codes: str, starts: str, values: list[str | None]) -> bool:
    """Whether one of `values` stands in `codes` (compact), beginning with one of `starts`. The first character tells
    most of them apart at next to no cost, four letters or digits of a value most others.
    """
    for value in values:
        if value and (value[0] not in _LETTERS_AND_DIGITS or value[0].lower() in starts):
            plain = value[:4]
            if not (plain.isalnum() and plain.isascii()):
                found = _PLAIN.match(value)
                plain = found[1] if found else ""
            if plain.lower() in codes:
                compact = compact_code(value)
                if len(compact) >= ROOM and compact in codes:
                    return True
    return False


def mask_address(address: Address, keyring: Keyring) -> MaskedAddress:
    """An address without personal data."""
    return MaskedAddress(
        token=address_token(address, keyring),
        name_token=keyring.token("name", address.name) if address.name else None,
        region=region(address.country, address.postcode),
        country=address.country,
    )


def address_token(address: Address, keyring: Keyring) -> str | None:
    """The pseudonym of street and postcode, else of street and city."""
    if not address.street or address.street.isspace():
        return None
    return keyring.token("address", f"{address.street} {address.postcode or address.city or ''}")


def region(country: str | None, postcode: str | None) -> str | None:
    """The country and the first two characters of the postcode (tens of thousands of people or more): `DE-10`."""
    if not country or not postcode or not 4 <= len(postcode) <= _LONGEST_POSTCODE:
        return country
    start = postcode[:2] if postcode[:2].isalnum() else "".join(filter(str.isalnum, postcode))[:2]
    return f"{country}-{start.upper()}" if start else country
