"""`GET /v1/example`: a usual order and an anomaly, made from the catalogue of the model that is served, to try it."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from app import openapi
from app.models import Model
from app.scoring.service import Scoring
from orderguard.catalogue import Catalogue, Code
from orderguard.features.scalar import order_features
from orderguard.history import NO_PAST
from orderguard.masking import Keyring, mask_order
from orderguard.schema import Customer, Order

CANDIDATES = 24
"""So many articles are tried for the usual order."""
UNSEEN_COUNTRIES = ("AQ", "BV", "TF")


class ExampleOrders(msgspec.Struct, frozen=True):
    """Two orders to score: the model calls the first one usual and the second one an anomaly."""

    usual: dict[str, Any]
    anomaly: dict[str, Any]


def routes(scoring: Scoring) -> APIRouter:
    """The router of this route."""
    router = APIRouter()

    @router.get("/v1/example", **openapi.answers(ExampleOrders, "A usual order and an anomaly, to try it", "model"))
    async def example() -> Response:
        made = await asyncio.to_thread(example_orders, scoring.model(), scoring.keyring)
        return Response(msgspec.json.encode(made), media_type="application/json")

    return router


def example_orders(model: Model, keyring: Keyring) -> ExampleOrders:
    """The orders, checked with the model itself."""

    def score(order: Order) -> float:
        masked = mask_order(order, keyring, doubt=model.doubt)
        return float(model.scorer.explain(order_features(masked, NO_PAST, model.catalogue)[None])[0].score[0])

    usual = min(_usual_orders(model), key=score)
    anomalies = list(_anomalies(usual, model.catalogue))
    anomaly = next((order for order in anomalies if score(order) >= model.scorer.threshold), anomalies[-1])
    return ExampleOrders(_told(msgspec.structs.replace(usual, order_id="example-usual")), _told(anomaly))


def _told(order: Order) -> dict[str, Any]:
    """An order without the fields that it does not tell."""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: without(inner) for name, inner in value.items() if inner is not None}
        return [without(inner) for inner in value] if isinstance(value, list) else value

    told: dict[str, Any] = without(msgspec.to_builtins(order))
    return told


def _usual_orders(model: Model) -> Iterator[Order]:
    """Orders of one line at its usual price, worth about as much as is usual, at a usual hour of the last day."""
    catalogue = model.catalogue
    rarity = catalogue.hour_rarity
    hour = min(range(24), key=lambda hour: (rarity[hour], abs(hour - 14)))
    day = datetime.fromisoformat(model.scorer.manifest.last_order)
    country = _commonest(catalogue, "country")
    address = {"country": country} if country else None
    plain = [(sku, known) for sku, known in catalogue.skus.items() if not sku.startswith("[")]
    near = sorted(plain, key=lambda sku: abs(sku[1].price * sku[1].quantity - catalogue.basket))
    for sku, known in near[:CANDIDATES]:
        order: dict[str, Any] = {
            "order_id": "example",
            "created_at": day.replace(hour=hour, minute=12, second=0, microsecond=0).isoformat(),
            "customer": {"id": "example-customer"},
            "currency": catalogue.reference_currency,
            "items": [{"sku": sku, "quantity": max(1, round(known.quantity)), "unit_price": round(known.price, 2)}],
            "channel": _commonest(catalogue, "channel"),
            "payment": {"method": _commonest(catalogue, "payment_method")},
            "billing_address": address,
            "shipping_address": address,
        }
        yield msgspec.convert(order, Order)


def _anomalies(usual: Order, catalogue: Catalogue) -> Iterator[Order]:
    """The usual order with a price a hundred times as high, and then with more and more that is odd."""
    replace = msgspec.structs.replace
    (line,) = usual.items
    other = {"order_id": "example-anomaly", "customer": Customer(id="example-customer-2")}
    dear = replace(line, unit_price=round(line.unit_price * 100, 2))
    yield replace(usual, **other, items=[dear])
    many = replace(dear, quantity=line.quantity * 200)
    yield replace(usual, **other, items=[many])
    seen = catalogue.rarity["country"].of
    far = next(country for country in (*UNSEEN_COUNTRIES, "XX") if country not in seen or country == "XX")
    night = usual.created_at.replace(hour=max(range(24), key=catalogue.hour_rarity.__getitem__))
    address = usual.shipping_address and replace(usual.shipping_address, country=far)
    yield replace(usual, **other, items=[many], created_at=night, shipping_address=address)


def _commonest(catalogue: Catalogue, code: Code) -> str | None:
    """The code that is met most, where any is told."""
    told = {value: rarity for value, rarity in catalogue.rarity[code].of.items() if value}
    return min(told, key=lambda value: (told[value], value)) if told else None
