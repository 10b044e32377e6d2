"""Which address is which call. Names of objects are percent-encoded in the JSON API's addresses, slashes too, so these
are compared before anything is decoded.
"""

import re
import sqlite3
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from infra.local.apis.storage import buckets, downloads, objects, uploads, xml
from infra.local.apis.storage.batch import batch
from infra.local.apis.storage.call import Asks, Call, refusal
from infra.local.cloud import Cloud
from infra.local.objects.failure import Failure

Handler = Callable[..., Response | Awaitable[Response]]
WhoAsks = Callable[[Cloud, Request], Asks]
"""Tells who sent a request. May raise Failure."""
_B, _O = r"(?:/storage/v1)?/b/([^/]+)", r"(?:/storage/v1)?/b/([^/]+)/o/([^/]+)"


def _media_or_metadata(call: Call, bucket: str, name: str) -> Response:
    return (downloads.media if call.query.get("alt") == "media" else objects.get)(call, bucket, name)


_JSON: tuple[tuple[str, str, Handler], ...] = (
    ("POST", r"/(?:resumable/)?upload/storage/v1/b/([^/]+)/o", uploads.insert),
    ("PUT", r"/(?:resumable/)?upload/storage/v1/b/([^/]+)/o", uploads.resume),
    ("DELETE", r"/(?:resumable/)?upload/storage/v1/b/([^/]+)/o", uploads.cancel),
    ("GET HEAD", r"/download/storage/v1/b/([^/]+)/o/([^/]+)", downloads.media),
    ("GET", r"(?:/storage/v1)?/b", buckets.listed),
    ("POST", r"(?:/storage/v1)?/b", buckets.insert),
    ("GET", _B, buckets.get),
    ("PATCH PUT", _B, buckets.patch),
    ("DELETE", _B, buckets.delete),
    ("POST", rf"{_B}/lockRetentionPolicy", buckets.lock),
    ("GET", rf"{_B}/iam", buckets.policy),
    ("PUT", rf"{_B}/iam", buckets.set_policy),
    ("GET", rf"{_B}/iam/testPermissions", buckets.test_permissions),
    ("GET", rf"{_B}/storageLayout", buckets.layout),
    ("GET POST PUT PATCH DELETE", rf"{_B}/(?:acl|defaultObjectAcl)(?:/[^/]+)?", objects.acl),
    ("GET", rf"{_B}/o", objects.listed),
    ("GET", _O, _media_or_metadata),
    ("PATCH PUT", _O, objects.patch),
    ("DELETE", _O, objects.delete),
    ("POST", rf"{_O}/compose", objects.compose),
    ("POST", rf"{_O}/copyTo/b/([^/]+)/o/([^/]+)", objects.copy),
    ("POST", rf"{_O}/rewriteTo/b/([^/]+)/o/([^/]+)", objects.rewrite),
    ("POST", rf"{_O}/moveTo/o/([^/]+)", objects.move),
    ("POST", rf"{_O}/restore", objects.restore),
    ("GET POST PUT PATCH DELETE", rf"{_O}/acl(?:/[^/]+)?", objects.acl),
    ("GET", r"(?:/storage/v1)?/projects/([^/]+)/serviceAccount", buckets.service_account),
)
_OWN = re.compile(r"/(?:storage/v1|upload/|resumable/|download/|batch/|b/|b$).*")
_XML: tuple[tuple[str, str, Handler], ...] = (
    ("GET HEAD", r"/([a-z0-9][a-z0-9._-]+)/(.+)", xml.read),
    ("PUT", r"/([a-z0-9][a-z0-9._-]+)/(.+)", xml.write),
    ("POST", r"/([a-z0-9][a-z0-9._-]+)/(.+)", xml.post),
    ("DELETE", r"/([a-z0-9][a-z0-9._-]+)/(.+)", xml.delete),
)


def _compiled(table: tuple[tuple[str, str, Handler], ...]) -> list[tuple[frozenset[str], "re.Pattern[str]", Handler]]:
    return [(frozenset(methods.split()), re.compile(pattern), handler) for methods, pattern, handler in table]


_TABLES = {True: _compiled(_JSON), False: _compiled(_XML)}
_BODIES = (uploads.insert, uploads.resume, uploads.cancel, xml.write, xml.post)
"""What reads the request's body itself."""


class Router:
    """Answers the requests of one stack's Storage API."""

    def __init__(self, cloud: Cloud, who_asks: WhoAsks) -> None:
        self._cloud, self._who_asks = cloud, who_asks

    async def __call__(self, request: Request) -> Response:
        """The answer to a request, whatever comes of it."""
        path = self._path(request)
        in_json = bool(_OWN.fullmatch(path))
        tell = refusal if in_json else xml.refusal
        try:
            if request.method == "POST" and re.fullmatch(r"/batch(/storage/v1)?", path):
                return await batch(request, self)
            return await self._answer(request, path, in_json)
        except Failure as failure:
            return tell(failure)
        except ClientDisconnect:
            return Response(status_code=499)
        except (OSError, sqlite3.OperationalError) as problem:
            return tell(_of_machine(problem))

    @staticmethod
    def _path(request: Request) -> str:
        raw = request.scope.get("raw_path") or request.scope["path"].encode()
        path = raw.decode("ascii", errors="replace").partition("?")[0]
        return str(path).removeprefix(request.scope.get("root_path", ""))

    async def _answer(self, request: Request, path: str, in_json: bool) -> Response:
        method = request.method
        if method == "POST" and request.headers.get("X-HTTP-Method-Override"):
            method = request.headers["X-HTTP-Method-Override"].upper()
        known: set[str] = set()
        for methods, pattern, handler in _TABLES[in_json]:
            if match := pattern.fullmatch(path):
                if method in methods:
                    return await self._done(request, handler, [_decoded(one) for one in match.groups()])
                known |= methods
        if known:
            raise Failure(
                405, "methodNotAllowed", f"{method} is not allowed here; there are: {', '.join(sorted(known))}"
            )
        raise Failure(404, "notFound", f"The local cloud's Storage API has no call {method} {path[:200]}")

    async def _done(self, request: Request, handler: Handler, names: list[str]) -> Response:
        caller = self._who_asks(self._cloud, request)
        body = b"" if handler in _BODIES else await uploads.body(request)
        call = Call(self._cloud, request, caller, request.query_params, body)
        if iscoroutinefunction(handler):
            answered: Response = await handler(call, *names)
            return answered
        work: Any = handler
        return await run_in_threadpool(work, call, *names)


def _decoded(text: str) -> str:
    """A name out of an address. Raises Failure for one that is no UTF-8."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise Failure(400, "invalid", "Invalid object name: it has to be UTF-8.") from None


def _of_machine(problem: Exception) -> Failure:
    """What the machine can't do, said as such."""
    full = isinstance(problem, OSError) and problem.errno in (28, 122) or "full" in str(problem)
    if full:
        return Failure(507, "insufficientStorage", "The disk is full. What is there is intact: free some space.")
    named = problem.strerror if isinstance(problem, OSError) else str(problem)
    return Failure(500, "backendError", f"The local cloud can't reach its files: {named}")
