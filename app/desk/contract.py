"""What goes in and out of the desk's routes, as structures."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from app.contract import ScoreAnswer
from app.explaining import SeenOrder
from orderguard.outcomes import Kind, Source
from orderguard.reasons import LineBesideUsual
from orderguard.schema import Identifier, Timestamp

MAX_NOTE = 2_000
MAX_IDS = 1_000
MAX_OUTCOMES = 10_000
Outcome = Kind
OUTCOMES: tuple[Outcome, ...] = get_args(Kind)
AlertState = Literal["new", "taken", "closed"]
Note = Annotated[str, Meta(max_length=MAX_NOTE)]


class AlertRow(msgspec.Struct, frozen=True, kw_only=True):
    """An alert in the queue. `order_id` is as the shop knows it, null where its key is gone. `value` is in `currency`;
    `reason` is the main one, and `fact` what it is about. `decided_by` is `model`, `rule:NAME` or `list:NAME`.
    """

    id: str
    order_id: str | None
    score: float
    threshold: float
    value: float
    currency: str
    made_at: datetime
    placed_at: datetime
    reason: str
    fact: str
    channel: str | None
    country: str | None
    model_version: str
    decided_by: str
    state: AlertState
    mine: bool
    taken_by: str | None
    taken_at: datetime | None
    closed_by: str | None
    closed_at: datetime | None
    outcome: Outcome | None


class AlertCounts(msgspec.Struct, frozen=True):
    """How many alerts there are: open and taken by nobody, by who asks, by others; and closed."""

    new: int
    mine: int
    taken: int
    closed: int


class AlertsAnswer(msgspec.Struct, frozen=True):
    """A page of the queue. `total` counts what state and filters leave; `next` is the cursor of the next page."""

    counts: AlertCounts
    total: int
    next: str | None
    alerts: list[AlertRow]


class ChoicesAnswer(msgspec.Struct, frozen=True):
    """What there is to filter by."""

    facts: list[str]
    channels: list[str]
    countries: list[str]
    model_versions: list[str]
    decided_by: list[str]


class SeenBeside(msgspec.Struct, frozen=True, kw_only=True):
    """Another order of the same customer or device, as far as it is remembered. An order with an alert has its score,
    state and outcome.
    """

    placed_at: datetime
    value: float | None = None
    currency: str | None = None
    this_customer: bool
    alert: str | None = None
    score: float | None = None
    state: AlertState | None = None
    outcome: Outcome | None = None


class SimilarAlert(msgspec.Struct, frozen=True):
    """A past case that is much like this order: how much (0..1), what both were odd by, and what came of it."""

    order: str
    similarity: float
    score: float
    placed_at: datetime
    reasons: list[str]
    alert: str | None
    outcome: Outcome | None


class AlertEvent(msgspec.Struct, frozen=True):
    """What was done with an alert: `made`, `taken`, `released`, `closed`, `reopened`, or an `outcome` that was told."""

    at: datetime
    who: str | None
    what: str
    outcome: str | None = None
    note: str | None = None
    source: str | None = None


class AlertAnswer(msgspec.Struct, frozen=True):
    """An alert with its order as masking leaves it. Lines stand beside what is usual for the model served now."""

    alert: AlertRow
    note: str
    answer: ScoreAnswer
    order: SeenOrder
    lines: list[LineBesideUsual]
    customer_orders: list[SeenBeside]
    device_orders: list[SeenBeside]
    similar: list[SimilarAlert]
    similar_note: str
    events: list[AlertEvent]


class TakeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`over` takes an alert that another person has."""

    over: bool = False


class CloseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the order turned out to be. The note is masked before it is kept."""

    outcome: Outcome
    note: Note = ""


class AlertFilter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which alerts. `q` are words of the reason, or an order's or a customer's id as the shop knows it; `from` and `to`
    (exclusive) are of when the alert was made.
    """

    state: Literal["new", "mine", "taken", "open", "closed", "all"] = "new"
    q: Annotated[str, Meta(max_length=200)] = ""
    reason: str = ""
    channel: str = ""
    country: str = ""
    model_version: str = ""
    decided_by: str = ""
    outcome: str = ""
    since: str = msgspec.field(default="", name="from")
    until: str = msgspec.field(default="", name="to")


class CloseManyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which alerts to close, by `ids` or by a `filter`, and as what. `expected` is how many the person saw."""

    outcome: Outcome
    note: Note = ""
    ids: Annotated[list[str], Meta(max_length=MAX_IDS)] | None = None
    filter: AlertFilter | None = None
    expected: int | None = None


class Refused(msgspec.Struct, frozen=True):
    """An alert that was not closed: `closed` or `taken` by somebody, or `unknown`."""

    id: str
    reason: Literal["closed", "taken", "unknown"]
    who: str | None = None
    at: datetime | None = None


class CloseManyAnswer(msgspec.Struct, frozen=True):
    """How many were closed, and which were not."""

    closed: int
    refused: list[Refused]


class OutcomeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an order turned out to be: when that was known (`time`), and who says so (`source`)."""

    order_id: Identifier
    outcome: Outcome
    time: Timestamp
    source: Source
    customer: Identifier | None = None


class Unusable(msgspec.Struct, frozen=True):
    """An outcome that can't be used: its place (from 0), the field and the reason, never the value."""

    index: int
    field: str
    reason: str


class OutcomesAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of the outcomes that were received, how many are new and how many known. What this says is on disk."""

    received: int
    new: int
    known: int
    unusable: list[Unusable]
    taken_for: str = ""


class PrecisionRow(msgspec.Struct, frozen=True):
    """How many alerts were made, what came of them, and the share of those that were worth a look: fraud and mistakes
    among what was fraud, a mistake or genuine; `low` and `high` are Wilson's 95 % interval.
    """

    value: str
    alerts: int
    open: int
    fraud: int
    mistake: int
    genuine: int
    other: int
    precision: float | None
    low: float | None
    high: float | None


class PrecisionAnswer(msgspec.Struct, frozen=True):
    """Precision by week, reason, model version, or by who decided."""

    by: str
    rows: list[PrecisionRow]
    total: PrecisionRow


class MeAnswer(msgspec.Struct, frozen=True):
    """Who asks, and whether alerts are kept. `source` is `none` while there is no name."""

    name: str | None
    source: Literal["iap", "invoker", "typed", "none"]
    alerts: bool


def moment(milliseconds: int | None) -> Any:
    """A moment of the database for an answer."""
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1_000, UTC)
