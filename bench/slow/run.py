"""A search for the slowest inputs: `python -m bench slow`. The slowest texts that were found stand in
tests/unit/orderguard/slow_texts.py, where a test doubles them.
"""

import json
import random
from pathlib import Path
from typing import Any

from tqdm import tqdm

from app.models import load_model
from app.scoring.answers import warm
from bench.slow.bodies import Bench, Body, Pieces, changed, new_body
from bench.slow.texts import search, seconds_of, works
from orderguard.masking import codes
from orderguard.model_version import champion

SEED = 20261129
BODIES = 100_000
TRIES = 1_500
LENGTH = 2_500
KEPT = 20
LIMIT = 0.05
"""The longest that the event loop may stand still, in seconds."""
MODELS = Path("models")
REPORT = Path("reports/bench/slow.json")


def main() -> None:
    """Search, print two tables and write the report."""
    chance = random.Random(SEED)
    report: dict[str, Any] = {"texts": slow_texts(chance), "bodies": slow_bodies(chance)}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")


def slow_texts(chance: random.Random) -> dict[str, Any]:
    """The slowest text for each recogniser, and what it takes when it is doubled twice."""
    report: dict[str, Any] = {}
    print(f"{'recogniser':15}{'ms a KB':>9}{'× at 2n':>9}{'× at 4n':>9}  the slowest of {TRIES:,} texts")
    for name, work in works().items():
        recipe = search(work, LENGTH, TRIES if name != "all" else TRIES // 5, chance).recipe
        one, two, four = (seconds_of(work, recipe.text(LENGTH * times), 5) for times in (1, 2, 4))
        report[name] = {"ms_a_kb": one / LENGTH * 1e6, "twice": two / one, "four_times": four / one, "text": recipe}
        print(f"{name:15}{one / LENGTH * 1e6:>9.2f}{two / one:>9.1f}{four / one:>9.1f}  {tuple(recipe)}", flush=True)
    return report


def slow_bodies(chance: random.Random) -> dict[str, Any]:
    """The longest pieces of work of a search over bodies."""
    wanted = champion(MODELS)
    if wanted is None:
        raise SystemExit("bodies are scored with the champion, and there is none: run `make train` first")
    bench = Bench(load_model(MODELS / wanted, warm))
    pool: list[tuple[float, Body]] = []
    over = 0
    for _ in tqdm(range(BODIES), desc="bodies", smoothing=0, disable=None):
        body = changed(chance.choice(pool)[1], chance) if pool and chance.random() < 0.2 else new_body(chance)
        pieces = settled(bench, body)
        over += pieces.longest > LIMIT
        pool = sorted([*pool, (pieces.longest, body)], key=lambda pair: -pair[0])[:KEPT]
    print(
        f"{BODIES:,} bodies: the longest piece without a pause took {pool[0][0] * 1e3:.1f} ms, {over} took over 50 ms"
    )
    for longest, body in pool[:5]:
        print(f"  {longest * 1e3:6.1f} ms  {body}")
    return {
        "bodies": BODIES,
        "over_50_ms": over,
        "longest_ms": pool[0][0] * 1e3,
        "slowest": [{"ms": longest * 1e3, "body": body._asdict()} for longest, body in pool[:5]],
    }


def settled(bench: Bench, body: Body, rounds: int = 4) -> Pieces:
    """What a body takes. A long piece is measured again: what else the machine does is not the body's."""
    written = body.written()
    best = Pieces(float("inf"), float("inf"))
    for _ in range(rounds):
        for remembered in (codes._personal, codes._impersonal):
            remembered.clear()
        best = min(best, bench.pieces(written))
        if best.longest < LIMIT / 2:
            break
    return best
