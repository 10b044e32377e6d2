"""Past masked cases: orders that the model flagged, with their score and reasons, and how like another order they
are."""

import re
from collections.abc import Sequence
from datetime import datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from orderguard.features.labels import label
from orderguard.schema import MaskedOrder, basket_value

LEAST_LIKENESS = 0.7
"""Cases that are less alike are not shown: docs/technical/rag.md has the figures."""
Z_LIMIT = 8.0
"""A feature counts for at most this many spreads, so that one wild value does not decide alone what is similar."""


_CODE = re.compile(r"[A-Za-z0-9_-]{1,32}")


class Told(msgspec.Struct, frozen=True):
    """A reason in words, and the features that say it."""

    text: str
    features: list[str]


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One masked order as the model saw it. `features` are in the order of the feature set; `reasons` are the largest
    contributions first, and `told` says them in words where that is known; `place` is where the order stands among all
    orders. Nothing that a customer wrote is kept: masking can't find every name in free text, and a text
    may be meant for a language model.
    """

    order_token: str
    created_at: datetime
    score: float
    threshold: float
    reasons: list[tuple[str, float]]
    features: list[float]
    summary: list[str]
    told: list[Told] = []
    place: str = ""


class SimilarCase(msgspec.Struct, frozen=True):
    """A past case and how like it is: the cosine (-1..1) of the two orders' features, each in spreads away from the
    usual. `shared_reasons` are the features that are reasons of both, `shared_in_words` what they say of the past case.
    """

    case: Case
    similarity: float
    shared_reasons: list[str]
    shared_in_words: list[str]


def standardised(
    features: NDArray[np.float32], centre: NDArray[np.float32], spread: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Features (…, d) as robust z values: distance from the median in spreads, within ±`Z_LIMIT`; a missing value
    counts as usual (0)."""
    z = np.clip((features - centre) / spread, -Z_LIMIT, Z_LIMIT)
    filled: NDArray[np.float32] = np.nan_to_num(z, nan=0.0).astype(np.float32)
    return filled


def similar_cases(
    case: Case, cases: Sequence[Case], centre: NDArray[np.float32], spread: NDArray[np.float32], *, limit: int = 5
) -> list[SimilarCase]:
    """The past cases that are most like `case`, best first, without the case itself and without those below
    `LEAST_LIKENESS`, so there may be none. Ties go to the earlier case in the index."""
    others = [other for other in cases if other.order_token != case.order_token]
    if not others:
        return []
    target = standardised(np.asarray(case.features, np.float32), centre, spread)
    matrix = standardised(np.asarray([other.features for other in others], np.float32), centre, spread)
    norms = np.linalg.norm(matrix, axis=1) * np.linalg.norm(target)
    similarity = matrix @ target / np.where(norms > 0, norms, 1.0)
    best = np.argsort(-similarity, kind="stable")[:limit]
    own = {name for name, _ in case.reasons}
    return [
        SimilarCase(others[i], round(float(similarity[i]), 4), *_shared(others[i], own))
        for i in best
        if similarity[i] >= LEAST_LIKENESS
    ]


def _shared(case: Case, own: set[str]) -> tuple[list[str], list[str]]:
    """Which of these features are reasons of a case, and in words; where it has none, as of a former version, by their
    labels."""
    names = [name for name, _ in case.reasons if name in own]
    told = [reason.text for reason in case.told if not own.isdisjoint(reason.features)]
    return names, told if case.told else [f"{label(name)[:1].upper()}{label(name)[1:]}." for name in names]


def make_case(
    order: MaskedOrder,
    features: NDArray[np.float32],
    score: float,
    threshold: float,
    contributions: Sequence[tuple[str, float]],
    *,
    reasons: int = 5,
) -> Case:
    """A case from a masked order, its features (d,), its score and the features' contributions (any order; the
    largest positive are kept)."""
    largest = sorted((pair for pair in contributions if pair[1] > 0), key=lambda pair: (-pair[1], pair[0]))[:reasons]
    return Case(
        order_token=order.order_token,
        created_at=order.created_at,
        score=round(float(score), 4),
        threshold=round(float(threshold), 4),
        reasons=[(name, round(float(value), 4)) for name, value in largest],
        features=[float(value) for value in np.asarray(features, np.float32)],
        summary=_summary(order),
    )


def with_words(case: Case, order: MaskedOrder, told: Sequence[Told], place: str) -> Case:
    """The case with its reasons in words. A sku or category that looks like no code is not repeated: it may be a
    text."""
    texts = {text for item in order.items for text in (item.sku, item.category or "") if not _CODE.fullmatch(text)}
    hidden = sorted(filter(None, texts), key=len, reverse=True)
    return msgspec.structs.replace(case, told=[_without(each, hidden) for each in told], place=place)


def _without(told: Told, texts: Sequence[str]) -> Told:
    text = told.text
    for hidden in texts:
        text = text.replace(hidden, "other")
    return Told(text, told.features)


def _summary(order: MaskedOrder) -> list[str]:
    """What the order is, in sentences an analyst can quote. No token, and no text that somebody could plant: a code
    that is none (it has blanks, or is long) is called "other".
    """
    units = sum(item.quantity for item in order.items)
    categories = sorted({_code(item.category) for item in order.items if item.category})
    lines = [
        f"It was ordered on {order.created_at:%A} {order.created_at:%Y-%m-%d}"
        + (f" at {order.created_at:%H:%M}" if order.hour_known else "")
        + (f" through the {order.channel} channel." if order.channel else "."),
        f"It has {_counted(len(order.items), 'line')} with {_counted(units, 'unit')}, worth {basket_value(order):.2f}"
        f" {order.currency}" + (f", of the {_named('category', categories)}." if categories else "."),
    ]
    told = [("It was paid by", order.payment_method), ("it is shipped by", order.shipping_method)]
    if ways := [f"{what} {_code(way)}" for what, way in told if way]:
        lines.append(f"{_sentence(ways)}.")
    countries = [
        ("the card is from", order.card_country),
        ("the bill goes to", order.billing.country if order.billing else None),
        ("the parcel goes to", order.shipping.country if order.shipping else None),
    ]
    if known := [f"{what} {country}" for what, country in countries if country]:
        lines.append(f"{_sentence(known)}.")
    return lines


def _counted(number: float, what: str) -> str:
    told = f"{number:.6f}".rstrip("0").rstrip(".")
    return f"{told} {what}" if number == 1 else f"{told} {what}s"


def _named(what: str, names: Sequence[str]) -> str:
    return f"{what} {names[0]}" if len(names) == 1 else f"{what[:-1]}ies {', '.join(names)}"


def _sentence(parts: Sequence[str]) -> str:
    text = ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]
    return text[:1].upper() + text[1:]


def _code(value: str) -> str:
    return value if _CODE.fullmatch(value) else "other"
