"""The routes of the desk: the queue, one alert, what people do with alerts, outcomes, precision."""

import asyncio
from typing import Any, TypeVar

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from app import openapi
from app.desk import contract
from app.desk.desk import Desk
from app.desk.detail import Details
from app.desk.export import exported
from app.desk.identity import Identity, nameless
from app.desk.notes import masked_note
from app.desk.outcomes_file import outcomes_file
from app.desk.precision import BYS, precision
from app.desk.queue import MOST_ROWS, SORTS, USUAL_ROWS, Who, choices, filter_of, page, wrong
from app.desk.telling import read_outcomes, wrong_of
from app.problems import FieldError, Problem
from orderguard.masking import mask_text

Body = TypeVar("Body", bound=msgspec.Struct)
_PAGING = frozenset({"sort", "limit", "cursor"})
MOST_WEEKS = 520
TAG = "desk"


def routes(desk: Desk, identity: Identity, details: Details) -> APIRouter:
    """The router of all of them."""
    router = APIRouter()
    keyring = desk.keyring

    async def who_asks(request: Request) -> Who:
        name, _ = await identity.of(request.scope["state"]["exchange"].headers)
        return Who.of(name, keyring)

    async def who_acts(request: Request) -> Who:
        who = await who_asks(request)
        if who.name is None:
            raise nameless()
        return who

    @router.get("/v1/me", **openapi.answers(contract.MeAnswer, "Who asks, as the desk knows them", TAG))
    async def me(request: Request) -> Response:
        name, source = await identity.of(request.scope["state"]["exchange"].headers)
        return _json(contract.MeAnswer(name, source, True))

    @router.get("/v1/alerts", **openapi.answers(contract.AlertsAnswer, "The queue, a page of it", TAG))
    async def alerts(request: Request) -> Response:
        who, given = await who_asks(request), request.query_params
        asked, sort = filter_of(given.multi_items(), _PAGING), _one_of("sort", given.get("sort", "score"), SORTS)
        limit = _whole("limit", given.get("limit", str(USUAL_ROWS)), MOST_ROWS)
        cursor = given.get("cursor", "")
        return _json(await desk.read(lambda to: page(to, keyring, who, asked, sort, limit, cursor)))

    @router.get("/v1/alerts.csv", **openapi.text("The alerts that match, as CSV", TAG))
    async def table(request: Request) -> Response:
        who, given = await who_asks(request), request.query_params
        asked, sort = filter_of(given.multi_items(), _PAGING), _one_of("sort", given.get("sort", "score"), SORTS)
        data = await desk.read(lambda to: exported(to, keyring, who, asked, sort))
        disposition = {"content-disposition": 'attachment; filename="alerts.csv"', **_UNKEPT}
        return Response(data, media_type="text/csv; charset=utf-8", headers=disposition)

    @router.get("/v1/alerts/choices", **openapi.answers(contract.ChoicesAnswer, "What to filter alerts by", TAG))
    async def filters() -> Response:
        return _json(await desk.read(choices))

    @router.get("/v1/alerts/{alert_id}", **openapi.answers(contract.AlertAnswer, "An alert with all about it", TAG))
    async def alert(alert_id: str, request: Request) -> Response:
        who = await who_asks(request)
        return _json(await details.of(await desk.found(alert_id), who))

    taking = openapi.answers(contract.AlertRow, "Take an alert", TAG)

    @router.post("/v1/alerts/{alert_id}/take", **openapi.request_body(contract.TakeRequest, taking))
    async def take(alert_id: str, request: Request) -> Response:
        who, asked = await who_acts(request), await _body(request, contract.TakeRequest, b"{}")
        return _json(await desk.act(who, lambda acts: acts.take(alert_id, over=asked.over)))

    @router.post("/v1/alerts/{alert_id}/release", **openapi.answers(contract.AlertRow, "Give an alert back", TAG))
    async def release(alert_id: str, request: Request) -> Response:
        who = await who_acts(request)
        return _json(await desk.act(who, lambda acts: acts.release(alert_id)))

    closing = openapi.answers(contract.AlertRow, "Close an alert with its outcome", TAG)

    @router.post("/v1/alerts/{alert_id}/close", **openapi.request_body(contract.CloseRequest, closing))
    async def close(alert_id: str, request: Request) -> Response:
        who, asked = await who_acts(request), await _body(request, contract.CloseRequest)
        note = ""
        if asked.note:
            found = await desk.found(alert_id)
            note = await asyncio.to_thread(masked_note, asked.note, found.document, keyring)
        return _json(await desk.act(who, lambda acts: acts.close(alert_id, asked.outcome, note)))

    @router.post("/v1/alerts/{alert_id}/reopen", **openapi.answers(contract.AlertRow, "Open a closed alert again", TAG))
    async def reopen(alert_id: str, request: Request) -> Response:
        who = await who_acts(request)
        return _json(await desk.act(who, lambda acts: acts.reopen(alert_id)))

    many = openapi.answers(contract.CloseManyAnswer, "Close many alerts with one outcome", TAG)

    @router.post("/v1/alerts/close", **openapi.request_body(contract.CloseManyRequest, many))
    async def close_many(request: Request) -> Response:
        who, asked = await who_acts(request), await _body(request, contract.CloseManyRequest)
        note = await asyncio.to_thread(mask_text, asked.note) if asked.note else ""
        if (asked.ids is None) == (asked.filter is None):
            raise Problem("invalid-request", "send either `ids` or a `filter`")
        if asked.ids is not None:
            ids = asked.ids
            return _json(await desk.act(who, lambda acts: acts.close_many(ids, asked.outcome, note)))
        chosen, expected = asked.filter or contract.AlertFilter(), asked.expected
        return _json(await desk.act(who, lambda acts: acts.close_matching(chosen, expected, asked.outcome, note)))

    telling = openapi.answers(contract.OutcomesAnswer, "Tell what orders turned out to be", TAG)

    @router.post("/v1/outcomes", **openapi.request_body(contract.OutcomeRequest, telling))
    async def outcomes(request: Request) -> Response:
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower().encode()
        body = await request.body()
        read = await asyncio.to_thread(read_outcomes, body, media_type, dict(request.query_params))
        new = await desk.keep_outcomes(read.outcomes) if read.outcomes else 0
        known = len(read.outcomes) - new
        return _json(contract.OutcomesAnswer(read.received, new, known, read.unusable, read.taken_for))

    @router.get("/v1/outcomes.ndjson", **openapi.text("All outcomes, as the file that training reads", TAG))
    async def outcomes_as_file() -> Response:
        content = await desk.read(outcomes_file)
        return Response(content, media_type="application/x-ndjson", headers={"cache-control": "no-store"})

    @router.get("/v1/precision", **openapi.answers(contract.PrecisionAnswer, "How many alerts were worth a look", TAG))
    async def precise(request: Request) -> Response:
        given = request.query_params
        by = _one_of("by", given.get("by", "week"), BYS)
        weeks = _whole("weeks", given.get("weeks", "12"), MOST_WEEKS)
        return _json(await desk.read(lambda to: precision(to, by, weeks, desk.now())))

    return router


async def _body(request: Request, structure: type[Body], empty: bytes = b"") -> Body:
    """The body as a structure. Raises `Problem`, which names the field and repeats no value."""
    try:
        return msgspec.json.decode(await request.body() or empty, type=structure)
    except msgspec.ValidationError as error:
        field, reason = wrong_of(error)
        raise Problem(
            "invalid-request", f"{field}: {reason}" if field else reason, (FieldError(field, reason),)
        ) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Problem("invalid-json") from None


def _one_of(name: str, value: str, known: tuple[Any, ...]) -> Any:
    if value not in known:
        raise wrong(name, f"one of {', '.join(known)}")
    return value


def _whole(name: str, text: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 8 and 1 <= int(text) <= most):
        raise wrong(name, f"a whole number from 1 to {most}")
    return int(text)


_UNKEPT = {"cache-control": "no-store"}


def _json(content: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json", headers=_UNKEPT)
