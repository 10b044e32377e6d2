"""Stores of histories: the same answers in each, bounded, and honest when something is in the way."""

import asyncio
import random
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.history.looking import Looking
from app.history.memory import MemoryStore
from app.history.opening import Unwatched, open_store
from app.history.redis import RedisStore
from app.history.server import Server
from app.history.sqlite import SqliteStore
from app.history.store import HistoryStore, HistoryUnavailable, Seeded, SeedRecord, StoreState
from orderguard.history import ENTITIES, NO_PAST, REMEMBERED, REMEMBERED_OF_ENTITY, Past, after
from orderguard.history.records import (
    KINDS,
    SPARE,
    counted,
    customer_record,
    entity_record,
    is_record,
    kind_of,
)
from orderguard.schema import MaskedAddress, MaskedItem, MaskedOrder
from tests.plain_store import PlainStore
from bench.redis_server import RedisServer

START = datetime(2026, 3, 2, 10, 30, tzinfo=timezone.utc)
DAY = 86_400


def order(number: int, customer: int = 0, *, days: float | None = None, **fields: object) -> MaskedOrder:
    """An order an hour after the one with the number before, or so many days after the first."""
    plain = MaskedOrder(
        order_token=f"ord_k1_{number:022}",
        customer_token=f"cus_k1_{customer:022}",
        created_at=START + (timedelta(hours=number) if days is None else timedelta(days=days)),
        currency=("EUR", "USD")[number % 2],
        items=[MaskedItem(sku="a", quantity=1 + number, unit_price=9.95)],
        payment_method="card",
        device_token=f"dev_k1_{customer:022}",
        network_token="net_k1_shared0000000000000000",
        email_token=f"eml_k1_{customer:022}",
        card_token=f"crd_k1_{number % 3:022}",
        shipping=MaskedAddress(token=f"adr_k1_{customer:022}"),
    )
    return msgspec.structs.replace(plain, **fields)


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def every_store(server: RedisServer) -> Iterator[list[Callable[[], HistoryStore]]]:
    """Ways to open each kind of store, empty."""
    server.command("FLUSHALL")
    with TemporaryDirectory() as folder:
        memory = MemoryStore(180 * DAY, 90 * DAY)
        sqlite = f"sqlite:{folder}/h.sqlite"
        yield [lambda: memory, lambda: opened(sqlite), lambda: patient(server)]


def opened(url: str) -> HistoryStore:
    store = open_store(url, 180, 90)
    assert store is not None
    return store


def patient(server: RedisServer) -> RedisStore:
    """A store that waits for its server as long as a busy machine may take: what it answers is tested here."""
    connection = Server(server.url, server.password, "", Unwatched(), timeout=20)
    return RedisStore(connection, 180 * DAY, 90 * DAY, Unwatched())


async def taken(store: HistoryStore, groups: Sequence[Sequence[MaskedOrder]], *, record: bool = True) -> list[Past]:
    pasts = [past for group in groups for past in await store.take(group, record=record)]
    await store.close()
    return pasts


async def looked_at(store: HistoryStore, groups: Sequence[Sequence[MaskedOrder]]) -> list[Past]:
    pasts = await taken(Looking(store), groups)
    await store.close()
    return pasts


async def seeded(store: HistoryStore, records: Sequence[SeedRecord]) -> Seeded:
    done = await store.seed(records)
    await store.close()
    return done


def agree(server: RedisServer, groups: Sequence[Sequence[MaskedOrder]]) -> None:
    """See that each store gives what the plain one gives."""
    plain = PlainStore()
    expected = [past for group in groups for past in plain.take(group)]
    with every_store(server) as stores:
        for open_one in stores:
            store = open_one()
            assert asyncio.run(taken(store, groups)) == expected, store.name


@st.composite
def shops(draw: st.DrawFn) -> list[list[MaskedOrder]]:
    """Groups of orders of a few customers who share what they name, some again, some late, some after long silence."""
    orders = [
        order(
            number,
            draw(st.integers(0, 2)),
            days=draw(st.sampled_from([0, 0, 0.01, 1, 2, 3, 91, 120, 200])),
            channel=draw(st.sampled_from([None, "web", "store"])),
            device_token=draw(st.sampled_from([None, "dev_a", "dev_b"])),
            card_token=draw(st.sampled_from([None, "crd_a", "crd_b"])),
            shipping=draw(st.sampled_from([None, MaskedAddress(), MaskedAddress(token="adr_a")])),
            billing=draw(st.sampled_from([None, MaskedAddress(token="adr_b")])),
        )
        for number in range(draw(st.integers(1, 12)))
    ]
    sent = draw(st.lists(st.sampled_from(orders), min_size=1, max_size=30))
    groups = []
    while sent:
        size = draw(st.integers(1, 8))
        groups.append(sent[:size])
        sent = sent[size:]
    return groups


@settings(max_examples=40)
@given(groups=shops())
def test_all_stores_give_what_the_plain_definition_gives(
    redis_server: RedisServer, groups: list[list[MaskedOrder]]
) -> None:
    agree(redis_server, groups)


@pytest.mark.parametrize("together", [1, 7, 64])
def test_they_agree_beyond_what_is_remembered(redis_server: RedisServer, together: int) -> None:
    """Many orders of few customers: records are full, repeated orders are near and far, and some come late."""
    chance = random.Random(together)
    orders = [order(number, chance.choice([0, 0, 0, 1])) for number in range(220)]
    for place in range(0, 220, 9):
        orders[place] = msgspec.structs.replace(orders[place], created_at=START - timedelta(hours=chance.randrange(9)))
    sent = [
        one for place in range(220) for one in (orders[place], *chance.choices(orders[: place + 1], k=place % 3 == 0))
    ]
    agree(redis_server, [sent[start : start + together] for start in range(0, len(sent), together)])


def test_a_group_of_none_asks_whether_the_store_is_there(redis_server: RedisServer) -> None:
    with every_store(redis_server) as stores:
        for open_one in stores:
            assert asyncio.run(taken(open_one(), [[]])) == asyncio.run(taken(open_one(), [[]], record=False)) == []


def test_an_order_that_is_sent_again_finds_what_it_found_first(redis_server: RedisServer) -> None:
    orders = [order(number) for number in range(REMEMBERED + SPARE)]
    with every_store(redis_server) as stores:
        for open_one in stores:
            first = asyncio.run(taken(open_one(), [orders]))
            again = asyncio.run(taken(open_one(), [orders[-SPARE:]]))
            assert again == first[-SPARE:]
            (later,) = asyncio.run(taken(open_one(), [[order(REMEMBERED + SPARE)]]))
            assert later.customer and later.customer.count == len(orders)


def test_orders_that_only_look_leave_no_trace_and_see_none(redis_server: RedisServer) -> None:
    with every_store(redis_server) as stores:
        for open_one in stores:
            asyncio.run(taken(open_one(), [[order(0)]]))
            looked = asyncio.run(taken(open_one(), [[order(1), order(2)]], record=False))
            assert [past.customer and past.customer.count for past in looked] == [1, 1]
            (past,) = asyncio.run(taken(open_one(), [[order(3)]]))
            assert past == after(NO_PAST, order(0))


def test_the_lines_of_one_stream_see_each_other_without_a_trace(redis_server: RedisServer) -> None:
    lines = [order(number, number % 2) for number in range(1, 40)]
    with every_store(redis_server) as stores:
        for open_one in stores:
            plain = PlainStore()
            plain.take([order(0)])
            asyncio.run(taken(open_one(), [[order(0)]]))
            assert asyncio.run(looked_at(open_one(), [lines[:1], lines[1:8], lines[8:]])) == plain.take(lines)
            (past,) = asyncio.run(taken(open_one(), [[order(99)]]))
            assert past.customer and past.customer.count == 1


def test_a_stream_of_any_length_is_looked_at_in_bounded_memory() -> None:
    looking = Looking(MemoryStore(DAY, DAY), capacity=20_000)

    async def scenario() -> Past:
        for number in range(200):
            await looking.take([order(number, number)])
        (past,) = await looking.take([order(200, 199)])
        return past

    past = asyncio.run(scenario())
    assert past.customer and past.customer.count == 1
    assert looking._own._size <= 20_000


def test_what_is_kept_ends_with_its_time(tmp_path: Path, redis_server: RedisServer) -> None:
    """Customers and entities each have their own; counting makes it start over, looking does not."""

    async def known(store: HistoryStore, number: int, *, record: bool = False) -> tuple[bool, bool]:
        (past,) = await store.take([order(number)], record=record)
        return past.customer is not None, past.entities[0] is not None

    async def scenario(store: HistoryStore, clock: Clock) -> None:
        await store.take([order(0)])
        clock.now += 59
        assert await known(store, 1, record=True) == (True, True)
        clock.now += 59
        assert await known(store, 2) == (True, True)
        clock.now += 2
        assert await known(store, 2) == (True, False)
        clock.now += 60
        assert await known(store, 2) == (False, False)
        await store.close()

    for kind in (
        lambda clock: MemoryStore(120, 60, clock=clock),
        lambda clock: SqliteStore(str(tmp_path / "h"), 120, 60, clock=clock),
    ):
        clock = Clock()
        asyncio.run(scenario(kind(clock), clock))
    redis_server.command("FLUSHALL")
    asyncio.run(taken(patient(redis_server), [[order(0)]]))
    with redis_server.client() as client:
        ends = {key.decode(): client.ttl(key) for key in client.scan_iter("orderguard:2:*")}
    assert ends.pop("orderguard:2:about") == -1
    assert {(key.split(":")[2], round(seconds / DAY)) for key, seconds in ends.items()} == {("c", 180), ("e", 90)}


def test_what_is_too_old_goes_from_the_file(tmp_path: Path) -> None:
    clock = Clock()
    store = SqliteStore(str(tmp_path / "h"), 100, 100, clock=clock)

    async def scenario() -> int:
        for number in range(50):
            await store.take([order(number, number)])
        clock.now += 101
        for number in range(30):
            await store.take([order(number, 100)])
        assert store._connection
        (rows,) = store._connection.execute("SELECT count(*) FROM record").fetchone()
        await store.close()
        return int(rows)

    assert asyncio.run(scenario()) <= 1 + 3 + 1 + 3


def test_what_is_kept_in_memory_takes_no_more_than_it_may() -> None:
    """Customers with few orders and customers with as many as are kept: a number of customers would bound neither."""

    async def filled(store: MemoryStore) -> None:
        for customer in range(800):
            for number in range((1, 1, 3, 20)[customer % 4]):
                await store.take(
                    [order(number, customer, network_token=f"net_{customer}", card_token=f"crd_{customer}")]
                )

    capacity = 1_000_000
    store = MemoryStore(DAY, DAY, capacity=capacity)
    tracemalloc.start()
    try:
        asyncio.run(filled(store))
        in_memory, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.5 * capacity < in_memory < 1.1 * capacity, in_memory


def test_memory_lets_go_of_what_was_used_least_recently() -> None:
    async def scenario() -> None:
        store = MemoryStore(DAY, DAY, capacity=6_000)
        for customer in range(4):
            await store.take([order(customer, customer)])
            await store.take([order(9, 0)], record=False)
        (first,) = await store.take([order(10, 0)], record=False)
        (second,) = await store.take([order(11, 1)], record=False)
        assert first.customer and not second.customer

    asyncio.run(scenario())


def test_a_record_stays_small_and_holds_no_pseudonym(redis_server: RedisServer) -> None:
    redis_server.command("FLUSHALL")
    asyncio.run(taken(patient(redis_server), [[order(number) for number in range(100)]]))
    with redis_server.client() as client:
        records = {key.decode(): client.get(key) for key in client.scan_iter("orderguard:2:[ce]:*")}
    for key, record in records.items():
        kind = kind_of(key.removeprefix("orderguard:2:"))
        assert is_record(record, kind) and len(record) <= 16 + kind.kept * kind.size < 2_048
        assert b"_k1_" not in record
    assert len(records) == 1 + 4 + 3


def test_bytes_of_another_form_are_no_record() -> None:
    record = counted(order(0)).customer_entry
    for kind in KINDS:
        for data in (
            b"",
            b"\x93\x01",
            kind.mark,
            kind.mark + bytes(12),
            kind.mark + bytes(13),
            record,
            bytes(16 + kind.size),
        ):
            assert not is_record(data, kind)
        assert not is_record(kind.mark + bytes(12 + kind.size * (kind.kept + 1)), kind)


def test_a_file_shared_by_several_stores_loses_nothing(tmp_path: Path) -> None:
    stores = [opened(f"sqlite:{tmp_path / 'h'}") for _ in range(3)]

    async def scenario() -> Past:
        for number in range(30):
            await stores[number % 3].take([order(number)])
        (past,) = await stores[0].take([order(30)])
        return past

    past = asyncio.run(scenario())
    assert past.customer and past.customer.count == 30
    assert past.entities[ENTITIES.index("network")] == plainly(30).entities[ENTITIES.index("network")]


def plainly(count: int) -> Past:
    plain = PlainStore()
    plain.take([order(number) for number in range(count)])
    (past,) = plain.take([order(count)])
    return past


def test_a_file_of_a_former_version_keeps_nothing_of_it(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "h.sqlite"
    with sqlite3.connect(path) as former:
        former.execute("CREATE TABLE history (customer TEXT PRIMARY KEY, expires REAL NOT NULL, record BLOB NOT NULL)")
        former.execute("INSERT INTO history VALUES ('cus_k1_former', 9e9, 'what-was-kept')")
    former.close()
    assert asyncio.run(taken(opened(f"sqlite:{path}"), [[order(0)]])) == [NO_PAST]
    assert b"what-was-kept" not in b"".join(one.read_bytes() for one in tmp_path.iterdir())


def test_a_row_that_is_no_record_counts_as_none(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "h"), DAY, DAY)
    with store._transaction(write=True) as connection:
        for key in counted(order(0)).keys:
            connection.execute("INSERT INTO record VALUES (?, 9e9, ?)", (key, b"something else"))
    assert asyncio.run(taken(store, [[order(0)], [order(1)]])) == PlainStore().take([order(0), order(1)])


@pytest.mark.parametrize("content", ["in the way", "no database" * 1_000])
def test_a_file_that_is_none_is_said_to_be_away(tmp_path: Path, content: str) -> None:
    (tmp_path / "file").write_text(content)
    for path in (tmp_path / "file" / "h.sqlite", tmp_path / "file"):
        with pytest.raises(HistoryUnavailable):
            asyncio.run(opened(f"sqlite:{path}").take([order(0)]))


def seeds(numbers: Sequence[int], customer: int = 0) -> list[SeedRecord]:
    past = NO_PAST
    for number in numbers:
        past = after(past, order(number, customer))
    assert past.customer and past.entities[0]
    return [
        SeedRecord(f"c:cus_k1_{customer:022}", customer_record(past.customer)),
        SeedRecord(f"e:dev_k1_{customer:022}", entity_record(past.entities[0])),
    ]


def test_a_seed_is_kept_where_nothing_newer_is(redis_server: RedisServer) -> None:
    async def scenario(open_one: Callable[[], HistoryStore]) -> None:
        store = open_one()
        assert await store.state() == StoreState(None, None)
        await store.take([order(5, 1)])
        assert await store.seed([*seeds(range(5)), *seeds(range(5), 1)], "first") == (2, 2)
        assert await store.seed([*seeds(range(5)), *seeds(range(5), 1)], "first") == (0, 4)
        assert await store.seed([*seeds(range(7), 1), *seeds(range(9), 1), *seeds(range(8), 1)]) == (2, 4)
        state = await store.state()
        assert state.since and state.seed == "first"
        pasts = await store.take([order(9, 0), order(9, 1)], record=False)
        assert [past.customer and past.customer.count for past in pasts] == [5, 9]
        assert [past.entities[0] and past.entities[0].count for past in pasts] == [5, 9]
        await store.close()

    with every_store(redis_server) as stores:
        for open_one in stores:
            asyncio.run(scenario(open_one))


@pytest.mark.parametrize("count", [1, REMEMBERED, REMEMBERED_OF_ENTITY + 20])
def test_after_a_seed_orders_find_what_they_would_have_found(redis_server: RedisServer, count: int) -> None:
    past = NO_PAST
    for number in range(count):
        past = after(past, order(number, card_token="crd_same"))
    keys = counted(order(count, card_token="crd_same")).keys
    assert past.customer
    records = [SeedRecord(keys[0], customer_record(past.customer))]
    records += [SeedRecord(key or "", entity_record(known)) for key, known in zip(keys[1:], past.entities) if known]
    with every_store(redis_server) as stores:
        for open_one in stores:
            assert asyncio.run(seeded(open_one(), records)) == (6, 0)
            found = asyncio.run(taken(open_one(), [[order(count + more, card_token="crd_same")] for more in range(60)]))
            expected = past
            for more, one in enumerate(found):
                assert one == expected
                expected = after(expected, order(count + more, card_token="crd_same"))


@pytest.mark.parametrize(
    ("url", "name"), [("memory:", "memory"), ("sqlite:/x/y", "sqlite"), ("redis://h", "redis"), ("off", None)]
)
def test_the_url_chooses_the_store(url: str, name: str | None) -> None:
    store = open_store(url, 1, 1)
    assert (store.name if store else None) == name
