"""Customers' histories: what is kept, for how long, and what happens when the store is away."""

import asyncio
import socket
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.history import HistoryUnavailable, open_store
from app.history.taking import Records
from app.history.memory import BESIDE, CAPACITY, MemoryStore
from app.history.records import REMEMBERED_TOKENS, read_record, record_after
from app.history.redis import MOST_CONNECTIONS, RedisStore
from app.history.sqlite import SqliteStore
from orderguard.history import EMPTY, REMEMBERED, CustomerHistory, customer_after
from orderguard.masking import Keyring, mask_order, new_key_text
from orderguard.schema import MaskedOrder, decode_order

KEYRING = Keyring.from_text(new_key_text())


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def order(number: int) -> MaskedOrder:
    placed = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(hours=number)
    text = (
        f'{{"order_id":"O-{number}","created_at":"{placed.isoformat()}","customer":{{"id":"C"}},'
        f'"currency":"EUR","items":[{{"sku":"S","quantity":1,"unit_price":{number + 1}}}]}}'
    )
    return mask_order(decode_order(text), KEYRING)


def kept(orders: list[MaskedOrder]) -> bytes:
    """The record after these orders."""
    record = b""
    for each in orders:
        record = record_after(read_record(record), each) or record
    return record


def folded(orders: list[MaskedOrder]) -> CustomerHistory:
    history = EMPTY
    for each in orders:
        history = customer_after(history, each)
    return history


@pytest.mark.parametrize("count", [1, 2, REMEMBERED, REMEMBERED + 1, REMEMBERED + 50])
def test_an_order_sent_again_is_scored_with_the_history_that_it_saw_first(count: int) -> None:
    orders = [order(number) for number in range(count)]
    record = read_record(kept(orders))
    assert record
    for place in range(max(0, count - REMEMBERED_TOKENS), count):
        assert record.seen_by(orders[place]) == folded(orders[:place])
    assert record.seen_by(order(999)) == folded(orders)


def test_an_order_that_arrives_late_sees_only_what_was_placed_before_it() -> None:
    orders = [order(number) for number in (0, 1, 5, 6)]
    record = read_record(kept(orders))
    assert record and record.seen_by(order(3)) == folded(orders[:2])


def test_an_order_that_was_counted_is_not_counted_again() -> None:
    orders = [order(number) for number in range(REMEMBERED_TOKENS)]
    record = kept(orders)
    assert all(record_after(read_record(record), each) is None for each in orders)


def test_bytes_of_another_form_are_no_history() -> None:
    assert read_record(b"\x93\x01\x02\x03") is None
    assert read_record(b"") is None


def test_a_record_stays_small_and_holds_no_pseudonym() -> None:
    orders = [order(number) for number in range(100)]
    assert len(kept(orders)) < 2_000
    assert b"cus_k1" not in kept(orders) and orders[-1].order_token.encode() not in kept(orders)


async def keeps_until_the_time_is_over(store: Records, clock: Clock) -> None:
    await store.write("cus_1", b"one")
    await store.write("cus_1", b"two")
    await store.write("cus_2", b"other")
    assert await store.read("cus_1") == b"two"
    assert await store.read("cus_3") is None
    clock.now += 59
    assert await store.read("cus_2") == b"other"
    clock.now += 2
    assert await store.read("cus_1") is None
    await store.close()


def test_memory_keeps_until_the_time_is_over() -> None:
    clock = Clock()
    asyncio.run(keeps_until_the_time_is_over(MemoryStore(60, clock=clock), clock))


def test_sqlite_keeps_until_the_time_is_over(tmp_path: Path) -> None:
    clock = Clock()
    asyncio.run(keeps_until_the_time_is_over(SqliteStore(str(tmp_path / "h.sqlite"), 60, clock=clock), clock))


def test_memory_is_bounded_and_forgets_the_least_recently_used() -> None:
    async def scenario() -> None:
        store = MemoryStore(60, capacity=2 * (BESIDE + 4))
        await store.write("a", b"aa")
        await store.write("a", b"aaaa")  # in the place of the first
        await store.write("b", b"bbbb")
        await store.read("a")
        await store.write("c", b"cccc")
        assert [await store.read(name) for name in "abc"] == [b"aaaa", None, b"cccc"]
        await store.forget("a")
        await store.write("d", b"dddd")
        assert [await store.read(name) for name in "acd"] == [None, b"cccc", b"dddd"]
        await store.write("e", b"e" * 5)
        assert [await store.read(name) for name in "cde"] == [None, None, b"e" * 5]

    asyncio.run(scenario())


def test_what_is_kept_in_memory_takes_no_more_than_it_may() -> None:
    """Customers with few orders and customers with as many as are kept: a number of customers would bound neither."""
    records = [kept([order(number) for number in range(count)]) for count in (1, 3, REMEMBERED + REMEMBERED_TOKENS)]

    async def filled() -> MemoryStore:
        store = MemoryStore(60)
        for number in range(30_000):
            await store.write(f"cus_k1_{number:022}", bytes(bytearray(records[number % len(records)])))
        return store

    tracemalloc.start()
    try:
        store = asyncio.run(filled())
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert store.name == "memory" and 0.8 * CAPACITY < taken < 1.1 * CAPACITY


def test_tuples_of_a_history_are_made_in_their_length() -> None:
    """Python keeps up to 2,000 freed tuples of each length: shrunken ones fill that with megabytes."""
    orders = [order(number) for number in range(REMEMBERED)]
    record = read_record(kept(orders))
    assert record
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(300):
            for late in range(1, 20):
                assert len(record.seen_by(orders[late]).at) > 0
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 200_000


def test_sqlite_says_when_it_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = SqliteStore(str(tmp_path / "file" / "h.sqlite"), 60)
    with pytest.raises(HistoryUnavailable):
        asyncio.run(store.read("cus"))


@asynccontextmanager
async def small_redis() -> AsyncIterator[int]:
    """A server that knows GET and SET of the protocol, and says OK to everything else."""
    data: dict[bytes, bytes] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():
            words = []
            for _ in range(int(head[1:])):
                length = int((await reader.readline())[1:])
                words.append((await reader.readexactly(length + 2))[:-2])
            if words[0].upper() == b"GET":
                found = data.get(words[1])
                writer.write(b"$-1\r\n" if found is None else b"$%d\r\n%s\r\n" % (len(found), found))
            else:
                if words[0].upper() == b"SET":
                    assert words[3:] == [b"EX", b"60"]
                    data[words[1]] = words[2]
                writer.write(b"-ERR unknown\r\n" if words[0].upper() == b"HELLO" else b"+OK\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def test_redis_keeps_with_a_time_to_live() -> None:
    async def scenario() -> None:
        async with small_redis() as port:
            store = RedisStore(f"redis://127.0.0.1:{port}/0?protocol=2", 60, timeout=60)
            assert await store.read("cus_1") is None
            await store.write("cus_1", b"\x00bytes")
            assert await store.read("cus_1") == b"\x00bytes"
            await store.close()

    asyncio.run(scenario())


def test_more_orders_at_once_than_connections_wait_for_one() -> None:
    async def scenario() -> list[bytes | None]:
        async with small_redis() as port:
            store = RedisStore(f"redis://127.0.0.1:{port}/0?protocol=2", 60, timeout=60)
            await store.write("cus_1", b"bytes")
            found = await asyncio.gather(*(store.read("cus_1") for _ in range(3 * MOST_CONNECTIONS)))
            await store.close()
            return found

    assert set(asyncio.run(scenario())) == {b"bytes"}


@pytest.mark.parametrize("wrong", ["redis://:s3cret/x@h:6379/0", "redis://h:s3cret", "redis://h/0?s3cret=1"])
def test_an_address_that_is_none_is_explained_and_not_repeated(wrong: str) -> None:
    with pytest.raises(HistoryUnavailable, match="HISTORY_URL is no address") as raised:
        RedisStore(wrong, 60)
    assert "s3cret" not in str(raised.value) and raised.value.__suppress_context__


def test_redis_says_when_it_is_away() -> None:
    async def scenario() -> None:
        with socket.socket() as taken:  # by one who does not listen
            taken.bind(("127.0.0.1", 0))
            store = RedisStore(f"redis://127.0.0.1:{taken.getsockname()[1]}/0", 60)
            with pytest.raises(HistoryUnavailable):
                await store.read("cus_1")
            await store.close()

    asyncio.run(scenario())


def test_redis_says_when_it_is_too_slow() -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            store = RedisStore(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", 60)
            with pytest.raises(HistoryUnavailable, match="Timeout"):
                await store.read("cus_1")
            await store.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("url", "name"), [("memory:", "memory"), ("sqlite:/x/y", "sqlite"), ("redis://h", "redis"), ("off", None)]
)
def test_the_url_chooses_the_store(url: str, name: str | None) -> None:
    store = open_store(url, 1)
    assert (store.name if store else None) == name
