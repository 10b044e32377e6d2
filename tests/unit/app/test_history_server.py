"""A Redis server that is away, slow, full, restarted, replaced or strange: each has an outcome, on the real server."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.history import HistoryUnavailable
from app.history.redis import RedisStore
from app.history.server import MOST_CALLS, MOST_CONNECTIONS, REST_SECONDS, SCRIPT_DIGEST, TIMEOUT_SECONDS, Server
from bench.forwarder import Forwarder
from bench.redis_server import RedisServer
from infra.local.ports import free_port
from orderguard.history import NO_PAST, Past
from orderguard.history.records import counted
from tests.plain_store import PlainStore
from tests.unit.app.test_histories import order

DAY = 86_400
REST = 0.05


class Noted:
    """The events of a store."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.came_back = 0
        self.lost_orders: list[int] = []

    def away(self, reason: str) -> None:
        self.reasons.append(reason)

    def back(self, seconds: float) -> None:
        self.came_back += 1

    def lost(self, orders: int) -> None:
        self.lost_orders.append(orders)


@asynccontextmanager
async def connected(
    server: RedisServer, *, port: int | None = None, password: str | None = None, timeout: float = 5.0
) -> AsyncIterator[tuple[RedisStore, Noted]]:
    """A store at this server, or at another address, that rests a moment alone."""
    events = Noted()
    url = f"redis://127.0.0.1:{port or server.port}/0"
    link = Server(url, password or server.password, "", events, timeout=timeout, rest=REST)
    store = RedisStore(link, 180 * DAY, 90 * DAY, events)
    try:
        yield store, events
    finally:
        await store.close()


async def until_back(store: RedisStore, number: int) -> Past:
    """What an order finds, once the store answers."""
    deadline = time.monotonic() + 10
    while True:
        try:
            (past,) = await store.take([order(number)])
            return past
        except HistoryUnavailable:
            assert time.monotonic() < deadline
            await asyncio.sleep(REST / 5)


async def unavailable(store: RedisStore, number: int) -> str:
    """Why an order finds no store."""
    with pytest.raises(HistoryUnavailable) as raised:
        await store.take([order(number)])
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
    return str(raised.value)


def number_known(past: Past) -> int:
    return past.customer.count if past.customer else 0


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server of the test's own."""
    with RedisServer(tmp_path / "redis") as server:
        yield server


def test_a_store_that_is_away_is_left_alone_for_a_moment_and_is_soon_back(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis")

    async def scenario() -> None:
        async with connected(server) as (store, events):
            assert await unavailable(store, 0) == "ConnectionError"
            assert await unavailable(store, 0) == "at rest"
            server.start()
            assert await until_back(store, 0) == NO_PAST
            assert number_known(await until_back(store, 1)) == 1
            assert (events.reasons, events.came_back, events.lost_orders) == (["ConnectionError"], 1, [])

    try:
        asyncio.run(scenario())
    finally:
        server.stop()
    assert REST_SECONDS + 2 * TIMEOUT_SECONDS < 3


def test_a_server_that_is_slow_costs_a_limited_time_and_no_answer_goes_astray(own_server: RedisServer) -> None:
    async def scenario() -> None:
        async with connected(own_server, timeout=0.2) as (store, events):
            await store.take([order(0, 1)])
            own_server.pause()
            begun = time.monotonic()
            assert await unavailable(store, 1) == "TimeoutError"
            assert time.monotonic() - begun < 5
            own_server.go_on()
            await until_back(store, 2)
            # The order that waited in vain was counted, and an answer that came too late is nobody's.
            expected = PlainStore().take([order(0, 1), order(1), order(2), order(3), order(3, 1)])
            for number, customer, past in ((1, 0, expected[1]), (2, 0, expected[2]), (3, 0, expected[3])):
                assert await store.take([order(number, customer)]) == [past]
            assert events.came_back == 1

    asyncio.run(scenario())


def test_who_stops_waiting_leaves_no_answer_to_others(redis_server: RedisServer) -> None:
    """Requests are cancelled at every point of a call; the others get what is theirs."""
    redis_server.command("FLUSHALL")

    async def scenario() -> None:
        async with connected(redis_server) as (store, events):
            for number in range(60):
                cancelled = asyncio.create_task(store.take([order(1_000 + number, 1)]))
                for _ in range(number % 12):
                    await asyncio.sleep(0)
                cancelled.cancel()
                (past,) = await store.take([order(number)])
                assert number_known(past) == number and (not past.customer or past.customer.values[-1] == 9.95 * number)
            assert events.reasons == []

    asyncio.run(scenario())


def test_a_full_server_counts_nothing_and_half_of_nothing(own_server: RedisServer) -> None:
    async def scenario() -> None:
        async with connected(own_server) as (store, events):
            await store.take([order(0)])
            before = snapshot(own_server)
            own_server.command("CONFIG", "SET", "maxmemory", "1")
            assert await unavailable(store, 1) == "OutOfMemoryError"
            assert snapshot(own_server) == before
            await asyncio.sleep(REST)
            (looked,) = await store.take([order(1)], record=False)
            assert number_known(looked) == 1
            own_server.command("CONFIG", "SET", "maxmemory", "0")
            assert number_known(await until_back(store, 1)) == 1
            assert events.lost_orders == []

    asyncio.run(scenario())


def snapshot(server: RedisServer) -> dict[bytes, bytes]:
    with server.client() as client:
        return {key: client.dump(key) for key in client.scan_iter("*")}


def test_a_server_that_still_loads_is_away_until_it_has_loaded(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "redis") as server:

        async def scenario() -> None:
            async with connected(server) as (store, events):
                for start in range(0, 200, 50):
                    await store.take([order(number, number) for number in range(start, start + 50)])
                server.command("SAVE")
                server.kill()
                server.options |= {"key-load-delay": "3000", "loading-process-events-interval-bytes": "1024"}
                server.begin()
                while await unavailable(store, 1) != "BusyLoadingError":
                    await asyncio.sleep(REST / 5)
                server.command("CONFIG", "SET", "key-load-delay", "0")
                assert number_known(await until_back(store, 200)) == 1
                assert events.came_back == 1 and events.lost_orders == []

        asyncio.run(scenario())


def test_what_a_failover_loses_is_counted_and_said(tmp_path: Path) -> None:
    """A replica that had not heard of the last orders takes over behind the same address."""
    with RedisServer(tmp_path / "one") as primary, RedisServer(tmp_path / "two") as replica:

        async def scenario() -> None:
            async with (
                Forwarder(primary.port) as address,
                connected(primary, port=address.port, password=primary.password) as (store, events),
            ):
                replica.command("REPLICAOF", "127.0.0.1", primary.port)
                for number in range(10):
                    await store.take([order(number)])
                await in_time(
                    lambda: b"master_link_status:up" in info(replica) and snapshot(replica) == snapshot(primary)
                )
                replica.command("REPLICAOF", "127.0.0.1", free_port())  # it hears no more
                for number in range(10, 17):
                    await store.take([order(number)])
                primary.kill()
                replica.command("REPLICAOF", "NO", "ONE")
                address.switch(replica.port)
                assert number_known(await until_back(store, 17)) == 10
                assert number_known(await until_back(store, 18)) == 11
                assert events.lost_orders == [7]

        replica.command("CONFIG", "SET", "masterauth", primary.password)
        replica.command("CONFIG", "SET", "requirepass", primary.password)
        replica.password = primary.password
        asyncio.run(scenario())


def info(server: RedisServer) -> bytes:
    with server.client() as client:
        client.set_response_callback("INFO", bytes)
        answer: bytes = client.execute_command("INFO", "replication")
        return answer


async def in_time(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def test_a_primary_that_became_a_replica_is_left_for_the_new_one(tmp_path: Path) -> None:
    """Connections of before lead to a server that refuses to count; new ones lead to the one that took over."""
    with RedisServer(tmp_path / "one") as before, RedisServer(tmp_path / "two") as now:
        now.command("CONFIG", "SET", "requirepass", before.password)
        now.password = before.password

        async def scenario() -> None:
            async with Forwarder(before.port) as address, connected(before, port=address.port) as (store, events):
                await store.take([order(0)])
                before.command("REPLICAOF", "127.0.0.1", now.port)
                assert await unavailable(store, 1) in ("ReadOnlyError", "MasterDownError")
                address._target = now.port  # connections of before stay
                assert await until_back(store, 2) == NO_PAST
                assert events.lost_orders == [1]

        asyncio.run(scenario())


def test_a_replica_without_its_primary_is_away(own_server: RedisServer) -> None:
    async def scenario() -> None:
        async with connected(own_server) as (store, events):
            await store.take([order(0)])
            own_server.command("CONFIG", "SET", "replica-serve-stale-data", "no")
            own_server.command("REPLICAOF", "127.0.0.1", free_port())
            assert await unavailable(store, 1) == "MasterDownError"
            own_server.command("REPLICAOF", "NO", "ONE")
            assert number_known(await until_back(store, 1)) == 1

    asyncio.run(scenario())


def test_a_server_that_forgot_the_script_is_told_it_again(redis_server: RedisServer) -> None:
    redis_server.command("FLUSHALL")

    async def scenario() -> None:
        async with connected(redis_server) as (store, events):
            await store.take([order(0)])
            assert redis_server.command("SCRIPT", "EXISTS", SCRIPT_DIGEST) == [1]
            redis_server.command("SCRIPT", "FLUSH")
            pasts = await asyncio.gather(*(store.take([order(number, number)]) for number in range(1, 9)))
            assert len(pasts) == 8 and events.reasons == []

    asyncio.run(scenario())


def test_a_wrong_password_is_away_and_not_repeated(redis_server: RedisServer) -> None:
    async def scenario(password: str) -> None:
        async with connected(redis_server, password=password) as (store, events):
            assert await unavailable(store, 0) == "AuthenticationError"
            assert events.reasons == ["AuthenticationError"]

    asyncio.run(scenario("s3cret-and-wrong"))


def test_a_restart_that_lost_everything_is_said(redis_server: RedisServer) -> None:
    redis_server.command("FLUSHALL")

    async def scenario() -> None:
        async with connected(redis_server) as (store, events):
            for number in range(5):
                await store.take([order(number)])
            redis_server.command("FLUSHALL")
            pasts = await asyncio.gather(*(store.take([order(number, days=1)]) for number in range(5, 9)))
            assert sorted(number_known(past) for (past,) in pasts) == [0, 1, 2, 3]
            assert events.lost_orders == [5]

    asyncio.run(scenario())


STRANGE: dict[str, Callable[[RedisServer, str], object]] = {
    "another type": lambda server, key: server.command("LPUSH", key, "a", "b"),
    "something foreign": lambda server, key: server.command("SET", key, "a value of somebody else"),
    "nothing": lambda server, key: server.command("SET", key, ""),
    "a record that was cut off": lambda server, key: server.command("SETRANGE", key, 100_000, "x"),
    "a record of the other kind": lambda server, key: server.command(
        "SET", key, b"oge2" + bytes(12 + 20) if ":c:" in key else b"ogc2" + bytes(12 + 41)
    ),
}


@pytest.mark.parametrize("strange", STRANGE)
def test_what_is_no_record_under_our_key_counts_as_none_and_is_written_over(
    redis_server: RedisServer, strange: str
) -> None:
    redis_server.command("FLUSHALL")

    async def scenario() -> None:
        async with connected(redis_server) as (store, events):
            for key in counted(order(0)).keys:
                STRANGE[strange](redis_server, f"orderguard:2:{key}")
            plain = PlainStore()
            assert await store.take([order(0)]) == plain.take([order(0)])
            assert await store.take([order(1), order(2)]) == plain.take([order(1), order(2)])
            assert events.reasons == []

    asyncio.run(scenario())


def test_what_a_former_version_kept_is_never_read(redis_server: RedisServer) -> None:
    redis_server.command("FLUSHALL")
    redis_server.command("SET", f"orderguard:history:{order(0).customer_token}", b"\x93\x98\x01")

    async def scenario() -> None:
        async with connected(redis_server) as (store, _):
            assert await store.take([order(0)]) == [NO_PAST]

    asyncio.run(scenario())


def test_a_counter_of_another_type_is_away_until_it_is_removed(redis_server: RedisServer) -> None:
    redis_server.command("FLUSHALL")
    redis_server.command("SET", "orderguard:2:about", "something else")

    async def scenario() -> None:
        async with connected(redis_server) as (store, events):
            assert await unavailable(store, 0) == "ResponseError"
            redis_server.command("DEL", "orderguard:2:about")
            assert await until_back(store, 0) == NO_PAST

    asyncio.run(scenario())


def test_very_many_calls_at_once_use_few_connections_and_the_rest_are_refused(redis_server: RedisServer) -> None:
    redis_server.command("FLUSHALL")

    async def scenario() -> None:
        async with connected(redis_server) as (store, events):
            calls = [store.take([order(number, number)]) for number in range(MOST_CALLS + 20)]
            results = await asyncio.gather(*calls, return_exceptions=True)
            refused = [str(result) for result in results if isinstance(result, HistoryUnavailable)]
            assert refused == ["too many calls"] * 20
            with redis_server.client() as client:
                assert len(client.client_list()) <= MOST_CONNECTIONS + 2
            assert await store.take([order(0)], record=False) and events.reasons == []

    asyncio.run(scenario())


def test_what_was_counted_survives_a_kill(tmp_path: Path) -> None:
    """With `appendfsync always`, an order that was answered is on the disk."""
    with RedisServer(tmp_path / "redis", appendonly="yes", appendfsync="always") as server:

        async def scenario() -> None:
            async with connected(server) as (store, events):
                for number in range(40):
                    await store.take([order(number)])
                server.kill()
                server.start()
                assert number_known(await until_back(store, 40)) == 40
                assert events.lost_orders == []

        asyncio.run(scenario())


@pytest.mark.parametrize("wrong", ["redis://:s3cret/x@h:6379/0", "redis://h:s3cret", "redis://h/0?s3cret=1"])
def test_an_address_that_is_none_is_explained_and_not_repeated(wrong: str) -> None:
    with pytest.raises(HistoryUnavailable, match="HISTORY_URL is no address") as raised:
        Server(wrong, "", "", Noted())
    assert "s3cret" not in str(raised.value) and raised.value.__suppress_context__


@pytest.mark.parametrize("wrong", ["s3cret", "-----BEGIN CERTIFICATE-----\ns3cret\n-----END CERTIFICATE-----"])
def test_a_certificate_that_is_none_is_explained_and_not_repeated(wrong: str) -> None:
    with pytest.raises(HistoryUnavailable, match="HISTORY_CA is no certificate") as raised:
        Server("rediss://h", "", wrong, Noted())
    assert "s3cret" not in str(raised.value) and raised.value.__suppress_context__


def authority(folder: Path) -> tuple[str, dict[str, str]]:
    """The certificate of a new authority, and redis.conf's settings for a server that it signed, of no address."""
    folder.mkdir(parents=True)
    key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(timezone.utc)

    def signed(name: str, of: ec.EllipticCurvePrivateKey, ca: bool) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority {folder.name}")])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(of.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )

    ca = signed(f"authority {folder.name}", key, True).public_bytes(serialization.Encoding.PEM)
    (folder / "ca").write_bytes(ca)
    (folder / "cert").write_bytes(signed("the server", server_key, False).public_bytes(serialization.Encoding.PEM))
    (folder / "key").write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    files = {
        f"tls-{name}-file": str(folder / file) for name, file in (("cert", "cert"), ("key", "key"), ("ca-cert", "ca"))
    }
    return ca.decode(), {**files, "tls-auth-clients": "no"}


def test_a_connection_in_transit_is_encrypted_and_the_server_is_who_its_authority_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca, options = authority(tmp_path / "one")
    other, _ = authority(tmp_path / "other")
    port = free_port()
    with RedisServer(tmp_path / "redis", **options, **{"tls-port": str(port)}) as server:

        async def outcome(trusted: str) -> str:
            events = Noted()
            link = Server(f"rediss://127.0.0.1:{port}/0", server.password, trusted, events, timeout=5, rest=REST)
            store = RedisStore(link, DAY, DAY, events)
            try:
                assert await store.take([order(0)]) == [NO_PAST]
                return "known"
            except HistoryUnavailable as error:
                assert server.password not in str(error) and str(port) not in str(error)
                return str(error)
            finally:
                await store.close()

        assert asyncio.run(outcome(ca)) == asyncio.run(outcome(other + ca)) == "known"
        assert asyncio.run(outcome(other)) == asyncio.run(outcome("")) == "ConnectionError"
        # Whom the system trusts is not trusted beside the authority that is named; and who is trusted has to be the
        # server of that address, unless its authority is named.
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "one" / "ca"))
        assert ssl.create_default_context().cert_store_stats()["x509_ca"] == 1
        assert asyncio.run(outcome(other)) == asyncio.run(outcome("")) == "ConnectionError"
