"""Prepared orders and a model: their answers, with reasons in words where somebody wants to know."""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.contract import Contribution, ScoreAnswer
from app.models import Model
from app.scoring.deciding import Deciding, with_decision
from app.scoring.stages import Explained, Prepared
from orderguard.features import FEATURE_NAMES, FEATURES
from orderguard.features.own_unit import OWN_UNIT
from orderguard.features.scalar import features_of, order_features
from orderguard.masking import Keyring, mask_order, new_key_text
from orderguard.history import NO_PAST, Past
from orderguard.reasons import ReasonInWords, in_words, lines_beside_usual, place_in_words
from orderguard.retrieval import Case, Told, make_case, with_words
from orderguard.schema import MaskedOrder, decode_order
from orderguard.scorer import Scores

TOP_CONTRIBUTIONS = 5

MEANINGS = [feature.meaning for feature in FEATURES]

Vectors = NDArray[np.float32]
Shares = NDArray[np.float64]


def vectors_of(prepared: Sequence[Prepared], model: Model) -> Vectors:
    """The feature vectors of orders (n, d)."""
    return features_of([(order.masked, order.past) for order in prepared], model.catalogue)


def answers_of(
    prepared: Sequence[Prepared],
    vectors: Vectors,
    scores: Scores,
    shares: Shares,
    model: Model,
    deciding: Deciding | None = None,
) -> list[ScoreAnswer]:
    """The answers for scored orders (n), each with the features that raised its score most; an anomaly with its
    reasons in words, the model's or that of rules.
    """
    top: list[list[int]] = shares.argsort(axis=1)[:, : -TOP_CONTRIBUTIONS - 1 : -1].tolist()
    threshold, version = model.scorer.threshold, model.version
    rows = vectors.tolist()
    columns = (*(column.tolist() for column in scores), top, rows, shares.round(6).tolist())
    decisions = deciding.of(prepared, rows, columns[0], threshold) if deciding and deciding.rules else ()
    told = {place for place, decision in enumerate(decisions) if decision and decision.anomaly}
    answers = [
        ScoreAnswer(
            order.order_id,
            score,
            threshold,
            score >= threshold,
            forest,
            guard,
            [
                Contribution(FEATURE_NAMES[place], OWN_UNIT[place](values[place]), parts[place], MEANINGS[place])
                for place in places
            ],
            version,
            order.state,
            *(_in_words(order, model, score, values, parts) if score >= threshold or at in told else ()),
        )
        for at, (order, score, forest, guard, places, values, parts) in enumerate(zip(prepared, *columns, strict=True))
    ]
    for at, decision in enumerate(decisions):
        if decision:
            answers[at] = with_decision(answers[at], decision)
    return answers


def _in_words(
    order: Prepared, model: Model, score: float, values: Sequence[float], parts: Sequence[float]
) -> tuple[str, list[ReasonInWords]]:
    """Where an order stands among the reference orders, and its reasons."""
    scorer = model.scorer
    reasons = in_words(order.masked, order.past, model.catalogue, scorer.reference_orders, values, parts)
    return place_in_words(scorer.share_from(score)), reasons


def explained_order(order: Prepared, model: Model, deciding: Deciding | None = None) -> Explained:
    """All that there is to tell about an order."""
    vectors = vectors_of([order], model)
    scores, shares = model.scorer.explain(vectors)
    (answer,) = answers_of([order], vectors, scores, shares, model, deciding)
    if not answer.place:
        own, _ = answer.of_model()
        place, reasons = _in_words(order, model, own, vectors[0].tolist(), shares[0].round(6).tolist())
        answer = msgspec.structs.replace(answer, place=place, reasons=reasons)
    lines = lines_beside_usual(order.masked, model.catalogue)
    return Explained(order.masked, answer, lines)


def examined_order(masked: MaskedOrder, past: Past, model: Model) -> Case:
    """An order as a case, with its reasons."""
    vector = order_features(masked, past, model.catalogue)
    scores, shares = model.scorer.explain(vector[None])
    reasons = [(FEATURE_NAMES[place], float(shares[0, place])) for place in shares[0].argsort()[::-1]]
    case = make_case(masked, vector, float(scores.score[0]), model.scorer.threshold, reasons)
    order = Prepared("", masked, past, "absent")
    place, told = _in_words(order, model, float(scores.score[0]), vector.tolist(), shares[0].round(6).tolist())
    return with_words(case, masked, [Told(reason.text, reason.features) for reason in told], place)


WARM_ORDER = (
    b'{"order_id":"warm","created_at":"2026-01-01T12:00:00Z","customer":{"id":"warm"},"currency":"EUR",'
    b'"items":[{"sku":"warm","quantity":1,"unit_price":1}]}'
)


def warm(model: Model) -> None:
    """Take an order through the model until every cache is filled. Counts nothing and raises what a broken model
    raises.
    """
    keyring = Keyring.from_text(new_key_text())
    order = decode_order(WARM_ORDER)
    masked = mask_order(order, keyring, free_text=False)
    for count in (1, 1, 1, 2, 16, 64, 1, 1):
        prepared = [Prepared(order.order_id, masked, NO_PAST, "absent")] * count
        vectors = vectors_of(prepared, model)
        msgspec.json.encode(answers_of(prepared, vectors, *model.scorer.explain(vectors), model))
