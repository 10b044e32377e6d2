"""A service that serves webhooks alone: all that it has besides is what its platform asks after its health."""

import msgspec

from app.contract import Health, Readiness
from app.exchange import Receive, Scope, Send
from app.models import Models
from app.problems import MEDIA_TYPE, Problem

JSON = b"application/json"


class Alone:
    """Answers `/healthz` and `/readyz`; there is nothing else."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, media_type, body = self._answer(scope)
        headers = [(b"content-type", media_type), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, scope: Scope) -> tuple[int, bytes, bytes]:
        serving = self._models.serving
        if scope["method"] == "GET" and scope["path"] == "/healthz":
            return 200, JSON, msgspec.json.encode(Health("ok"))
        if scope["method"] == "GET" and scope["path"] == "/readyz":
            told = Readiness(bool(serving), serving.version if serving else None, self._models.reason)
            return 200 if serving else 503, JSON, msgspec.json.encode(told)
        problem = Problem("not-found", "this service takes only webhooks, at /v1/hooks/")
        return problem.status, MEDIA_TYPE.encode(), problem.document(scope["state"]["exchange"].request_id)
