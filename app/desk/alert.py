"""An alert: an order that was counted and found anomalous, as it is kept."""

import re
from collections.abc import Iterable

import msgspec

from app.contract import ScoreAnswer
from app.scoring.service import Scored
from orderguard.catalogue import REFERENCE, Catalogue
from orderguard.history import device_of, net_value
from orderguard.masking import Keyring
from orderguard.schema import MaskedOrder

SHORTEST_WORD = 4
"""Letters of a word that is a name by itself: shorter ones are also words of their own."""
_WORDS = re.compile(r"[^\W\d_][\w'’-]*")
ORDER, WHO = "order", "who"
"""What is sealed: an order's id as the shop knows it, and a person's name."""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of an alert. `id` is the order's pseudonym: an order has one alert, however often it is sent.
    Moments are in milliseconds of the epoch. `value` is in the order's currency, `risk` in reference units, so that
    currencies compare. `document` is a `Document` in JSON.
    """

    id: str
    customer_token: str
    device_token: str | None
    sealed_order: str
    made_at: int
    placed_at: int
    score: float
    threshold: float
    value: float
    risk: float
    currency: str
    fact: str
    reason: str
    decided_by: str
    model_version: str
    channel: str | None
    country: str | None
    document: str


class Document(msgspec.Struct, frozen=True):
    """The answer that was given, without the order's id, and the order as masking leaves it. `names` are pseudonyms of
    the names that the order told, whole and in their words: by these they are found in notes.
    """

    answer: ScoreAnswer
    masked: MaskedOrder
    names: list[str] = []


def alert_of(scored: Scored, catalogue: Catalogue, keyring: Keyring, now: float) -> Alert:
    """The alert of an anomaly. `now` is in seconds of the epoch."""
    order, answer, names = scored
    value = net_value(order)
    addresses = [address for address in (order.shipping, order.billing) if address and address.country]
    fact, reason = main_reason(answer)
    document = Document(msgspec.structs.replace(answer, order_id=""), order, name_tokens(names, keyring))
    return Alert(
        id=order.order_token,
        customer_token=order.customer_token,
        device_token=device_of(order),
        sealed_order=keyring.seal(ORDER, answer.order_id),
        made_at=round(now * 1_000),
        placed_at=round(order.created_at.timestamp() * 1_000),
        score=answer.score,
        threshold=answer.threshold,
        value=round(value, 4),
        risk=value / catalogue.levels.get(order.currency, REFERENCE).level,
        currency=order.currency,
        fact=fact,
        reason=reason.replace("\0", " "),  # PostgreSQL's texts have no NUL
        decided_by=answer.decided_by,
        model_version=answer.model_version,
        channel=order.channel,
        country=addresses[0].country if addresses else None,
        document=msgspec.json.encode(document).decode(),
    )


def name_tokens(names: Iterable[str], keyring: Keyring) -> list[str]:
    """The pseudonyms of names and of their words, each once."""
    words = {word for name in names for word in (name, *_WORDS.findall(name)) if len(word) >= SHORTEST_WORD}
    return sorted({keyring.token("name", word) for word in words})


def main_reason(answer: ScoreAnswer) -> tuple[str, str]:
    """What an alert is about and the sentence that says it: the rule's that decided, else the model's main one."""
    for rule in answer.rules or ():
        if rule.name == answer.decided_by:
            return answer.decided_by.partition(":")[0], rule.reason
    return (answer.reasons[0].fact, answer.reasons[0].text) if answer.reasons else ("", "")
