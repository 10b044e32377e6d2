"""`POST /v1/explain`: an order beside its reasons, in words."""

from datetime import datetime

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from app import openapi
from app.contract import OrderRequest, ScoreAnswer
from app.problems import of_order
from app.scoring.service import Scoring
from app.scoring.stages import Explained
from orderguard.history import net_value
from orderguard.reasons import LineBesideUsual
from orderguard.schema import MaskedAddress, MaskedOrder, OrderError


class SeenAddress(msgspec.Struct, frozen=True):
    """What masking leaves of an address. `region` is the country and the first part of the postcode."""

    country: str | None
    region: str | None


class SeenOrder(msgspec.Struct, frozen=True):
    """What masking leaves of an order, for who looks into it. `value` is after discounts. `same_address` and
    `same_addressee` compare billing and shipping; null where one of them does not tell.
    """

    created_at: datetime
    currency: str
    value: float
    discount: float | None
    coupon: bool
    channel: str | None
    payment_method: str | None
    card_country: str | None
    shipping_method: str | None
    shipping_cost: float | None
    billing: SeenAddress | None
    shipping: SeenAddress | None
    same_address: bool | None
    same_addressee: bool | None
    customer_since: datetime | None


class ExplainAnswer(msgspec.Struct, frozen=True):
    """The answer that /v1/score gives, with its reasons whether it is an anomaly or not, and the order beside it."""

    answer: ScoreAnswer
    order: SeenOrder
    lines: list[LineBesideUsual]


def routes(scoring: Scoring) -> APIRouter:
    """The router of this route."""
    router = APIRouter()
    declared = openapi.answers(ExplainAnswer, "An order beside its reasons, in words; leaves no trace", "explaining")

    @router.post("/v1/explain", **openapi.request_body(OrderRequest, declared))
    async def explain(request: Request) -> Response:
        try:
            told = answer_of(await scoring.explained(await request.body()))
        except OrderError as error:
            raise of_order(error) from None
        return Response(msgspec.json.encode(told), media_type="application/json")

    return router


def answer_of(explained: Explained) -> ExplainAnswer:
    """What is answered of an explained order."""
    return ExplainAnswer(explained.answer, seen(explained.masked), explained.lines)


def seen(order: MaskedOrder) -> SeenOrder:
    """A masked order without its pseudonyms and texts."""
    billing, shipping = order.billing, order.shipping
    return SeenOrder(
        created_at=order.created_at,
        currency=order.currency,
        value=round(net_value(order), 4),
        discount=order.discount,
        coupon=order.has_coupon,
        channel=order.channel,
        payment_method=order.payment_method,
        card_country=order.card_country,
        shipping_method=order.shipping_method,
        shipping_cost=order.shipping_cost,
        billing=_address(billing),
        shipping=_address(shipping),
        same_address=_same(billing.token, shipping.token) if billing and shipping else None,
        same_addressee=_same(billing.name_token, shipping.name_token) if billing and shipping else None,
        customer_since=order.customer_since,
    )


def _address(address: MaskedAddress | None) -> SeenAddress | None:
    return SeenAddress(address.country, address.region) if address else None


def _same(one: str | None, other: str | None) -> bool | None:
    return one == other if one and other else None
