"""Where customers' histories are kept between requests: bytes by pseudonym, with a time to live.

A store is chosen by HISTORY_URL. When it fails, it raises `HistoryUnavailable`, and the order is scored without a
history.
"""

from app.history.store import HistoryStore, HistoryUnavailable, Looking
from app.history.taking import Taking

__all__ = ["HistoryStore", "HistoryUnavailable", "Looking", "open_store"]


def open_store(url: str, ttl_days: int, *, password: str = "", ca: str = "") -> Taking | None:
    """The store that `url` names; `off` is none. `password` and `ca` (PEM) are a Redis server's.

    Raises `HistoryUnavailable` where the store can't be set up at all.
    """
    ttl = ttl_days * 86_400
    scheme, _, rest = url.partition(":")
    if scheme == "off":
        return None
    if scheme == "sqlite":
        from app.history.sqlite import SqliteStore

        return Taking(SqliteStore(rest, ttl))
    if scheme in ("redis", "rediss"):
        from app.history.redis import RedisStore

        return Taking(RedisStore(url, ttl, password=password, ca=ca))
    from app.history.memory import MemoryStore

    return Taking(MemoryStore(ttl))
