"""Which store HISTORY_URL names."""

import os

from app.history.memory import MemoryStore
from app.history.sqlite import SqliteStore
from app.history.store import HistoryStore, StoreEvents
from app.settings import Settings

DAY = 86_400
NOT_SHARED = ("memory:", "off")
"""What names no store besides the service."""


class Unwatched:
    """Nobody is told."""

    def away(self, reason: str) -> None:
        """Nobody is told."""

    def back(self, seconds: float) -> None:
        """Nobody is told."""

    def lost(self, orders: int) -> None:
        """Nobody is told."""


def store_of(settings: Settings, events: StoreEvents | None = None) -> HistoryStore | None:
    """The store that the settings name. Raises `HistoryUnavailable`, as `open_store` does."""
    return open_store(
        settings.history_url,
        settings.history_ttl_days,
        settings.entity_ttl_days,
        password=settings.history_password,
        login=settings.history_login,
        ca=settings.history_ca,
        events=events,
    )


def open_store(
    url: str,
    ttl_days: int,
    entity_ttl_days: int,
    *,
    password: str = "",
    login: str = "password",
    ca: str = "",
    events: StoreEvents | None = None,
) -> HistoryStore | None:
    """The store that `url` names; `off` is none. `password`, `login` and `ca` are a Redis server's: with the login
    `iam` a token of the account that this runs as stands in for the password; `ca` are the certificates (PEM) that its
    own must be signed with; without them, those that the system trusts.

    Raises `HistoryUnavailable` where the store can't be set up at all.
    """
    ttl, entity_ttl = ttl_days * DAY, entity_ttl_days * DAY
    scheme, _, rest = url.partition(":")
    if scheme == "off":
        return None
    if scheme == "sqlite":
        return SqliteStore(rest, ttl, entity_ttl)
    if scheme in ("redis", "rediss"):
        # A service without a server does without its client.
        from app.history.redis import RedisStore
        from app.history.server import Server
        from app.history.tokens import Tokens

        events = events or Unwatched()
        opening = Tokens(os.environ.get("GCE_METADATA_HOST", "")) if login == "iam" else password
        return RedisStore(Server(url, opening, ca, events), ttl, entity_ttl, events)
    return MemoryStore(ttl, entity_ttl)
