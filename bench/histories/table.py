"""What each way of keeping histories costs: how many orders have one, what is found, and what drift says of clean data.

Each row is a deployment: so many instances, each a `Scoring` of its own with a connection of its own, over one real
Redis server. The later orders go to them in turn, one by one, in time order. Drift is that of all instances together.
"""

import asyncio
import io
import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.metrics import average_precision_score

from app.drift_watch import DriftWatch
from app.history import HistoryStore, store_of
from app.logs import LogWriter
from app.metrics import Metrics
from app.models import Model, Models, load_model
from app.scoring.answers import warm
from app.scoring.service import Scoring
from app.seeding import load
from app.settings import Settings, read_settings
from app.store_state import HistoriesWatch
from bench.histories.feed import Decisions, Feed, order_id
from bench.redis_server import RedisServer

CARD_TESTING = "card_testing"
GROUP = 128


class Deployment(NamedTuple):
    """How a service is deployed. `begins` is what its store knows at first: `warm` all earlier orders, which it took
    itself; `seeded` what was made of them; `empty` nothing.
    """

    name: str
    instances: int
    begins: str
    url: str = ""


DEPLOYMENTS = (
    Deployment("shared, warm", 1, "warm"),
    Deployment("one instance, just deployed, seeded", 1, "seeded"),
    Deployment("two instances, seeded", 2, "seeded"),
    Deployment("20 instances, just deployed, seeded", 20, "seeded"),
    Deployment("one instance, just deployed, not seeded", 1, "empty"),
    Deployment("20 instances, each in its own memory (before)", 20, "empty", "memory:"),
)


class Row(NamedTuple):
    """What was measured of a deployment; shares are of the later orders."""

    known: float
    average_precision: float
    card_testing: str
    drift: str


def truth_of(feed: Feed, truth: Path) -> list[str]:
    """The kind of anomaly of each later order, "" for none."""
    kinds = {found["order_id"]: found["kind"] for found in map(json.loads, truth.read_bytes().splitlines())}
    return [kinds.get(order_id(line), "") for line in feed.later]


def measured(decisions: Decisions, kinds: Sequence[str], drift: str) -> Row:
    """The row of these decisions."""
    anomalous = np.array([bool(kind) for kind in kinds])
    testing = np.array([kind == CARD_TESTING for kind in kinds])
    found = int((decisions.anomalies & testing).sum())
    return Row(
        decisions.known / len(kinds),
        float(average_precision_score(anomalous, decisions.scores)),
        f"{found} of {int(testing.sum())}",
        drift,
    )


def row(
    deployment: Deployment, feed: Feed, version_dir: Path, told: Mapping[str, str], kinds: Sequence[str], folder: Path
) -> Row:
    """Deploy it, ask it about the later orders, and measure. `told` are the settings of the service."""
    with RedisServer(folder / deployment.name.replace(" ", "-")) as server:
        store = {"HISTORY_URL": deployment.url or server.url, "HISTORY_PASSWORD": server.password}
        settings = read_settings({"PII_MASKING": "enforced", "API_KEY_REQUIRED": "false", **told, **store})
        return asyncio.run(_deployed(deployment, feed, version_dir, settings, kinds))


async def _deployed(
    deployment: Deployment, feed: Feed, version_dir: Path, settings: Settings, kinds: Sequence[str]
) -> Row:
    model = load_model(version_dir, warm)
    together = replace(model, drift=DriftWatch(version_dir))
    async with AsyncExitStack() as open_stores:
        instances = []
        for _ in range(deployment.instances):
            store = _store(settings)
            open_stores.push_async_callback(store.close)
            instances.append(_instance(settings, together, store))
        if deployment.begins == "seeded":
            await load(settings)
        elif deployment.begins == "warm":
            await _take(instances[0], feed.lines[: feed.cut])
        watch = HistoriesWatch(instances[0].store, settings.keyring, settings.history_ttl_days)
        scores, anomalies, known = [], [], 0
        for place, line in enumerate(feed.later):
            scoring = instances[place % len(instances)]
            (scored,) = await scoring.score_together([await scoring.incoming(line)], record=True)
            scores.append(scored.answer.score)
            anomalies.append(scored.answer.anomaly)
            known += scored.answer.history == "used"
        await watch.look()
        report = together.drift.report(watch.state)
    drift = "drifted" if report.drifted else "expected" if report.expected else "none"
    moved = [variable.name for variable in report.moved("unexpected")]
    told = f"{drift} ({watch.state})" + (f": {', '.join(moved)}" if moved else "")
    return measured(Decisions(np.array(scores), np.array(anomalies), known), kinds, told)


def _store(settings: Settings) -> HistoryStore:
    store = store_of(settings)
    assert store is not None
    return store


def _instance(settings: Settings, model: Model, store: HistoryStore) -> Scoring:
    metrics, logs = Metrics(), LogWriter(stream=io.BytesIO())
    models = Models(settings, logs, metrics, warm)
    models.serving = model
    return Scoring(settings.keyring, models, store, metrics, logs)


async def _take(scoring: Scoring, lines: Sequence[bytes]) -> None:
    """Have the store count these orders."""
    assert scoring.store
    for start in range(0, len(lines), GROUP):
        orders = [await scoring.incoming(line) for line in lines[start : start + GROUP]]
        await scoring.store.take([order.masked for order in orders])


def service_settings(key_text: str, version_dir: Path, histories: Path) -> dict[str, str]:
    """What a service of this version is told, under this key."""
    return {
        "MASKING_KEY": key_text,
        "MODEL_DIR": str(version_dir.parent),
        "MODEL_VERSION": version_dir.name,
        "HISTORIES_DIR": str(histories),
    }
