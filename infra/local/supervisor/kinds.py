"""The kinds of servers that the supervisor keeps alive."""

from infra.local.supervisor.postgres_server import ENDING, PostgresServer
from infra.local.supervisor.redis_server import RedisServer


def kind_of(name: str) -> type[RedisServer] | type[PostgresServer]:
    """Of a server's name here."""
    return PostgresServer if name.endswith(ENDING) else RedisServer
