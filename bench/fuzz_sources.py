"""Vendors' payloads and exports, changed at random, through sources and repair: all end as orders, as set apart or as
told that they can't be used; anything else that is raised is a defect.
"""

import copy
import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orderguard.repair import Feed, read_order, repair_order
from orderguard.repair.order import by_field
from orderguard.repair.usual import usual
from orderguard.schema import OrderError, decode_order, encode_order
from orderguard.sources import VENDORS, source
from orderguard.sources.documents import decoded
from orderguard.sources.mapping import MappingError
from orderguard.sources.whole import whole

EXAMPLES = Path("data/examples")
FEEDS = (Feed(), Feed(zone="Europe/Berlin", decimal_comma=True))
VALUES: tuple[Any, ...] = (
    *(None, "", " ", 0, -1, 1.5, 2.0, 1e308, -1e308, 10**30, True, False, [], {}, [None], {"a": 1}, [[[]]], [{}] * 3),
    *(float("nan"), float("inf"), "x", "12,50", "1.234,56", "-3", "NaN", "2026-13-45T99:99", "2026-03-04", "gid://a/"),
    *({"nodes": 5}, {"edges": [1, None]}, {"amount": "x"}, "9" * 5_000, "\ud800", "\x00", "Ω" * 600, 2**63, "1e999"),
)
BYTES = (
    b'"',
    b",",
    b"\n",
    b"\r",
    b";",
    b"\t",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"1e999",
    b"-",
    b"'",
    b"{",
    b"[" * 99,
)


def fuzzed(count: int, seed: int) -> Counter[str]:
    """How many of so many payloads ended how. What a source or repair raises against its promise is raised on."""
    chance = random.Random(seed)
    files = sorted(EXAMPLES.iterdir())
    documents = [(_vendor(path), json.loads(path.read_text("utf-8"))) for path in files if path.suffix == ".json"]
    tables = [path.read_bytes() for path in files if path.suffix != ".json"]
    ended: Counter[str] = Counter()
    for number in range(count):
        if number % 4 == 3:
            ended[_table(_changed_bytes(chance.choice(tables), chance))] += 1
            continue
        name, document = chance.choice(documents)
        text = json.dumps(_changed(copy.deepcopy(document), chance))
        try:
            document = decoded(text)
        except ValueError:
            ended["not valid JSON"] += 1
            continue
        for order in source(chance.choice(VENDORS) if chance.random() < 0.05 else name)(document):
            ended[_document(order, FEEDS[number % 2])] += 1
    return ended


def _vendor(path: Path) -> str:
    return path.name.partition("-")[0]


def _document(order: dict[str, Any], feed: Feed) -> str:
    try:
        repaired = repair_order(order, feed)
    except OrderError:
        return "quarantined"
    if repaired.apart or repaired.order is None:
        return "set apart"
    quickly = usual(order, feed)
    if quickly and repr(quickly) != repr(by_field(order, feed)):
        raise AssertionError("an order is read otherwise field by field")
    line = encode_order(repaired.order)
    again = read_order(line, feed)
    if decode_order(line) != repaired.order or again.order is None or encode_order(again.order) != line:
        raise AssertionError("an order that was repaired does not come back as it was written")
    return "repaired" if repaired.repairs else "read"


def _table(data: bytes) -> str:
    try:
        told = whole(data)
    except MappingError:
        return "refused as a whole"
    return "table read" if told.orders else "table without an order"


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inside:
        yield value, key
        yield from _places(one)


def _changed(document: Any, chance: random.Random) -> Any:
    """A document with one to four values replaced, left out or moved."""
    for _ in range(chance.randint(1, 4)):
        places = [*_places(document)]
        if not places:
            return chance.choice(VALUES)
        holder, key = chance.choice(places)
        if isinstance(holder, dict) and chance.random() < 0.2:
            del holder[key]
        elif chance.random() < 0.1:
            other, name = chance.choice(places)
            holder[key] = copy.deepcopy(other[name])
        else:
            holder[key] = copy.deepcopy(chance.choice(VALUES))
    return document


def _changed_bytes(data: bytes, chance: random.Random) -> bytes:
    """A file with bytes put in, left out or doubled."""
    for _ in range(chance.randint(1, 6)):
        place, length = chance.randrange(len(data) + 1), chance.choice((0, 1, 8, 200))
        put = chance.choice(BYTES) if chance.random() < 0.7 else data[place : place + 300]
        data = data[:place] + put + data[place + length :]
    return data
