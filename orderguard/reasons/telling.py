"""Which facts are told, each once, by the feature that says most."""

import math
from collections.abc import Sequence

import msgspec

from orderguard.catalogue import Catalogue
from orderguard.features import FEATURES, Feature
from orderguard.history import Past
from orderguard.reasons import basket, codes, customer, shared
from orderguard.reasons.fact import Fact, Teller
from orderguard.reasons.known import Known
from orderguard.reasons.words import number, percent
from orderguard.reference_orders import ReferenceOrders
from orderguard.schema import MaskedOrder

TELLERS: dict[str, Teller] = {**basket.TELLERS, **customer.TELLERS, **shared.TELLERS, **codes.TELLERS}
"""How a feature is told, by its name. One without a sentence of its own is told by its label and value."""

MOST = 5
LEAST_SHARE = 0.03
"""What adds less than this share of the score is not told."""
TOGETHER = "unusual only together with the rest"


class ReasonInWords(msgspec.Struct, frozen=True):
    """Why an order scored as it did: a sentence, with what is usual beside the value. `fact` is what it is about;
    `features` are those that say it, the one that says most first; `contribution` is what they add to the score.
    `by_itself` is whether that is odd by itself, or only together with the rest.
    """

    text: str
    fact: str
    features: list[str]
    contribution: float
    by_itself: bool


def in_words(
    order: MaskedOrder,
    past: Past,
    catalogue: Catalogue,
    usual: ReferenceOrders | None,
    vector: Sequence[float],
    contributions: Sequence[float],
    *,
    most: int = MOST,
) -> list[ReasonInWords]:
    """The reasons of a masked order, those that add most to the score first.

    `past` is what was known before it; `vector` (d,) and `contributions` (d,) are its features and
    what each adds to the score. Says nothing that masking took away, and gives at least one reason where anything adds
    to the score.
    """
    known = Known(order, past, catalogue, usual, vector)
    least = min(LEAST_SHARE * sum(part for part in contributions if part > 0.0), max(contributions))
    told = [
        (
            feature,
            part,
            _speaks(feature, known),
            TELLERS[feature.name](known) if feature.name in TELLERS else _plain(feature, known),
        )
        for feature, part in zip(FEATURES, contributions, strict=True)
        if part > 0.0 and part >= least
    ]
    # What is odd by itself tells a fact before what adds more but is odd in company alone.
    told.sort(key=lambda one: (not one[2], -one[1]))
    by_fact: dict[str, list[tuple[Feature, float, bool, Fact]]] = {}
    for one in told:
        by_fact.setdefault(one[3].kind, []).append(one)
    reasons = [_reason(those) for those in by_fact.values()]
    return sorted(reasons, key=lambda reason: -reason.contribution)[:most]


def _reason(those: list[tuple[Feature, float, bool, Fact]]) -> ReasonInWords:
    _, _, by_itself, fact = those[0]
    return ReasonInWords(
        f"{fact.text}." if by_itself else f"{fact.text}: {TOGETHER}.",
        fact.kind.split(" ")[0] if fact.kind[-1].isdigit() else fact.kind,
        [feature.name for feature, _, _, _ in those],
        round(sum(part for _, part, _, _ in those), 6),
        by_itself,
    )


def _speaks(feature: Feature, known: Known) -> bool:
    """Whether the feature's value is on a side that is evidence by itself."""
    if feature.side == "none":
        return False
    if feature.side == "both":
        return True
    value, usual = known.value(feature.name), known.usual_of(feature.name)
    middle = usual.middle if usual else 0.0
    return value > middle if feature.side == "high" else value < middle


def _plain(feature: Feature, known: Known) -> Fact:
    """The feature's label, its value, and the usual one."""
    said, usual = feature.label[0].upper() + feature.label[1:], known.usual_of(feature.name)
    if feature.unit == "0 or 1" or feature.period:
        return Fact(feature.name, said)
    beside = f"; {_in_unit(feature, usual.middle)} is usual" if usual else ""
    return Fact(feature.name, f"{said}: {_in_unit(feature, known.value(feature.name))}{beside}")


def _in_unit(feature: Feature, scaled: float) -> str:
    """A value before it was scaled: shares as percentages."""
    value = math.exp(scaled) if feature.scale == "ln" else math.expm1(scaled) if feature.scale == "ln(1+x)" else scaled
    return percent(value) if feature.unit == "share" else number(value)


def place_in_words(share_from: float) -> str:
    """Where an order stands among the reference orders, given the share of them that scores at least as high."""
    if share_from <= 0.0:
        return "above all orders that it is compared with"
    if share_from > 0.5:
        return f"in the lower half: {percent(share_from)} of orders score as high or higher"
    return f"at the top {percent(share_from)} of orders"
