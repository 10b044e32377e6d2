"""The challenger in the champion's shadow: scores what the champion scored, compares, records, and never touches an
answer.
"""

from collections.abc import Sequence

from app.contract import ScoreAnswer
from app.logs import LogWriter, ShadowLine
from app.metrics import Metrics
from app.models import Model
from app.scoring.answers import vectors_of
from app.scoring.stages import Prepared


class Shadow:
    """Compares a challenger with the answers that were given."""

    def __init__(self, metrics: Metrics, logs: LogWriter) -> None:
        self._metrics = metrics
        self._logs = logs

    def compare(self, challenger: Model, orders: Sequence[Prepared], answers: Sequence[ScoreAnswer]) -> None:
        """Score the orders with the challenger and record how it differs. Never raises."""
        try:
            vectors = vectors_of(orders, challenger)
            scores: list[float] = challenger.scorer.explain(vectors)[0].score.tolist()
        except Exception as error:
            self._metrics.shadow.labels("failed").inc()
            self._logs.failure(error, event="shadow")
            return
        for order, answer, score in zip(orders, answers, scores, strict=True):
            own, anomaly = answer.of_model()  # rules decide the same whichever model scores
            agree = anomaly == (score >= challenger.scorer.threshold)
            self._metrics.shadow.labels("agreed" if agree else "disagreed").inc()
            self._metrics.shadow_difference.observe(abs(score - own))
            if not agree:
                self._log(challenger, order, answer, score)

    def _log(self, challenger: Model, order: Prepared, answer: ScoreAnswer, score: float) -> None:
        self._logs.write(
            ShadowLine(
                severity="INFO",
                time=self._logs.now(),
                event="shadow",
                message="Champion and challenger disagree on an order.",
                order_token=order.masked.order_token,
                model_version=answer.model_version,
                shadow_model_version=challenger.version,
                score=answer.of_model()[0],
                shadow_score=score,
            )
        )
