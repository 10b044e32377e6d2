"""What is told of a shared store: one line when it goes away, comes back, or has lost something, and two metrics."""

from app.logs import LogWriter, ServiceLine
from app.metrics import Metrics


class StoreWatch:
    """The `StoreEvents` of a service."""

    def __init__(self, metrics: Metrics, logs: LogWriter) -> None:
        self._metrics = metrics
        self._logs = logs

    def away(self, reason: str) -> None:
        """It doesn't answer."""
        self._metrics.history_away.set(1)
        self._tell("WARNING", "The history store is away: orders are scored without histories.", reason)

    def back(self, seconds: float) -> None:
        """It answers again."""
        self._metrics.history_away.set(0)
        self._tell("INFO", "The history store is back.", f"away for {seconds:.1f} s")

    def lost(self, orders: int) -> None:
        """It no longer knows of so many orders."""
        self._metrics.history_lost.inc(orders)
        self._tell("WARNING", "The history store has lost orders that it had counted.", f"{orders} orders")

    def _tell(self, severity: str, message: str, reason: str) -> None:
        self._logs.write(
            ServiceLine(severity=severity, time=self._logs.now(), event="history", message=message, reason=reason)
        )
