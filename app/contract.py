"""What goes in and out of the service, as structures: decoding, encoding and the OpenAPI document come from here."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from orderguard.reasons import ReasonInWords
from orderguard.schema import Order

MAX_HISTORY = 200
HistoryState = Literal["used", "absent", "unavailable"]
AlertKept = Literal["kept", "queued", "lost"]
Score = Annotated[float, Meta(ge=0, le=1)]


class OrderRequest(Order, frozen=True, kw_only=True):
    """An order to score.

    `history` may bring the customer's earlier orders; without it the service's own store is asked.
    """

    history: Annotated[list[Order], Meta(max_length=MAX_HISTORY)] | None = None


class Contribution(msgspec.Struct, frozen=True):
    """How much a feature moved the score from the usual one; above 0 is towards anomalous. `value` is in its own
    unit.
    """

    feature: str
    value: float
    contribution: float
    meaning: str


class Repair(msgspec.Struct, frozen=True):
    """What was done to read an order: the field, and what was wrong with it, never the value."""

    field: str
    reason: str


class MetRule(msgspec.Struct, frozen=True):
    """A rule or a list that an order met, named as `decided_by` does. What is in `shadow` decides nothing."""

    name: str
    action: Literal["flag", "clear", "raise", "block", "allow"]
    mode: Literal["shadow", "act"]
    reason: str


class ScoreAnswer(msgspec.Struct, frozen=True):
    """The score of one order, from 0 to 1, higher is more anomalous. It is an anomaly from `threshold` on, where no
    rule and no list decides otherwise: `decided_by` says who did, `rules` what the order met. `repairs` is there where
    the order could not be read as it was.
    """

    order_id: str
    score: Score
    threshold: Score
    anomaly: bool
    forest_score: Score
    guard_score: Score
    contributions: list[Contribution]
    model_version: str
    history: Annotated[HistoryState, Meta(description="whether the customer's earlier orders were used")]
    place: Annotated[str, Meta(description="where an anomaly stands among the reference orders, in words")] = ""
    reasons: Annotated[
        list[ReasonInWords], Meta(description="why it is an anomaly; /v1/explain tells it of any order")
    ] = []
    repairs: list[Repair] | msgspec.UnsetType = msgspec.UNSET
    decided_by: Annotated[str, Meta(description="`model`, `rule:ID`, `list:block:device` or the like")] = "model"
    rules: list[MetRule] | msgspec.UnsetType = msgspec.UNSET
    model_score: Annotated[
        Score | msgspec.UnsetType, Meta(description="the model's own score, where rules have raised it")
    ] = msgspec.UNSET
    alert: Annotated[
        AlertKept | msgspec.UnsetType,
        Meta(description="of a counted anomaly, whether its alert is on disk (`kept`) or in memory alone (`queued`)"),
    ] = msgspec.UNSET

    def of_model(self) -> tuple[float, bool]:
        """The model's own score, and whether it says anomaly, whatever rules made of it."""
        score = self.score if self.model_score is msgspec.UNSET else self.model_score
        return score, score >= self.threshold


class ApartAnswer(msgspec.Struct, frozen=True):
    """What is no order to score: `apart` is `refund`, `cancellation`, `exchange` or `test order`. It is neither an
    anomaly nor an error, and is counted in no history.
    """

    order_id: str
    apart: str


class OrderFailure(msgspec.Struct, frozen=True):
    """An order of a batch or a stream that could not be scored: its place (from 0, blank lines don't count), the field
    and the reason.
    """

    index: int
    error: str
    field: str


RESULT = {
    "anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("ScoreAnswer", "ApartAnswer", "OrderFailure")]
}


class BatchAnswer(msgspec.Struct, frozen=True):
    """The answers in the order of the request; an order that can't be used has a failure in its place. Of `orders`
    results, `apart` are no orders to score.
    """

    orders: int
    anomalies: int
    invalid: int
    apart: int
    results: Annotated[list[Any], Meta(extra_json_schema={"items": RESULT})]


class Health(msgspec.Struct, frozen=True):
    """The process is up."""

    status: Literal["ok"]


class Readiness(msgspec.Struct, frozen=True):
    """Whether orders can be scored, and why not. `revision` is Cloud Run's."""

    ready: bool
    model_version: str | None
    reason: str | None
    revision: str | None = None
