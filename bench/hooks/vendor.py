"""A vendor of our own: makes up orders in the vendors' documented forms, signs them as the vendors do, and delivers."""

import base64
import hmac
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

SECRETS = {
    "shopify": "shpss_of-the-tests-0123456789abcdef",
    "woocommerce": "Q8}~ of, the tests &<1|",
    "stripe": "whsec_of-the-tests-0123456789abcdef",
}
OLDER_SECRETS = {vendor: f"older-{secret}" for vendor, secret in SECRETS.items()}
VENDORS = tuple(SECRETS)


@dataclass
class Delivery:
    """One request. `headers` has all but the signature's."""

    vendor: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"/v1/hooks/{self.vendor}"

    def signed(
        self, secret: str | None = None, *, at: float | None = None, also: tuple[str, ...] = ()
    ) -> dict[str, str]:
        """All headers, with the signature of a secret, the vendor's if none is named. Stripe signs `at` a time, and for
        several secrets at once.
        """
        key = secret or SECRETS[self.vendor]
        if self.vendor == "stripe":
            moment = str(int(time.time() if at is None else at))
            digests = [
                hmac.digest(one.encode(), f"{moment}.".encode() + self.body, "sha256").hex() for one in (key, *also)
            ]
            written = ",".join([f"t={moment}", *(f"v1={digest}" for digest in digests), "v0=" + "0" * 64])
            return {**self.headers, "Stripe-Signature": written}
        name = "X-Shopify-Hmac-Sha256" if self.vendor == "shopify" else "X-WC-Webhook-Signature"
        digest = hmac.digest(key.encode(), self.body, "sha256")
        return {**self.headers, name: base64.b64encode(digest).decode()}


def moment(*, days_ago: float = 0.0) -> datetime:
    """A time in whole seconds, in UTC."""
    return datetime.now(UTC).replace(microsecond=0) - timedelta(days=days_ago)


def shopify(number: int, *, topic: str = "orders/create", price: str = "37.99", **changes: Any) -> Delivery:
    """An order of Shopify's Admin REST API (2026-10), as `orders/create` brings it."""
    placed = moment().isoformat()
    address = {"first_name": "Erika", "last_name": "Mustermann", "country_code": "DE", "zip": "10115"}
    order = {
        "id": number,
        "admin_graphql_api_id": f"gid://shopify/Order/{number}",
        "name": f"#{number}",
        "created_at": placed,
        "updated_at": placed,
        "currency": "EUR",
        "email": "erika.mustermann@example.org",
        "test": False,
        "cancelled_at": None,
        "financial_status": "paid",
        "source_name": "web",
        "customer": {"id": 7_000_000 + number, "email": "erika.mustermann@example.org"},
        "line_items": [{"id": 1, "sku": "CLO-0015", "title": "Shirt", "quantity": 1, "price": price}],
        "billing_address": address,
        "shipping_address": address,
        **changes,
    }
    headers = {
        "Content-Type": "application/json",
        "X-Shopify-Topic": topic,
        "X-Shopify-Shop-Domain": "mugs.myshopify.com",
        "X-Shopify-Webhook-Id": f"webhook-{number}-{topic}",
        "X-Shopify-Event-Id": f"event-{number}-{topic}",
        "X-Shopify-Triggered-At": placed,
    }
    return Delivery("shopify", json.dumps(order).encode(), headers)


def woocommerce(number: int, *, topic: str = "order.created", price: str = "37.99", **changes: Any) -> Delivery:
    """An order of WooCommerce's REST API v3. Its delivery id is the same for all orders of a second."""
    placed = moment().replace(tzinfo=None).isoformat()
    address = {"first_name": "Erika", "last_name": "Mustermann", "country": "DE", "postcode": "10115"}
    order = {
        "id": number,
        "status": "processing",
        "currency": "EUR",
        "date_created": placed,
        "date_created_gmt": placed,
        "date_modified_gmt": placed,
        "customer_id": number,
        "billing": {**address, "email": "erika.mustermann@example.org"},
        "shipping": address,
        "payment_method": "stripe",
        "line_items": [{"id": 1, "sku": "CLO-0015", "name": "Shirt", "quantity": 1, "price": price, "subtotal": price}],
        **changes,
    }
    headers = {
        "Content-Type": "application/json",
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-ID": "12",
        "X-WC-Webhook-Delivery-ID": "b6f2a8d0c3e1",
    }
    return Delivery("woocommerce", json.dumps(order).encode(), headers)


def stripe(number: int, *, topic: str = "charge.succeeded", price: str = "37.99", **changes: Any) -> Delivery:
    """A charge in an event of Stripe's, as API version 2025-12-15.clover has it."""
    placed = int(time.time())
    charge = {
        "id": f"ch_{number}",
        "object": "charge",
        "amount": round(float(price) * 100),
        "amount_refunded": 0,
        "refunded": False,
        "paid": True,
        "status": "succeeded",
        "created": placed,
        "currency": "eur",
        "customer": f"cus_{number}",
        "livemode": True,
        "billing_details": {"name": "Erika Mustermann", "email": "erika.mustermann@example.org"},
        "payment_method_details": {"type": "card", "card": {"country": "DE", "fingerprint": "fp1"}},
        **changes,
    }
    event = {
        "id": f"evt_{number}_{topic}",
        "object": "event",
        "type": topic,
        "created": placed,
        "livemode": charge["livemode"],
        "data": {"object": charge},
    }
    return Delivery("stripe", json.dumps(event).encode(), {"Content-Type": "application/json; charset=utf-8"})


MAKERS = {"shopify": shopify, "woocommerce": woocommerce, "stripe": stripe}
