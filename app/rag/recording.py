"""What is kept of an answer: a count, a time and a log line, without a word of question or answer."""

from collections.abc import Callable

from app.logs import AskLine, LogWriter
from app.metrics import Metrics
from app.rag.answering import AskEvent


def recorder(metrics: Metrics, logs: LogWriter) -> Callable[[AskEvent], None]:
    """Record answers in the metrics and the log."""

    def record(event: AskEvent) -> None:
        fallback = "no" if event.fallback is None else "yes"
        metrics.questions.labels(event.provider, event.outcome, fallback).inc()
        metrics.question_seconds.observe(event.seconds)
        logs.write(
            AskLine(
                severity="WARNING" if event.fallback else "INFO",
                time=logs.now(),
                event="ask",
                message=(
                    "A question was answered by the local provider in place of the configured one."
                    if event.fallback
                    else "A question was answered."
                ),
                provider=event.provider,
                outcome=event.outcome,
                fallback=event.fallback,
                citations=event.citations,
                seconds=event.seconds,
            )
        )

    return record
