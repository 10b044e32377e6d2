"""Exact under concurrency: several processes, one server, and one process that does it all again in the same order.

Each process takes its share of the orders, in groups of changing size, several at a time, and sends some orders again
that others have sent. The script says with each group how many orders the server had counted before, which is the order
in which it took them. One process then takes the groups in that order: it has to find the same before each order, and
to end with the same records, byte for byte.
"""

import asyncio
import multiprocessing
import pickle  # nosec B403  # what this program's own processes tell each other
from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

from app.history.memory import MemoryStore
from app.history.opening import Unwatched
from app.history.redis import PREFIX, RedisStore
from app.history.server import Server
from bench.store.orders import shared_orders
from bench.redis_server import RedisServer
from orderguard.history import Past

DAY = 86_400
LARGEST_GROUP = 24
AT_ONCE = 3
SENT_AGAIN = 0.1


class Group(NamedTuple):
    """A group of orders by their numbers, how many orders the server had counted before it, and what each found."""

    before: int
    newly: int
    orders: list[int]
    pasts: list[Past]


class Proof(NamedTuple):
    """What came out: `different` orders found something else than in one process, and so many records differ."""

    orders: int
    groups: int
    sent_again: int
    counted: int
    different: int
    records: int
    different_records: int


class TellingStore(RedisStore):
    """Tells what the server had counted before each call."""

    told: tuple[int, int] = (0, 0)

    def _check(self, before: int, number: int, newly: int) -> None:
        self.told = number, newly
        super()._check(before, number, newly)


def proved(server: RedisServer, *, orders: int, processes: int, seed: int) -> Proof:
    """Take the orders in several processes at once, then again in one, and compare."""
    server.command("FLUSHALL")
    context = multiprocessing.get_context("spawn")
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / str(number) for number in range(processes)]
        shares = [
            context.Process(
                target=_share, args=(server.url, server.password, orders, processes, number, seed, str(path))
            )
            for number, path in enumerate(paths)
        ]
        for share in shares:
            share.start()
        for share in shares:
            share.join()
        groups: list[Group] = [group for path in paths for group in pickle.loads(path.read_bytes())]  # nosec B301
    # A group that counted nothing found what the one before it had left.
    groups.sort(key=lambda group: (group.before, group.newly > 0))
    return _compared(server, groups, orders, seed)


def _share(url: str, password: str, orders: int, processes: int, number: int, seed: int, path: str) -> None:
    Path(path).write_bytes(pickle.dumps(asyncio.run(_taken(url, password, orders, processes, number, seed))))


async def _taken(url: str, password: str, orders: int, processes: int, number: int, seed: int) -> list[Group]:
    """Take one process's share."""
    everything = shared_orders(orders, seed)
    random = Random(f"{seed}-{number}")
    mine = list(range(number, orders, processes))
    work: list[list[int]] = []
    while mine:
        size = random.randint(1, LARGEST_GROUP)
        group, mine = mine[:size], mine[size:]
        again = [random.randrange(group[-1] + 1) for _ in group if random.random() < SENT_AGAIN]
        group += again
        random.shuffle(group)
        work.append(group)
    work.reverse()
    done: list[Group] = []

    async def take_some() -> None:
        events = Unwatched()
        store = TellingStore(Server(url, password, "", events, timeout=60), 180 * DAY, 90 * DAY, events)
        while work:
            group = work.pop()
            pasts = await store.take([everything[place] for place in group])
            done.append(Group(*store.told, group, pasts))
        await store.close()

    await asyncio.gather(*(take_some() for _ in range(AT_ONCE)))
    return done


def _compared(server: RedisServer, groups: Sequence[Group], orders: int, seed: int) -> Proof:
    everything = shared_orders(orders, seed)
    alone = MemoryStore(180 * DAY, 90 * DAY, capacity=2**40)

    async def again() -> list[Past]:
        return [past for group in groups for past in await alone.take([everything[place] for place in group.orders])]

    sent = [place for group in groups for place in group.orders]
    found = [past for group in groups for past in group.pasts]
    different = sum(one != other for one, other in zip(found, asyncio.run(again()), strict=True))
    with server.client() as client:
        keys = [key.decode().removeprefix(PREFIX) for key in client.scan_iter(f"{PREFIX}[ce]:*", count=1_000)]
        kept = dict(zip(keys, client.mget([PREFIX + key for key in keys]), strict=True))
        counted = int(client.hget(f"{PREFIX}about", "counted") or 0)
    records = dict(zip(keys, asyncio.run(alone.read(keys)), strict=True))
    return Proof(
        orders=len(set(sent)),
        groups=len(groups),
        sent_again=len(sent) - len(set(sent)),
        counted=counted,
        different=different,
        records=len(keys),
        different_records=sum(kept[key] != records[key] for key in keys) + len(set(alone.keys()) - set(keys)),
    )
