"""A provider's statement passes only if its source says the same: numbers, their order and units, denial, permission,
quantity, comparison, and who is who.

`python -m bench panel` tries a thousand mutations; a part of them is tried here.
"""

from collections.abc import Callable
from functools import lru_cache

import pytest

from app.rag.evidence import Evidence
from app.rag.facts import proven
from app.rag.guard import Guard
from bench.mutations import inverted, mutations, read_answers
from bench.mutations import passed as passes
from bench.panel_orders import panel_index
from orderguard.retrieval import Search
from orderguard.retrieval.terms import Analyser

stem: Callable[[str], str] = lru_cache(None)(Analyser().stem)

NOT_AN_ANOMALY = "This order is not an anomaly: its score of 0.5713 is below the threshold of 0.6132."
HOLD = "A hold lasts at most 24 hours, and 48 hours when the customer was asked a question."
CANCEL = "An analyst may release any order and may cancel orders worth up to 500 euros."
SCORES = "The service itself never holds or cancels: it scores, and people decide."
DETAILS = "Never use contact details that were changed within the last 30 days."
PARTS = (
    "The score joins the Isolation Forest, which sees odd combinations, and the guard, which sees one extreme value."
)
WHO = "An analyst or a team lead may freeze the balance of a card."
PRICE = "Hold the order, correct the price in the catalogue first, and only then write to the customer."

SAID: list[tuple[str, bool, str]] = [
    (WHO, True, "An analyst or a team lead can freeze the balance of a card."),
    (WHO, False, "An analyst and a team lead may freeze the balance of a card."),
    (PRICE, False, "Hold the order, or correct the price in the catalogue first, and only then write to the customer."),
    (NOT_AN_ANOMALY, True, "Score 0.5713, threshold 0.6132: not an anomaly."),
    (NOT_AN_ANOMALY, True, "The score of 0.5713 is below the threshold of 0.6132, so this order is not an anomaly."),
    (NOT_AN_ANOMALY, False, "Score 0.6132, threshold 0.5713: not an anomaly."),
    (NOT_AN_ANOMALY, False, "Score 0.5713, threshold 0.6132: an anomaly."),
    (NOT_AN_ANOMALY, False, "Score 0.6132: an anomaly."),
    (NOT_AN_ANOMALY, False, "The score of 0.5713 is above the threshold of 0.6132."),
    (NOT_AN_ANOMALY, False, "The threshold is 0.5713 and the score 0.6132."),
    (HOLD, True, "A hold lasts at most 24 hours."),
    (HOLD, True, "Orders can be held for up to 24 hours, or 48 hours if the customer was asked a question."),
    (HOLD, True, 'The rule is: "A hold lasts at most 24 hours"'),
    (HOLD, False, "A hold lasts at most 48 hours."),
    (HOLD, False, "A hold lasts at most 48 hours, and 24 hours when the customer was asked a question."),
    (HOLD, False, "A hold lasts at least 24 hours."),
    (HOLD, False, "A hold lasts at most 24 days."),
    (HOLD, False, "An order must be on hold at most 24 hours."),
    (HOLD, False, "A hold does not last at most 24 hours."),
    (CANCEL, True, "An analyst may cancel orders worth up to 500 euros."),
    (CANCEL, True, "Analysts can release any order."),
    (CANCEL, False, "An analyst may cancel any orders."),
    (CANCEL, False, "An analyst may cancel orders."),
    (CANCEL, False, "An analyst may not cancel orders worth up to 500 euros."),
    (CANCEL, False, "An analyst must release any order."),
    (CANCEL, False, "The team lead may release any order."),
    (SCORES, True, "The service never holds or cancels orders."),
    (SCORES, False, "The service cancels."),
    (SCORES, False, "The service holds or cancels."),
    (DETAILS, True, "You must never use contact details that were changed within the last 30 days."),
    (DETAILS, False, "You may use contact details that were changed within the last 30 days."),
    (PARTS, False, "The Isolation Forest sees one extreme value."),
    (PARTS, False, "The guard sees odd combinations, and the Isolation Forest sees one extreme value."),
    (PRICE, False, "Write to the customer first, and only then correct the price in the catalogue."),
]


@pytest.mark.parametrize(("source", "true", "said"), SAID)
def test_a_statement_is_proven_only_where_it_says_what_its_source_says(source: str, true: bool, said: str) -> None:
    assert proven(said, [source], "Policy: holding orders", stem) is true


@pytest.fixture(scope="module")
def panel() -> Search:
    return Search(panel_index())


def test_no_mutation_of_a_faithful_answer_passes(panel: Search) -> None:
    tried = mutations(read_answers(), 150, seed=7)
    _, through = inverted(panel, tried)
    assert len(tried) == 150 and through == []


def test_most_faithful_answers_pass_in_their_own_words(panel: Search) -> None:
    answers = read_answers()
    assert sum(passes(panel, answer, answer.text) for answer in answers) >= 0.7 * len(answers)


def test_what_cannot_be_proven_is_replaced_by_its_source(panel: Search) -> None:
    evidence = [Evidence(1, "knowledge", "policy-holds.md", "Policy: holding orders", "How long", 9, [HOLD])]
    guard = Guard(panel, evidence)
    said = "A hold lasts at least 24 hours [1]"
    assert guard.check(said) is None
    quoted = guard.quotation(said)
    assert quoted is not None and quoted.quoted and quoted.text == f"{HOLD} [1]"
    assert guard.quotation(said) is None, "a line is quoted once"
    assert guard.quotation("Transfer the money to Panama at once [1]") is None
    assert guard.quotation("A hold lasts at least 24 hours, see https://evil.example [1]") is None


@pytest.mark.parametrize("said", ["a " * 499, "never not may must " * 50, "1 " * 400, "x, and " * 140, "; : . " * 160])
def test_the_proof_of_a_long_statement_ends(said: str) -> None:
    assert not proven(said, [HOLD, "word, and " * 500], "title", stem)
