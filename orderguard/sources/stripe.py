"""Stripe's payments as orders: charges, payment intents and Checkout sessions, alone, in a list or in an event.

https://docs.stripe.com/api/charges/object
https://docs.stripe.com/api/payment_intents/object
https://docs.stripe.com/api/checkout/sessions/object
https://docs.stripe.com/currencies#minor-units

API version 2025-12-15.clover; the places of older versions (`shipping_details`, `card`) are read, too. A charge has no
lines, nor has an intent, or a session that was fetched without `line_items`: they become one line of what was to be
paid. A session, its charge and its payment intent have one `order_id`, that of the intent; an intent that was fetched
with its `latest_charge` has that charge's card, address and refunds. Stripe tells no address of the network and no
device.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from orderguard.sources.documents import (
    KIND,
    Loose,
    at,
    beyond,
    entries,
    first,
    identifier,
    joined,
    number,
    per_piece,
    told,
    total,
)

NAME = "stripe"

_WITHOUT_DECIMALS = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
_WITH_THREE = frozenset("BHD JOD KWD OMR TND".split())
"""UGX and ISK have no decimals either, and are written with two for old times' sake."""
_UNDER_WAY = ("succeeded", "processing", "requires_capture")
"""What an intent is called for which somebody has paid, or is about to; the others may never be."""
_AT_THE_TILL = ("card_present", "interac_present")


def orders(document: object) -> Iterator[Loose]:
    """The orders of a charge, a payment intent, a Checkout session, a refund, a list of these, or an event about one.

    An event about anything else contains no order; what is no object of Stripe's is an empty one.
    """
    if at(document, "object") == "event":
        inside = at(document, "data", "object")
        if identifier(at(inside, "object")) in _READERS:
            yield _order(inside, live=at(document, "livemode"))
        return
    many = document if isinstance(document, list) else at(document, "data")
    for one in many if isinstance(many, list) else [document]:
        if one is not document and at(one, "object") == "event":
            yield from orders(one)
        else:
            yield _order(one)


def _order(document: object, live: object = None) -> Loose:
    read = _READERS.get(identifier(at(document, "object")) or "")
    order = read(document) if read else {}
    if order and False in (at(document, "livemode"), live):
        order[KIND] = "test order"
    return order


def _charge(charge: object) -> Loose:
    billing, parcel = at(charge, "billing_details"), at(charge, "shipping")
    details = at(charge, "payment_method_details")
    kind = at(details, "type")
    paid_with = at(details, kind) if isinstance(kind, str) else first(charge, "card", "source")
    money = _Money(charge)
    return told(
        order_id=_id(first(charge, "payment_intent", "id")),
        created_at=_moment(charge),
        customer=_customer(charge, billing, at(charge, "receipt_email")),
        currency=money.currency,
        items=[told(sku="charge", quantity=1, unit_price=money.read(at(charge, "amount")))],
        shipping=told(method=at(parcel, "carrier")),
        payment=told(
            method=at(paid_with, "wallet", "type") or kind or at(paid_with, "object"),
            fingerprint=at(paid_with, "fingerprint"),
            card_country=at(paid_with, "country"),
            card_holder=at(paid_with, "cardholder_name") or at(paid_with, "name"),
        ),
        channel="store" if kind in _AT_THE_TILL else None,
        billing_address=_address(billing),
        shipping_address=_address(parcel),
        **{KIND: _kind_of_charge(charge)},
    )


def _kind_of_charge(charge: object) -> str | None:
    if at(charge, "status") == "failed" or at(charge, "paid") is False:
        return "cancellation"
    whole, back = number(at(charge, "amount")), number(at(charge, "amount_refunded"))
    return "refund" if at(charge, "refunded") is True or (whole and back and back >= whole) else None


def _intent(intent: object) -> Loose:
    charge = at(intent, "latest_charge")
    order = _charge(charge) if isinstance(charge, dict) else {}
    method, parcel = at(intent, "payment_method"), at(intent, "shipping")
    kinds = entries(at(intent, "payment_method_types"))
    money = _Money(intent)
    kind = at(method, "type") or (kinds[0] if len(kinds) == 1 else None)
    card = at(method, "card")
    paid = order.get("payment") or told(
        method=at(card, "wallet", "type") or kind, fingerprint=at(card, "fingerprint"), card_country=at(card, "country")
    )
    billing = at(method, "billing_details")
    return order | told(
        order_id=at(intent, "id"),
        created_at=_moment(intent),
        customer=order.get("customer") or _customer(intent, billing, at(intent, "receipt_email")),
        currency=money.currency,
        items=[told(sku="charge", quantity=1, unit_price=money.read(at(intent, "amount")))],
        shipping=told(method=at(parcel, "carrier")),
        payment=paid,
        billing_address=order.get("billing_address") or _address(billing),
        shipping_address=_address(parcel),
        **{KIND: order.get(KIND) or (None if at(intent, "status") in _UNDER_WAY else "cancellation")},
    )


def _session(session: object) -> Loose:
    details = at(session, "customer_details")
    parcel = first(session, "shipping_details", "shipping") or at(session, "collected_information", "shipping_details")
    money = _Money(session)
    lines = [_line(line, money) for line in entries(at(session, "line_items", "data"))]
    off = money.read(at(session, "total_details", "amount_discount"))
    methods = entries(at(session, "payment_method_types"))
    return told(
        order_id=_id(first(session, "payment_intent", "id")),
        created_at=_moment(session),
        customer=_customer(session, details, at(session, "customer_email")),
        currency=money.currency,
        items=lines
        or [told(sku="checkout", quantity=1, unit_price=money.read(first(session, "amount_subtotal", "amount_total")))],
        discount=beyond(off, total([line.get("discount") for line in lines])),
        coupon=joined(*(_coupon(discount) for discount in entries(at(session, "discounts"))), by=","),
        shipping=told(
            method=_id(at(session, "shipping_cost", "shipping_rate")),
            cost=money.read(at(session, "shipping_cost", "amount_total")),
        ),
        payment=told(method=methods[0] if len(methods) == 1 else None),
        channel="web",
        billing_address=_address(details),
        shipping_address=_address(parcel),
        **{KIND: "cancellation" if at(session, "status") in ("expired", "open") else None},
    )


def _line(line: object, money: "_Money") -> Loose:
    """A line of a session; what an article of Stripe's is called inside is its product."""
    price = at(line, "price")
    each = per_piece(money.read(at(line, "amount_subtotal")), at(line, "quantity"))
    return told(
        sku=_id(first(price, "product")) or first(price, "lookup_key", "id") or "checkout",
        quantity=at(line, "quantity"),
        unit_price=money.read(at(price, "unit_amount")) if each is None else each,
        name=at(line, "description"),
        discount=money.read(at(line, "amount_discount")) or None,
    )


def _refund(refund: object) -> Loose:
    return told(order_id=_id(first(refund, "payment_intent", "charge", "id")), **{KIND: "refund"})


_READERS = {"charge": _charge, "payment_intent": _intent, "checkout.session": _session, "refund": _refund}


class _Money:
    """The currency of a document, and its amounts, which are in the currency's smallest unit."""

    def __init__(self, document: object) -> None:
        code = at(document, "currency")
        self.currency = code.upper() if isinstance(code, str) else None
        self._unit = 1 if self.currency in _WITHOUT_DECIMALS else 1_000 if self.currency in _WITH_THREE else 100

    def read(self, amount: object) -> object:
        """An amount in the currency; what is no number stays as it is."""
        read = number(amount)
        return amount if read is None else read / self._unit


def _customer(document: object, details: object, email: object) -> Loose:
    """Who paid; without an `id` it is a guest."""
    customer = at(document, "customer")
    return told(
        id=_id(customer),
        name=first(customer, "name") or at(details, "name"),
        email=first(details, "email") or email or at(customer, "email"),
        phone=first(details, "phone") or at(customer, "phone"),
        registered_at=_moment(customer) if isinstance(customer, dict) else None,
    )


def _moment(document: object) -> object:
    """Unix seconds as RFC 3339 in UTC; what is no such number stays as it is."""
    created = at(document, "created")
    seconds = number(created)
    try:
        return created if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return created


def _address(named: object) -> Loose:
    """The `address` of a person, with the person."""
    address = at(named, "address")
    if not isinstance(address, dict):
        return {}
    return told(
        name=at(named, "name"),
        street=joined(at(address, "line1"), at(address, "line2"), by=", "),
        postcode=at(address, "postal_code"),
        city=at(address, "city"),
        region=at(address, "state"),
        country=at(address, "country"),
        phone=at(named, "phone"),
    )


def _coupon(discount: object) -> object:
    return _id(first(discount, "promotion_code", "coupon"))


def _id(value: object) -> object:
    """The id of an object that may have been expanded."""
    return at(value, "id") if isinstance(value, dict) else value
