"""The desk in a real browser: `python -m bench page`, with the champion.

With 10,000 open alerts: the first paint, the first rows and what a filter takes, by the browser's performance entries.
A day's work: 50 alerts reviewed by keyboard alone. Two people: both close the same alert at the same moment, 50 times.
The last two against SQLite and against a real PostgreSQL. `BENCH_SHOTS` names a folder for pictures.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, expect

from bench.chromium import chromium
from bench.load import API_KEY
from bench.page_work import as_analyst, both_close, pictures, review
from bench.postgres_server import PostgresServer
from bench.serving import settings
from infra.local.ports import free_port
from orderguard.model_version import champion

REPORT = Path("reports/bench/page.json")
ALERTS = int(os.environ.get("BENCH_ALERTS", "10000"))
REVIEWED = 50
LOADS, FILTERS = 5, 20
PAINT_GOAL, FILTER_GOAL = 1_000.0, 200.0
PATIENCE = 60_000.0
MEASURED = """() => new Promise((done) => {
  // An observer: asking frame by frame would paint each of them, and measure that.
  new PerformanceObserver((list, observer) => {
    const [found] = list.getEntriesByName("queue");
    if (!found) return;
    observer.disconnect();
    done(found.duration);
  }).observe({ type: "measure", buffered: true });
})"""
HEADERS = {"X-API-Key": API_KEY, "Content-Type": "application/json"}
COUNTRIES = ("NG", "ZA", "BR", "US", "FR", "IT", "PL", "SE")


def main() -> None:
    """Measure, print a table, write reports/bench/page.json."""
    models = Path(os.environ.get("MODELS_DIR", "models"))
    version = champion(models)
    if version is None:
        sys.exit(f"{models} holds no champion: `make train` makes one")
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name, chromium(PATIENCE) as browser:
        folder = Path(name)
        with serving(models, version, folder, {"ALERTS_URL": f"sqlite:{folder / 'many'}"}) as service:
            make_alerts(service, ALERTS, "L")
            report["many"] = many(browser, service)
        sqlite = {"ALERTS_URL": f"sqlite:{folder / 'few'}"}
        with serving(models, version, folder, sqlite) as service:
            report["sqlite"] = people("SQLite", browser, service, os.environ.get("BENCH_SHOTS"))
        with (
            PostgresServer(folder / "postgres") as server,
            serving(models, version, folder, server.settings) as service,
        ):
            report["postgresql"] = people("PostgreSQL", browser, service, None)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=1) + "\n")


@contextmanager
def serving(models: Path, version: str, folder: Path, alerts: Mapping[str, str]) -> Iterator[httpx.Client]:
    """A service that keeps alerts, and a client of it."""
    port = free_port()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    journal = {"ALERTS_JOURNAL": tempfile.mkdtemp(dir=folder)}
    environment = {**kept, **settings(models, version, port, "off"), **journal, **alerts}
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "app"], env=environment, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=HEADERS, timeout=120) as client:
            until(lambda: ready(client), f"the service did not start: {(folder / 'log').read_text()[-2000:]}")
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def ready(client: httpx.Client) -> bool:
    """Whether it answers, and is ready."""
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def until(holds: Any, otherwise: str, seconds: float = 600.0) -> None:
    """Wait until it holds; end with `otherwise` where it never does."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(otherwise)
        time.sleep(0.1)


def make_alerts(client: httpx.Client, count: int, name: str) -> None:
    """Score that many odd orders, of as many customers, and wait for their alerts."""
    random = Random(7)
    for start in range(0, count, 500):
        lines = [odd_order(random, f"{name}-{number:05}") for number in range(start, min(start + 500, count))]
        answer = client.post("/v1/score/batch", content=json.dumps(lines))
        assert answer.status_code == 200 and answer.json()["anomalies"] == len(lines), answer.text[:500]
    until(lambda: sum(counts(client).values()) >= count, "the alerts were not kept")


def odd_order(random: Random, name: str) -> dict[str, Any]:
    """An order that any model of the sample finds odd."""
    day, hour = random.randrange(1, 29), random.randrange(24)
    item = {
        "sku": f"CLO-{random.randrange(1, 60):04}",
        "category": "clothing",
        "quantity": random.randrange(500, 9_000),
    }
    return {
        "order_id": name,
        "created_at": f"2026-05-{day:02}T{hour:02}:12:09+02:00",
        "customer": {"id": f"C-{name}"},
        "currency": "EUR",
        "items": [{**item, "unit_price": float(random.randrange(2_000, 9_999))}],
        "channel": random.choice(("web", "app")),
        "payment": {"method": "card", "card_country": random.choice(COUNTRIES)},
        "billing_address": {"country": "DE", "postcode": "10115"},
        "shipping_address": {"country": random.choice(COUNTRIES)},
    }


def counts(client: httpx.Client) -> dict[str, int]:
    """How many alerts there are in each state."""
    found: dict[str, int] = client.get("/v1/alerts?limit=1").json()["counts"]
    return found


def many(browser: Browser, client: httpx.Client) -> dict[str, Any]:
    """Open the desk some times with nothing cached, then filter."""
    paints, firsts = [], []
    for _ in range(LOADS):
        page = as_analyst(browser, client, API_KEY, "Zoë", PATIENCE)
        expect(page.locator("#page-text")).to_contain_text(f"of {ALERTS:,}")
        paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        firsts.append(
            page.evaluate("(({startTime, duration}) => startTime + duration)(performance.getEntriesByName('queue')[0])")
        )
        page.context.close()
    page = as_analyst(browser, client, API_KEY, "Zoë", PATIENCE)
    page.get_by_text("Filters", exact=True).click()
    country, order = page.get_by_label("Country"), page.get_by_label("In the order of", exact=True)
    took = {
        "country": [asked(page, lambda: country.select_option(COUNTRIES[turn % 8])) for turn in range(FILTERS)],
        "order": [
            asked(page, lambda: order.select_option(("age", "value", "score")[turn % 3])) for turn in range(FILTERS)
        ],
        "search": [
            asked(page, lambda: page.get_by_role("searchbox").fill(("costs", "worth")[turn % 2]))
            for turn in range(FILTERS)
        ],
    }
    page.context.close()
    print(
        f"{ALERTS:,} open alerts: first paint {told(paints)} ms (goal {PAINT_GOAL:.0f}), first rows {told(firsts)} ms"
    )
    for name, values in took.items():
        print(f"  {name:8} {told(values)} ms (goal {FILTER_GOAL:.0f})")
    return {"alerts": ALERTS, "first_paint_ms": paints, "first_rows_ms": firsts, "filter_ms": took}


def asked(page: Page, act: Any) -> float:
    """What the page measured from the act until its answer was painted, in milliseconds."""
    page.evaluate("performance.clearMeasures('queue')")
    act()
    return float(page.evaluate(MEASURED))


def told(values: list[float]) -> str:
    """The median and the worst."""
    return f"{statistics.median(values):.0f} (at most {max(values):.0f})"


def people(name: str, browser: Browser, client: httpx.Client, shots: str | None) -> dict[str, Any]:
    """One person reviews, then two close the same alerts; what the service says of it afterwards."""
    make_alerts(client, 2 * REVIEWED + 20, "W")
    zoe = as_analyst(browser, client, API_KEY, "Zoë", PATIENCE)
    reviewed = review(zoe, REVIEWED)
    if shots:
        pictures(zoe, Path(shots))
    ben = as_analyst(browser, client, API_KEY, "Ben", PATIENCE)
    second = both_close(zoe, ben, REVIEWED)
    closed = [row["id"] for row in client.get("/v1/alerts?state=closed&limit=500").json()["alerts"]]
    events = [client.get(f"/v1/alerts/{one}").json()["events"] for one in closed]
    twice = sum([event["what"] for event in each].count("closed") != 1 for each in events)
    for page in (zoe, ben):
        page.context.close()
    print(
        f"{name}: {REVIEWED} reviewed by keyboard in {reviewed['seconds']:.0f} s with {reviewed['keys']} keys;"
        f" {REVIEWED} closed by two at once: {second} times one was told who came first, {twice} closed twice"
    )
    assert len(closed) == 2 * REVIEWED and second == REVIEWED and twice == 0
    return {**reviewed, "at_once": REVIEWED, "told_who_was_first": second, "closed_twice": twice}


if __name__ == "__main__":
    main()
