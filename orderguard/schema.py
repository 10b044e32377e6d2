"""The schema of an order, defined once: the pipeline, the service and the docs all read it from here.

An `Order` holds personal data and may only be handed to `orderguard.masking`. Everything behind masking takes a
`MaskedOrder`, so the type checker proves that nothing sees an order before it is masked. A field that these structures
do not name is not decoded: an unknown field in a feed can't leak.

`data/order.schema.json` is this module published as JSON Schema (`python -m orderguard.schema` prints it).
"""

import math
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from orderguard.currencies import KNOWN

MAX_ITEMS = 5_000
MAX_SHORT, MAX_TEXT = 512, 10_000
MAX_AMOUNT = 1e9
LEAST_QUANTITY, MAX_QUANTITY = 1e-6, 1e6
FIRST_YEAR, LAST_YEAR = 1970, 2199
"""Years in which orders can have been placed, in the order's own time zone."""
NO_SKU = "[NO SKU]"
"""Stands for the code of an article that has none. No catalogue learns what it usually costs."""
_NO_SUCH_MOMENT = f"not in the years {FIRST_YEAR} to {LAST_YEAR}"
_NO_SUCH_CURRENCY = "not a currency of ISO 4217"

NOT_BLANK = r"[^\s\x1c-\x1f\x85\ufeff]"
"""What neither Python's regular expressions nor those of JSON Schema (ECMA-262) call white space."""
_OFFSET = r"([Zz]|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])"
_TIME = rf"[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?{_OFFSET}(?!\n)$"

Identifier = Annotated[str, Meta(min_length=1, max_length=128, pattern=NOT_BLANK)]
ShortText = Annotated[str, Meta(max_length=MAX_SHORT)]
FreeText = Annotated[str, Meta(max_length=MAX_TEXT)]
Amount = Annotated[float, Meta(ge=0, le=MAX_AMOUNT)]
Timestamp = Annotated[
    datetime,
    Meta(
        tz=True,
        description="RFC 3339, with an offset",
        extra_json_schema={"pattern": rf"^(?!0000)[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}{_TIME}"},
    ),
]
PlacedAt = Annotated[
    datetime,
    Meta(
        tz=True,
        description=f"RFC 3339, with an offset, in the years {FIRST_YEAR} to {LAST_YEAR}",
        extra_json_schema={"pattern": rf"^(19[7-9]|20[0-9]|21[0-9])[0-9]-[0-9]{{2}}-[0-9]{{2}}{_TIME}"},
    ),
]
Currency = Annotated[
    str,
    Meta(description="ISO 4217 code in capitals, withdrawn ones included", extra_json_schema={"enum": sorted(KNOWN)}),
]
# The lengths say what `$` does not everywhere: Python lets a line feed stand before the end. UK and EL are what the
# European Union writes for GB and GR: repair reads them.
Country = Annotated[
    str,
    Meta(
        min_length=2,
        max_length=2,
        pattern=r"^(?!UK|EL)[A-Z]{2}$",
        description="ISO 3166-1 alpha-2 code in capitals",
    ),
]
Channel = Literal["web", "app", "store", "phone", "marketplace"]


class LineItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the basket. `unit_price` and `discount` (of the whole line) are in the order's currency."""

    sku: Identifier
    quantity: Annotated[
        float, Meta(ge=LEAST_QUANTITY, le=MAX_QUANTITY, description="Pieces, or a weight or a length: 1.5")
    ]
    unit_price: Amount
    category: ShortText | None = None
    name: ShortText | None = None
    discount: Amount | None = None


class Customer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who ordered. Who has no `id` is a guest: a customer of their own for this order alone."""

    id: Identifier | None = None
    name: ShortText | None = None
    email: ShortText | None = None
    phone: ShortText | None = None
    birth_date: ShortText | None = None
    national_id: ShortText | None = None
    registered_at: Timestamp | None = None


class Address(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A billing or a shipping address."""

    name: ShortText | None = None
    company: ShortText | None = None
    street: ShortText | None = None
    postcode: ShortText | None = None
    city: ShortText | None = None
    region: ShortText | None = None
    country: Country | None = None
    phone: ShortText | None = None


class Payment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How it is paid. `fingerprint` is the payment provider's name for the card, equal for all who pay with it. A feed
    should not send `card_number` or `iban`; where one does, a pseudonym is all that stays.
    """

    method: ShortText | None = None
    fingerprint: ShortText | None = None
    card_number: ShortText | None = None
    card_holder: ShortText | None = None
    card_country: Country | None = None
    iban: ShortText | None = None


class Shipping(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How it is sent. `cost` is in the order's currency."""

    method: ShortText | None = None
    cost: Amount | None = None


class Device(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What it was ordered from."""

    ip: ShortText | None = None
    user_agent: ShortText | None = None
    id: ShortText | None = None


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A raw order, one JSON object a line. Holds personal data: hand it to `orderguard.masking` and to nothing else.

    Where only the day is known, `hour_known` is false, and `created_at` is the day's midnight.
    """

    order_id: Identifier
    created_at: PlacedAt
    currency: Currency
    items: Annotated[list[LineItem], Meta(min_length=1, max_length=MAX_ITEMS)]
    hour_known: bool = True
    customer: Customer | None = None
    discount: Amount | None = None
    coupon: ShortText | None = None
    shipping: Shipping | None = None
    payment: Payment | None = None
    channel: Channel | None = None
    billing_address: Address | None = None
    shipping_address: Address | None = None
    device: Device | None = None
    note: FreeText | None = None
    gift_message: FreeText | None = None

    def __post_init__(self) -> None:
        """No moment at the calendar's ends, where adding a day or an offset overflows, and no made-up currency."""
        if not FIRST_YEAR <= self.created_at.year <= LAST_YEAR:
            raise ValueError(_NO_SUCH_MOMENT)
        if self.currency not in KNOWN:
            raise ValueError(_NO_SUCH_CURRENCY)


class MaskedItem(msgspec.Struct, frozen=True, kw_only=True):
    """A line item. `sku` and `category` are catalogue codes, masked where they hold personal data."""

    sku: str
    quantity: float
    unit_price: float
    category: str | None = None
    discount: float | None = None


class MaskedAddress(msgspec.Struct, frozen=True, kw_only=True):
    """An address after masking: pseudonyms of the whole and of its addressee, and its region.

    The region is the country and the first part of the postcode.
    """

    token: str | None = None
    name_token: str | None = None
    region: str | None = None
    country: str | None = None


class MaskedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order without raw personal data. `*_token` are keyed pseudonyms: equal inputs, equal tokens under one key."""

    order_token: str
    customer_token: str
    created_at: datetime
    currency: str
    items: list[MaskedItem]
    hour_known: bool = True
    discount: float | None = None
    has_coupon: bool = False
    shipping_method: str | None = None
    shipping_cost: float | None = None
    payment_method: str | None = None
    card_country: str | None = None
    channel: str | None = None
    billing: MaskedAddress | None = None
    shipping: MaskedAddress | None = None
    customer_since: datetime | None = None
    birth_year: int | None = None
    email_token: str | None = None
    device_token: str | None = None
    network_token: str | None = None
    card_token: str | None = None
    ip_network: str | None = None
    note: str | None = None
    gift_message: str | None = None


Handling = Literal["keep", "pseudonym", "drop", "generalise", "free text"]

CLASSIFICATION: dict[str, Handling] = {
    "order_id": "pseudonym",
    "created_at": "keep",
    "hour_known": "keep",
    "currency": "keep",
    "items[].sku": "keep",
    "items[].quantity": "keep",
    "items[].unit_price": "keep",
    "items[].category": "keep",
    "items[].name": "drop",
    "items[].discount": "keep",
    "discount": "keep",
    "coupon": "generalise",
    "channel": "keep",
    "customer.id": "pseudonym",
    "customer.name": "drop",
    "customer.email": "pseudonym",
    "customer.phone": "drop",
    "customer.birth_date": "generalise",
    "customer.national_id": "drop",
    "customer.registered_at": "keep",
    "billing_address.name": "pseudonym",
    "billing_address.company": "drop",
    "billing_address.street": "pseudonym",
    "billing_address.postcode": "generalise",
    "billing_address.city": "drop",
    "billing_address.region": "drop",
    "billing_address.country": "keep",
    "billing_address.phone": "drop",
    "shipping_address.name": "pseudonym",
    "shipping_address.company": "drop",
    "shipping_address.street": "pseudonym",
    "shipping_address.postcode": "generalise",
    "shipping_address.city": "drop",
    "shipping_address.region": "drop",
    "shipping_address.country": "keep",
    "shipping_address.phone": "drop",
    "payment.method": "keep",
    "payment.fingerprint": "pseudonym",
    "payment.card_number": "pseudonym",
    "payment.card_holder": "drop",
    "payment.card_country": "keep",
    "payment.iban": "pseudonym",
    "shipping.method": "keep",
    "shipping.cost": "keep",
    "device.ip": "generalise",
    "device.user_agent": "drop",
    "device.id": "pseudonym",
    "note": "free text",
    "gift_message": "free text",
}
"""What masking does with each field. A test holds it against the structures: a new field without a class fails."""


class OrderError(ValueError):
    """An order that can't be used.

    `field` is its path (`items[2].quantity`), `reason` says what is wrong; neither holds a value of the order.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


_TOO_DEEP, _BROKEN = "nested too deeply", "not valid JSON"
NOT_JSON = (_TOO_DEEP, _BROKEN)
"""The reasons that are said of the JSON as a whole and of no field."""

_decoder = msgspec.json.Decoder(Order)
_encode = msgspec.json.Encoder().encode


def decode_order(data: bytes | str | msgspec.Raw) -> Order:
    """Decode one order from JSON.

    Raises `OrderError` for broken JSON, a missing field, a wrong type or a value out of range; the error never repeats
    a value.
    """
    try:
        return _decoder.decode(data)
    except UNDECODABLE as error:
        raise explained(error) from None


def encode_order(order: Order) -> bytes:
    """An order as one line of JSON, without the line's end: `decode_order` gives the same order."""
    return _encode(order)


UNDECODABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding JSON can raise, for `explained`."""


def explained(error: Exception) -> OrderError:
    """What is wrong with the JSON of an order: field and reason, without any value of the input.

    `error` is what decoding raised; msgspec says "Expected `int` - at `$.items[0].quantity`".
    """
    if isinstance(error, RecursionError):
        return OrderError("", _TOO_DEEP)
    if not isinstance(error, msgspec.ValidationError):
        return OrderError("", _BROKEN)
    message = str(error)
    reason, _, path = message.partition(" - at `")
    field = path.rstrip("`").removeprefix("$").removeprefix(".")
    if reason.startswith("Object missing required field"):
        name = reason.split("`")[1]
        return OrderError(f"{field}.{name}" if field else name, "required field is missing")
    if reason == _NO_SUCH_MOMENT:
        return OrderError(f"{field}.created_at" if field else "created_at", reason)
    if reason == _NO_SUCH_CURRENCY:
        return OrderError(f"{field}.currency" if field else "currency", reason)
    if reason.startswith("Invalid enum value"):
        reason = "not one of the values allowed"
    return OrderError(field, reason[0].lower() + reason[1:])


def json_schema() -> dict[str, Any]:
    """The schema of an order as JSON Schema 2020-12."""
    schema: dict[str, Any] = msgspec.json.schema(Order)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Order", **schema}


def basket_value(order: Order | MaskedOrder) -> float:
    """The sum of quantity × unit price over the line items, before discounts, in the order's currency."""
    return math.fsum(item.quantity * item.unit_price for item in order.items)


if __name__ == "__main__":
    print(msgspec.json.format(msgspec.json.encode(json_schema()), indent=2).decode())
