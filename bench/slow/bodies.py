"""Request bodies within the limits, from chance, and how long each holds the event loop without a pause."""

import asyncio
import io
import random
import time
from collections.abc import Coroutine
from typing import Any, NamedTuple

import msgspec

from app.exchange import Exchange, Reply
from app.history import open_store
from app.logs import LogWriter
from app.metrics import Metrics
from app.models import Model, Models
from app.problems import Problem
from app.scoring.answers import warm
from app.scoring.handlers import Handlers
from app.scoring.service import Scoring
from app.settings import Settings
from bench.slow.texts import Recipe, changed_recipe, new_recipe
from orderguard.masking import Keyring, new_key_text
from orderguard.masking.order import masking_order
from orderguard.schema import OrderError, decode_order

ITEMS = (1, 1, 2, 5, 20, 100, 400, 1_000)
HISTORY = (0, 0, 0, 0, 1, 10, 200)
LENGTHS = (1, 8, 20, 40, 64, 100, 128, 200, 256, 300, 512)
TEXT_LENGTHS = (*(0,) * 20, *(300,) * 3, 2_000, 10_000)
SIZES = (*(2_048,) * 70, *(8_192,) * 90, *(16_384,) * 30, *(65_536,) * 9, 2_097_152)
"""Most bodies are small: what a piece of work takes depends on what it is made of more than on how many there are."""


class Body(NamedTuple):
    """A body: how many orders, items and characters, and what they are made of. `alike`: all items are the same."""

    items: int
    history: int
    alike: bool
    code: Recipe
    code_length: int
    own: Recipe
    own_length: int
    note: Recipe
    note_length: int
    nested: int
    unknown: int
    size: int

    def written(self) -> bytes:
        """As JSON, with as many items as there is room for in `size` bytes."""
        own = self.own.text(self.own_length)
        item = {"sku": self._code(0)[:128], "category": self._code(0), "quantity": 1, "unit_price": 1}
        size = len(msgspec.json.encode(item))
        # an earlier order has some five of the own values, and a frame
        history = min(self.history, self.size // 2 // (300 + 5 * len(own.encode()) + size))
        orders = 1 + history
        count = max(1, min(self.items, self.size // 2 // (size * orders)))
        items = [self._item(0 if self.alike else place) for place in range(count)]
        address = {"name": own, "company": own, "street": own, "postcode": own, "city": own, "phone": own}
        order: dict[str, Any] = {
            "order_id": "o",
            "created_at": "2026-05-04T14:12:09Z",
            "customer": {"id": "c", "name": own, "email": own, "phone": own, "birth_date": own, "national_id": own},
            "currency": "EUR",
            "items": items,
            "billing_address": address,
            "payment": {"method": self._code(1), "card_holder": own},
            "device": {"id": own, "ip": own},
            "note": self.note.text(self.note_length),
        }
        earlier = {**order, "created_at": "2026-05-03T14:12:09Z"} | {"note": None, "billing_address": None}
        unknown = {"unknown": "x" * self.unknown, "nested": 0}
        body = msgspec.json.encode({**order, **unknown, **({"history": [earlier] * history} if history else {})})
        nested = b"[" * self.nested + b"]" * self.nested or b"0"
        return body.replace(b'"nested":0', b'"nested":' + nested)

    def _item(self, place: int) -> dict[str, Any]:
        return {"sku": self._code(place)[:128] or "s", "category": self._code(place), "quantity": 1, "unit_price": 1}

    def _code(self, place: int) -> str:
        return f"{place or ''}{self.code.text(self.code_length)}"[:512] or "s"


def new_body(chance: random.Random) -> Body:
    """A body of chance."""
    return Body(
        chance.choice(ITEMS),
        chance.choice(HISTORY),
        chance.random() < 0.3,
        new_recipe(chance),
        chance.choice(LENGTHS),
        new_recipe(chance),
        chance.choice(LENGTHS),
        new_recipe(chance),
        chance.choice(TEXT_LENGTHS),
        chance.choice((*(0,) * 12, 10, 900, 5_000)),
        chance.choice((0, 0, 0, 1_000, 100_000)),
        chance.choice(SIZES),
    )


def changed(body: Body, chance: random.Random) -> Body:
    """The body with something of it changed."""
    other = new_body(chance)
    field = chance.choice(Body._fields)
    value = getattr(body, field)
    replaced: dict[str, Any] = {
        field: changed_recipe(value, chance) if isinstance(value, Recipe) else getattr(other, field)
    }
    return body._replace(**replaced)


class Pieces(NamedTuple):
    """The longest uninterrupted piece of work on a body and all of it, in seconds of this thread."""

    longest: float
    all: float


class Bench:
    """The scoring path without a socket, and the masking of an order that somebody asks about."""

    def __init__(self, model: Model) -> None:
        self._loop = asyncio.new_event_loop()
        self.settings = Settings(keyring=Keyring.from_text(new_key_text()), api_key_hashes=())
        metrics, logs = Metrics(), LogWriter(stream=io.BytesIO())
        models = Models(self.settings, logs, metrics, warm)
        models.serving = model
        scoring = Scoring(self.settings.keyring, models, open_store("memory:", 1, 1), metrics, logs)
        self._handlers = Handlers(self.settings, scoring, metrics, logs)

    def pieces(self, body: bytes) -> Pieces:
        """What scoring a body takes."""
        exchange = Exchange("POST", "/v1/score", [], "/v1/score")
        return self._loop.run_until_complete(_timed(self._handlers.score(exchange, body)))

    def close(self) -> None:
        """Be done."""
        self._loop.close()

    def asked(self, body: bytes) -> Pieces:
        """What masking an order with its texts takes."""
        try:
            order = decode_order(body)
        except OrderError:
            return Pieces(0, 0)
        longest = total = 0.0
        steps = masking_order(order, self.settings.keyring)
        while True:
            begun = time.thread_time()
            done = next(steps, True)
            spent = time.thread_time() - begun
            longest, total = max(longest, spent), total + spent
            if done:
                return Pieces(longest, total)


async def _timed(work: Coroutine[Any, Any, Reply]) -> Pieces:
    """Let a request be answered, and time what lies between two turns that others have."""
    task = asyncio.ensure_future(work)
    longest = total = 0.0
    begun = time.thread_time()
    while not task.done():
        await asyncio.sleep(0)
        ended = time.thread_time()
        longest, total, begun = max(longest, ended - begun), total + ended - begun, ended
    error = task.exception()
    if error is not None and not isinstance(error, Problem):
        raise error
    return Pieces(longest, total)
