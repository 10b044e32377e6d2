"""What an order is on its way to its answer."""

from typing import NamedTuple

from app.contract import HistoryState, Repair, ScoreAnswer
from app.models import Model
from orderguard.history import Past
from orderguard.reasons import LineBesideUsual
from orderguard.schema import MaskedOrder


class Incoming(NamedTuple):
    """An order that was decoded, and masked with what this model knows of articles. `brought` is what its caller told
    of earlier orders; None leaves that to the store. `repairs` is what was done to read it. `names` are those that it
    tells, as they are: of an anomaly they become pseudonyms, by which notes are masked, and of any other nothing.
    """

    order_id: str
    masked: MaskedOrder
    brought: Past | None
    model: Model
    repairs: tuple[Repair, ...] = ()
    names: tuple[str, ...] = ()


class Prepared(NamedTuple):
    """An order that is ready to be scored."""

    order_id: str
    masked: MaskedOrder
    past: Past
    state: HistoryState


class Explained(NamedTuple):
    """An order with its answer and what there is to tell, whether it is an anomaly or not."""

    masked: MaskedOrder
    answer: ScoreAnswer
    lines: list[LineBesideUsual]
