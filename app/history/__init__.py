"""Where histories are kept between requests: in memory, in an SQLite file, or in Redis or Valkey.

A store is chosen by HISTORY_URL. When it fails, it raises `HistoryUnavailable`, and the order is scored without what
was known before it.
"""

from app.history.looking import Looking
from app.history.opening import open_store, store_of
from app.history.store import HistoryStore, HistoryUnavailable

__all__ = ["HistoryStore", "HistoryUnavailable", "Looking", "open_store", "store_of"]
