"""Which server keeps a stack's histories, a Valkey or a Redis, and the way from one to the other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import pulumi

from infra.config import HISTORY_ENGINES, ConfigError, Settings
from infra.history_store import NamedStore, RedisStore
from infra.identity import Identity
from infra.network import Egress
from infra.reminder import RotationReminder
from infra.valkey_store import ValkeyStore

OwnStore = RedisStore | ValkeyStore
Store = OwnStore | NamedStore
PAGE = "docs/technical/infrastructure.md#from-redis-to-valkey"
_INSTANCES = {
    "redis": "::orderguard:platform:HistoryStore$gcp:redis/instance:Instance::",
    "valkey": "::orderguard:platform:ValkeyStore$gcp:memorystore/instance:Instance::",
}
"""Engine → what is in the name (URN) of its instance."""


@dataclass(frozen=True)
class Stores:
    """The stack's own stores of histories: the one that serves, and one beside it on the way from one to the other."""

    serving: OwnStore | None = None
    beside: OwnStore | None = None


def own_stores(
    name: str,
    settings: Settings,
    network: Egress,
    servers: Mapping[str, Identity],
    reminder: RotationReminder | None,
) -> Stores:
    """Declare the stores that the settings ask for. The one beside is not protected: whoever takes it out of the
    settings next wants it deleted.
    """
    made: list[OwnStore] = []
    for place, engine in enumerate(settings.history_engines):
        kept = settings if place == 0 else replace(settings, deletion_protection=False)
        if engine == "valkey":
            made.append(ValkeyStore(name, kept, network, servers))
        else:
            made.append(RedisStore(name, kept, network, {"scorer": servers["scorer"]}, reminder))
    return Stores(*made)


def with_engine(settings: Settings, state: Iterable[str]) -> Settings:
    """The settings with the engine that nobody has chosen: the one that the stack has. `state` names (URNs) what its
    state holds.

    Raises ConfigError where what is chosen would delete a store before the next one serves.
    """
    if not settings.has_history_store:
        return settings
    urns = list(state)
    held = {engine for engine, mark in _INSTANCES.items() if any(mark in urn for urn in urns)}
    if not settings.history_engine:
        if len(held) > 1:
            raise ConfigError(
                "the stack has a Redis and a Valkey, and orderguard:historyEngine doesn't say which one serves. Write"
                f" one of {', '.join(filter(None, HISTORY_ENGINES))}: {PAGE}"
            )
        if held == {"redis"}:
            pulumi.log.warn(
                "the stack keeps histories in the Redis that it has, whose password stands sealed in the state. A"
                f" Valkey has none: {PAGE} says how to move. `orderguard:historyEngine: redis` stays, without a word."
            )
        return replace(settings, history_engine=next(iter(held), "valkey"))
    serving = settings.history_engines[0]
    gone = held - set(settings.history_engines)
    if gone and serving not in held:
        (engine,) = gone
        raise ConfigError(
            f"orderguard:historyEngine: {settings.history_engine} would delete the store that holds the histories"
            f" while services use it. Write `orderguard:historyEngine: {serving}-beside-{engine}` and deploy; then"
            f" `{serving}`: {PAGE}"
        )
    return settings
