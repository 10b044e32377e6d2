"""`POST /v1/forget`: remove what this service remembers of a customer, in its store or in its memory.

The id comes in the body, never in the address, which load balancers log; it is turned into pseudonyms under every
version of the key, and neither answered nor logged.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import msgspec
from fastapi import APIRouter, Request
from msgspec import Meta
from starlette.responses import Response

from app import openapi
from app.history import HistoryUnavailable
from app.problems import FieldError, Problem
from app.scoring.service import Scoring
from orderguard.schema import Identifier

MOST_ORDERS = 10_000


class ForgetRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to forget: the customer's id as orders have it. `orders` may name orders of theirs besides, by the shop's
    own ids: an outcome that was told without its customer is found by its order alone.
    """

    customer: Identifier
    orders: Annotated[list[Identifier], Meta(max_length=MOST_ORDERS)] = []


class ForgetAnswer(msgspec.Struct, frozen=True):
    """What was removed: from which `store` (`off`: none is kept), how many of the customer's own records, and from how
    many records of devices, networks, e-mails, addresses and cards their orders. `everywhere` is false where other
    instances of the service keep histories in their own memory: each of them has to be asked. `alerts` and `outcomes`
    are how many of these were deleted, with all notes.
    """

    store: str
    customers: int
    entities: int
    everywhere: bool
    alerts: int = 0
    outcomes: int = 0


Forget = Callable[[Sequence[str], Sequence[str]], Awaitable[tuple[int, int]]]
"""Deletes alerts and outcomes of customers and orders, by their tokens; how many these were. Raises `Problem`."""


async def no_alerts(customers: Sequence[str], orders: Sequence[str]) -> tuple[int, int]:
    """What forgets where no alerts are kept."""
    return 0, 0


def routes(scoring: Scoring, alerts: Forget = no_alerts) -> APIRouter:
    """The router of this route."""
    router = APIRouter()
    declared = openapi.answers(ForgetAnswer, "Forget a customer; the id stands in the body alone", "forgetting")

    @router.post("/v1/forget", **openapi.request_body(ForgetRequest, declared))
    async def forget(request: Request) -> Response:
        try:
            asked = msgspec.json.decode(await request.body(), type=ForgetRequest)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            reason = FieldError("customer", "the id of one customer, a text of 1 to 128 characters")
            raise Problem("invalid-request", 'send {"customer": "…"}', (reason,)) from None
        keyring = scoring.keyring
        orders = [token for order in asked.orders for token in keyring.tokens("order", order)]
        # First what may fail as a whole; the rest can be repeated.
        kept, outcomes = await alerts(keyring.tokens("customer", asked.customer), orders)
        done = await forgotten(scoring, asked.customer)
        return Response(
            msgspec.json.encode(msgspec.structs.replace(done, alerts=kept, outcomes=outcomes)),
            media_type="application/json",
            headers={"cache-control": "no-store"},
        )

    return router


async def forgotten(scoring: Scoring, customer: str) -> ForgetAnswer:
    """Remove the customer from the service's store. Raises `Problem` where that does not answer."""
    store = scoring.store
    if store is None:
        return ForgetAnswer("off", 0, 0, True)
    try:
        done = await store.forget(scoring.keyring.tokens("customer", customer))
    except HistoryUnavailable:
        raise Problem(
            "not-ready", "the store of histories does not answer: nothing is known to be removed; send this again"
        ) from None
    return ForgetAnswer(store.name, done.customers, done.entities, store.name != "memory")
