"""What the panel answers to people's questions with an order selected, and that it says nothing where nothing is known.

The figures of the whole set: `python -m bench panel`. The held-out half was written in another style than the half that
everything was chosen on.
"""

import pytest

from app.rag.evidence import find_evidence
from bench.panel import REFUSE, answer_of, ask_all, read_panel_questions, table
from bench.panel_orders import panel_index, selected_orders
from orderguard.retrieval import Search, similar_cases
from orderguard.retrieval.cases import LEAST_LIKENESS

ORDERS = selected_orders()


@pytest.fixture(scope="module")
def panel() -> Search:
    return Search(panel_index())


def test_the_set_is_large_and_asks_about_every_kind_of_order() -> None:
    questions = [question for half in ("development", "held_out") for question in read_panel_questions(half)]
    assert sum(question.intent != REFUSE for question in questions) >= 300
    assert sum(question.intent == REFUSE for question in questions) >= 100
    assert {question.order for question in questions} == set(ORDERS)
    assert len({(question.order, question.question) for question in questions}) == len(questions)


def test_the_right_source_comes_first_and_nothing_is_said_where_nothing_is_known(panel: Search) -> None:
    outcomes = ask_all(panel, read_panel_questions("held_out"))
    known = [outcome for outcome in outcomes if outcome.question.intent != REFUSE]
    unknown = [outcome for outcome in outcomes if outcome.question.intent == REFUSE]
    assert sum(outcome.right for outcome in known) >= 0.9 * len(known), table(outcomes)
    assert sum(outcome.right for outcome in unknown) >= 0.95 * len(unknown), table(outcomes)


@pytest.mark.parametrize("order", [None, "pm", "gc", "ok"])
@pytest.mark.parametrize(
    ("question", "source"),
    [
        ("What is the capital of France?", None),
        ("Who may cancel it?", "policy-decisions.md#who-decides-what"),
        ("How long may I hold it?", "policy-holds.md#how-long"),
        ("What does price_below_usual 0.27 mean?", "features.md#price_below_range"),
        ("What is the customer's phone number?", None),
        ("Which stock should I buy?", None),
        ("Which shares should we sell?", None),
    ],
)
def test_an_order_that_is_selected_changes_no_answer_about_something_else(
    panel: Search, question: str, source: str | None, order: str | None
) -> None:
    _, sources = answer_of(panel, question, ORDERS[order] if order else None)
    assert sources[:1] == ([source] if source else [])


def test_a_feature_s_value_is_read_by_its_unit(panel: Search) -> None:
    answer, _ = answer_of(panel, "What does price_below_range 0.27 mean?", ORDERS["pm"])
    assert "A price_below_range of 0.27 is 27 percent of what it is compared with." in answer
    answer, _ = answer_of(panel, "largest quantity 40?", ORDERS["qb"])
    assert "A largest_quantity of 40 is 40 times what it is compared with." in answer


def test_advice_is_of_a_kind_only_where_its_own_features_speak(panel: Search) -> None:
    cash_out, _ = answer_of(panel, "What should I do with it?", ORDERS["gc"])
    assert cash_out.startswith("Freeze the cards' balances first")
    kitchen, sources = answer_of(panel, "What should I do with it?", ORDERS["ok"])
    assert sources == ["order"] and "not an anomaly" in kitchen
    unnamed, sources = answer_of(panel, "What should I do with it?", ORDERS["un"])
    assert sources[0] == "order" and "Freeze" not in unnamed


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(
    "question", ["Why was it flagged?", "What do I do?", "Describe the order", "Any similar cases?"]
)
def test_answers_are_sentences(panel: Search, question: str, order: str) -> None:
    evidence = find_evidence(panel, question, ORDERS[order]).evidence
    for line in (each.lines[place] for each in evidence for place in each.answers):
        assert line[0].isupper() and line[-1] in ".!" and "`" not in line, line


def test_cases_below_the_floor_of_likeness_are_not_shown(panel: Search) -> None:
    index = panel.index
    found = similar_cases(ORDERS["pm"], index.cases, *index.scale, limit=50)
    assert found and all(other.similarity >= LEAST_LIKENESS for other in found)
    assert len(found) < len(index.cases)
    assert similar_cases(ORDERS["ok"], index.cases, *index.scale) == []
    answer, sources = answer_of(panel, "Any similar cases?", ORDERS["ok"])
    assert (answer, sources) == ("", [])


def test_a_long_question_is_read_in_part(panel: Search) -> None:
    words = " ".join(f"wordd{n}x" for n in range(200))
    assert len(words) < 2_000
    assert answer_of(panel, words, ORDERS["pm"]) == ("", [])
    assert (
        answer_of(panel, f"How long may I hold it? {words}"[:2_000], ORDERS["pm"])[1][0] == "policy-holds.md#how-long"
    )
