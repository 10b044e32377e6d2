"""Google's interfaces as their clients call them: by gRPC, or by HTTP with JSON, from one table of methods.

The rules of HTTP are those of google.api.http (AIP-127).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import json_format
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from infra.local.apis.callers import Caller, Denied, Unauthenticated
from infra.local.apis.messages import message

Does = Callable[[Caller, Any], Any]
_VARIABLE = re.compile(r"\{([a-z_.]+)(?:=([^}]+))?\}")


class Failed(Exception):
    """What an interface answers instead of a result."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


HTTP = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.UNIMPLEMENTED: 501,
}
"""google.rpc.Code, as far as it is used here."""


@dataclass(frozen=True)
class Rpc:
    """A method: its messages, what it does, and where it stands in HTTP: `POST /v1/{name=projects/*}:do`, with the
    field that the body is, or `*` for all. It runs in a thread.
    """

    name: str
    request: str
    answer: str
    http: str
    does: Does
    body: str = ""

    def pattern(self) -> re.Pattern[str]:
        """Its path, with a group for each variable."""
        path, end, parts = self.http.partition(" ")[2], 0, []
        for found in _VARIABLE.finditer(path):
            wanted = re.escape(found[2] or "*").replace(r"\*\*", ".+").replace(r"\*", "[^/:]+")
            parts += [re.escape(path[end : found.start()]), f"(?P<{found[1].replace('.', '__')}>{wanted})"]
            end = found.end()
        return re.compile("".join([*parts, re.escape(path[end:])]))


def named(package: str, rows: Sequence[tuple[str, str, str, str, Does, str]]) -> list[Rpc]:
    """Methods whose messages lie in one package."""

    def whole(name: str) -> str:
        return name if "." in name else f"{package}.{name}"

    return [Rpc(name, whole(asked), whole(told), http, does, body) for name, asked, told, http, does, body in rows]


def served(service: str, rpcs: Sequence[Rpc], who: Callable[[Any], Caller]) -> grpc.GenericRpcHandler:
    """The methods by gRPC; `who` tells from a call's context who asks."""
    return grpc.method_handlers_generic_handler(service, {rpc.name: _unary(rpc, who) for rpc in rpcs})


def _unary(rpc: Rpc, who: Callable[[Any], Caller]) -> Any:
    async def answer(request: Any, context: Any) -> Any:
        try:
            return await run_in_threadpool(rpc.does, who(context), request)
        except Failed as problem:
            await context.abort(problem.code, problem.message)
        except Denied as problem:
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, str(problem))
        except Unauthenticated as problem:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, str(problem))

    return grpc.unary_unary_rpc_method_handler(
        answer, message(rpc.request).FromString, lambda told: told.SerializeToString()
    )


def routes(rpcs: Sequence[Rpc], who: Callable[[Request], Caller], error: Callable[[int, str], Response]) -> BaseRoute:
    """The methods by HTTP."""
    found = [(rpc.http.partition(" ")[0], rpc.pattern(), rpc) for rpc in rpcs]

    async def answer(request: Request) -> Response:
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        for verb, pattern, rpc in found:
            if verb == request.method and (match := pattern.fullmatch(path)):
                return await _by_http(rpc, match.groupdict(), request, who, error)
        return error(404, "The local cloud has no such interface.")

    return Route("/v1/{path:path}", answer, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])


async def _by_http(
    rpc: Rpc,
    variables: dict[str, str],
    request: Request,
    who: Callable[[Request], Caller],
    error: Callable[[int, str], Response],
) -> Response:
    asked = message(rpc.request)()
    content = await request.body()
    try:
        if rpc.body == "*":
            json_format.Parse(content or b"{}", asked, ignore_unknown_fields=True)
        elif rpc.body:
            json_format.Parse(content or b"{}", getattr(asked, rpc.body), ignore_unknown_fields=True)
        for name, text in _flat(request):
            json_format.ParseDict(_nested(name, text), asked, ignore_unknown_fields=True)
        for name, value in variables.items():
            *inside, last = name.split("__")
            holder = asked
            for part in inside:
                holder = getattr(holder, part)
            setattr(holder, last, value)
    except (json_format.ParseError, UnicodeDecodeError) as problem:
        return error(400, f"Invalid JSON payload received. {problem}")
    try:
        told = await run_in_threadpool(rpc.does, who(request), asked)
    except Failed as problem:
        return error(HTTP.get(problem.code, 500), problem.message)
    return Response(json_format.MessageToJson(told), media_type="application/json")


def _flat(request: Request) -> Iterator[tuple[str, str]]:
    """The fields of a query, without what belongs to HTTP itself ($alt and the like)."""
    yield from ((name, text) for name, text in request.query_params.multi_items() if name[:1] != "$" and name != "alt")


def _nested(name: str, text: str) -> dict[str, Any]:
    first, _, rest = name.partition(".")
    return {first: _nested(rest, text) if rest else text}
