"""What a feature is called where a person reads it: the page, the drift table, the reasons of a former version."""

from orderguard.features.table import FEATURES

_FIELDS = {
    "score": "the score",
    "channel": "channel told",
    "coupon": "coupon used",
    "discount": "discount on the order",
    "customer.registered_at": "account's date told",
    "shipping.cost": "cost of shipping told",
    "payment.method": "way to pay told",
    "payment.card_country": "card's country told",
    "billing_address": "billing address told",
    "shipping_address": "shipping address told",
    "device": "device told",
    "device.ip": "device's network told",
    "customer.email": "e-mail address told",
    "payment.fingerprint": "card told",
    "items[].category": "category told",
    "created_at in UTC": "time without the local hour",
    "local hour": "local hour of the day",
}
"""What drift looks at beside the features."""

_LABELS = {feature.name: feature.label for feature in FEATURES} | _FIELDS


def label(name: str) -> str:
    """The words for a feature, the score or a field that drift looks at; else the name without its underscores."""
    return _LABELS.get(name) or name.replace("_", " ")
