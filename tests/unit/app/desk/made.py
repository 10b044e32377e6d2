"""Alerts for tests, without a model."""

from typing import Any

from app.desk.alert import ORDER, Alert
from orderguard.masking import Keyring

HOUR = 3_600_000
NOW = 1_790_000_000_000


def alert(keyring: Keyring, number: int, **changed: Any) -> Alert:
    """The alert of the order `A-number` of customer `C-(number % 7)`."""
    told = {
        "id": keyring.token("order", f"A-{number}"),
        "customer_token": keyring.token("customer", f"C-{number % 7}"),
        "device_token": None,
        "sealed_order": keyring.seal(ORDER, f"A-{number}"),
        "made_at": NOW + number * HOUR,
        "placed_at": NOW,
        "score": 0.6 + (number * 37 % 40) / 100,
        "threshold": 0.6,
        "value": float(number * 13 % 50),
        "risk": float(number * 13 % 50),
        "currency": "EUR",
        "fact": ("price", "quantity", "pace")[number % 3],
        "reason": f"MUG-{number % 5} costs 100 % more, and_so on.",
        "decided_by": "model",
        "model_version": ("first", "second")[number % 2],
        "channel": "web",
        "country": "DE",
        "document": "{}",
    }
    return Alert(**{**told, **changed})
