"""Rules in service: every way of an order goes through the same decision, and says who made it."""

import asyncio
import io
import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from app.exchange import Exchange
from app.history import open_store
from app.logs import LogWriter
from app.main import create_app
from app.metrics import Metrics
from app.models import Models, load_model
from app.scoring.answers import warm
from app.scoring.deciding import Deciding
from app.scoring.handlers import Handlers
from app.scoring.service import Scoring
from app.settings import Settings, SettingsError
from orderguard.masking import Keyring, mask_order, new_key_text
from orderguard.schema import decode_order
from tests.serving import ODD, USUAL

SETTINGS = Settings(keyring=Keyring.from_text(new_key_text()), api_key_hashes=())
NEW = {**USUAL, "order_id": "N-1", "customer": {"id": "C-blocked"}}
BLOCKED = mask_order(decode_order(json.dumps(NEW).encode()), SETTINGS.keyring).customer_token

RULES = f"""
[[rule]]
id = "usual-goods"
when = 'order.sku.exists(code, code == "CLO-0015") && order.value < 100.0'
action = "flag"
reason = "these goods are watched"
owner = "payments"
reviewed = 2026-11-29
mode = "act"

[[rule]]
id = "odd"
when = 'score >= threshold'
action = "clear"
reason = "all is well"
owner = "payments"
reviewed = 2026-11-29

[[block]]
token = "{BLOCKED}"
reason = "charged back"
owner = "payments"
expires = 2199-01-01
"""


@pytest.fixture
def rules_file(tmp_path: Path) -> Path:
    (tmp_path / "rules.toml").write_text(RULES)
    return tmp_path / "rules.toml"


def test_one_order_a_batch_a_stream_and_an_explanation_are_decided_alike(models_dir: Path, rules_file: Path) -> None:
    settings = replace(SETTINGS, rules_file=rules_file)
    log = io.BytesIO()
    metrics, logs = Metrics(), LogWriter(stream=log)
    models = Models(settings, logs, metrics, warm)
    models.serving = load_model(models_dir / "first", warm)
    orders = [json.dumps(order).encode() for order in (USUAL, ODD, NEW)]

    async def ways() -> list[list[dict[str, object]]]:
        deciding = Deciding(settings, metrics, logs)
        scoring = Scoring(settings.keyring, models, open_store("memory:", 1, 1), metrics, logs, deciding=deciding)
        handlers = Handlers(settings, scoring, metrics, logs)
        one = [
            json.loads((await handlers.score(Exchange("POST", "/v1/score", [], "/v1/score"), order)).body)
            for order in orders
        ]
        batch = await handlers.batch(
            Exchange("POST", "/v1/score/batch", [], "/v1/score/batch"), b"[" + b",".join(orders) + b"]"
        )
        sent: list[bytes] = []

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": b"\n".join(orders), "more_body": False}

        async def send(message: dict[str, object]) -> None:
            sent.append(bytes(message.get("body", b"")))  # type: ignore[call-overload]

        exchange = Exchange("POST", "/v1/score/stream", [], "/v1/score/stream")
        await handlers.stream(exchange, receive, send, [])  # type: ignore[arg-type]
        explained = [msgspec.to_builtins((await scoring.explained(order)).answer) for order in orders]
        stream = [json.loads(line) for line in b"".join(sent).splitlines()]
        return [one, json.loads(batch.body)["results"], stream, explained]

    expected = [
        (True, "rule:usual-goods", [("rule:usual-goods", "act")], "these goods are watched"),
        (True, "model", [("rule:odd", "shadow")], None),
        (True, "list:block:customer", [("list:block:customer", "act"), ("rule:usual-goods", "act")], "charged back"),
    ]
    for way in asyncio.run(ways()):
        for answer, (anomaly, by, met, reason) in zip(way, expected, strict=True):
            assert (answer["anomaly"], answer["decided_by"]) == (anomaly, by)
            assert [(one["name"], one["mode"]) for one in answer["rules"]] == met  # type: ignore[attr-defined]
            first = answer["reasons"][0]  # type: ignore[index]
            assert reason is None or (first["text"], first["fact"]) == (reason, "rule")
            assert answer["place"]
    logs.flush()
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    told = {line["decided_by"] for line in lines if line["event"] == "score"}
    assert told == {"model", "rule:usual-goods", "list:block:customer"}
    text = metrics.text().decode()
    assert 'orderguard_rules_met_total{mode="shadow",rule="rule:odd"} 3.0' in text
    assert 'orderguard_decisions_total{by="list:block:customer"} 3.0' in text, "an explanation counts nothing"


def test_a_service_does_not_start_with_rules_that_it_can_not_use(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(RULES.replace("order.value < 100.0", "order.valu < 100.0"))
    with pytest.raises(SettingsError, match="rule usual-goods, line 4: `when` there is no field `order.valu`"):
        create_app(replace(SETTINGS, rules_file=path), logs=LogWriter(stream=io.BytesIO()))
    with pytest.raises(SettingsError, match="can't be read"):
        create_app(replace(SETTINGS, rules_file=tmp_path / "none.toml"), logs=LogWriter(stream=io.BytesIO()))
