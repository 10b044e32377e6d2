"""`POST /v1/convert`: a file as a shop exports it becomes orders of the contract, and is said what it was taken for.

Nothing of it is kept, counted or scored: the page sends the orders on to be scored. The readers of other people's files
are imported when the first file comes.
"""

import asyncio
from collections import Counter
from importlib import import_module
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from app import openapi
from app.problems import Problem


class Count(msgspec.Struct, frozen=True):
    """How often something was so, in words that hold no value of the file."""

    what: str
    count: int


class ConvertAnswer(msgspec.Struct, frozen=True):
    """What a file was taken for, and its orders as the contract has them. `repaired`, `apart` and `unusable` count what
    was mended, what is no order, and what can't be used. `mapping` is the one that was guessed for a table that nobody
    knows, `doubts` what is to be checked in it, `unmapped` the columns that were left out.
    """

    taken_for: str
    orders: list[msgspec.Raw]
    repaired: list[Count]
    apart: list[Count]
    unusable: list[Count]
    unmapped: list[str]
    doubts: list[str]
    mapping: str | None


def routes() -> APIRouter:
    """The router of this route."""
    router = APIRouter()
    declared = openapi.answers(ConvertAnswer, "Make orders of a shop's export", "converting")
    content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    declared["openapi_extra"] |= {
        "requestBody": {"required": True, "content": content, "description": "CSV or JSON, as the shop exports it"},
        "parameters": [
            {
                "name": "source",
                "in": "query",
                "required": False,
                "description": "What the file is, where it can't be told from its columns or fields: `shopify`, …",
                "schema": {"type": "string"},
            }
        ],
    }

    @router.post("/v1/convert", **declared)
    async def convert(request: Request) -> Response:
        answer = await converted(await request.body(), request.query_params.get("source") or None)
        return Response(msgspec.json.encode(answer), media_type="application/json")

    return router


async def converted(data: bytes, source: str | None) -> ConvertAnswer:
    """The orders of a file. Other requests get their turn after every hundred. Raises `Problem`."""
    whole: Any = import_module("orderguard.sources.whole")
    try:
        told = None
        for told in whole.whole(data, source):
            await asyncio.sleep(0)
    except ValueError as error:  # no source, no table, no JSON: the message holds no value of the file
        raise Problem("invalid-request", str(error)) from None
    assert told is not None
    return ConvertAnswer(
        taken_for=told.taken_for,
        orders=[msgspec.Raw(order) for order in told.orders],
        repaired=_counts(told.repaired),
        apart=_counts(told.apart),
        unusable=_counts(told.bad),
        unmapped=told.unmapped,
        doubts=told.doubts,
        mapping=told.mapping,
    )


def _counts(counts: Counter[str]) -> list[Count]:
    return [Count(what, count) for what, count in counts.most_common()]
