"""Orders in other forms than the contract's are read as training read them."""

import json
from datetime import datetime
from typing import Any

import msgspec
import pytest

from app.scoring.reading import Mended, Reader
from ml.config import read_config
from ml.reading import read_line
from orderguard.model_version import ModelVersionError

ORDER: dict[str, Any] = {
    "order_id": "A-1",
    "customer": {"id": "C-1"},
    "currency": "EUR",
    "items": [{"sku": "S", "quantity": 1, "unit_price": 5}],
}
ODD = (
    {"created_at": "2026-07-01 10:00:00"},
    {"created_at": "2026-07-01"},
    {"created_at": "2026-07-01T10:00:00Z", "items": [{"sku": "S", "quantity": 1, "unit_price": "1,299"}]},
)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(("zone", "comma"), [("", None), ("Europe/Berlin", True), ("America/New_York", False)])
def test_the_service_reads_an_order_as_the_training_of_its_model_did(
    odd: dict[str, Any], zone: str, comma: bool | None
) -> None:
    config = read_config()
    settings = msgspec.structs.replace(config.input, zone=zone, decimal_comma=comma)
    manifest = msgspec.to_builtins(msgspec.structs.replace(config, input=settings))
    line = json.dumps({**ORDER, **odd}).encode()
    served = Reader(manifest).mended(line)
    if comma is None and "items" in odd:
        assert not isinstance(served, Mended), "there are two ways to read it"
        return
    trained = read_line(line, settings.feed)
    assert isinstance(served, Mended) and served.request.order == trained.order
    assert [(one.field, one.reason) for one in served.repairs] == [*trained.repairs]


def test_a_zone_of_a_manifest_moves_the_moment() -> None:
    told = Reader({"input": {"zone": "Europe/Berlin"}}).mended(json.dumps({**ORDER, **ODD[0]}).encode())
    assert isinstance(told, Mended) and told.request.order.created_at == datetime.fromisoformat(
        "2026-07-01T10:00+02:00"
    )


def test_a_model_of_a_zone_that_this_machine_does_not_know_is_refused() -> None:
    with pytest.raises(ModelVersionError, match="Zephyr/Nowhere"):
        Reader({"input": {"zone": "Zephyr/Nowhere"}})
