"""A sample of what `python -m bench fuzz` does at length: odd deliveries, none answered with 5xx or a traceback; and
what the routes of scoring make of vendors' orders.
"""

import asyncio
import json
from pathlib import Path

from bench.hooks.fuzz import environment_of, fuzzed
from bench.hooks.inside import running
from bench.hooks.vendor import moment, shopify, stripe, woocommerce
from tests.serving import API_KEY, MASKING_KEY, USUAL, environment

KEY = {"X-API-Key": API_KEY}
JSON, LINES = {**KEY, "Content-Type": "application/json"}, {**KEY, "Content-Type": "application/x-ndjson"}


def test_odd_deliveries_are_answered_and_never_with_5xx(models_dir: Path) -> None:
    seen, log = asyncio.run(fuzzed(environment_of(str(models_dir), MASKING_KEY), 1_000, seed=15))
    assert sum(seen.values()) == 1_000 and not [what for what in seen if what.startswith("5")], seen
    assert {what.split(" ", 1)[1] for what in seen} >= {"scored", "unusable", "ignored", "apart"}, seen
    assert '"severity":"ERROR"' not in log and "where" not in log and "Mustermann" not in log


def test_orders_come_in_a_vendor_s_form_one_at_a_time_in_a_batch_and_in_a_stream(models_dir: Path) -> None:
    async def scenario() -> None:
        async with running(environment(models_dir, 0)) as service:
            ask = service.ask
            for source, order in (("shopify", shopify(1)), ("woocommerce", woocommerce(2)), ("stripe", stripe(3))):
                answer = await ask("POST", "/v1/score", order.body, JSON, f"source={source}")
                assert answer.status == 200 and "score" in json.loads(answer.body), answer
            refund = shopify(4, cancelled_at=moment().isoformat())
            apart = json.loads((await ask("POST", "/v1/score", refund.body, JSON, "source=shopify")).body)
            assert apart == {"order_id": "4", "apart": "cancellation"}
            many = b"[" + b",".join([shopify(5).body, refund.body, b"{}"]) + b"]"
            batch = json.loads((await ask("POST", "/v1/score/batch", many, JSON, "source=shopify")).body)
            assert (batch["orders"], batch["invalid"], batch["apart"], batch["anomalies"]) == (3, 1, 1, 0)
            assert ["score" in batch["results"][0], batch["results"][1]["apart"]] == [True, "cancellation"]
            lines = b"\n".join([shopify(6).body, b"{", refund.body, shopify(7).body])
            stream = (await ask("POST", "/v1/score/stream", lines, LINES, "source=shopify&record=false")).body
            told = [json.loads(line) for line in stream.splitlines()]
            assert [("score" in one, "apart" in one, one.get("index")) for one in told] == [
                (True, False, None),
                (False, False, 1),
                (False, True, None),
                (True, False, None),
            ]
            for path, headers in (("/v1/score", JSON), ("/v1/score/batch", JSON), ("/v1/score/stream", LINES)):
                unknown = await ask("POST", path, shopify(8).body, headers, "source=ebay")
                assert unknown.status == 400 and b"shopify, woocommerce, stripe" in unknown.body, path
            several = await ask(
                "POST", "/v1/score", b"[" + shopify(9).body + b"," + shopify(10).body + b"]", JSON, "source=shopify"
            )
            assert several.status == 413
            empty = await ask("POST", "/v1/score", b"[]", JSON, "source=shopify")
            assert empty.status == 422
            metrics = (await ask("GET", "/metrics")).body.decode()
            assert 'orderguard_orders_apart_total{kind="cancellation"} 2.0' in metrics, "not what was only looked at"

    asyncio.run(scenario())


def test_an_odd_optional_field_loses_no_order_and_is_told(models_dir: Path) -> None:
    odd = {**USUAL, "channel": "pos", "items": [{**USUAL["items"][0], "quantity": "2.0"}]}

    async def scenario() -> None:
        async with running(environment(models_dir, 0)) as service:
            answer = json.loads((await service.ask("POST", "/v1/score", json.dumps(odd).encode(), JSON)).body)
            assert {one["field"] for one in answer["repairs"]} == {"channel", "items[].quantity"}, answer
            usual = json.loads((await service.ask("POST", "/v1/score", json.dumps(USUAL).encode(), JSON)).body)
            assert "repairs" not in usual
            brought = {**odd, "history": [{**odd, "order_id": "earlier", "created_at": "2026-05-01T10:00:00"}]}
            answer = json.loads((await service.ask("POST", "/v1/score", json.dumps(brought).encode(), JSON)).body)
            assert answer["history"] == "used"
            batch = json.dumps([USUAL, odd, {**odd, "currency": 5}]).encode()
            told = json.loads((await service.ask("POST", "/v1/score/batch", batch, JSON)).body)
            assert [("repairs" in one, "error" in one) for one in told["results"]] == [
                (False, False),
                (True, False),
                (False, True),
            ]
            explained = await service.ask("POST", "/v1/explain", json.dumps(odd).encode(), JSON)
            assert explained.status == 200
            metrics = (await service.ask("GET", "/metrics")).body.decode()
            assert 'orderguard_order_repairs_total{field="channel"' in metrics

    asyncio.run(scenario())
