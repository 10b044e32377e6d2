"""`POST /v1/forget`: remove what this service remembers of a customer, in its store or in its memory.

The id comes in the body, never in the address, which load balancers log; it is turned into pseudonyms under every
version of the key, and neither answered nor logged.
"""

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from app import openapi
from app.history import HistoryUnavailable
from app.problems import FieldError, Problem
from app.scoring.service import Scoring
from orderguard.schema import Identifier


class ForgetRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to forget: the customer's id as orders have it."""

    customer: Identifier


class ForgetAnswer(msgspec.Struct, frozen=True):
    """What was removed: from which `store` (`off`: none is kept), how many of the customer's own records, and from how
    many records of devices, networks, e-mails, addresses and cards their orders. `everywhere` is false where other
    instances of the service keep histories in their own memory: each of them has to be asked.
    """

    store: str
    customers: int
    entities: int
    everywhere: bool


def routes(scoring: Scoring) -> APIRouter:
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
        return Response(
            msgspec.json.encode(await forgotten(scoring, asked.customer)),
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
