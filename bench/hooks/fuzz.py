"""Deliveries as nobody should send them: vendors' documents with parts that are odd, cut, doubled or missing, and
signatures likewise. None may be answered with 5xx, or leave a traceback.
"""

import json
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

from bench.hooks.inside import Inside, running
from bench.hooks.vendor import MAKERS, SECRETS, VENDORS, Delivery

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1e308, -1e-308, 2**63, 10**30, "", " ", "0", "-1", "1e999", "NaN", "12,50", "1.234,56"),
    *(
        "gb",
        "United Kingdom",
        "\u0000",
        "\ud800",
        "🙂" * 50,
        "x" * 20_000,
        "2026-02-30",
        "2026-03-04",
        "0000-00-00T00:00:00",
    ),
    *("2026-06-30T23:59:60Z", "9999-12-31T23:59:59+14:00", [], {}, [[]], [None], {"id": None}, {"": {}}, [1] * 2_000),
)
TOPICS = ("orders/create", "order.created", "charge.succeeded", "checkout.session.completed", "products/update", "")


def changed(value: Any, chance: random.Random) -> Any:
    """A document with one to three parts that are odd, missing, doubled or of another kind."""
    for _ in range(chance.randint(1, 3)):
        value = _changed_once(value, chance, 0)
    return value


def _changed_once(value: Any, chance: random.Random, depth: int) -> Any:
    if isinstance(value, dict) and value and chance.random() < 0.9 - depth * 0.1:
        key = chance.choice(list(value))
        if chance.random() < 0.15:
            return {name: inner for name, inner in value.items() if name != key}
        return {**value, key: _changed_once(value[key], chance, depth + 1)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        place = chance.randrange(len(value))
        if chance.random() < 0.2:
            return value + [value[place]] * chance.choice((1, 1_500))
        return [*value[:place], _changed_once(value[place], chance, depth + 1), *value[place + 1 :]]
    return chance.choice(ODD)


def delivery(number: int, chance: random.Random) -> tuple[Delivery, dict[str, str]]:
    """A delivery and its headers."""
    vendor = chance.choice(VENDORS)
    made = MAKERS[vendor](number, topic=chance.choice(TOPICS)) if chance.random() < 0.1 else MAKERS[vendor](number)
    how = chance.random()
    if how < 0.75:
        made.body = json.dumps(changed(json.loads(made.body), chance)).encode()
    elif how < 0.85:
        made.body = made.body[: chance.randrange(len(made.body))]
    elif how < 0.95:
        place = chance.randrange(len(made.body))
        made.body = made.body[:place] + chance.randbytes(chance.randint(1, 8)) + made.body[place + 1 :]
    else:
        made.body = chance.choice(
            (b"", b"null", b"[" * 5_000, b'{"a":' * 5_000, b"webhook_id=1", chance.randbytes(200))
        )
    headers = made.signed()
    if chance.random() < 0.15:
        name = chance.choice(list(headers))
        odd = chance.choice(("", "t=1,v1=", "v1=zz", "=" * 40, "é", "t=,v1=00", headers[name][::-1], headers[name] * 9))
        headers = {**headers, name: odd}
    return made, headers


async def fuzzed(environment: Mapping[str, str], count: int, seed: int) -> tuple[Counter[str], str]:
    """What became of so many deliveries: statuses with outcomes, and the log."""
    chance, seen = random.Random(seed), Counter[str]()
    async with running(environment) as service:
        for number in range(count):
            seen[await _sent(service, *delivery(10_000_000 + number, chance))] += 1
        return seen, service.log


async def _sent(service: Inside, made: Delivery, headers: dict[str, str]) -> str:
    answer = await service.ask("POST", made.path, made.body, headers)
    said = json.loads(answer.body)
    return f"{answer.status} {said.get('outcome') or said['title']}"


def environment_of(models: str, masking_key: str) -> dict[str, str]:
    """A service of webhooks alone, with the champion of `models`."""
    secrets = {f"HOOK_{vendor.upper()}_SECRET": SECRETS[vendor] for vendor in VENDORS}
    told = {"SERVE": "hooks", "MODEL_DIR": models, "PII_MASKING": "enforced", "MASKING_KEY": masking_key}
    return {**secrets, **told}
