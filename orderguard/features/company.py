"""Who else is behind what an order names: its device, network, mail address, address and card.

Of an entity's last orders, in an hour, a day and a week, other customers and other cards are counted; the larger of
both says how many others there are. What is always shared says nothing: a till, an office's network, a parcel shop. So
they are compared with the entity's own usual pace, from its first order until a week ago. What was first seen less than
a week ago has none, and what an order does not name, or nobody else did, nobody shares.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

from orderguard.history import EntityHistory

HOUR, DAY, WEEK = 3600.0, 86400.0, 604800.0
SHARES = (1.0, 0.5, 0.25)
"""What one other is worth that came in an hour, in a day, in a week."""

COMPANY = ("others_1h", "others_24h", "others_7d", "usual_orders", "usual_seconds")
"""What `company` is a formula of: others in each window; an entity's orders until a week ago, and how long that was."""


def company(f: Any, xp: Any) -> Any:
    """How many others there are, in those of an hour: a day's count half, a week's a quarter, each beside what is usual
    for the entity. How much is usual needs a week's weight to be believed.
    """
    known = f.usual_seconds + WEEK
    pace = f.usual_orders * f.usual_seconds / (known * known)
    return _most(
        f.others_1h / (pace * HOUR + 1.0), f.others_24h / (pace * DAY + 1.0), f.others_7d / (pace * WEEK + 1.0), xp
    )


def _most(hour: Any, day: Any, week: Any, xp: Any) -> Any:
    return xp.maximum(hour * SHARES[0], xp.maximum(day * SHARES[1], week * SHARES[2]))


class Windows(NamedTuple):
    """A count in each of the windows before an order."""

    hour: int
    day: int
    week: int


class Recent(NamedTuple):
    """What came before an order: orders, other customers and other cards."""

    orders: Windows
    customers: Windows
    cards: Windows


def starts(at: Sequence[float], now: float) -> tuple[int, int, int]:
    """Where the hour, the day and the week before now begin in moments, oldest first."""
    week = bisect_left(at, now - WEEK)
    day = bisect_left(at, now - DAY, week)
    return bisect_left(at, now - HOUR, day), day, week


def others(digests: Sequence[int], start: int, own: int) -> int:
    """Return how many distinct digests there are from `start` on, without `own` and missing ones (0)."""
    found = set(digests[start:])
    found.discard(own)
    found.discard(0)
    return len(found)


def recent(history: EntityHistory, now: float, customer: int, card: int) -> Recent:
    """What came before an order of this customer, paid with this card (digests; 0: not told)."""
    count, (hour, day, week) = len(history.at), starts(history.at, now)
    return Recent(
        Windows(count - hour, count - day, count - week),
        Windows(*(others(history.customers, start, customer) for start in (hour, day, week))),
        Windows(*(others(history.cards, start, card) for start in (hour, day, week))),
    )
