"""Who is told of an anomaly, and in which form.

Shopify: https://shopify.dev/docs/api/admin-graphql/2026-10/mutations/orderRiskAssessmentCreate (scope write_orders).
The webhook is signed as https://www.standardwebhooks.com has it: HMAC-SHA-256 over its id, its time and its body.
"""

import base64
import binascii
import hmac
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from app.settings import Settings

API_VERSION = "2026-10"
RISK = "MEDIUM"
"""An anomaly is a reason to look, not a verdict: HIGH would have Shopify recommend to cancel."""
MOST_FACTS = 5
LONGEST_FACT = 256
MOST_ANSWER = 65_536
MOST_WAIT_SECONDS = 30.0
TIMEOUT_SECONDS = 5.0
RETRIED_STATUSES = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
TYPE = "order.anomaly"

_SECONDS = re.compile(r"[0-9]{1,4}")
_MUTATION = (
    "mutation told($input: OrderRiskAssessmentCreateInput!) { orderRiskAssessmentCreate(orderRiskAssessmentInput:"
    " $input) { userErrors { code } } }"
)


@dataclass(frozen=True)
class Anomaly:
    """What is told. `order_id` is the vendor's own, or empty; `meanings` are those of the features that raised the
    score, as /v1/features has them.
    """

    vendor: str
    order_id: str
    order_token: str
    score: float
    threshold: float
    meanings: list[str]
    model_version: str


class Failed(Exception):
    """It was not taken. `reason` is in words of ours; `retry` says whether the next time may be better."""

    def __init__(self, reason: str, *, retry: bool = True, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.wait_seconds = wait_seconds


class Target(Protocol):
    """Somebody who is told."""

    name: str

    def open(self) -> None:
        """Load what it takes to reach them."""

    def takes(self, anomaly: Anomaly) -> bool:
        """Whether this one is for them."""

    async def send(self, anomaly: Anomaly) -> None:
        """Tell it once. Raises `Failed`."""

    async def close(self) -> None:
        """Release the connections."""


class _Sender:
    """Posts JSON to one address: TLS verified, no redirect, no proxy of the environment, a bounded answer."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Any = None

    def open(self) -> None:
        """Load the client, and the certificates that are trusted."""
        from app.rag.providers.wire import client

        self._client = client(TIMEOUT_SECONDS)

    async def close(self) -> None:
        """Close its connections."""
        if self._client is not None:
            await self._client.aclose()

    async def post(self, body: bytes, headers: dict[str, str]) -> bytes:
        """The answer's body. Raises `Failed` where it is not one of 200 to 299."""
        import httpx

        from app.rag.providers.provider import ProviderError

        try:
            answer = await self._client.post(
                self._url, content=body, headers={"Content-Type": "application/json", **headers}
            )
        except ProviderError as error:
            raise Failed(error.reason, retry=error.retry) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Failed(type(error).__name__) from None
        if not answer.is_success:
            after = answer.headers.get("Retry-After", "")
            wait = min(float(after), MOST_WAIT_SECONDS) if _SECONDS.fullmatch(after) else None
            status = answer.status_code
            raise Failed(f"HTTP {status}", retry=status in RETRIED_STATUSES, wait_seconds=wait)
        content: bytes = answer.content
        return content


class RiskAssessment:
    """Shopify's assessment of an order, which staff see beside it."""

    name = "shopify"

    def __init__(self, shop: str, token: str, *, url: str = "") -> None:
        self._token = token
        self._sender = _Sender(url or f"https://{shop}/admin/api/{API_VERSION}/graphql.json")
        self.open, self.close = self._sender.open, self._sender.close

    def takes(self, anomaly: Anomaly) -> bool:
        """Shopify's own orders alone."""
        return anomaly.vendor == "shopify" and anomaly.order_id.isdigit()

    async def send(self, anomaly: Anomaly) -> None:
        score = f"orderguard: score {anomaly.score:.2f}; from {anomaly.threshold:.2f} on an order is an anomaly."
        facts = [
            {"description": text[:LONGEST_FACT], "sentiment": "NEGATIVE"}
            for text in (score, *anomaly.meanings[: MOST_FACTS - 1])
        ]
        asked = {"orderId": f"gid://shopify/Order/{anomaly.order_id}", "riskLevel": RISK, "facts": facts}
        body = msgspec.json.encode({"query": _MUTATION, "variables": {"input": asked}})
        _check_graphql(await self._sender.post(body, {"X-Shopify-Access-Token": self._token}))


def _check_graphql(answer: bytes) -> None:
    try:
        found = msgspec.json.decode(answer, type=_GraphqlAnswer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Failed("an answer that is not GraphQL's", retry=False) from None
    codes = [error.extensions.code for error in found.errors]
    if codes:
        raise Failed("Shopify refused the call", retry="THROTTLED" in codes)
    if found.data is None or found.data.orderRiskAssessmentCreate is None:
        raise Failed("Shopify did not do it", retry=False)
    if found.data.orderRiskAssessmentCreate.userErrors:
        raise Failed("Shopify refused the assessment", retry=False)


class _Extensions(msgspec.Struct, frozen=True):
    code: str = ""


class _Error(msgspec.Struct, frozen=True):
    extensions: _Extensions = _Extensions()


class _Created(msgspec.Struct, frozen=True):
    userErrors: list[Any] = []


class _Data(msgspec.Struct, frozen=True):
    orderRiskAssessmentCreate: _Created | None = None


class _GraphqlAnswer(msgspec.Struct, frozen=True):
    data: _Data | None = None
    errors: list[_Error] = []


class SignedWebhook:
    """A webhook of our own, to one https address. `clock` is in epoch seconds."""

    name = "webhook"

    def __init__(self, url: str, secret: bytes, *, clock: Callable[[], float] = time.time) -> None:
        self._secret = signing_key(secret)
        self._clock = clock
        self._sender = _Sender(url)
        self.open, self.close = self._sender.open, self._sender.close

    def takes(self, anomaly: Anomaly) -> bool:
        """Every one."""
        return True

    async def send(self, anomaly: Anomaly) -> None:
        now = int(self._clock())
        data = {
            "vendor": anomaly.vendor,
            "order_id": anomaly.order_id or None,
            "order_token": anomaly.order_token,
            "score": anomaly.score,
            "threshold": anomaly.threshold,
            "reasons": anomaly.meanings,
            "model_version": anomaly.model_version,
        }
        body = msgspec.json.encode({"type": TYPE, "timestamp": now, "data": data})
        await self._sender.post(body, signed_headers(self._secret, f"told_{anomaly.order_token}", now, body))


def signing_key(secret: bytes) -> bytes:
    """The key of a secret: what stands behind `whsec_` in base64, else the secret itself."""
    if secret.startswith(b"whsec_"):
        try:
            return base64.b64decode(secret.removeprefix(b"whsec_"), validate=True)
        except binascii.Error:
            return secret
    return secret


def signed_headers(key: bytes, message_id: str, now: int, body: bytes) -> dict[str, str]:
    """The headers of a standard webhook. A repetition has the id of the first, so that it can be told from another."""
    digest = hmac.digest(key, f"{message_id}.{now}.".encode() + body, "sha256")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def targets_of(settings: Settings) -> list[Target]:
    """Those that the settings name."""
    targets: list[Target] = []
    if settings.tell_shop:
        targets.append(RiskAssessment(settings.tell_shop, settings.tell_shop_token))
    if settings.tell_url:
        targets.append(SignedWebhook(settings.tell_url, settings.tell_secret))
    return targets
