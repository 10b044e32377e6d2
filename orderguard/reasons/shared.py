"""What is told of entities that other customers share, and of the cards and addresses that one customer uses."""

from collections.abc import Sequence

from orderguard.features.company import SHARES, Windows, others, recent, starts
from orderguard.history import ENTITIES, REMEMBERED_OF_ENTITY, EntityHistory, address_digest, digest
from orderguard.reasons.fact import Fact, Teller
from orderguard.reasons.known import Known
from orderguard.reasons.words import DAY, WEEK, pace, span

_WITHIN = ("the last hour", "24 hours", "7 days")
_NAMES = {
    "device": "this device",
    "network": "this network",
    "email": "this e-mail address",
    "address": "this address",
    "payment": "this card or account",
}
_DID = {
    "device": "ordered from this device",
    "network": "ordered from this network",
    "email": "ordered with this e-mail address",
    "address": "had orders sent to this address",
    "payment": "paid with this card or account",
}


def _shared(name: str) -> Teller:
    """Tell who else ordered with an entity, in the window that says most, and how the entity was used before."""

    def tell(known: Known) -> Fact:
        kind, history = f"shared {name}", known.past.entities[ENTITIES.index(name)]
        if history is None:
            return Fact(kind, f"No earlier order with {_NAMES[name]} is known")
        found = recent(history, known.at, digest(known.order.customer_token), digest(known.order.card_token))
        customers, cards = found.customers, found.cards
        place = _telling([max(pair) for pair in zip(customers, cards, strict=True)])
        if not max(customers[place], cards[place]):
            return Fact(kind, f"No other customer lately {_DID[name]}")
        if customers[place] >= cards[place]:
            said = f"{_others(customers[place], 'customer', found.orders[place])} {_DID[name]}"
        else:
            count = _others(cards[place], "card", found.orders[place])
            said = f"{count} {'was' if cards[place] == 1 else 'were'} used for orders with {_NAMES[name]}"
        return Fact(kind, f"{said} within {_WITHIN[place]}; {_before(history, known.at, found.orders)}")

    return tell


def _others(count: int, what: str, orders: int) -> str:
    least = "At least " if orders >= REMEMBERED_OF_ENTITY else ""
    return f"{least}{count} other {what}{'' if count == 1 else 's'}"


def _telling(counts: Sequence[int]) -> int:
    """The window whose count says most."""
    return max(range(len(counts)), key=lambda place: (counts[place] * SHARES[place], -place))


def _before(history: EntityHistory, now: float, orders: Windows) -> str:
    """How often the entity was used until a week ago, else when it was first seen."""
    hours = (now - history.first_at) / 3600.0
    usual = history.count - orders.week
    if usual > 0 and hours > WEEK:
        return f"{pace(usual, max(hours - WEEK, DAY))} before that"
    return f"first seen {span(max(hours, 0.0))} ago"


def own_cards(known: Known) -> Fact:
    """How many other cards the customer paid with."""
    return _own(
        known, "cards", "paid with", "card", known.history.cards if known.history else (), known.order.card_token
    )


def own_addresses(known: Known) -> Fact:
    """How many other addresses the customer had goods sent to."""
    addresses = known.history.addresses if known.history else ()
    return _own(known, "addresses", "had goods sent to", "address", addresses, None)


def _own(known: Known, kind: str, did: str, what: str, digests: Sequence[int], token: str | None) -> Fact:
    if known.history is None:
        return Fact("customer", "No earlier order of this customer is known")
    own = digest(token) if what == "card" else address_digest(known.order)
    counts = [others(digests, start, own) for start in starts(known.history.at, known.at)]
    place = _telling(counts)
    many = f"{counts[place]} other {what}{'' if counts[place] == 1 else 'es' if what[-1] == 's' else 's'}"
    return Fact(f"own {kind}", f"This customer {did} {many} within {_WITHIN[place]}")


TELLERS: dict[str, Teller] = {
    **{f"{name}_others": _shared(name) for name in ENTITIES},
    "own_cards": own_cards,
    "own_addresses": own_addresses,
}
"""By the feature's name."""
