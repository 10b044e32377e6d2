"""Errors as RFC 9457 problem documents. None repeats a value of the request."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from orderguard.schema import OrderError

MEDIA_TYPE = "application/problem+json"

KINDS: dict[str, tuple[HTTPStatus, str]] = {
    "invalid-json": (HTTPStatus.BAD_REQUEST, "The body is not valid JSON"),
    "invalid-request": (HTTPStatus.BAD_REQUEST, "The request is not valid"),
    "unsupported-parameter": (HTTPStatus.BAD_REQUEST, "A parameter asks for what is not to be had"),
    "unauthorized": (HTTPStatus.UNAUTHORIZED, "A valid API key is needed"),
    "bad-signature": (HTTPStatus.UNAUTHORIZED, "The signature is not valid"),
    "not-found": (HTTPStatus.NOT_FOUND, "There is nothing here"),
    "unknown-model": (HTTPStatus.NOT_FOUND, "There is no such model"),
    "method-not-allowed": (HTTPStatus.METHOD_NOT_ALLOWED, "The method is not allowed here"),
    "alert-taken": (HTTPStatus.CONFLICT, "Another person has this alert"),
    "alert-closed": (HTTPStatus.CONFLICT, "This alert is closed"),
    "alerts-changed": (HTTPStatus.CONFLICT, "The alerts are not those that were seen"),
    "under-way": (HTTPStatus.CONFLICT, "This delivery is being worked on"),
    "gone": (HTTPStatus.GONE, "The route is gone"),
    "not-acceptable": (HTTPStatus.NOT_ACCEPTABLE, "No acceptable answer"),
    "timeout": (HTTPStatus.REQUEST_TIMEOUT, "The request took too long to arrive"),
    "too-large": (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large"),
    "unsupported-media-type": (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "The media type is not supported"),
    "invalid-order": (HTTPStatus.UNPROCESSABLE_ENTITY, "The order is not valid"),
    "too-many-requests": (HTTPStatus.TOO_MANY_REQUESTS, "Too many requests"),
    "headers-too-large": (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request's head is too large"),
    "internal": (HTTPStatus.INTERNAL_SERVER_ERROR, "The service failed"),
    "overloaded": (HTTPStatus.SERVICE_UNAVAILABLE, "The service is busy"),
    "not-ready": (HTTPStatus.SERVICE_UNAVAILABLE, "The service is not ready"),
    "alerts-away": (HTTPStatus.SERVICE_UNAVAILABLE, "The alerts' database does not answer"),
}
"""The kinds of problem: status and title. A problem's `type` is `/docs#problem-KIND`, where it is explained."""

MEANINGS: dict[str, str] = {
    "invalid-json": "Send one JSON value in UTF-8. `detail` says what was expected.",
    "invalid-request": "A parameter is wrong (`errors` names it), or the head is no HTTP/1.1, or says a thing twice.",
    "unsupported-parameter": "Leave out the parameter that `errors` names: it would change what an answer is.",
    "unauthorized": "Send the key in the X-API-Key header. Two keys are valid while one is rotated.",
    "bad-signature": "Sign the body as it is sent, with the secret that the service has, and send it at once.",
    "not-found": "The path is not one of this service's; /docs lists them.",
    "unknown-model": "`GET /v1/models` lists what can be asked: the model `orderguard`.",
    "method-not-allowed": "The Allow header lists the methods of this path.",
    "alert-taken": "`who` has it since `at`. Take another one, or take it over.",
    "alert-closed": "`who` has closed it at `at`. Open it again, if that was wrong.",
    "alerts-changed": "Look at the alerts again: others match by now.",
    "under-way": "Send it again after as many seconds as Retry-After says.",
    "gone": "`detail` names the route that takes its place.",
    "not-acceptable": "The service answers in JSON (NDJSON for a stream); leave Accept out or allow it.",
    "timeout": "The body has to arrive within REQUEST_TIMEOUT_SECONDS.",
    "too-large": "Split the batch, or use /v1/score/stream, which has no limit on the whole.",
    "unsupported-media-type": "Send application/json, or application/x-ndjson to /v1/score/stream.",
    "invalid-order": "`errors` names the field and says what is wrong with it. No value is repeated.",
    "too-many-requests": "Wait as long as Retry-After says.",
    "headers-too-large": "Address and headers together may have 64 KiB.",
    "internal": "A defect. The trace id in the answer's traceparent finds the log entry.",
    "overloaded": "More requests are in progress than can be answered in good time. Wait as long as Retry-After says.",
    "alerts-away": "Nothing was changed. Send it again after as many seconds as Retry-After says.",
    "not-ready": "The model is being loaded, or was refused; /readyz says why.",
}
"""What each kind means and what to do about it, for the documentation."""

_OF_A_CASE = (
    *("bad-signature", "invalid-order", "invalid-json", "overloaded", "alerts-away"),
    *("alert-taken", "alert-closed", "alerts-changed"),
)
_BY_STATUS = {int(KINDS[kind][0]): kind for kind in reversed(KINDS) if kind not in _OF_A_CASE}

OPENAI_CODES = {
    "unauthorized": "invalid_api_key",
    "unknown-model": "model_not_found",
    "unsupported-parameter": "unsupported_parameter",
    "too-many-requests": "rate_limit_exceeded",
}
"""What OpenAI calls some kinds of problem, for its clients."""


class FieldError(msgspec.Struct, frozen=True):
    """One thing that is wrong: the path of the field and the reason, never the value."""

    field: str
    reason: str


class Problem(Exception):
    """A request that gets a problem document for an answer; `more` are members of a kind of its own (RFC 9457, 3.2)."""

    def __init__(
        self,
        kind: str,
        detail: str = "",
        errors: tuple[FieldError, ...] = (),
        headers: dict[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(kind)
        self.kind = kind
        self.status = int(KINDS[kind][0])
        self.detail = detail or MEANINGS[kind]
        self.errors = errors
        self.headers = headers or {}
        self.more = more or {}

    def document(self, request_id: str, *, openai: bool = False) -> bytes:
        """The problem document. For OpenAI's clients it has their `error` object besides (RFC 9457, 3.2, allows more
        members).
        """
        content: dict[str, Any] = {
            "type": f"/docs#problem-{self.kind}",
            "title": KINDS[self.kind][1],
            "status": self.status,
            "detail": self.detail,
            "instance": f"urn:request:{request_id}",
        }
        content |= self.more
        if self.errors:
            content["errors"] = self.errors
        if openai:
            content["error"] = {
                "message": self.detail,
                "type": "invalid_request_error" if self.status < 500 else "server_error",
                "param": self.errors[0].field if self.errors else None,
                "code": OPENAI_CODES.get(self.kind),
            }
        return msgspec.json.encode(content)


def of_order(error: OrderError) -> Problem:
    """The problem that an unusable order is: 400 where it is no JSON at all, 422 where a field is wrong."""
    if not error.field and not error.reason.startswith("expected"):
        return Problem("invalid-json", error.reason)
    return Problem("invalid-order", str(error), (FieldError(error.field, error.reason),))


def of_status(status: int, headers: dict[str, str] | None = None) -> Problem:
    """The problem for a bare status code that the framework answered with."""
    kind = _BY_STATUS.get(status, "internal" if status >= 500 else "invalid-request")
    return Problem(kind, headers=headers)
