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
from app.edge import LARGEST_FILE
from app.problems import Problem
from app.scoring.service import Scoring

_FILE = f"CSV, Excel (.xlsx) or JSON, as the shop exports it; {LARGEST_FILE // 2**20} MiB at most"


class Count(msgspec.Struct, frozen=True):
    """How often something was so, in words that hold no value of the file."""

    what: str
    count: int


class ConvertAnswer(msgspec.Struct, frozen=True):
    """What a file was taken for, and its orders as the contract has them. `repaired`, `apart` and `unusable` count what
    was fixed, what is no order, and what can't be used. `mapping` is the one that was guessed for a table that nobody
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


def routes(scoring: Scoring) -> APIRouter:
    """The router of this route."""
    router = APIRouter()
    one_at_a_time = asyncio.Lock()
    declared = openapi.answers(ConvertAnswer, "Make orders of a shop's export", "converting")
    content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    declared["openapi_extra"] |= {
        "requestBody": {"required": True, "content": content, "description": _FILE},
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
        feed = scoring.model().reader.feed
        async with one_at_a_time:  # before the body is read: files don't pile up in memory
            data = await request.body()
            answer = await asyncio.to_thread(converted, data, request.query_params.get("source") or None, feed)
        return Response(answer, media_type="application/json")

    return router


def converted(data: bytes, source: str | None, feed: Any) -> bytes:
    """The orders of a file, as a `ConvertAnswer` in JSON. In a thread, since it may take seconds. Raises `Problem`."""
    whole: Any = import_module("orderguard.sources.whole")
    try:
        told = whole.whole(data, source, feed)
    except ValueError as error:  # no source, no table, no JSON: the message holds no value of the file
        raise Problem("invalid-request", str(error)) from None
    return msgspec.json.encode(
        ConvertAnswer(
            taken_for=told.taken_for,
            orders=[msgspec.Raw(order) for order in told.orders],
            repaired=_counts(told.repaired),
            apart=_counts(told.apart),
            unusable=_counts(told.bad),
            unmapped=told.unmapped,
            doubts=told.doubts,
            mapping=told.mapping,
        )
    )


def _counts(counts: Counter[str]) -> list[Count]:
    return [Count(what, count) for what, count in counts.most_common()]
