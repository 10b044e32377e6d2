"""Several calls in one request: https://cloud.google.com/storage/docs/batch"""

import email
import email.policy
import secrets
from collections.abc import Awaitable, Callable
from email.message import Message
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from infra.local.apis.storage.uploads import body
from infra.local.objects.failure import invalid

_MOST = 1000
Dispatch = Callable[[Request], Awaitable[Response]]


async def batch(request: Request, dispatch: Dispatch) -> Response:
    """Do the calls one after the other, each as if it had come alone. Raises Failure for what is no batch."""
    head = b"Content-Type: " + request.headers.get("Content-Type", "").encode() + b"\r\n\r\n"
    message = email.message_from_bytes(head + await body(request), policy=email.policy.HTTP)
    parts = message.get_payload() if message.is_multipart() else None
    if not isinstance(parts, list) or len(parts) > _MOST:
        raise invalid(f"A batch has to be multipart/mixed, with {_MOST} calls at most.")
    boundary = f"batch_{secrets.token_hex(16)}"
    answers = []
    for number, part in enumerate(parts):
        answered = await dispatch(_call(request, part))
        answers.append(_told(boundary, part.get("Content-ID") or str(number), answered))
    content = b"".join(answers) + f"--{boundary}--\r\n".encode()
    return Response(content, 200, media_type=f"multipart/mixed; boundary={boundary}")


def _call(request: Request, part: Message) -> Request:
    """The request that a part stands for. Who asks is who sent the batch, unless the part says otherwise."""
    payload = part.get_payload(decode=True)
    first, _, rest = (payload if isinstance(payload, bytes) else b"").lstrip().partition(b"\n")
    words = first.decode(errors="replace").split()
    if len(words) < 2:
        raise invalid("A part of the batch is no HTTP request.")
    inner = email.message_from_bytes(rest.lstrip(b"\r"), policy=email.policy.HTTP)
    content = inner.get_payload(decode=True)
    told = content.strip() if isinstance(content, bytes) else b""
    headers = {key.lower(): str(value) for key, value in inner.items()}
    own = request.headers.get("Authorization")
    if own and "authorization" not in headers:
        headers["authorization"] = own
    headers["host"] = request.headers.get("host", "")
    address = urlsplit(words[1])
    root = request.scope.get("root_path", "")
    path = address.path if address.path.startswith(root) else root + address.path
    scope = {
        **request.scope,
        "method": words[0].upper(),
        "path": path,
        "raw_path": path.encode(),
        "query_string": address.query.encode(),
        "headers": [(key.encode(), value.encode("latin-1", "replace")) for key, value in headers.items()],
    }

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": told, "more_body": False}

    return Request(scope, receive)


def _told(boundary: str, identity: str, answered: Response) -> bytes:
    named = identity.strip("<>")
    head = (
        f"--{boundary}\r\nContent-Type: application/http\r\nContent-ID: <response-{named}>\r\n\r\n"
        f"HTTP/1.1 {answered.status_code} {'OK' if answered.status_code < 400 else 'Refused'}\r\n"
    )
    headers = b"".join(b"%b: %b\r\n" % pair for pair in answered.raw_headers)
    content = getattr(answered, "body", b"")
    return head.encode() + headers + b"\r\n" + content + b"\r\n"
