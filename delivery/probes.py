"""Example orders that a canary is scored with, and how the answers of two revisions compare.

The orders were recorded and masked, under a key that nobody has: the file that PROBE_ORDERS names, else those of
`orderguard.example_orders`. They are only looked at: nothing of them is counted or remembered.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from delivery.asking import ask
from delivery.commands import REPOSITORY
from delivery.comparing import sign_test
from delivery.errors import DeliveryError
from orderguard.example_orders import OWN, example_file, key_of, read_orders

VARIABLE = "PROBE_ORDERS"
SCORE = "/v1/score?record=false"
AT_ONCE = 4
SAME = 1e-6
"""The same model says the same; what remains is how numbers are written."""
CHANCE = 0.01
MOST_CHANGED = 0.2
"""The share of decisions on the example orders that another model may change."""


@dataclass(frozen=True)
class Answer:
    """What a revision says of an order: the HTTP status, and for 200 the score and whether it is an anomaly."""

    status: int
    score: float = 0.0
    anomaly: bool = False


def are_own(environment: Mapping[str, str]) -> bool:
    """Whether the example orders are the shop's own, not the sample's: a model knows its own shop's goods alone."""
    return bool(environment.get(VARIABLE)) or example_file(REPOSITORY).name == OWN


def probe_orders(environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """The example orders. Raises `DeliveryError` where the file holds none."""
    path = Path(environment.get(VARIABLE) or example_file(REPOSITORY))
    try:
        found = read_orders(path)
    except (OSError, ValueError) as problem:
        raise DeliveryError(f"{path} does not hold example orders, one JSON object a line: {problem}") from None
    if not found:
        raise DeliveryError(f"{path} contains no example orders; `make probe-orders ORDERS=file` records some.")
    return found


def answers(orders: Sequence[Mapping[str, Any]], url: str, headers: Mapping[str, str]) -> list[Answer]:
    """What is said of each order there."""

    def one(order: Mapping[str, Any]) -> Answer:
        status, body = ask(url, SCORE, headers, order)
        if status != 200:
            return Answer(status)
        return Answer(status, float(body.get("score", -1.0)), bool(body.get("anomaly")))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, orders))


def failures(found: Sequence[Answer], whose: str) -> str:
    """What to say of answers other than 200; empty where there are none."""
    statuses = [one.status for one in found if one.status != 200]
    if not statuses:
        return ""
    first = statuses[0] or "no connection"
    return f"{whose} failed {len(statuses)} of {len(found)} example orders; the first with status {first}"


def unexpected(
    orders: Sequence[Mapping[str, Any]], found: Sequence[Answer], expected: Mapping[str, float]
) -> tuple[str, str]:
    """How the answers compare with what was recorded with the model version: what to record, and what is wrong with it
    (empty where nothing is). Another score says that another model is served, or that features are computed otherwise.
    """
    apart = [
        abs(answer.score - expected[key]) for order, answer in zip(orders, found) if (key := key_of(order)) in expected
    ]
    if not apart:
        return "the version recorded none of these orders", ""
    said = f"{len(apart)} as the version recorded, at most {max(apart):.2g} apart"
    wrong = sum(one > SAME for one in apart)
    return said, f"{wrong} of {len(apart)} scores are not those that the version recorded ({said})" if wrong else ""


def differences(stable: Sequence[Answer], candidate: Sequence[Answer], same_model: bool, own: bool) -> tuple[str, str]:
    """How the answers compare: what to record, and what is wrong with it (empty where nothing is).

    The same model has to say the same. Another model may decide otherwise on some of the shop's `own` orders, but not
    on more than `MOST_CHANGED` of them, nor all in one direction (the sign test, at `CHANCE`). What it says of another
    shop's goods tells nothing: it never saw them.
    """
    largest = max(abs(old.score - new.score) for old, new in zip(stable, candidate, strict=True))
    more = sum(new.anomaly and not old.anomaly for old, new in zip(stable, candidate))
    fewer = sum(old.anomaly and not new.anomaly for old, new in zip(stable, candidate))
    said = f"{len(stable)} scored, scores differ by {largest:.2g} at most, {more + fewer} decisions differ"
    if same_model:
        return said, f"{said}, with the same model" if largest > SAME or more + fewer else ""
    if not own:
        return f"{said}; another model, and orders of another shop: its decisions are left to callers", ""
    p = sign_test(more, fewer) if more + fewer else 1.0
    said += f" ({more} anomalies more, {fewer} fewer; p = {p:.2g})"
    return said, said if p < CHANCE or more + fewer > MOST_CHANGED * len(stable) else ""
