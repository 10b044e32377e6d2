"""An order, and a feature's value, as sentences that can be quoted. No token and no free text."""

import math
import re
from collections.abc import Sequence

from orderguard.features import FEATURES
from orderguard.features.labels import label
from orderguard.retrieval import Case, SimilarCase

_PLACES = ("largest", "second", "third", "fourth", "fifth")
_UNIT = {feature.name: feature.unit for feature in FEATURES}


def verdict(case: Case) -> str:
    """What the score says."""
    if case.score >= case.threshold:
        side = "above" if case.score > case.threshold else "exactly at"
        return (
            f"This order is an anomaly: its score of {case.score:.4f} is {side} the threshold of {case.threshold:.4f}."
        )
    return (
        f"This order is not an anomaly: its score of {case.score:.4f} is below the threshold of {case.threshold:.4f}."
    )


def reasons(case: Case) -> list[str]:
    """The reasons, largest first, in words where they are known."""
    return [reason.text for reason in case.told] or [
        f"The {place} reason is {label(name)}, which adds {value:.4f} to the score."
        for place, (name, value) in zip(_PLACES, case.reasons, strict=False)
    ]


def case_lines(case: Case) -> list[str]:
    """The selected order as lines: its verdict, where it stands, what was ordered, its reasons."""
    return [*_judged(case), *case.summary, *reasons(case)]


def _judged(case: Case) -> list[str]:
    return [verdict(case), *([f"It stands {case.place}."] if case.place else ())]


def first_fact(case: Case) -> int:
    """The place of the first line that says what was ordered."""
    return len(_judged(case))


def first_reason(case: Case) -> int:
    """The place of the first reason."""
    return first_fact(case) + len(case.summary)


def reasons_by(case: Case, names: Sequence[str]) -> list[int]:
    """The places of the reasons that these features say."""
    said = [reason.features for reason in case.told] or [[name] for name, _ in case.reasons]
    return [first_reason(case) + place for place, features in enumerate(said) if not set(names).isdisjoint(features)]


def past_lines(case: Case) -> list[str]:
    """A past case as lines. Each says that it is about a past order, so that none can be told of the selected one."""
    side = "above" if case.score > case.threshold else "exactly at"
    told = [re.sub(r"^It\b", "The past order", line) for line in case.summary]
    named = [re.sub(r"^The (card|bill|parcel)\b", r"The past order's \1", line) for line in told]
    return [
        f"The past order was an anomaly with a score of {case.score:.4f},"
        f" {side} its threshold of {case.threshold:.4f}.",
        *named,
        *(f"A reason of the past order: {reason.text}" for reason in case.told),
        *(() if case.told else (line.replace("reason is", "reason of the past order is", 1) for line in reasons(case))),
    ]


def likeness(other: SimilarCase) -> str:
    """How like a past case is."""
    shared = ", ".join(map(label, other.shared_reasons))
    told = f"shares these reasons: {shared}" if shared else "shares no reason"
    return f"A past case of likeness {other.similarity:.2f} {told}."


def reading(name: str, value: float) -> str | None:
    """What a feature's value says, by its unit; None for one that it can't have."""
    unit = _UNIT.get(name, "")
    if not math.isfinite(value) or abs(value) > 1e9:
        return None
    told = f"{value:g}"
    if unit == "ratio" and value >= 0:
        return f"A {name} of {told} is {_times(value)} what it is compared with."
    if unit == "share" and 0 <= value <= 1:
        return f"A {name} of {told} is {100 * value:g} percent."
    if unit == "0 or 1" and value in (0, 1):
        return f"A {name} of {told} says that it {'is' if value else 'is not'} so."
    if unit in ("spreads", "standard deviations"):
        side = "above" if value > 0 else "below"
        return (
            f"A {name} of {told} is {abs(value):g} {unit} {side} the usual."
            if value
            else f"A {name} of 0 is the usual."
        )
    if unit == "powers of e" and 0 <= value <= 20:
        return f"A {name} of {told} is about one order in {_rounded(math.exp(value))}."
    if unit.startswith("ln of") and -20 <= value <= 20:
        return f"A {name} of {told} is a value of about {_rounded(math.exp(value))} reference units."
    if unit in ("orders", "lines", "hours", "usual baskets") and value >= 0:
        return f"A {name} of {told} is {told} {unit}."
    return None


def _times(value: float) -> str:
    return f"{value:g} times" if value >= 1 else f"{100 * value:.3g} percent of"


def _rounded(value: float) -> str:
    return f"{float(f'{value:.3g}'):,.10g}"


def lines_about(lines: Sequence[str], starts: Sequence[str]) -> list[int]:
    """The places of the lines that hold one of these texts."""
    return [place for place, line in enumerate(lines) if any(start in line for start in starts)]
