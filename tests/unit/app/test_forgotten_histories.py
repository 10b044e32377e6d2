"""`python -m app.forget`: a customer goes from the store, and from what is kept of devices, addresses and the like."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from app.forget import main
from app.history.memory import MemoryStore
from app.history.opening import open_store
from app.history.store import HistoryStore
from orderguard.history import ENTITIES, Past, digest

from orderguard.masking import Keyring, mask_order, new_key_text
from orderguard.schema import MaskedOrder, Order, decode_order
from bench.redis_server import RedisServer
from tests.serving import USUAL

OLD, NEW = new_key_text("k1"), new_key_text("k2")
NETWORK = ENTITIES.index("network")


def masked(customer: str, number: int, key: str) -> MaskedOrder:
    return mask_order(order(customer, number), Keyring.from_text(key))


def order(customer: str, number: int) -> Order:
    return decode_order(
        msgspec.json.encode(
            {
                **USUAL,
                "order_id": f"{customer}-{number}",
                "customer": {"id": customer},
                "device": {"ip": "203.0.113.7", "id": f"device of {customer}"},
            }
        )
    )


async def taken(store: HistoryStore, *orders: MaskedOrder, record: bool = True) -> list[Past]:
    try:
        return await store.take(orders, record=record)
    finally:
        await store.close()


@pytest.fixture(params=["sqlite", "redis"])
def environment(request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer) -> dict[str, str]:
    """What names a store that is empty, and two versions of the key."""
    if request.param == "sqlite":
        return {"HISTORY_URL": f"sqlite:{tmp_path / 'history.sqlite'}", "MASKING_KEY": f"{NEW},{OLD}"}
    redis_server.command("FLUSHALL")
    return {
        "HISTORY_URL": redis_server.url,
        "HISTORY_PASSWORD": redis_server.password,
        "MASKING_KEY": f"{NEW},{OLD}",
    }


def opened(environment: dict[str, str]) -> HistoryStore:
    store = open_store(environment["HISTORY_URL"], 180, 90, password=environment.get("HISTORY_PASSWORD", ""))
    assert store is not None
    return store


def test_a_customer_goes_under_every_version_of_the_key(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = [masked("C-1", number, key) for key in (NEW, OLD) for number in range(3)]
    others = [masked("C-2", number, key) for key in (NEW, OLD) for number in range(2)]
    asyncio.run(taken(opened(environment), *theirs, *others))
    assert main({**environment, "CUSTOMER": "C-1"}) == 0
    assert "2 removed" in capsys.readouterr().out
    pasts = asyncio.run(
        taken(opened(environment), *[masked(c, 9, k) for c in ("C-1", "C-2") for k in (NEW, OLD)], record=False)
    )
    assert [past.customer and past.customer.count for past in pasts] == [None, None, 2, 2]
    assert [past.entities[0] and past.entities[0].count for past in pasts] == [None, None, 2, 2]
    for past, one in zip(pasts, others[::2] * 2):
        network = past.entities[NETWORK]
        assert network and network.count == 2 and set(network.customers) == {digest(one.customer_token)}


def test_nothing_of_the_customer_is_left_in_the_file(tmp_path: Path) -> None:
    url = f"sqlite:{tmp_path / 'history.sqlite'}"
    one, other = masked("C-1", 1, NEW), masked("C-2", 1, NEW)
    asyncio.run(taken(opened({"HISTORY_URL": url}), one, other))
    assert main({"CUSTOMER": "C-1", "HISTORY_URL": url, "MASKING_KEY": NEW}) == 0
    remains = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert other.customer_token.encode() in remains and one.customer_token.encode() not in remains
    assert digest(other.customer_token).to_bytes(4, "little") in remains
    assert digest(one.customer_token).to_bytes(4, "little") not in remains


def test_nothing_of_the_customer_is_left_in_redis(redis_server: RedisServer) -> None:
    redis_server.command("FLUSHALL")
    one, other = masked("C-1", 1, NEW), masked("C-2", 1, NEW)
    environment = {"HISTORY_URL": redis_server.url, "HISTORY_PASSWORD": redis_server.password, "MASKING_KEY": NEW}
    asyncio.run(taken(opened(environment), one, other))
    redis_server.command("SET", f"orderguard:history:{one.customer_token}", "what a former version kept")
    with redis_server.client() as client:
        ends = {key: client.ttl(key) for key in client.scan_iter("orderguard:2:e:*")}
        assert main({**environment, "CUSTOMER": "C-1"}) == 0
        left = {key: client.get(key) for key in client.scan_iter("*") if key != b"orderguard:2:about"}
        assert all(client.ttl(key) in (ends[key], ends[key] - 1) for key in left if key in ends)
    assert not [key for key in left if one.customer_token.encode() in key]
    assert not [record for record in left.values() if digest(one.customer_token).to_bytes(4, "little") in record]
    assert f"orderguard:2:c:{other.customer_token}".encode() in left


def test_memory_forgets() -> None:
    one, other = masked("C-1", 1, NEW), masked("C-2", 1, NEW)

    async def check() -> None:
        store = MemoryStore(60, 60)
        await store.take([one, other])
        assert await store.forget([one.customer_token, "cus_k1_never_there"]) == (1, 2)
        mine, theirs = await store.take([masked("C-1", 2, NEW), masked("C-2", 2, NEW)], record=False)
        assert mine.customer is None and mine.entities[0] is None
        assert theirs.customer and theirs.entities[NETWORK] == mine.entities[NETWORK]
        network = theirs.entities[NETWORK]
        assert network and network.customers == (digest(other.customer_token),)

    asyncio.run(check())


def test_the_whole_store_is_looked_through_step_by_step(environment: dict[str, str]) -> None:
    orders = [masked(f"C-{number}", 1, NEW) for number in range(700)]
    shown: list[int] = []

    async def scenario() -> None:
        store = opened(environment)
        for start in range(0, 700, 100):
            await store.take(orders[start : start + 100])
        forgotten = await store.forget([orders[350].customer_token], shown.append)
        assert forgotten.customers == 1
        assert len(shown) > 1 and shown == sorted(shown) and shown[-1] >= 700
        await store.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("environment", "code", "said"),
    [
        ({"MASKING_KEY": NEW}, 2, "CUSTOMER="),
        ({"CUSTOMER": "C-1", "MASKING_KEY": NEW}, 0, "names no store besides"),
        ({"CUSTOMER": "C-1", "HISTORY_URL": "sqlite:history"}, 2, "masking key"),
        ({"CUSTOMER": "C-1", "HISTORY_URL": "sqlite:/dev/null/x", "MASKING_KEY": NEW}, 1, "can't be removed"),
    ],
)
def test_what_is_missing_is_said(
    environment: dict[str, str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(environment) == code
    shown = capsys.readouterr()
    assert said in shown.out + shown.err
    assert "C-1" not in shown.out + shown.err
