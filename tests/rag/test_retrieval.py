"""The index and the search: exact lines, equal bytes, errors that say what to do, and quality above plain BM25."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from app.rag.kinds import kinds_of, likely_kind
from bench.retrieval import abstention, ndcg_at, quality, rankers, read_questions, recall_at
from ml.knowledge_index import KNOWLEDGE_DIR, knowledge_index, related_words, scale_of
from orderguard.features import FEATURES
from orderguard.masking import mask_text
from orderguard.retrieval import INDEX_FILE, KnowledgeError, KnowledgeIndex, Search, read_document, similar_cases
from orderguard.retrieval.terms import Analyser, Synonyms, read_synonyms

HELD_OUT = [question for question in read_questions() if question.held_out]


def test_passages_know_their_lines() -> None:
    document, passages = read_document(
        "a.md", "# Title\n\nIntro.\n\n## One\nFirst.\nSecond.\n\n## Empty\n\n## Two\n\nLast.\n"
    )
    assert [(p.heading, document.quote(p.first_line, p.last_line)) for p in passages] == [
        ("Title", "Intro."),
        ("One", "First.\nSecond."),
        ("Two", "Last."),
    ]
    assert passages[1].id == "a.md#one" and passages[1].title == "Title"


def test_equal_inputs_give_equal_bytes(index: KnowledgeIndex, tmp_path: Path) -> None:
    features = np.random.default_rng(7).normal(size=(200, len(index.feature_names))).astype(np.float32)
    again = knowledge_index(features, index.cases[::-1])
    first, second = index.write(tmp_path / "first"), again.write(tmp_path / "second")
    assert first.read_bytes() == second.read_bytes()
    assert KnowledgeIndex.read(tmp_path / "first") == index
    assert [path.name for path in (tmp_path / "first").iterdir()] == [INDEX_FILE]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "no knowledge index"), (b"\x00nonsense", "not a knowledge index"), (b"", "not a knowledge index")],
)
def test_an_index_that_cannot_be_used_says_why(tmp_path: Path, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / INDEX_FILE).write_bytes(content)
    with pytest.raises(KnowledgeError, match=reason):
        KnowledgeIndex.read(tmp_path)


def test_an_index_of_another_format_is_refused(index: KnowledgeIndex, tmp_path: Path) -> None:
    msgspec.structs.replace(index, format=99).write(tmp_path)
    with pytest.raises(KnowledgeError, match="format 99"):
        KnowledgeIndex.read(tmp_path)


def test_masking_finds_nothing_in_the_knowledge() -> None:
    """So a quote is exact in the repository's file too, and no example value is mistaken for a leak."""
    for path in KNOWLEDGE_DIR.rglob("*.md"):
        text = path.read_text(encoding="utf-8")
        assert mask_text(text) == text, path.name


def test_the_pages_of_the_kinds_name_features_that_exist(index: KnowledgeIndex) -> None:
    for passage in kinds_of(index):
        own, also = (set(passage.remarks.get(label, ())) for label in ("own", "also"))
        assert own and own | also <= set(index.feature_names), passage.document
    assert len(kinds_of(index)) == 9


@pytest.mark.parametrize(
    ("reasons", "kind"),
    [
        ({"price_below_range": 0.2, "hour_rarity": 0.1}, "Price mistake"),
        ({"largest_quantity": 0.2, "order_value": 0.1}, "Quantity burst"),
        ({"orders_1h": 0.1, "orders_24h": 0.1, "card_country_mismatch": 0.1}, "Card testing"),
        ({"device_others": 0.2, "address_others": 0.2}, "Card testing"),
        ({"address_others": 0.2, "own_cards": 0.1}, "Drop address"),
        ({"network_others": 0.2, "has_coupon": 0.1}, "Account farm"),
        ({"new_device": 0.1, "new_address": 0.1, "country_mismatch": 0.1}, "Account takeover"),
        ({"country_mismatch": 0.1, "card_country_mismatch": 0.1, "addressee_mismatch": 0.1}, "Reshipping"),
        ({"discount_share": 0.3, "orders_24h": 0.1}, "Discount abuse"),
        ({"new_device": 0.1, "new_payment": 0.1, "card_country_mismatch": 0.1}, "Gift card cash-out"),
        ({"weekday_sine": 0.3}, ""),
        ({"weekday_sine": 0.3, "new_payment": 0.1, "new_device": 0.05}, ""),
    ],
)
def test_an_order_s_reasons_lead_to_the_page_of_its_kind(
    index: KnowledgeIndex, reasons: dict[str, float], kind: str
) -> None:
    category = "gift-cards" if kind.startswith("Gift") else "kitchen"
    summary = [f"It has 1 line with 6 units, worth 300.00 EUR, of the category {category}."]
    case = msgspec.structs.replace(index.cases[0], reasons=list(reasons.items()), summary=summary)
    found = likely_kind(index, case)
    assert (found.title if found else "") == kind
    ordinary = msgspec.structs.replace(case, score=case.threshold / 2)
    assert likely_kind(index, ordinary) is None


def test_no_kitchen_order_is_led_to_the_page_about_gift_cards(index: KnowledgeIndex) -> None:
    reasons = [("new_payment", 0.3), ("new_device", 0.2), ("card_country_mismatch", 0.1)]
    summary = ["It has 1 line with 1 unit, worth 39.90 EUR, of the category kitchen."]
    found = likely_kind(index, msgspec.structs.replace(index.cases[0], reasons=reasons, summary=summary))
    assert found is None or found.title != "Gift card cash-out"


def test_every_feature_is_explained_in_the_index(index: KnowledgeIndex) -> None:
    headings = {passage.heading for passage in index.passages if passage.document == "features.md"}
    assert headings == {feature.name for feature in FEATURES}


@pytest.mark.parametrize("question", ["", "???", "the of and", '" OR NEAR(', "passage:title *", "\x00", "a" * 2_000])
def test_no_question_breaks_the_search(search: Search, question: str) -> None:
    hits = search.passages(question)
    assert search.confidence(question, hits) == 0.0 or hits


def test_a_hit_says_why_it_was_found(search: Search) -> None:
    hit = search.passages("How long may an order be on hold?", limit=1)[0]
    assert hit.passage.id == "policy-holds.md#how-long"
    assert hit.bm25 is not None and hit.bm25_rank == 1 and hit.similarity is not None and 0 < hit.coverage <= 1


def test_an_analyst_s_word_finds_the_runbook_s_word() -> None:
    groups = Synonyms(read_synonyms("# remark\n\nchargeback, reversed payment\nhold, stop\n"))
    assert groups.related("A chargeback arrives") == "reversed payment"
    assert groups.related("Payments were reversed") == ""
    assert groups.related("a reversed payment on hold") == "chargeback stop"


def test_terms_are_stems_without_stop_words() -> None:
    assert Analyser().terms("What happens to the flagged orders?") == ["happen", "flag", "order"]


def test_related_words_come_from_the_synonyms_alone(index: KnowledgeIndex) -> None:
    assert related_words(index.documents, index.passages, []) == [""] * len(index.passages)


def test_the_scale_survives_constants_and_missing_values() -> None:
    features = np.array([[1, 5, np.nan], [2, 5, 1], [3, 5, 2], [np.nan, 5, 9]], np.float32)
    centre, spread = scale_of(features)
    assert centre.tolist() == [2, 5, 2] and spread[1] == 1 and np.all(spread > 0)


def test_the_most_similar_case_comes_first(index: KnowledgeIndex) -> None:
    case = index.cases[0]
    found = similar_cases(case, index.cases, *index.scale, limit=10)
    assert case.order_token not in {other.case.order_token for other in found}
    assert [other.similarity for other in found] == sorted((o.similarity for o in found), reverse=True)
    assert similar_cases(case, [case], *index.scale) == []


def test_the_measures_are_the_textbook_s() -> None:
    assert recall_at(["a", "x", "b"], {"a": 2, "b": 1, "c": 1}) == pytest.approx(2 / 3)
    assert ndcg_at(["a", "b"], {"a": 2, "b": 1}) == 1
    # By hand: (3 / log2 3) / (3 / log2 2)
    assert ndcg_at(["x", "a"], {"a": 2}) == pytest.approx(0.6309, abs=1e-4)
    assert ndcg_at(["x"], {"a": 2}) == 0


def test_the_question_set_is_large_and_judges_passages_that_exist(index: KnowledgeIndex) -> None:
    questions = read_questions()
    passages = {passage.id for passage in index.passages}
    assert len(questions) >= 150 and sum(not question.relevant for question in questions) >= 30
    assert all(set(question.relevant) <= passages for question in questions)
    assert len({question.question for question in questions}) == len(questions)


def test_search_beats_plain_bm25_on_questions_that_nothing_was_tuned_on(index: KnowledgeIndex) -> None:
    compared = rankers(index)
    plain = quality(compared["plain BM25"], HELD_OUT)
    served = quality(compared["fused (what is served)"], HELD_OUT)
    assert served[0] > plain[0] + 0.03 and served[1] > plain[1] + 0.03
    assert served[0] >= 0.85 and served[1] >= 0.77


def test_it_abstains_where_nothing_is_known(search: Search) -> None:
    precision, recall = abstention(search, HELD_OUT)
    assert precision >= 0.65 and recall >= 0.65
