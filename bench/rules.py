"""Decision rules: requests a second with none and with twenty, side by side; a backtest's time; and random rules over
random orders, of which none may crash, or take longer than its bound lets it. `python -m bench rules`.
"""

import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from bench.load import Contender, load, started
from bench.serving import orders_in, settings, usable_orders
from infra.local.ports import free_port
from orderguard.features import FEATURES
from orderguard.masking import Keyring, mask_order, new_key_text
from orderguard.model_version import champion
from orderguard.rules import Rulebook
from orderguard.rules.cost import MOST_OF_RULE
from orderguard.rules.expressions import ExpressionError, check
from orderguard.rules.fields import FIELDS, Kind
from orderguard.rules.file import Rule, RuleFile
from orderguard.schema import MAX_ITEMS, MaskedItem, MaskedOrder, decode_order

REPORT = Path("reports/bench/rules.json")
EXAMPLE = Path("data/rules/example.toml")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
TRIES = int(os.environ.get("BENCH_RULES", "20000"))
NOW = datetime(2026, 11, 29, tzinfo=UTC)


def main() -> None:
    """Measure, print and write reports/bench/rules.json."""
    models = Path(os.environ.get("MODELS_DIR", "models"))
    version = champion(models)
    if version is None or shutil.which("wrk") is None:
        sys.exit("a champion and wrk are needed: make train, apt-get install wrk")
    report = {"serving": side_by_side(models, version), "backtest": backtest(models), "fuzz": fuzz(7, TRIES)}
    print(json.dumps(report, indent=1))
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n")


def side_by_side(models: Path, version: str) -> dict[str, dict[str, float]]:
    """The service without rules, and with the example's twenty, all acting."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        (folder / "rules.toml").write_text(EXAMPLE.read_text().replace('mode = "shadow"', 'mode = "act"'))
        bodies, contenders = orders_in(folder), []
        for called, file in (("none", ""), ("twenty rules", str(folder / "rules.toml"))):
            port = free_port()
            told = {**settings(models, version, port, "memory:"), "RULES_FILE": file}
            contenders.append(Contender(called, [sys.executable, "-m", "app"], told, "/v1/score", bodies, port))
        processes = [running.enter_context(started(each)) for each in contenders]
        for _ in range(ROUNDS):
            for contender, process in zip(contenders, processes, strict=True):
                load(contender, process, folder)
        return {each.name: each.results() for each in contenders}


def backtest(models: Path) -> dict[str, float]:
    """Seconds of `make backtest` over all orders there are."""
    took = []
    for _ in range(3):
        start = time.perf_counter()
        command = [sys.executable, "-m", "ml", "backtest", "--models", str(models), "--rules", str(EXAMPLE)]
        subprocess.run([*command, "--days", "10000"], check=True, capture_output=True)
        took.append(time.perf_counter() - start)
    return {"seconds": round(statistics.median(took), 1)}


def fuzz(seed: int, tries: int) -> dict[str, float]:
    """Random rules over random orders: how many were accepted, refused, failed for an order, and the slowest. Anything
    that is raised but a refusal is a defect, and comes out here.
    """
    generator = random.Random(seed)  # nosec B311
    orders = list(random_orders(generator, usable_orders(60, seed)))
    counts: Counter[str] = Counter()
    slowest = 0.0
    for when in random_rules(generator, tries):
        try:
            check(when)
        except ExpressionError:
            counts["refused"] += 1
            continue
        counts["accepted"] += 1
        rule = Rule("r", when, "flag", "reason", "owner", date(2026, 11, 29), "act", 0.0, 1)
        book = Rulebook(RuleFile((rule,)), "rules.toml")
        book.on_failure = lambda _: counts.update(failed=1)
        for order in generator.sample(orders, 3):
            vector = [generator.choice((0.0, 1.0, -3.0, 40.0)) for _ in FEATURES]
            start = time.process_time()
            found = book.decide(order, vector, generator.random(), 0.5, NOW)
            slowest = max(slowest, time.process_time() - start)
            counts["held" if found else "not held"] += 1
    return {**counts, "slowest_ms": round(slowest * 1_000, 2), "bound_units": MOST_OF_RULE}


def random_orders(generator: random.Random, lines: list[bytes]) -> Iterator[MaskedOrder]:
    """Masked orders: as they are, with fields taken out, with 5,000 lines, and with odd numbers and texts."""
    keyring = Keyring.from_text(new_key_text())
    for line in lines:
        order = mask_order(decode_order(line), keyring, free_text=False)
        yield order
        odd = MaskedItem(sku=generator.choice(("", "é" * 128, "\0")), quantity=1e6, unit_price=1e9, category="x" * 512)
        yield msgspec.structs.replace(order, items=[*order.items, odd] * (MAX_ITEMS // (len(order.items) + 1)))
        yield msgspec.structs.replace(order, channel=None, billing=None, shipping=None, customer_since=None)


LITERALS: dict[Kind, tuple[str, ...]] = {
    "text": ('"EUR"', '""', "'gift'", 'r"\\d"', '"\\u00e9"'),
    "number": ("0.0", "1.0", "-1e308", "500.5", "double(order.line_count)"),
    "whole number": ("0", "3", "-1", "9223372036854775807", "int(order.value)", "order.sku.size()"),
    "yes or no": ("true", "false"),
    "moment": ('timestamp("2026-01-01T00:00:00Z")',),
    "texts": ('["a", "b"]', "[]"),
    "numbers": ("[1.0]", "[]"),
    "whole numbers": ("[0, 1]", "[]"),
}
COMPARED = ("<", "<=", ">", ">=", "==", "!=")
PATTERNS = ('"^G"', '"(a|b)*c"', '"("', '"a{2,30}"', "order.channel", f'"{"x" * 70}"')
KINDS: tuple[Kind, ...] = tuple(LITERALS)


def random_rules(generator: random.Random, count: int) -> Iterator[str]:
    """Expressions by a grammar that errs now and then, and the example's with characters changed."""
    example = [part.split("'''")[1] for part in EXAMPLE.read_text().split("when = ")[1:]]
    for _ in range(count):
        if generator.random() < 0.2:
            yield _changed(generator, generator.choice(example))
        else:
            yield _truth(generator, 3)


def _changed(generator: random.Random, text: str) -> str:
    letters = list(text)
    for _ in range(generator.randint(1, 3)):
        place = generator.randrange(len(letters))
        letters[place] = generator.choice("().,&|!<>=\"' \n\\{}[]0aZé/*+-\0")
    return "".join(letters)


def _truth(generator: random.Random, depth: int) -> str:
    draw = generator.random()
    if depth == 0 or draw < 0.3:
        kind = generator.choice(KINDS if draw < 0.03 else ("text", "number", "whole number", "moment"))
        return f"{_value(generator, kind)} {generator.choice(COMPARED)} {_value(generator, kind)}"
    if draw < 0.55:
        joined = generator.choice((" && ", " || "))
        return f"({_truth(generator, depth - 1)}{joined}{_truth(generator, depth - 1)})"
    if draw < 0.65:
        return f"!({_truth(generator, depth - 1)})"
    if draw < 0.75:
        return f"{_value(generator, 'text')}.matches({generator.choice(PATTERNS)})"
    if draw < 0.85:
        return f"({_truth(generator, depth - 1)} ? {_truth(generator, 0)} : {_truth(generator, 0)})"
    macro = generator.choice(("exists", "all", "exists_one"))
    body = generator.choice(("order.sku[l] == 'a'", "order.quantity[l] > 1.0 / order.unit_price[l]", "1 / l > 0"))
    return f"order.lines.{macro}(l, {body} || {_truth(generator, depth - 1)})"


def _value(generator: random.Random, kind: Kind) -> str:
    if generator.random() < 0.05:
        kind = generator.choice(KINDS)
    fields = [field.name for field in FIELDS.values() if field.kind == kind]
    if fields and generator.random() < 0.6:
        return generator.choice(fields)
    literal = generator.choice(LITERALS[kind])
    if kind in ("number", "whole number") and generator.random() < 0.3:
        return f"({literal} {generator.choice('+-*/%')} {_value(generator, kind)})"
    return literal
