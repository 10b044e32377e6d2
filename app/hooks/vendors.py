"""What the vendors' deliveries look like.

Shopify: https://shopify.dev/docs/apps/build/webhooks/delivery-structure, topics of
https://shopify.dev/docs/api/webhooks/latest (2026-10). WooCommerce: `deliver` and `deliver_ping` of `WC_Webhook` in its
source (10.x). Stripe: https://docs.stripe.com/api/events/object.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.hooks.signatures import Headers, Secrets, check_base64, check_stripe

JSON, FORM = b"application/json", b"application/x-www-form-urlencoded"
PREFIX = "/v1/hooks/"
LONGEST_ID = 256

SHOPIFY_TOPICS = frozenset(
    f"orders/{event}" for event in ("create", "paid", "updated", "cancelled", "fulfilled", "partially_fulfilled")
)
WOOCOMMERCE_TOPICS = frozenset(f"order.{event}" for event in ("created", "updated", "restored"))
STRIPE_TYPES = frozenset(
    {"charge.succeeded", "charge.refunded", "checkout.session.completed", "checkout.session.async_payment_succeeded"}
)

_PING = re.compile(rb"webhook_id=[0-9]{1,20}")
_OWN_ID = re.compile(r"[0-9]{1,20}|(?:ch|cs|py)_[A-Za-z0-9_]{1,250}")
"""Ids that vendors make up themselves, a number that they count or random letters: nobody's data stands in them."""

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Vendor:
    """How a vendor delivers. Names of headers are in lower case.

    `check` raises `SignatureError`. `ids` is what a delivery is called; `is_order` whether it is about an order;
    `order` the part of a document that is it; `changed` when that was changed last, which the signature covers.
    `is_ping` is of what comes unsigned when a webhook is set up.
    """

    name: str
    media_types: tuple[bytes, ...]
    check: Callable[[Headers, bytes, Secrets, float], None]
    ids: Callable[[Headers, Document], list[str]]
    is_order: Callable[[Headers, Document], bool]
    order: Callable[[Document], Document]
    changed: Callable[[Document], object]
    is_ping: Callable[[Headers, bytes], bool] = lambda headers, body: False

    @property
    def path(self) -> str:
        """The route."""
        return PREFIX + self.name

    def order_id(self, document: Document) -> str:
        """The vendor's own id of the order; empty where it is of another form."""
        found = self.order(document).get("id")
        written = str(found) if isinstance(found, int | str) and not isinstance(found, bool) else ""
        return written if _OWN_ID.fullmatch(written) else ""

    def changed_at(self, document: Document) -> datetime | None:
        """When the order was changed last; None where that is not told. A time without a zone is in UTC."""
        written = self.changed(document)
        try:
            found = datetime.fromisoformat(written[:40]) if isinstance(written, str) else None
        except ValueError:
            return None
        return found.replace(tzinfo=UTC) if found and found.tzinfo is None else found


def _text(headers: Headers, name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")


def _shopify_ids(headers: Headers, document: Document) -> list[str]:
    # Two subscriptions to one topic bring one event twice, each with a webhook id of its own.
    delivery, event = _text(headers, b"x-shopify-webhook-id"), _text(headers, b"x-shopify-event-id")
    topic = _text(headers, b"x-shopify-topic")
    return [f"webhook {delivery}"] * bool(delivery) + [f"event {topic} {event}"] * bool(event)


def _woocommerce_ids(headers: Headers, document: Document) -> list[str]:
    # A delivery's id is a hash of the webhook's number and the second, so two orders may have one.
    delivery = _text(headers, b"x-wc-webhook-delivery-id")
    return [f"{delivery} {document.get('id')} {document.get('date_modified_gmt')}"] if delivery else []


def _is_ping(headers: Headers, body: bytes) -> bool:
    """It says nothing but the number of the webhook."""
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return media_type == FORM and _PING.fullmatch(body) is not None


def _stripe_object(document: Document) -> Document:
    data = document.get("data")
    found = data.get("object") if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


SHOPIFY = Vendor(
    name="shopify",
    media_types=(JSON,),
    check=lambda headers, body, secrets, now: check_base64(headers.get(b"x-shopify-hmac-sha256"), body, secrets),
    ids=_shopify_ids,
    is_order=lambda headers, document: _text(headers, b"x-shopify-topic") in SHOPIFY_TOPICS,
    order=lambda document: document,
    changed=lambda document: document.get("updated_at"),
)
WOOCOMMERCE = Vendor(
    name="woocommerce",
    media_types=(JSON, FORM),
    check=lambda headers, body, secrets, now: check_base64(headers.get(b"x-wc-webhook-signature"), body, secrets),
    ids=_woocommerce_ids,
    is_order=lambda headers, document: _text(headers, b"x-wc-webhook-topic") in WOOCOMMERCE_TOPICS,
    order=lambda document: document,
    changed=lambda document: document.get("date_modified_gmt"),
    is_ping=_is_ping,
)
STRIPE = Vendor(
    name="stripe",
    media_types=(JSON,),
    check=lambda headers, body, secrets, now: check_stripe(headers.get(b"stripe-signature"), body, secrets, now),
    ids=lambda headers, document: [str(document["id"])] if document.get("id") else [],
    is_order=lambda headers, document: bool(_stripe_object(document)) and str(document.get("type")) in STRIPE_TYPES,
    order=_stripe_object,
    changed=lambda document: None,
)
VENDORS = (SHOPIFY, WOOCOMMERCE, STRIPE)
