"""Feeds of any size: the generator's shop many times over, each time with customers of its own; shuffled, with repeats,
late and broken lines.
"""

import gzip
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from data.generator.__main__ import main as generate

SEED = 7
SHOP = 100_000
"""Orders of the generator's shop that larger feeds are made of."""
FILES = 12
REPEATED = 0.01
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "orderguard" / "bench"


def shop(count: int) -> list[bytes]:
    """The lines of a generated shop of about so many orders, faults included, from the cache."""
    folder = CACHE / f"shop-{count}-seed-{SEED}"
    if not folder.is_dir():
        making = folder.with_name(f"{folder.name}.new")
        folders = [f"--{name}={making / name}" for name in ("out", "truth", "score")]
        generate([*folders, f"--orders={count}", f"--seed={SEED}", "--quiet"])
        making.replace(folder)
    return [line for path in sorted((folder / "out").iterdir()) for line in path.read_bytes().splitlines()]


def feed_of(count: int) -> Path:
    """A folder of shuffled order files with about so many orders, from the cache."""
    folder = CACHE / f"feed-{count}-seed-{SEED}"
    if not folder.is_dir():
        lines = shop(min(count, SHOP))
        making = folder.with_name(f"{folder.name}.new")
        making.mkdir(parents=True, exist_ok=True)
        write_shuffled(making, (crowd(lines, number) for number in range(max(1, count // SHOP))))
        making.replace(folder)
    return folder


def write_shuffled(folder: Path, crowds: Iterator[list[bytes]]) -> None:
    """Write lines to `FILES` files, in no order, some of them twice, the second time with another discount."""
    rng = random.Random(SEED)
    files = [(folder / f"orders-{number:02}.ndjson").open("wb") for number in range(FILES)]
    for lines in crowds:
        again = rng.sample(lines, int(len(lines) * REPEATED))
        lines = [*lines, *(line.replace(b'"quantity":1', b'"quantity":2') for line in again)]
        rng.shuffle(lines)
        for number, file in enumerate(files):
            file.write(b"\n".join(lines[number::FILES]) + b"\n")
    for file in files:
        file.close()


def crowd(lines: list[bytes], number: int) -> list[bytes]:
    """The same orders by other customers, with devices, addresses and cards of their own."""
    return [_by_others(line, number) for line in lines] if number else lines


def _by_others(line: bytes, number: int) -> bytes:
    try:
        order = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return line
    if not isinstance(order, dict):
        return line
    mark = f"{number:x}"
    if isinstance(order.get("order_id"), str):
        order["order_id"] += mark
    for place, field in (("customer", "id"), ("device", "id"), ("payment", "fingerprint"), ("payment", "iban")):
        part = order.get(place)
        if isinstance(part, dict) and isinstance(part.get(field), str):
            part[field] += mark
    for place, field in (("customer", "email"), ("billing_address", "street"), ("shipping_address", "street")):
        part = order.get(place)
        if isinstance(part, dict) and isinstance(part.get(field), str):
            part[field] = mark + part[field]
    device = order.get("device")
    if isinstance(device, dict) and isinstance(device.get("ip"), str):
        device["ip"] = _moved(device["ip"], number)
    return msgspec.json.encode(order)


def _moved(address: str, number: int) -> str:
    """The same address in another network."""
    if ":" in address:
        return address.replace("2001:db8:", f"2001:{number:x}:", 1)
    first, _, rest = address.split(".", 2)
    return f"{first}.{number % 250}.{rest}"


def olist_shaped(folder: Path, count: int) -> Path:
    """A marketplace like Olist's: hardly a customer comes back, there is an article for every third order, one
    currency, no device, no e-mail; postcodes instead of streets, days in three years. One file is compressed.
    """
    rng = random.Random(SEED)
    skus = [f"{rng.getrandbits(128):032x}" for _ in range(count // 3)]
    lines = []
    for number in range(count):
        buyer = number if rng.random() < 0.97 else rng.randrange(count)
        moment = 1_472_688_000 + int(rng.random() ** 0.6 * 63_000_000)
        items = [
            {
                "sku": skus[int(rng.random() ** 2 * len(skus))],
                "quantity": 1,
                "unit_price": round(rng.lognormvariate(4.3, 0.9), 2),
                "category": f"categoria_{rng.randrange(70)}",
            }
            for _ in range(1 + (rng.random() < 0.1))
        ]
        order = {
            "order_id": f"{number:032x}",
            "created_at": _utc(moment),
            "currency": "BRL",
            "customer": {"id": f"{buyer:032x}"},
            "items": items,
            "shipping": {"cost": round(rng.lognormvariate(2.8, 0.5), 2)},
            "payment": {"method": rng.choice(["credit_card", "boleto", "voucher", "debit_card"])},
            "shipping_address": {"postcode": f"{rng.randrange(1000, 99999):05}", "city": "São Paulo", "country": "BR"},
        }
        lines.append(msgspec.json.encode(order))
    rng.shuffle(lines)
    folder.mkdir(parents=True)
    half = len(lines) // 2
    (folder / "one.ndjson").write_bytes(b"\n".join([*lines[:half], *lines[:100]]) + b"\n")
    (folder / "two.ndjson.gz").write_bytes(gzip.compress(b"\n".join(lines[half:]) + b"\n", mtime=0))
    return folder


def _utc(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
