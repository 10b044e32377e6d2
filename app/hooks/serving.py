"""What a service has that serves webhooks alone."""

from app.history import HistoryStore
from app.hooks.alone import Alone
from app.hooks.deliveries import Deliveries
from app.hooks.handlers import Hooks
from app.hooks.targets import targets_of
from app.hooks.telling import Telling
from app.logs import LogWriter
from app.metrics import Metrics
from app.models import Models
from app.scoring.handlers import Handlers
from app.scoring.service import Scoring
from app.settings import Settings


class HooksAlone:
    """Its routes, the application behind them, and who tells of anomalies."""

    def __init__(
        self,
        settings: Settings,
        models: Models,
        store: HistoryStore | None,
        scoring: Scoring,
        handlers: Handlers,
        metrics: Metrics,
        logs: LogWriter,
    ) -> None:
        deliveries = Deliveries(settings.keyring, store)
        self.telling = Telling(targets_of(settings), deliveries, logs)
        self.routes = Hooks(settings, scoring, handlers, deliveries, self.telling, metrics, logs).routes()
        self.application = Alone(models)
