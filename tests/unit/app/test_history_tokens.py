"""A store that lets in by access tokens: each new connection shows one, and one that is not to be had is a store that
is away.
"""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.history.redis import RedisStore
from app.history.server import Server
from app.history.tokens import Tokens
from bench.redis_server import RedisServer
from orderguard.google_token import TOKEN
from tests.unit.app.test_history_server import DAY, REST, Noted, number_known, unavailable, until_back
from tests.unit.app.test_histories import order


class Metadata(ThreadingHTTPServer):
    """A metadata server: `token` is what it gives, while `may_answer` is set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.token = ""
        self.seconds = 3600
        self.asked = 0
        self.may_answer = threading.Event()
        self.may_answer.set()


class _Handler(BaseHTTPRequestHandler):
    server: Metadata

    def do_GET(self) -> None:
        self.server.asked += 1
        self.server.may_answer.wait()
        found = self.path == TOKEN and self.headers["Metadata-Flavor"] == "Google" and self.server.token
        self.send_response(200 if found else 404)
        self.end_headers()
        self.wfile.write(json.dumps({"access_token": self.server.token, "expires_in": self.server.seconds}).encode())

    def log_message(self, *_: object) -> None:
        return None


@pytest.fixture
def metadata() -> Iterator[Metadata]:
    """A metadata server of the test's own."""
    with Metadata() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.may_answer.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis server of the test's own."""
    with RedisServer(tmp_path / "redis") as found:
        yield found


def opened(server: RedisServer, metadata: Metadata, timeout: float = 5.0) -> tuple[RedisStore, Noted]:
    """A store that shows tokens."""
    events = Noted()
    tokens = Tokens(f"127.0.0.1:{metadata.server_address[1]}")
    link = Server(server.url, tokens, "", events, timeout=timeout, rest=REST)
    return RedisStore(link, 180 * DAY, 90 * DAY, events), events


def test_connections_share_a_token_until_it_ends_or_is_refused(server: RedisServer, metadata: Metadata) -> None:
    metadata.token = server.password

    async def scenario() -> None:
        store, events = opened(server, metadata)
        await store.take([order(0)])
        server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert number_known((await store.take([order(1)]))[0]) == 1
        assert metadata.asked == 1, "the token is valid: a second connection shows it, too"

        # The token is revoked, and with it the connections: the next one shows a new one, and no order notices.
        server.command("CONFIG", "SET", "requirepass", "the-next-token")
        server.password = metadata.token = "the-next-token"
        server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert number_known((await store.take([order(2)]))[0]) == 2
        assert (metadata.asked, events.reasons) == (2, [])

        # One that ends within the minute is shown once.
        metadata.seconds = 30
        for number in (3, 4):
            server.command("CONFIG", "SET", "requirepass", f"token-{number}")
            server.password = metadata.token = f"token-{number}"
            server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            assert number_known((await store.take([order(number)]))[0]) == number
        assert (metadata.asked, events.reasons) == (4, [])
        await store.close()

    asyncio.run(scenario())


def test_without_a_token_or_the_right_the_store_is_away_and_soon_back(server: RedisServer, metadata: Metadata) -> None:
    async def scenario() -> None:
        store, events = opened(server, metadata)
        assert await unavailable(store, 0) == "HTTPError"
        assert await unavailable(store, 0) == "at rest"
        metadata.token = "of somebody without the right"
        await asyncio.sleep(REST)
        assert await unavailable(store, 0) == "AuthenticationError"
        metadata.token = server.password
        assert number_known(await until_back(store, 0)) == 0
        assert (events.reasons, events.came_back) == (["HTTPError"], 1)
        await store.close()

    asyncio.run(scenario())


def test_a_token_that_comes_too_late_is_there_for_the_next_order(server: RedisServer, metadata: Metadata) -> None:
    metadata.token = server.password
    metadata.may_answer.clear()

    async def scenario() -> None:
        store, events = opened(server, metadata, timeout=0.2)
        begun = time.monotonic()
        assert await unavailable(store, 0) == "TimeoutError"
        assert time.monotonic() - begun < 5
        metadata.may_answer.set()
        await until_back(store, 0)
        assert (metadata.asked, events.reasons) == (1, ["TimeoutError"])
        await store.close()

    asyncio.run(scenario())
