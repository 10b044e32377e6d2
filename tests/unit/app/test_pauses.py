"""How long one request holds the event loop: what lies between two turns, in time of this thread."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.models import load_model
from app.scoring.answers import warm
from bench.slow.bodies import Bench, new_body
from bench.slow.run import LIMIT, settled
from orderguard.masking import codes
from orderguard.schema import MAX_ITEMS
from tests.serving import USUAL

BODIES = 1_000
SIZE = 2_048


def order(count: int = 1, **changes: Any) -> dict[str, Any]:
    """An order with so many items; what is given as a function is made for each."""
    told = {name: value for name, value in changes.items() if not callable(value)}
    made = {name: value for name, value in changes.items() if callable(value)}
    items = [{**USUAL["items"][0]} | {name: make(place) for name, make in made.items()} for place in range(count)]
    return {**USUAL, "items": items, **told}


LARGE = {
    "one category a thousand times": order(1_000, category=lambda place: "1.1.1.1 " * 64),
    "a thousand categories": order(1_000, category=lambda place: (f"{place} is " + "at Weg, " * 64)[:250]),
    "long skus": order(1_000, sku=lambda place: (f"{place}-" + "aB1-" * 32)[:128]),
    "one letter for eighteen": order(300, category=lambda place: f"{place}" + "ﷺ" * 500),
    "its own values": order(1_000, sku=lambda place: f"erika-mustermann-{place}"),
    "as many lines as there may be": order(MAX_ITEMS, sku=lambda place: f"SKU-{place}"),
    "a history": order(history=[order(200, sku=lambda place: f"10.0.1.{place}") for _ in range(100)]),
    "a history that fills the body": order(history=[order(60, sku=lambda place: f"SKU-{place}")] * 200),
    "texts": order(note="ﷺ" * 10_000, gift_message="tel 1-" * 1_600),
    "what nobody knows": order(unknown="x" * 1_000_000, deep=json.loads("[" * 500 + "]" * 500)),
}


@pytest.fixture(scope="module")
def bench(models_dir: Path) -> Iterator[Bench]:
    made = Bench(load_model(models_dir / "first", warm))
    yield made
    made.close()


@pytest.mark.parametrize("name", LARGE)
def test_a_large_order_gives_way(bench: Bench, name: str) -> None:
    body = json.dumps(LARGE[name], ensure_ascii=False).encode()
    assert len(body) < bench.settings.max_body_bytes
    for _ in range(4):
        codes._personal.clear()
        codes._impersonal.clear()
        longest = max(bench.pieces(body), bench.asked(body)).longest
        if longest < LIMIT:
            break
    assert longest < LIMIT


def test_no_body_of_a_thousand_holds_the_loop(bench: Bench) -> None:
    chance = random.Random(20261129)
    slow = []
    for _ in range(BODIES):
        body = new_body(chance)._replace(size=SIZE, note_length=0)
        if settled(bench, body).longest > LIMIT:
            slow.append(body)
    assert slow == []
