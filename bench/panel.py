"""The panel's answers on questions that people ask with an order selected: `python -m bench panel`.

tests/rag/panel_questions_*.tsv have a question a line: the selected order's kind, the intent, the sources of which one
has to come first, the question. The development half was tuned on, the held-out half, in another style, was not.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from app.rag.evidence import find_evidence
from app.rag.guard import Guard
from app.rag.prompt import Prompt
from app.rag.providers.local import chosen_lines
from bench.retrieval import knowledge_only_index
from orderguard.features import FEATURE_NAMES
from orderguard.retrieval import Case, KnowledgeIndex, Search
from orderguard.retrieval.cases import make_case
from orderguard.schema import MaskedOrder

FOLDER = Path("tests/rag")
HALVES = ("development", "held_out")
REPORT = Path("reports/bench/panel.json")
REFUSE = "refuse"

Reasons = Sequence[tuple[str, float]]
ORDERS: dict[str, tuple[str, float, Reasons]] = {
    "pm": ("kitchen", 0.83, [("price_below_usual", 0.5), ("lowest_price_deviation", 0.2), ("category_price_below", 0.05)]),
    "qb": ("toys", 0.79, [("largest_quantity", 0.45), ("quantity_deviation", 0.2), ("order_value", 0.1)]),
    "ct": ("groceries", 0.74, [("orders_1h", 0.4), ("hours_since_last", 0.2), ("card_country_mismatch", 0.1)]),
    "at": ("electronics", 0.81, [("new_device", 0.3), ("own_hour_distance", 0.25), ("new_address", 0.2)]),
    "rs": ("electronics", 0.77, [("country_mismatch", 0.3), ("addressee_mismatch", 0.3), ("destination_rarity", 0.1)]),
    "da": ("fashion", 0.72, [("discount_share", 0.6), ("has_coupon", 0.1)]),
    "gc": ("gift-cards", 0.8, [("category_rarity", 0.3), ("new_payment", 0.2), ("new_device", 0.2)]),
    "un": ("garden", 0.69, [("lines", 0.4), ("channel_rarity", 0.2)]),
    "ok": ("kitchen", 0.21, [("weekday_cosine", 0.1), ("new_payment", 0.06), ("order_value", 0.02)]),
}
"""The selected orders: category, score (the threshold is 0.6) and reasons."""
THRESHOLD = 0.6


class Question(msgspec.Struct, frozen=True):
    """A question with its order's kind; without sources it has to be refused."""

    order: str
    intent: str
    sources: list[str]
    question: str


class Outcome(msgspec.Struct, frozen=True):
    """How a question was answered."""

    question: Question
    intent: str
    first: str | None

    @property
    def right(self) -> bool:
        """Whether the right source came first, or none where there is none."""
        return self.first is None if self.question.intent == REFUSE else self.first in self.question.sources


def read_panel_questions(half: str, folder: Path = FOLDER) -> list[Question]:
    """One half of the question set."""
    lines = (folder / f"panel_questions_{half}.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    return [
        Question(order, intent, [] if intent == REFUSE else sources.replace("#", ".md#").split("|"), question)
        for order, intent, sources, question in rows
    ]


def selected_orders() -> dict[str, Case]:
    """The orders that questions are asked about, as the model saw them."""
    return {kind: _case(f"selected-{kind}", *order) for kind, order in ORDERS.items()}


def panel_index() -> KnowledgeIndex:
    """The knowledge, and for each selected order two past cases like it."""
    index = knowledge_only_index()
    past = [_case(f"past-{kind}-{n}", *order, n) for kind, order in ORDERS.items() if kind != "ok" for n in (1, 2)]
    return msgspec.structs.replace(index, cases=past)


def ask_all(search: Search, questions: Sequence[Question]) -> list[Outcome]:
    """Every question with its selected order, answered by the local provider behind the guard."""
    orders = selected_orders()
    return [_ask(search, question, orders[question.order]) for question in questions]


def table(outcomes: Sequence[Outcome]) -> dict[str, dict[str, int]]:
    """By intent: how many, how many with the right source first (or rightly refused), how many refused."""
    rows: dict[str, dict[str, int]] = {}
    for outcome in outcomes:
        row = rows.setdefault(outcome.question.intent, {"n": 0, "right": 0, "refused": 0})
        row["n"] += 1
        row["right"] += outcome.right
        row["refused"] += outcome.first is None
    return rows


def answer_of(search: Search, question: str, case: Case | None) -> tuple[str, list[str]]:
    """The local answer and its sources (`document#heading`, or the kind of a source that is no document)."""
    evidence = find_evidence(search, question, case).evidence
    guard = Guard(search, evidence)
    statements = [guard.check(f"{line} [{number}]") for number, line in chosen_lines(Prompt(question, evidence))]
    told = [statement for statement in statements if statement]
    sources = [citation for statement in told for citation in statement.citations]
    return " ".join(s.text for s in told), list(dict.fromkeys(_source(c.kind, c.document, c.heading) for c in sources))


def _ask(search: Search, question: Question, case: Case) -> Outcome:
    _, sources = answer_of(search, question.question, case)
    intent = find_evidence(search, question.question, case).intent.kind
    return Outcome(question, intent, sources[0] if sources else None)


def _source(kind: str, document: str, heading: str) -> str:
    if kind != "knowledge":
        return kind
    slug = "".join(c for c in heading.lower() if c.isalnum() or c in "_- ").replace(" ", "-")
    return f"{document}#{slug}"


def _case(token: str, category: str, score: float, reasons: Reasons, shift: int = 0) -> Case:
    order = msgspec.convert(
        {
            "order_token": token,
            "customer_token": "c",
            "created_at": "2026-05-04T03:41:00Z",
            "currency": "EUR",
            "channel": "web",
            "payment_method": "card",
            "shipping_method": "express",
            "card_country": "DE",
            "billing": {"country": "DE"},
            "shipping": {"country": "PL"},
            "items": [{"sku": "SKU-1", "category": category, "quantity": 2 + shift, "unit_price": 19.95}],
        },
        MaskedOrder,
    )
    features = np.zeros(len(FEATURE_NAMES), np.float32)
    for name, value in reasons:
        features[FEATURE_NAMES.index(name)] = 5 * value + 0.01 * shift
    return make_case(order, features, score, THRESHOLD, reasons)


def main() -> None:
    """Print the tables and write them to reports/bench/panel.json."""
    search = Search(panel_index())
    report: dict[str, object] = {}
    for half in HALVES:
        outcomes = ask_all(search, read_panel_questions(half))
        rows = table(outcomes)
        report[half] = rows
        print(f"{half.replace('_', ' ')}\n  {'intent':12}{'n':>5}{'right first':>13}{'refused':>9}")
        for intent, row in rows.items():
            print(f"  {intent:12}{row['n']:>5}{row['right']:>13}{row['refused']:>9}")
        known = [outcome for outcome in outcomes if outcome.question.intent != REFUSE]
        unknown = [outcome for outcome in outcomes if outcome.question.intent == REFUSE]
        print(f"  right source first {sum(o.right for o in known) / len(known):.3f} of {len(known)}")
        print(f"  abstained {sum(o.right for o in unknown) / len(unknown):.3f} of {len(unknown)}")
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
