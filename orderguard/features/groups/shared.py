"""What orders of several customers share, and the cards and addresses that one customer uses."""

from typing import Any

from orderguard.features.feature import Feature, Formula

FLOOR = 0.15


def _beyond(name: str, few: float) -> Formula:
    """How many times more than a few others there are: those of a household count for nothing."""
    return lambda f, xp: xp.maximum(getattr(f, name) / few, 1.0)


def _known(f: Any, xp: Any) -> Any:
    """Whether the customer has orders from more than a week ago: what is shared in haste is shared by strangers."""
    return f.earlier > f.orders_7d


def _network(f: Any, xp: Any) -> Any:
    return xp.where(_known(f, xp), 1.0, xp.maximum(f.network_company / 8.0, 1.0))


def _address(f: Any, xp: Any) -> Any:
    return xp.maximum(f.address_company / xp.where(_known(f, xp), 8.0, 4.0), 1.0)


def _own_addresses(f: Any, xp: Any) -> Any:
    return xp.where(f.earlier > f.orders_7d * 3.0, 1.0, xp.maximum(f.own_addresses / 4.0, 1.0))


def _feature(name: str, label: str, meaning: str, formula: Formula) -> Feature:
    return Feature(name, label, "shared", "ratio", "ln", "high", FLOOR, meaning, formula, seldom=True)


SHARED = (
    _feature(
        "device_others",
        "others on one device",
        "Others (customers or cards) on this device lately, beside its usual pace; 1 up to a household's.",
        _beyond("device_company", 4.0),
    ),
    _feature(
        "network_others",
        "others in one network",
        "The same of the network (/24, /48), of a customer who is new this week; 1 up to an office's.",
        _network,
    ),
    _feature(
        "email_others", "others with one e-mail address", "The same of the mail address.", _beyond("email_company", 4.0)
    ),
    _feature(
        "address_others",
        "others at one address",
        "The same of the address that the order goes to; of a customer who is not new, half.",
        _address,
    ),
    _feature(
        "payment_others",
        "others with one card",
        "Other customers who paid with this card or account lately.",
        _beyond("payment_company", 3.0),
    ),
    _feature(
        "own_cards",
        "many cards of one customer",
        "Other cards that this customer paid with lately.",
        _beyond("own_cards", 2.0),
    ),
    _feature(
        "own_addresses",
        "many addresses of one customer",
        "Other addresses that this customer's orders went to lately; 1 of one who always has many orders.",
        _own_addresses,
    ),
)
