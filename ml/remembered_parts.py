"""What comes back in a pipeline's orders, each decoded and masked once: customers, addresses, payments, devices, lines.

A part is left as JSON at first, and its bytes are looked up among those met before. What is new is decoded by the
schema and masked by the same functions as everywhere. What is remembered is as personal as the orders themselves: this
is for a pipeline that reads them, not for a service.
"""

import math
from array import array
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Annotated, TypeVar, get_args

import msgspec
from msgspec import Meta, Raw

from orderguard.currencies import CURRENCIES
from orderguard.history import NO_MINUTE, digest, payment_digest
from orderguard.masking import canonical
from orderguard.masking.codes import ROOM, Doubt, compact_code, decided, kept, mask_code
from orderguard.masking.keyring import Keyring
from orderguard.masking.order import (
    address_token,
    card_token,
    device_token,
    email_token,
    names_of_address,
    names_of_customer,
    network_token,
    numbers_of_address,
    numbers_of_customer,
    values_of_device,
)
from orderguard.apart import MARKS, stated
from orderguard.schema import (
    FIRST_YEAR,
    LAST_YEAR,
    MAX_ITEMS,
    Address,
    Amount,
    Channel,
    Customer,
    Device,
    FreeText,
    LineItem,
    MaskedAddress,
    MaskedItem,
    Payment,
    Shipping,
    ShortText,
    Timestamp,
)

MOST_REMEMBERED = 2**19
"""Parts of one kind that are remembered. Beyond it all is forgotten, and remembering starts over."""

ABSENT = Raw(b"null")


class UncheckedItem(LineItem, frozen=True, kw_only=True):
    """A line item. It takes what `LineItem` takes, and a blank sku."""

    sku: Annotated[str, Meta(min_length=1, max_length=128)]


class PartlyDecoded(msgspec.Struct, frozen=True, kw_only=True):
    """An order with the parts that come back still as JSON. It takes what `Order` takes, and some more."""

    order_id: Annotated[str, Meta(min_length=1, max_length=128)]
    created_at: str
    currency: str
    items: Raw
    hour_known: bool = True
    customer: Raw = ABSENT
    discount: Raw = ABSENT
    coupon: ShortText | None = None
    shipping: Raw = ABSENT
    payment: Raw = ABSENT
    channel: Channel | None = None
    billing_address: Raw = ABSENT
    shipping_address: Raw = ABSENT
    device: Raw = ABSENT
    note: FreeText | None = None
    gift_message: FreeText | None = None


decode = msgspec.json.Decoder(PartlyDecoded).decode
decode_amount = msgspec.json.Decoder(Amount | None).decode
_decode_customer = msgspec.json.Decoder(Customer | None).decode
_decode_address = msgspec.json.Decoder(Address | None).decode
_decode_payment = msgspec.json.Decoder(Payment | None).decode
_decode_shipping = msgspec.json.Decoder(Shipping | None).decode
_decode_device = msgspec.json.Decoder(Device | None).decode
_decode_items = msgspec.json.Decoder(Annotated[list[LineItem], Meta(min_length=1, max_length=MAX_ITEMS)]).decode
_decode_unchecked = msgspec.json.Decoder(
    Annotated[list[UncheckedItem], Meta(min_length=1, max_length=MAX_ITEMS)]
).decode
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode

CUSTOMER, ADDRESS, PAYMENT, DEVICE, HOUR = 3, 4, 5, 3, 3
"""How many numbers a row of each table has."""

MICROSECONDS = {f"{second // 60:02}:{second % 60:02}": second * 1_000_000 for second in range(3600)}
"""Minutes and seconds as they are written, in microseconds."""

_MICROSECONDS_ARE_EXACT = range(-(2**53) // 1_000_000, 2**53 // 1_000_000)
"""The moments, in seconds, that a double can tell to the microsecond."""

_CODES: dict[str, int] = {code: number for number, code in enumerate(("", *get_args(Channel), *sorted(CURRENCIES)))}
CURRENCY_NUMBER = {code: _CODES[code] for code in CURRENCIES}
CHANNEL_NUMBER: dict[str | None, int] = {None: 0} | {code: _CODES[code] for code in get_args(Channel)}

_BEGIN = 4
"""So many characters tell most values and codes apart at next to no cost."""

Key = TypeVar("Key", bound=bytes | str)
Value = TypeVar("Value")


class Odd(Exception):
    """A part whose order has to be masked as a whole."""


class Remembered(dict[Key, Value]):
    """By its JSON, what has been made of a part; made when it is first asked for."""

    def __init__(self, make: Callable[[Key], Value]) -> None:
        self._make = make

    def __missing__(self, json: Key) -> Value:
        value = self[json] = self._make(json)
        return value


class Parts:
    """The parts met so far.

    What orders need of one is a row of a table: of `customers` (the numbers of its token and its mail address's; the
    moment of registration), `addresses` (the numbers of token, name's token and country; the token's digest),
    `payments` (the numbers of method, card's country and card's token; the digests of the first two and of the last),
    `devices` (the numbers of its token and its network's; the digest of the first) and `hours` (moment, minute and
    weekday of its begin). Number and row 0 are those of what is absent.
    """

    def __init__(self, keyring: Keyring, doubt: Doubt) -> None:
        self._keyring = keyring
        self._doubt = doubt
        self.customers = Remembered(self._new_customer)
        self.addresses = Remembered(self._new_address)
        self.payments = Remembered(self._new_payment)
        self.devices = Remembered(self._new_device)
        self.costs = Remembered(self._new_cost)
        self.hours: dict[str, int] = {}
        self.days = Remembered(self._new_day)
        self.customer_table = array("d")
        self.address_table = array("d", [0.0] * ADDRESS)
        self.payment_table = array("d", [0.0] * PAYMENT)
        self.device_table = array("d", [0.0] * DEVICE)
        self.hour_table = array("d")
        self.customer_tokens: dict[str, int] = {}
        self.entity_tokens: dict[str, int] = {"": 0}
        self.codes = dict(_CODES)
        self._numbers: dict[str | None, int] = {None: 0}  # of canonical names
        self._clean_codes: dict[str | None, int] = {None: 0, "": 0}
        self._in_codes: set[str] = set()
        self._begins_in_codes: set[str] = set()
        self._begins_of_values: set[str] = set()
        self._values: list[str] = []

    @property
    def size(self) -> int:
        """The number of parts of the most frequent kind."""
        sizes = (
            len(self.customer_table) // CUSTOMER,
            len(self.address_table) // ADDRESS,
            len(self.payment_table) // PAYMENT,
            len(self.device_table) // DEVICE,
            len(self.hour_table) // HOUR,
            len(self.devices),
            len(self.costs),
            len(self._values) // 8,
        )
        return max(sizes)

    def number(self, code: str | None) -> int:
        """The number of a code that may be published."""
        return self.codes.setdefault(code or "", len(self.codes))

    def entity_number(self, token: str | None) -> int:
        """The number of an entity's token."""
        return self.entity_tokens.setdefault(token or "", len(self.entity_tokens))

    def customer_row(self, token: str, email: str | None, since: datetime | None) -> int:
        """The row of a customer who has been masked."""
        number = self.customer_tokens.setdefault(token, len(self.customer_tokens))
        self.customer_table.extend((number, self.entity_number(email), since.timestamp() if since else math.nan))
        return len(self.customer_table) // CUSTOMER - 1

    def device_row(self, token: str | None, network: str | None) -> int:
        """The row of a device that has been masked."""
        self.device_table.extend((self.entity_number(token), self.entity_number(network), digest(token)))
        return len(self.device_table) // DEVICE - 1

    def address_row(self, masked: MaskedAddress | None) -> int:
        """The row of an address that has been masked."""
        return self._address_row(masked.token, masked.name_token, masked.country) if masked else 0

    def _address_row(self, token: str | None, name: str | None, country: str | None) -> int:
        """The same. `name` may be its pseudonym or its canonical form: an order's addresses are told in one way."""
        numbers = self._numbers
        token_number, name_number = self.entity_number(token), numbers.setdefault(name, len(numbers))
        self.address_table.extend((token_number, name_number, self.number(country), digest(token)))
        return len(self.address_table) // ADDRESS - 1

    def payment_row(self, method: str | None, country: str | None, card: str | None) -> int:
        """The row of a payment that has been masked."""
        numbers = self.number(method), self.number(country), self.entity_number(card)
        self.payment_table.extend((*numbers, payment_digest(method, country), digest(card)))
        return len(self.payment_table) // PAYMENT - 1

    def hour_row(self, moment: float, minute: float, weekday: float) -> int:
        """The row of an hour, of a moment, or of a day whose minute is `NO_MINUTE`."""
        self.hour_table.extend((moment, minute, weekday))
        return len(self.hour_table) // HOUR - 1

    def new_hour(self, written: str, past: int) -> tuple[int, int]:
        """The row of a moment's hour and its microseconds past it, where `add` did not find that by itself.

        `past` is without parts of a second. A moment that is written unlike most has a row of its own.
        """
        digits, offset = "", written[19:]
        if offset[:1] == ".":
            digits, offset = (offset[1:-1], offset[-1:]) if offset[-1] in "Zz" else (offset[1:-6], offset[-6:])
        hour = self.hours.get(written[:14] + offset)
        if hour is None or not (digits.isdecimal() and digits.isascii() and len(digits) <= 6):
            moment = msgspec.convert(written, Timestamp)
            if not FIRST_YEAR <= moment.year <= LAST_YEAR:
                raise Odd
            begin = moment.replace(minute=0, second=0, microsecond=0)
            if len(offset) not in (1, 6) or len(digits) > 6 or int(begin.timestamp()) not in _MICROSECONDS_ARE_EXACT:
                return self.hour_row(moment.timestamp(), moment.hour * 60 + moment.minute, moment.weekday()), 0
            hour = self.hour_row(begin.timestamp(), begin.hour * 60, begin.weekday())
            self.hours[written[:14] + offset] = hour
        return hour, past + int(digits.ljust(6, "0"))

    def _new_day(self, written: str) -> int:
        """The row of a moment of which only the day is known."""
        moment = msgspec.convert(written, Timestamp)
        if not FIRST_YEAR <= moment.year <= LAST_YEAR:
            raise Odd
        return self.hour_row(moment.timestamp(), NO_MINUTE, moment.weekday())

    def lines(self, json: bytes) -> list[float]:
        """Of each line of an order the numbers of sku and category, quantity, unit price and discount.

        Raises `Odd` if something personal stands in one of the codes, or may.
        """
        items: Sequence[LineItem | UncheckedItem] = _decode_unchecked(json)
        # A blank sku is told by the schema alone, also where another one follows in its item and would count.
        if b'" ' in json or b"\\" in json or not json.isascii():
            items = _decode_items(json)
        number_of, lines = self._clean_codes.get, list[float]()
        for item in items:
            sku, category = number_of(item.sku), number_of(item.category)
            if sku is None:
                sku = self._clean(item.sku)
            if category is None:
                category = self._clean(item.category)
            lines += (sku, category, item.quantity, item.unit_price, item.discount or 0.0)
        return lines

    def masked_lines(self, items: Iterable[MaskedItem]) -> list[float]:
        """The same of lines that have been masked."""
        lines = list[float]()
        for item in items:
            codes = self.number(item.sku), self.number(item.category)
            lines += (*codes, item.quantity, item.unit_price, item.discount or 0.0)
        return lines

    def _new_customer(self, json: bytes) -> int:
        customer = _decode_customer(json)
        if customer is None or customer.id is None:
            raise Odd  # a guest: each has a pseudonym of their own
        self._keep_apart(names_of_customer(customer))
        self._keep_apart(numbers_of_customer(customer))
        token = self._keyring.token("customer", customer.id)
        return self.customer_row(token, email_token(customer, self._keyring), customer.registered_at)

    def _new_address(self, json: bytes) -> int:
        address = _decode_address(json)
        if address is None:
            return 0
        self._keep_apart(names_of_address(address))
        self._keep_apart(numbers_of_address(address))
        name = canonical.text(address.name) if address.name else None
        return self._address_row(address_token(address, self._keyring), name, address.country)

    def _new_payment(self, json: bytes) -> int:
        payment = _decode_payment(json)
        if payment is None:
            return 0
        self._keep_apart((payment.card_holder, payment.card_number, payment.iban, payment.fingerprint))
        self._clean_method(payment.method)
        return self.payment_row(payment.method, payment.card_country, card_token(payment, self._keyring))

    def _new_device(self, json: bytes) -> int:
        device = _decode_device(json)
        if device is None:
            return 0
        self._keep_apart(values_of_device(device))
        return self.device_row(device_token(device, self._keyring), network_token(device, self._keyring))

    def _new_cost(self, json: bytes) -> float:
        shipping = _decode_shipping(json)
        if shipping is None:
            return 0.0
        self._clean_method(shipping.method)
        return shipping.cost or 0.0

    def _clean(self, code: str | None) -> int:
        """The number of a catalogue code. Raises `Odd` if it holds anything personal, or may for somebody."""
        number = self._clean_codes.get(code)
        if number is None:
            code = code or ""
            compact = compact_code(code)
            places = {compact[start : start + ROOM] for start in range(len(compact) - ROOM + 1)}
            if places:
                self._begins_of_values.update(compact_code(value)[:ROOM] for value in self._values)
                self._values.clear()
            masked = mask_code(code, self._doubt)
            if decided(masked, kept) != code or code.isspace() or not self._begins_of_values.isdisjoint(places):
                raise Odd
            self._in_codes |= places
            self._begins_in_codes.update(place[:_BEGIN] for place in places)
            number = self._clean_codes[code] = self.number(masked)
        return number

    def _clean_method(self, method: str | None) -> None:
        """The same of a method of payment or shipping, which no catalogue tells anything about."""
        self._clean(method)
        if method and mask_code(method) != method:
            raise Odd

    def _keep_apart(self, values: Iterable[str | None]) -> None:
        """Raise `Odd` if one of a part's own values may stand in a code, now or later."""
        for value in values:
            # Only letters beyond ASCII can stand for several.
            if value and (len(value) >= ROOM or not value.isascii()):
                begin = value[:_BEGIN]
                plain = begin.isalnum() and begin.isascii()
                if not plain or begin.lower() in self._begins_in_codes:
                    if compact_code(value)[:ROOM] in self._in_codes:
                        raise Odd
                self._values.append(value)


def each_once(line: bytes) -> bool:
    """Whether no field stands twice in an order (the last would count, but the others have to be right too), and none
    says that it is a refund or the like.
    """
    fields = _decode_fields(line)
    if marks := fields.keys() & MARKS:
        if stated({name: msgspec.json.decode(fields[name]) for name in marks}):
            return False
    return line.count(b":") == sum(1 + bytes(value).count(b":") for value in fields.values())
