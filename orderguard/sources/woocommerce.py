"""WooCommerce's orders: the order of the REST API v3 (`wc/v3`), also as its webhooks send it.

https://woocommerce.github.io/woocommerce-rest-api-docs/#order-properties

The CSV of the extension "Customer / Order / Coupon Export" is a mapping: `mappings/woocommerce-csv.toml`. Prices are
without tax: `subtotal` is of the line before discounts, `total` after them.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from orderguard.sources.documents import (
    KIND,
    Loose,
    amount,
    at,
    beyond,
    entries,
    first,
    identifier,
    joined,
    key,
    number,
    per_piece,
    several,
    told,
    total,
)

NAME = "woocommerce"

_CHANNELS = {
    "checkout": "web",
    "store-api": "web",
    "admin": "phone",
    "pos": "store",
    "pos-rest-api": "store",
    "woocommerce-pos": "store",
}
_KINDS = {"cancelled": "cancellation", "failed": "cancellation", "trash": "cancellation", "refunded": "refund"}
_DRAFTS = ("checkout-draft", "auto-draft")


def orders(document: object) -> Iterator[Loose]:
    """The orders of an order, a list of orders, or a refund of an order."""
    for order in several(document, "orders", "order"):
        yield _order(order)


def _order(order: object) -> Loose:
    lines = [_line(line) for line in entries(at(order, "line_items"))]
    fees = [fee for line in entries(at(order, "fee_lines")) if (fee := number(at(line, "total"))) is not None]
    off = total([number(at(order, "discount_total")) or 0.0, *(-fee for fee in fees if fee < 0)])
    shipping = next(iter(entries(at(order, "shipping_lines"))), None)
    billing = at(order, "billing")
    return told(
        order_id=key(first(order, "id", "number")),
        created_at=_moment(order),
        customer=told(
            id=key(at(order, "customer_id") or None),
            name=joined(at(billing, "first_name"), at(billing, "last_name")),
            email=at(billing, "email"),
            phone=at(billing, "phone"),
        ),
        currency=at(order, "currency"),
        items=lines,
        discount=beyond(off, total([line.get("discount") for line in lines])),
        coupon=joined(*(at(line, "code") for line in entries(at(order, "coupon_lines"))), by=","),
        shipping=told(method=first(shipping, "method_title", "method_id"), cost=amount(at(order, "shipping_total"))),
        payment=told(method=first(order, "payment_method", "payment_method_title")),
        channel=_channel(at(order, "created_via")),
        billing_address=_address(billing),
        shipping_address=_address(at(order, "shipping")),
        device=told(ip=at(order, "customer_ip_address"), user_agent=at(order, "customer_user_agent")),
        note=at(order, "customer_note"),
        **{KIND: _kind(order)},
    )


def _kind(order: object) -> str | None:
    """What is no order: a refund's own document has an `amount` and no `status`; a draft never was one."""
    if at(order, "type") == "shop_order_refund" or ("amount" in _names(order) and at(order, "status") is None):
        return "refund"
    status = (identifier(at(order, "status")) or "").removeprefix("wc-")
    return "cancellation" if status in _DRAFTS else _KINDS.get(status)


def _names(order: object) -> set[str]:
    return set(order) if isinstance(order, dict) else set()


def _moment(order: object) -> object:
    """When it was placed: the site's own time, with the offset that the time in GMT beside it tells."""
    local, utc = at(order, "date_created"), at(order, "date_created_gmt")
    if not isinstance(utc, str) or not utc:
        return local
    try:
        here = datetime.fromisoformat(local).replace(tzinfo=None)
        there = datetime.fromisoformat(utc).replace(tzinfo=None)
        offset = timezone(timedelta(minutes=round((here - there).total_seconds() / 60)))
        return here.replace(tzinfo=offset).isoformat()
    except (TypeError, ValueError, OverflowError):
        return utc if utc.endswith("Z") else f"{utc}Z"


def _line(line: object) -> Loose:
    article = identifier(at(line, "variation_id") or at(line, "product_id"))
    quantity = at(line, "quantity")
    price = per_piece(at(line, "subtotal"), quantity)
    return told(
        sku=first(line, "sku") or (f"product-{article}" if article else None),
        quantity=quantity,
        unit_price=amount(at(line, "price")) if price is None else price,
        name=first(line, "name", "parent_name"),
        discount=beyond(at(line, "subtotal"), at(line, "total")),
    )


def _channel(created_via: object) -> str | None:
    return _CHANNELS.get(created_via) if isinstance(created_via, str) else None


def _address(address: object) -> Loose:
    return told(
        name=joined(at(address, "first_name"), at(address, "last_name")),
        company=at(address, "company"),
        street=joined(at(address, "address_1"), at(address, "address_2"), by=", "),
        postcode=at(address, "postcode"),
        city=at(address, "city"),
        region=at(address, "state"),
        country=at(address, "country"),
        phone=at(address, "phone"),
    )
