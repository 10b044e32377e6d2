"""The OpenAPI document: FastAPI's own for its routes, and the routes that it doesn't see, from the structures they
decode and encode.
"""

from typing import Any

import msgspec
from fastapi import FastAPI

from app.contract import ApartAnswer, BatchAnswer, OrderFailure, OrderRequest, ScoreAnswer
from app.problems import KINDS, FieldError
from app.problems import MEDIA_TYPE as PROBLEM_TYPE
from app.query import RECORD, SOURCE
from orderguard.sources import SOURCES

EXAMPLE_ORDER: dict[str, Any] = {
    "order_id": "A-1001",
    "created_at": "2026-05-04T14:12:09+02:00",
    "customer": {"id": "C-77", "registered_at": "2024-02-11T09:30:00Z"},
    "currency": "EUR",
    "items": [
        {"sku": "CLO-0015", "category": "clothing", "quantity": 1, "unit_price": 38.99},
    ],
    "shipping": {"method": "standard", "cost": 4.9},
    "payment": {"method": "card", "card_country": "DE"},
    "channel": "web",
    "billing_address": {"postcode": "10115", "city": "Berlin", "country": "DE"},
    "shipping_address": {"postcode": "10115", "city": "Berlin", "country": "DE"},
}
ODD_ORDER = {
    "order_id": "A-1002",
    "created_at": "2026-05-04T03:41:00Z",
    "customer": {"id": "C-78"},
    "currency": "EUR",
    "items": [{"sku": "CLO-0015", "quantity": 400, "unit_price": 3899.0}],
}
EXAMPLE_ANSWER: dict[str, Any] = {
    "order_id": "A-1002",
    "score": 0.81,
    "threshold": 0.62,
    "anomaly": True,
    "forest_score": 0.58,
    "guard_score": 0.80,
    "contributions": [
        {
            "feature": "largest_quantity",
            "value": 333.3,
            "contribution": 0.31,
            "meaning": "The largest ratio of a line's quantity to the sku's usual one.",
        }
    ],
    "model_version": "20260504-1a2b3c4d",
    "history": "absent",
    "place": "at the top 0.2 % of orders",
    "reasons": [
        {
            "text": "400 of CLO-0015, 333 times the usual 1.2.",
            "fact": "quantity",
            "features": ["largest_quantity", "quantity_deviation"],
            "contribution": 0.44,
            "by_itself": True,
        }
    ],
}
EVENTS = "text/event-stream"
EVENT: dict[str, Any] = {
    "type": "object",
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
    "required": ["data"],
}
"""One server-sent event (OpenAPI 3.2, "Server-Sent Event Streams"): the schema of a stream is that of each event."""
ERRORS = {
    "400": "invalid-json",
    "401": "unauthorized",
    "405": "method-not-allowed",
    "406": "not-acceptable",
    "408": "timeout",
    "413": "too-large",
    "415": "unsupported-media-type",
    "422": "invalid-order",
    "503": "overloaded",
}
PROBLEMS = {
    "model": ("invalid-request", "unauthorized", "not-ready"),
    "questions": ("invalid-request", "unauthorized", "not-found", "timeout", "too-large", "not-ready"),
}
PROBLEMS["explaining"] = ("invalid-json", "unauthorized", "timeout", "too-large", "invalid-order", "not-ready")
PROBLEMS["converting"] = ("invalid-request", "unauthorized", "timeout", "too-large")
PROBLEMS["desk"] = (
    *("invalid-request", "unauthorized", "not-found", "timeout", "alert-closed", "too-large", "unsupported-media-type"),
    "alerts-away",
)
PROBLEMS["forgetting"] = ("invalid-request", "unauthorized", "timeout", "too-large", "not-ready")
PROBLEMS["openai"] = PROBLEMS["questions"]
"""The problems that FastAPI routes behind the API key answer with, by tag."""


class ProblemDocument(msgspec.Struct, frozen=True):
    """An RFC 9457 problem document. `errors` names fields and reasons, never values."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldError] = []


class OpenAiError(msgspec.Struct, frozen=True):
    """What OpenAI's clients read of an error."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAiProblemDocument(ProblemDocument, frozen=True, kw_only=True):
    """A problem document of OpenAI's routes."""

    error: OpenAiError


_registered: list[type] = [
    *(OrderRequest, ScoreAnswer, ApartAnswer, OrderFailure, BatchAnswer),
    *(ProblemDocument, OpenAiProblemDocument),
]


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _problem(kind: str, structure: type = ProblemDocument) -> dict[str, Any]:
    content = {PROBLEM_TYPE: {"schema": _reference(structure.__name__)}}
    return {"description": KINDS[kind][1], "content": content}


def answers(structure: type, summary: str, tag: str, *, unready: bool = False, events: str = "") -> dict[str, Any]:
    """What a FastAPI route that answers with a structure is declared with. `events` says what it streams on demand."""
    if structure not in _registered:
        _registered.append(structure)
    json_answer = {"content": {"application/json": {"schema": _reference(structure.__name__)}}}
    responses: dict[int | str, Any] = {200: {"description": summary, **json_answer}}
    if events:
        content = {**json_answer["content"], EVENTS: {"schema": {"description": events, **EVENT}}}
        responses[200] = {"description": summary, "content": content}
    if unready:
        responses[503] = {"description": "No model is loaded; `reason` says why", **json_answer}
    document = OpenAiProblemDocument if tag == "openai" else ProblemDocument
    responses |= {int(KINDS[kind][0]): _problem(kind, document) for kind in PROBLEMS.get(tag, ())}
    declared: dict[str, Any] = {"summary": summary, "tags": [tag], "responses": responses}
    if tag in PROBLEMS:
        keys = ("ApiKey", "Bearer") if tag == "openai" else ("ApiKey",)
        declared["openapi_extra"] = {"security": [{key: []} for key in keys]}
    return declared


def request_body(structure: type, declared: dict[str, Any]) -> dict[str, Any]:
    """The declaration of a FastAPI route that decodes a structure from its body by itself."""
    if structure not in _registered:
        _registered.append(structure)
    content = {"application/json": {"schema": _reference(structure.__name__)}}
    extra = {**declared["openapi_extra"], "requestBody": {"required": True, "content": content}}
    return {**declared, "openapi_extra": extra}


def text(summary: str, tag: str) -> dict[str, Any]:
    """What a FastAPI route that answers with plain text is declared with."""
    responses = {200: {"description": summary, "content": {"text/plain": {"schema": {"type": "string"}}}}}
    return {"summary": summary, "tags": [tag], "responses": responses}


def _post(summary: str, description: str, body: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "post": {
            "summary": summary,
            "description": description,
            "tags": ["scoring"],
            "operationId": summary.lower().replace(" ", "_"),
            "security": [{"ApiKey": []}],
            "parameters": [RECORD_PARAMETER, _source_parameter()],
            "requestBody": {"required": True, "content": body},
            "responses": {
                "200": {"description": "The scores", "content": answer},
                **{status: _problem(kind) for status, kind in ERRORS.items()},
            },
        }
    }


RECORD_PARAMETER = {
    "name": RECORD,
    "in": "query",
    "required": False,
    "description": "Whether the orders are counted: into the histories of their customers, devices, networks, addresses"
    " and cards, into drift, metrics and the challenger's comparison. `false` scores them all the same and leaves no"
    " trace; orders of one batch or stream see those before them there, too.",
    "schema": {"type": "boolean", "default": True},
}


def _source_parameter() -> dict[str, Any]:
    return {
        "name": SOURCE,
        "in": "query",
        "required": False,
        "description": "Whose form the orders have: a platform's export or webhook, or a table's row by a mapping that"
        " ships. Without it, our own. In the stream a line holds one order; `/v1/score` takes a document that holds"
        " one, `/v1/score/batch` a list of them, or what the platform wraps a list in.",
        "schema": {"type": "string", "enum": list(SOURCES)},
    }


def _direct_paths() -> dict[str, Any]:
    order, answer = _reference("OrderRequest"), _reference("ScoreAnswer")
    return {
        "/v1/score": _post(
            "Score an order",
            "Scores one order. An optional field that can't be used is left out, and what can be read safely is read:"
            " `repairs` says so. A refund, a cancellation, an exchange or a test order is set `apart`: neither an"
            " anomaly nor an error. Sent again, an order is counted once, and is scored with what was known before it"
            " the first time, as long as it is remembered among the last of its customer. With `record=false` nothing"
            " is counted: the same order gives the same answer until other orders of its customer, device, network,"
            " address or card are counted.",
            {
                "application/json": {
                    "schema": order,
                    "examples": {
                        "usual": {"summary": "A usual order of the sample shop", "value": EXAMPLE_ORDER},
                        "anomaly": {"summary": "An anomaly there, with only what is required", "value": ODD_ORDER},
                    },
                }
            },
            {
                "application/json": {
                    "schema": {"anyOf": [answer, _reference("ApartAnswer")]},
                    "examples": {"anomaly": {"value": EXAMPLE_ANSWER}},
                }
            },
        ),
        "/v1/score/batch": _post(
            "Score a batch",
            "Scores an array of orders up to MAX_BATCH. An order that can't be used has its failure in its place;"
            " the others are scored. They are counted one after another, each as in `/v1/score`.",
            {
                "application/json": {
                    "schema": {"type": "array", "items": order},
                    "examples": {"two": {"value": [EXAMPLE_ORDER, ODD_ORDER]}},
                }
            },
            {"application/json": {"schema": _reference("BatchAnswer")}},
        ),
        "/v1/score/stream": _post(
            "Score a stream",
            "Reads one order a line (NDJSON) and answers one line for each, in the same order, while it reads."
            " A bad line gets an error line. Lines are counted one after another, each as in `/v1/score`.",
            {"application/x-ndjson": {"schema": {"type": "string", "description": "One order a line"}}},
            {"application/x-ndjson": {"schema": {"type": "string", "description": "One answer a line"}}},
        ),
    }


def install(app: FastAPI) -> None:
    """Make `app.openapi()` give the whole document."""
    own = app.openapi

    def whole() -> dict[str, Any]:
        if "/v1/score" not in (app.openapi_schema or {}).get("paths", {}):
            document = own()
            document["paths"] = {**_direct_paths(), **document["paths"]}
            components = document.setdefault("components", {})
            _, schemas = msgspec.json.schema_components(_registered, ref_template="#/components/schemas/{name}")
            components["schemas"] = {**components.get("schemas", {}), **schemas}
            components["securitySchemes"] = {
                "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "Bearer": {"type": "http", "scheme": "bearer"},
            }
            app.openapi_schema = document
        return app.openapi_schema or {}

    app.openapi = whole  # type: ignore[method-assign]
