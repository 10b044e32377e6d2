"""Batches and streams share the event loop with every other request."""

import asyncio
import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from app.exchange import Exchange
from app.history import HistoryStore, open_store
from app.logs import LogWriter
from app.metrics import Metrics
from app.models import Models, load_model
from app.scoring.answers import warm
from app.scoring.decoding import SLICE
from app.scoring.handlers import Handlers
from app.scoring.service import Scored, Scoring
from app.scoring.stages import Incoming
from app.settings import Settings
from orderguard.masking import Keyring, new_key_text
from orderguard.model_version import MANIFEST, model_sha256
from tests.serving import USUAL


class NotingScoring(Scoring):
    """Notes in which turn of the event loop each slice is scored."""

    turn = 0
    scored_in: list[int]

    async def score_together(
        self, orders: Sequence[Incoming], *, record: bool, store: HistoryStore | None = None
    ) -> list[Scored]:
        self.scored_in.append(self.turn)
        return await super().score_together(orders, record=record, store=store)

    async def count_turns(self) -> None:
        while True:
            self.turn += 1
            await asyncio.sleep(0)


def test_a_version_whose_manifest_was_changed_since_it_was_deployed_is_refused(models_dir: Path) -> None:
    deployed = model_sha256((models_dir / "first" / MANIFEST).read_bytes())
    settings = Settings(
        keyring=Keyring.from_text(new_key_text()), api_key_hashes=(), model_dir=models_dir, model_version="first"
    )
    for expected, ready in ((deployed, True), ("0" * 64, False)):
        models = Models(replace(settings, model_sha256=expected), LogWriter(stream=io.BytesIO()), Metrics(), warm)
        asyncio.run(models.refresh())
        assert (models.serving is not None) == ready
    assert "first is not the model that was deployed under this name" in str(models.reason)


def test_a_turn_of_the_event_loop_has_one_slice_however_many_batches_there_are(models_dir: Path) -> None:
    settings = Settings(keyring=Keyring.from_text(new_key_text()), api_key_hashes=())
    metrics, logs = Metrics(), LogWriter(stream=io.BytesIO())
    models = Models(settings, logs, metrics, warm)
    models.serving = load_model(models_dir / "first", warm)
    body = json.dumps([{**USUAL, "order_id": f"S-{place}"} for place in range(2 * SLICE + 1)]).encode()

    async def batches() -> list[int]:
        scoring = NotingScoring(settings.keyring, models, open_store("memory:", 1, 1), metrics, logs)
        scoring.scored_in = []
        handlers = Handlers(settings, scoring, metrics, logs)
        counting = asyncio.create_task(scoring.count_turns())
        exchanges = [Exchange("POST", "/v1/score/batch", [], "/v1/score/batch") for _ in range(4)]
        replies = await asyncio.gather(*(handlers.batch(exchange, body) for exchange in exchanges))
        counting.cancel()
        assert {(reply.status, reply.orders) for reply in replies} == {(200, 2 * SLICE + 1)}
        return scoring.scored_in

    turns = asyncio.run(batches())
    assert len(turns) == len(set(turns)) == 4 * 3
