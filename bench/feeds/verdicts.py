"""What a feed's figures are compared with."""

import math

import msgspec

from bench.feeds.measures import Found

OURS = "ours"
SINGLE = "best single feature"
BELOW_CONTENDER, BELOW_SINGLE, ENOUGH = 0.01, 0.05, 0.95
HEALTHY = 1_000
"""Orders from which a feed is promoted hands-off."""


class KindTable(msgspec.Struct, frozen=True, kw_only=True):
    """Who finds one kind how well: `contenders` by name, ours among them; the best single feature was chosen in
    hindsight.
    """

    contenders: dict[str, Found]
    single: Found
    single_name: str


class Aged(msgspec.Struct, frozen=True, kw_only=True):
    """What ours finds, and how often it is alarmed, where the catalogue is never learnt again."""

    kinds: dict[str, Found]
    alerts: float


class FeedTable(msgspec.Struct, frozen=True, kw_only=True):
    """A feed's figures. `alerts` is the flagged share of the later orders as they are, as a multiple of the alert rate;
    `refused` says by what a promotion was refused, if it was; `left_out` are the kinds that the feed can't have.
    """

    orders: int
    later: int
    kinds: dict[str, KindTable]
    left_out: dict[str, str]
    alerts: float
    aged: Aged
    promoted: bool
    refused: list[str] = []
    seconds: float = 0.0

    def mean_average_precision(self) -> dict[str, float]:
        """By contender, over the kinds."""
        names = next(iter(self.kinds.values())).contenders
        return {
            name: math.fsum(kind.contenders[name].average_precision for kind in self.kinds.values()) / len(self.kinds)
            for name in names
        }


def missed_by(kind: KindTable) -> list[str]:
    """Which goals of one kind are missed, and by how much."""
    ours = kind.contenders[OURS].roc_auc
    rival, best = max(
        ((name, found.roc_auc) for name, found in kind.contenders.items() if name != OURS), key=lambda pair: pair[1]
    )
    missed = []
    if ours < best - BELOW_CONTENDER:
        missed.append(f"{best - ours:.3f} below {rival}")
    if ours < kind.single.roc_auc - BELOW_SINGLE:
        missed.append(f"{kind.single.roc_auc - ours:.3f} below {kind.single_name} alone")
    if ours < ENOUGH <= best:
        missed.append(f"below {ENOUGH}, which {rival} reaches")
    return missed


def missed(feed: FeedTable) -> list[str]:
    """Which goals a feed misses: of its kinds, of all together, of the alert rate, of the promotion."""
    found = [f"{name}: {words}" for name, kind in feed.kinds.items() for words in missed_by(kind)]
    means = feed.mean_average_precision()
    rival = max((name for name in means if name != OURS), key=means.__getitem__)
    if means[OURS] <= means[rival]:
        found.append(f"mean average precision {means[OURS]:.3f}, {rival}'s is {means[rival]:.3f}")
    if not 0.5 <= feed.alerts <= 2.0:
        found.append(f"{feed.alerts:.2f} times the alert rate on untouched later orders")
    if feed.orders >= HEALTHY and not feed.promoted:
        found.append("not promoted: " + "; ".join(feed.refused))
    return found
