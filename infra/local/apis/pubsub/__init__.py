"""Pub/Sub: topics and subscriptions of the program and of clients, and the messages between them.

`publish` is for whatever publishes without a client of its own. Messages are in one SQLite file of the stack, written
before a publisher is answered: they outlive whatever process is killed (a power cut may cost the newest ones).
"""

from infra.local.apis.pubsub.messages import publish

__all__ = ["publish"]
