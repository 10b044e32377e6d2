"""Shopify's orders: the Admin API's order, REST (also as its webhooks send it) and GraphQL, version 2026-01.

https://shopify.dev/docs/api/admin-rest/2026-01/resources/order
https://shopify.dev/docs/api/admin-graphql/2026-01/objects/Order

https://shopify.dev/docs/api/usage/bulk-operations/queries

A bulk operation's answer has an object a line, the lines of an order as objects of their own that name it in
`__parentId`: `assembled` puts them together. The CSV export of the admin is a mapping: `mappings/shopify-csv.toml`.
Amounts are in the shop's currency (`currency`, `shop_money`), never in the one that the customer saw. An order with a
part of it refunded is still an order; one that is refunded as a whole is a refund. `order_id` is the number in `id`,
the same in REST, GraphQL and the export.
"""

from collections.abc import Iterable, Iterator

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
    several,
    told,
    total,
)

NAME = "shopify"
_ORDER, _LINE = "gid://shopify/Order/", "gid://shopify/LineItem/"

PARENT = "__parentId"
"""What an object of a bulk operation belongs to."""
_CHANNELS = {"web": "web", "pos": "store", "iphone": "app", "android": "app", "shopify_draft_order": "phone"}
_GIFT_MESSAGES = {"gift message", "gift note", "gift_message", "gift-message", "gift_note", "giftmessage"}


def orders(document: object) -> Iterator[Loose]:
    """The orders of an order, a list, an answer (`orders`, `order`, `data.orders`, `data.order`), or a refund."""
    for order in several(at(document, "data") or document, "orders", "order"):
        yield _order(order)


def is_bulk(document: object) -> bool:
    """Whether it is an object of a bulk operation: an order without lines, or what belongs to something else."""
    return at(document, PARENT) is not None or (
        str(at(document, "id")).startswith(_ORDER) and at(document, "lineItems") is None
    )


def owner(document: object) -> str:
    """What an object of a bulk operation belongs to, or is."""
    return str(at(document, PARENT) or at(document, "id"))


def assembled(documents: Iterable[object]) -> Iterator[object]:
    """The orders of a bulk operation with their lines, in the order in which they were first met; other documents as
    they are. Of what else a query may have asked for (fulfilments, what belongs to a line), nothing is kept.
    """
    found: dict[object, object] = {}
    lines: dict[object, list[object]] = {}
    for place, document in enumerate(documents):
        if not is_bulk(document):
            found[place] = document
        elif at(document, PARENT) is None:
            found[owner(document)] = document
        elif owner(document).startswith(_ORDER):
            found.setdefault(owner(document), {})
            kind = at(document, "id")
            if str(kind).startswith(_LINE) or (kind is None and at(document, "quantity") is not None):
                lines.setdefault(owner(document), []).append(document)
    for name, order in found.items():
        yield {**order, "lineItems": {"nodes": lines[name]}} if name in lines and isinstance(order, dict) else order


def _order(order: object) -> Loose:
    if at(order, "refund_line_items") is not None or at(order, "refundLineItems") is not None:
        return told(order_id=_id(at(order, "order_id") or at(order, "order", "id")), **{KIND: "refund"})
    lines = [_line(line) for line in entries(first(order, "line_items", "lineItems"))]
    method = next(iter(entries(first(order, "shipping_lines", "shippingLines"))), at(order, "shippingLine"))
    return told(
        order_id=_id(first(order, "legacyResourceId", "id")) or at(order, "name"),
        created_at=first(order, "created_at", "createdAt", "processed_at", "processedAt"),
        customer=_customer(order),
        currency=first(order, "currency", "currencyCode"),
        items=lines,
        discount=beyond(_total_discounts(order), total([line.get("discount") for line in lines])),
        coupon=_coupon(order),
        shipping=told(method=first(method, "title", "code"), cost=amount(_shipping_cost(order))),
        payment=_payment(order),
        channel=_channel(order),
        billing_address=_address(first(order, "billing_address", "billingAddress")),
        shipping_address=_address(first(order, "shipping_address", "shippingAddress")),
        device=told(
            ip=first(order, "browser_ip", "clientIp") or at(order, "client_details", "browser_ip"),
            user_agent=at(order, "client_details", "user_agent"),
            id=_id(at(order, "device_id")),
        ),
        note=at(order, "note"),
        gift_message=_gift_message(order),
        **{KIND: _kind(order)},
    )


def _kind(order: object) -> str | None:
    status = (identifier(first(order, "financial_status", "displayFinancialStatus")) or "").lower()
    if at(order, "test") is True:
        return "test order"
    if first(order, "cancelled_at", "cancelledAt") or status in ("voided", "expired"):
        return "cancellation"
    if status == "refunded" or _all_refunded(order):
        return "refund"
    return None


def _all_refunded(order: object) -> bool:
    """Whether what was paid back is as much as was paid, for documents that don't say so in the status."""
    paid = number(first(order, "total_price")) or number(_money(at(order, "totalPriceSet")))
    back = number(_money(at(order, "totalRefundedSet"))) or total(
        [
            at(transaction, "amount")
            for refund in entries(at(order, "refunds"))
            for transaction in entries(at(refund, "transactions"))
            if at(transaction, "kind") == "refund" and at(transaction, "status") in (None, "success")
        ]
    )
    return bool(paid and back and back >= paid)


def _line(line: object) -> Loose:
    price = first(line, "price") or _money(first(line, "price_set", "originalUnitPriceSet"))
    allocated = total(
        [
            first(share, "amount") or _money(first(share, "amount_set", "allocatedAmountSet"))
            for share in entries(first(line, "discount_allocations", "discountAllocations"))
        ]
    )
    whole = first(line, "total_discount") or _money(first(line, "total_discount_set", "totalDiscountSet"))
    return told(
        sku=first(line, "sku") or _without_sku(line),
        quantity=at(line, "quantity"),
        unit_price=amount(price if price is not None else at(line, "price")),
        category=at(line, "product", "productType"),
        name=first(line, "name", "title"),
        discount=allocated or amount(whole),
    )


def _without_sku(line: object) -> str | None:
    """A name of the article where the shop gave it none: lines without an article are a till's custom sales."""
    variant = identifier(_id(at(line, "variant_id") or at(line, "variant", "id")))
    product = identifier(_id(at(line, "product_id") or at(line, "product", "id")))
    if variant or product:
        return f"variant-{variant}" if variant else f"product-{product}"
    return "custom" if isinstance(line, dict) else None


def _customer(order: object) -> Loose:
    """Who ordered; without an `id` it is a guest, or somebody at the till."""
    customer = at(order, "customer")
    return told(
        id=_id(first(customer, "legacyResourceId", "id")),
        name=joined(first(customer, "first_name", "firstName"), first(customer, "last_name", "lastName"))
        or first(customer, "displayName"),
        email=first(customer, "email")
        or at(customer, "defaultEmailAddress", "emailAddress")
        or first(order, "email", "contact_email"),
        phone=first(customer, "phone") or at(customer, "defaultPhoneNumber", "phoneNumber") or at(order, "phone"),
        registered_at=first(customer, "created_at", "createdAt"),
    )


def _total_discounts(order: object) -> object:
    return first(order, "total_discounts") or _money(at(order, "totalDiscountsSet"))


def _shipping_cost(order: object) -> object:
    lines = entries(first(order, "shipping_lines", "shippingLines"))
    return (
        _money(first(order, "total_shipping_price_set", "totalShippingPriceSet"))
        or total([first(line, "discounted_price", "price") for line in lines])
        or _money(at(order, "shippingLine", "originalPriceSet"))
    )


def _coupon(order: object) -> str | None:
    codes = entries(first(order, "discount_codes", "discountCodes"))
    return joined(*(code if isinstance(code, str) else at(code, "code") for code in codes), by=",")


def _payment(order: object) -> Loose:
    names = entries(first(order, "payment_gateway_names", "paymentGatewayNames"))
    return told(method=joined(*names, by=",") or at(order, "gateway"))


def _channel(order: object) -> str | None:
    name = first(order, "source_name", "sourceName") or at(order, "channelInformation", "channelDefinition", "handle")
    return _CHANNELS.get(name) if isinstance(name, str) else None


def _address(address: object) -> Loose:
    return told(
        name=first(address, "name")
        or joined(first(address, "first_name", "firstName"), first(address, "last_name", "lastName")),
        company=at(address, "company"),
        street=joined(at(address, "address1"), at(address, "address2"), by=", "),
        postcode=at(address, "zip"),
        city=at(address, "city"),
        region=first(address, "province", "province_code", "provinceCode"),
        country=first(address, "country_code", "countryCodeV2", "countryCode", "country"),
        phone=at(address, "phone"),
    )


def _gift_message(order: object) -> object:
    """Of the notes that a theme or an app adds, the one for the parcel. The others are nobody's to classify."""
    for note in entries(first(order, "note_attributes", "customAttributes")):
        name = first(note, "name", "key")
        if isinstance(name, str) and name.strip().lower() in _GIFT_MESSAGES:
            return at(note, "value")
    return None


def _money(bag: object) -> object:
    """The amount of a pair of amounts, in the shop's currency."""
    return at(first(bag, "shop_money", "shopMoney"), "amount")


def _id(value: object) -> object:
    """The number of `gid://shopify/Order/1`, or an id of REST, which is one."""
    return value.rpartition("/")[2] if isinstance(value, str) and value.startswith("gid://") else key(value)
