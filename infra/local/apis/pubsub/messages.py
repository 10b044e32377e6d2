"""Messages that wait for subscribers, in one SQLite file a stack."""

import json
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.cloud import Cloud, Record
from orderguard.private_files import make_private_folder

TOPIC, SUBSCRIPTION = "gcp:pubsub/topic:Topic", "gcp:pubsub/subscription:Subscription"
KEPT_SECONDS = 7 * 24 * 3600.0
"""How long a message waits for its subscribers."""
_BUSY_SECONDS = 30.0
_TABLES = """
CREATE TABLE IF NOT EXISTS message (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  data BLOB NOT NULL, attributes TEXT NOT NULL, key TEXT NOT NULL, at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS waiting (
  subscription TEXT NOT NULL, message INTEGER NOT NULL, due REAL NOT NULL, attempts INTEGER NOT NULL, ack TEXT,
  PRIMARY KEY (subscription, message)
);
CREATE INDEX IF NOT EXISTS acked ON waiting (ack);
CREATE INDEX IF NOT EXISTS waits ON waiting (message);
CREATE INDEX IF NOT EXISTS published ON message (at);
"""


@dataclass(frozen=True)
class Received:
    """A message on its way to a subscriber. `at` is when it was published, in seconds since 1970."""

    ack: str
    id: str
    data: bytes
    attributes: Mapping[str, str]
    key: str
    at: float
    attempts: int


def publish(cloud: Cloud, topic: str, data: bytes, attributes: Mapping[str, str], key: str = "") -> str:
    """Publish one message to a topic's subscriptions; its id. `topic` is the full name, and has to be there."""
    return publish_all(cloud, topic, [(data, attributes, key)])[0]


def publish_all(cloud: Cloud, topic: str, messages: Sequence[tuple[bytes, Mapping[str, str], str]]) -> list[str]:
    """The ids of these messages, each with its data, attributes and ordering key; all of them or none."""
    now = time.time()
    subscriptions = [one.id for one in subscriptions_of(cloud, topic)]
    found = []
    with _opened(cloud) as database:
        for data, attributes, key in messages:
            made = database.execute(
                "INSERT INTO message (data, attributes, key, at) VALUES (?, ?, ?, ?)",
                (data, json.dumps(dict(attributes)), key, now),
            )
            found.append(str(made.lastrowid))
            database.executemany(
                "INSERT INTO waiting VALUES (?, ?, 0, 0, NULL)", [(name, made.lastrowid) for name in subscriptions]
            )
        old = database.execute("SELECT id FROM message WHERE at < ?", (now - KEPT_SECONDS,)).fetchall()
        database.executemany("DELETE FROM waiting WHERE message = ?", old)
        _collect(database, [*old, *([] if subscriptions else [(int(one),) for one in found])])
    return found


def subscriptions_of(cloud: Cloud, topic: str) -> list[Record]:
    """The subscriptions that a topic has now."""
    return [one for one in cloud.all(SUBSCRIPTION) if topic_of(one) == topic]


def topic_of(subscription: Record) -> str:
    """The full name of a subscription's topic."""
    named = str(subscription.inputs["topic"])
    return named if "/" in named else f"projects/{subscription.id.split('/')[1]}/topics/{named}"


def pulled(cloud: Cloud, subscription: Record, most: int) -> list[Received]:
    """The next messages, at most so many; each is the subscriber's until its deadline. One that was tried too often
    goes to the dead letters' topic.
    """
    now = time.time()
    found: list[Received] = []
    dead: list[tuple[bytes, Mapping[str, str], str]] = []
    seconds = float(subscription.inputs.get("ackDeadlineSeconds") or 10)
    letters = subscription.inputs.get("deadLetterPolicy") or {}
    limit = int(letters.get("maxDeliveryAttempts") or 5) if letters.get("deadLetterTopic") else 0
    ordered = bool(subscription.inputs.get("enableMessageOrdering"))
    with _opened(cloud) as database:
        rows = database.execute(
            "SELECT m.id, m.data, m.attributes, m.key, m.at, w.attempts, w.due FROM waiting w JOIN message m"
            " ON m.id = w.message WHERE w.subscription = ? AND (w.due <= ? OR ?) ORDER BY m.id",
            (subscription.id, now, ordered),
        ).fetchall()
        held: set[str] = set()
        for number, data, attributes, key, at, attempts, due in rows:
            if len(found) >= most:
                break
            if due > now or key in held:
                held |= {key} if ordered and key else set()
                continue
            if limit and attempts >= limit:
                dead.append((data, {**json.loads(attributes), **_buried(subscription, attempts)}, key))
                _drop(database, subscription.id, number)
                continue
            ack = secrets.token_urlsafe(24)
            database.execute(
                "UPDATE waiting SET due = ?, attempts = ?, ack = ? WHERE subscription = ? AND message = ?",
                (now + seconds, attempts + 1, ack, subscription.id, number),
            )
            found.append(Received(ack, str(number), data, json.loads(attributes), key, at, attempts + 1))
    if dead:
        publish_all(cloud, str(letters["deadLetterTopic"]), dead)
    return found


def _buried(subscription: Record, attempts: int) -> dict[str, str]:
    parts = subscription.id.split("/")
    return {
        "CloudPubSubDeadLetterSourceSubscription": parts[3],
        "CloudPubSubDeadLetterSourceSubscriptionProject": parts[1],
        "CloudPubSubDeadLetterSourceDeliveryCount": str(attempts),
    }


def acknowledged(cloud: Cloud, subscription: str, acks: Sequence[str]) -> None:
    """These messages are done with; those whose deadline has passed may come again."""
    with _opened(cloud) as database:
        found = []
        for ack in acks:
            where = (subscription, ack)
            found += database.execute(
                "SELECT message FROM waiting WHERE subscription = ? AND ack = ?", where
            ).fetchall()
            database.execute("DELETE FROM waiting WHERE subscription = ? AND ack = ?", where)
        _collect(database, found)


def _collect(database: sqlite3.Connection, messages: Sequence[tuple[int]]) -> None:
    """Remove those of these messages that nobody waits for."""
    waited = "SELECT 1 FROM waiting WHERE waiting.message = message.id"
    database.executemany(f"DELETE FROM message WHERE id = ? AND NOT EXISTS ({waited})", messages)  # nosec B608


def postponed(cloud: Cloud, subscription: str, acks: Sequence[str], seconds: float) -> None:
    """These messages are the subscriber's for so many seconds from now; 0 gives them back."""
    due = time.time() + seconds if seconds else 0.0
    with _opened(cloud) as database:
        database.executemany(
            "UPDATE waiting SET due = ? WHERE subscription = ? AND ack = ?", [(due, subscription, ack) for ack in acks]
        )


def forget(cloud: Cloud, subscription: str) -> None:
    """Whatever waits for a subscription goes with it."""
    with _opened(cloud) as database:
        database.execute("DELETE FROM waiting WHERE subscription = ?", (subscription,))


def _drop(database: sqlite3.Connection, subscription: str, message: int) -> None:
    database.execute("DELETE FROM waiting WHERE subscription = ? AND message = ?", (subscription, message))


def _path(cloud: Cloud) -> Path:
    return make_private_folder(cloud.root / "pubsub") / "messages.sqlite"


@contextmanager
def _opened(cloud: Cloud) -> Iterator[Any]:
    """The file, in one transaction that writes."""
    with closing(sqlite3.connect(_path(cloud), timeout=_BUSY_SECONDS, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA secure_delete = ON")
        database.execute("PRAGMA synchronous = NORMAL")
        database.executescript(_TABLES)
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")
