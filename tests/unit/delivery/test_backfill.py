"""A backfill is launched from the stack's own template, as whoever asks, and names no key."""

from datetime import UTC, datetime
from typing import Any

import pytest

from delivery import backfill as launching
from delivery.backfill import backfill
from delivery.errors import DeliveryError, UsageError
from delivery.stack import Stack
from infra.local.templates import Launch, TemplateError
from tests.unit.delivery.conftest import CLOUD

NOW = datetime(2026, 11, 30, 8, 15, tzinfo=UTC)
KEY = "projects/p/secrets/orderguard-staging-backfill-masking-key/versions/7"
OUTPUTS = {
    "backfill_template": "gs://p-staging-templates/backfill.json",
    "backfill_bucket": "p-staging-backfill",
    "backfill_masking_key": KEY,
    "raw_bucket": "p-staging-raw",
    "models_bucket": "p-staging-models",
}
USUAL = {"in": "gs://p-staging-raw/", "out": "gs://p-staging-backfill/orderguard-staging-backfill-20261130-081500"}


def stack(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], **outputs: Any) -> Stack:
    monkeypatch.setattr(Stack, "outputs", lambda _: {**OUTPUTS, **outputs})
    return Stack("staging", environment)


def test_dataflow_is_asked_as_the_caller_for_the_template_and_told_what_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []

    def ask(*words: Any) -> tuple[int, dict[str, Any]]:
        asked.extend(words)
        return 200, {"job": {"id": "2026-11-30_00_15_00-1"}}

    monkeypatch.setattr(launching, "google_headers", lambda: {"Authorization": "Bearer mine"})
    monkeypatch.setattr(launching, "ask", ask)
    told = backfill(stack(monkeypatch, {**CLOUD, "IN": "2026", "OUT": "year", "MODEL": "v1", "AT": "2026-11-01"}), NOW)
    address, path, headers, body = asked
    assert address + path == (
        "https://dataflow.googleapis.com/v1b3/projects/orderguard-staging/locations/europe-west1/flexTemplates:launch"
    )
    assert headers == {"Authorization": "Bearer mine"}
    assert body["launchParameter"] == {
        "jobName": "orderguard-staging-backfill-20261130-081500",
        "containerSpecGcsPath": "gs://p-staging-templates/backfill.json",
        "parameters": {
            "in": "gs://p-staging-raw/2026",
            "out": "gs://p-staging-backfill/year",
            "masking_key": KEY,
            "model": "gs://p-staging-models/v1",
            "at": "2026-11-01",
        },
    }
    assert "jobs/europe-west1/2026-11-30_00_15_00-1" in told and "gs://p-staging-backfill/year" in told


def test_a_refusal_says_what_whoever_launches_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "google_headers", lambda: {})
    monkeypatch.setattr(launching, "ask", lambda *_: (403, {"error": {"message": "Permission denied"}}))
    with pytest.raises(DeliveryError, match="403: Permission denied\n.*roles/dataflow.developer"):
        backfill(stack(monkeypatch, CLOUD), NOW)


def test_on_this_machine_the_same_template_gets_the_same_parameters(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    asked: list[Launch] = []
    codes = [0, 3]

    def launch(cloud: Any, launched: Launch, *, by: str) -> int:
        asked.append(launched)
        return codes.pop(0)

    monkeypatch.setattr(launching, "launch_here", launch)
    here = stack(monkeypatch, {"LOCAL_CLOUD_HOME": str(tmp_path)})
    assert "buckets/p-staging-backfill/orderguard-staging-backfill" in backfill(here, NOW)
    assert asked[0].parameters == {**USUAL, "masking_key": KEY}
    with pytest.raises(DeliveryError, match="failed with code 3; launched again with the same OUT, it goes on"):
        backfill(here, NOW)

    def refused(*_: Any, **__: Any) -> int:
        raise TemplateError("Unable to open template file")

    monkeypatch.setattr(launching, "launch_here", refused)
    with pytest.raises(DeliveryError, match="was not launched. Unable to open template file"):
        backfill(here, NOW)


@pytest.mark.parametrize(
    "given", [{"IN": "gs://another/raw"}, {"OUT": "../models"}, {"OUT": "/tmp/out"}, {"MODEL": "gs://p-staging-raw/x"}]
)
def test_a_place_outside_the_stacks_buckets_is_refused(given: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(given))}=.*a folder of the bucket p-staging-"):
        backfill(stack(monkeypatch, {**CLOUD, **given}), NOW)


def test_a_stack_without_backfills_says_how_it_gets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeliveryError, match="orderguard:backfill: true"):
        backfill(stack(monkeypatch, CLOUD, backfill_template=""), NOW)
