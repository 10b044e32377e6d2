"""The challenger in the champion's shadow: scores what the champion scored, compares, records, and never touches an
answer.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.contract import ScoreAnswer
from app.logs import LogWriter, ShadowLine
from app.metrics import Metrics
from app.models import Model
from orderguard.features.scalar import order_features

if TYPE_CHECKING:
    from app.scoring import Prepared


class Shadow:
    """Compares a challenger with the answers that were given."""

    def __init__(self, metrics: Metrics, logs: LogWriter) -> None:
        self._metrics = metrics
        self._logs = logs

    def compare(self, challenger: Model, orders: Sequence["Prepared"], answers: Sequence[ScoreAnswer]) -> None:
        """Score the orders with the challenger and record how it differs. Never raises."""
        for order, answer in zip(orders, answers, strict=True):
            try:
                vector = order_features(order.masked, order.history, challenger.catalogue)
                score = challenger.scorer.score_row(vector).score
            except Exception as error:
                self._metrics.shadow.labels("failed").inc()
                self._logs.failure(error, event="shadow")
                return
            agree = answer.anomaly == (score >= challenger.scorer.threshold)
            self._metrics.shadow.labels("agreed" if agree else "disagreed").inc()
            self._metrics.shadow_difference.observe(abs(score - answer.score))
            if not agree:
                self._log(challenger, order, answer, score)

    def _log(self, challenger: Model, order: "Prepared", answer: ScoreAnswer, score: float) -> None:
        self._logs.write(
            ShadowLine(
                severity="INFO",
                time=self._logs.now(),
                event="shadow",
                message="Champion and challenger disagree on an order.",
                order_token=order.masked.order_token,
                model_version=answer.model_version,
                shadow_model_version=challenger.version,
                score=answer.score,
                shadow_score=score,
            )
        )
