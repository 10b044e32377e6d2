"""What Identity-Aware Proxy says of who it let in: a JSON web token, signed with ECDSA over P-256 (RFC 7515, ES256).

The check of the signature stands here, sixty lines of arithmetic over public values, since the library that has it
brings 12 MB of OpenSSL into an image that has no room for them. Tests hold it against that library.
"""

import base64
import binascii
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

KEYS_URL = "https://www.gstatic.com/iap/verify/public_key-jwk"
ISSUER = "https://cloud.google.com/iap"
KEYS_LAST = 3_600.0
KEYS_AGAIN = 60.0
"""Seconds until keys are asked for again because of one that is not known."""
CLOCKS_APART = 30
MOST_REMEMBERED = 1_024
LONGEST = 8_192

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
"""The curve of FIPS 186-4, D.1.2.3: y² = x³ - 3x + B over the field of P, with the base point G of order N."""

Point = tuple[int, int]
Triple = tuple[int, int, int]
"""A point as x/z², y/z³; z is 0 for the point at infinity."""


class Assertions:
    """Verifies assertions for one audience; what was verified is remembered until it expires."""

    def __init__(
        self,
        audience: str,
        fetch: Callable[[], Awaitable[bytes]] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._audience = audience
        self._fetch = fetch or _fetched
        self._clock = clock
        self._keys: dict[str, Point] = {}
        self._asked_at = float("-inf")
        self._verified: dict[bytes, Mapping[str, Any]] = {}

    async def verified(self, token: bytes) -> Mapping[str, Any] | None:
        """The claims of an assertion that Google signed for this audience and that holds now; None for any other."""
        digest = hashlib.sha256(token).digest()
        claims = self._verified.get(digest)
        if claims is None:
            claims = await self._signed(token)
            if claims is None:
                return None
            if len(self._verified) >= MOST_REMEMBERED:
                self._verified.clear()
            self._verified[digest] = claims
        now = self._clock()
        expires, issued = claims.get("exp"), claims.get("iat")
        if not isinstance(expires, int | float) or not isinstance(issued, int | float):
            return None
        if not issued - CLOCKS_APART <= now < expires + CLOCKS_APART:
            return None
        return claims if (claims.get("iss"), claims.get("aud")) == (ISSUER, self._audience) else None

    async def _signed(self, token: bytes) -> Mapping[str, Any] | None:
        head, claims, signature = _part(token, 0), payload_of(token), _bytes(token, 2)
        if head is None or claims is None or head.get("alg") != "ES256" or len(signature) != 64:
            return None
        key = await self._key(str(head.get("kid")))
        message = token.rpartition(b".")[0]
        return claims if key is not None and is_signed(key, message, signature) else None

    async def _key(self, name: str) -> Point | None:
        now = self._clock()
        age = now - self._asked_at
        if age > KEYS_LAST or (name not in self._keys and age > KEYS_AGAIN):
            self._asked_at = now
            try:
                self._keys = _keys_of(await self._fetch())
            except (OSError, ValueError):
                pass  # those of before go on; without any, nobody is known
        return self._keys.get(name)


async def _fetched() -> bytes:
    import httpx

    try:
        async with httpx.AsyncClient(timeout=3.0) as client:
            answer = await client.get(KEYS_URL)
            return answer.raise_for_status().content
    except httpx.HTTPError as error:
        raise OSError(type(error).__name__) from None


def _keys_of(document: bytes) -> dict[str, Point]:
    """The keys of a JSON web key set that lie on the curve."""
    found = {}
    for key in msgspec.json.decode(document)["keys"]:
        point = _integer(key["x"]), _integer(key["y"])
        if key["crv"] == "P-256" and is_on_curve(point):
            found[str(key["kid"])] = point
    return found


def payload_of(token: bytes) -> Mapping[str, Any] | None:
    """The claims of a token whose signature somebody else has verified; None for what is no token."""
    return _part(token, 1)


def _part(token: bytes, place: int) -> Mapping[str, Any] | None:
    try:
        found = msgspec.json.decode(_bytes(token, place))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _bytes(token: bytes, place: int) -> bytes:
    parts = token.split(b".") if len(token) <= LONGEST else []
    if len(parts) != 3:
        return b""
    try:
        return base64.b64decode(parts[place] + b"=" * (-len(parts[place]) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def _integer(text: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def is_on_curve(point: Point) -> bool:
    """Whether these are the coordinates of a point of the curve."""
    x, y = point
    return 0 <= x < P and 0 <= y < P and (y * y - (x * x * x - 3 * x + B)) % P == 0


def is_signed(key: Point, message: bytes, signature: bytes) -> bool:
    """Whether a signature (r and s, 32 bytes each) of a message is this key's: FIPS 186-4, 6.4.2."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (0 < r < N and 0 < s < N and is_on_curve(key)):
        return False
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    inverse = pow(s, -1, N)
    x, _, z = _added(_times(digest * inverse % N, G), _times(r * inverse % N, key))
    return z != 0 and x * pow(z * z, -1, P) % P % N == r


def _times(factor: int, point: Point) -> Triple:
    total: Triple = (1, 1, 0)
    for bit in bin(factor)[2:]:
        total = _doubled(total)
        if bit == "1":
            total = _added(total, (*point, 1))
    return total


def _doubled(point: Triple) -> Triple:
    x, y, z = point
    if not z or not y:
        return 1, 1, 0
    ys = y * y % P
    s = 4 * x * ys % P
    m = 3 * (x - z * z) * (x + z * z) % P
    to_x = (m * m - 2 * s) % P
    return to_x, (m * (s - to_x) - 8 * ys * ys) % P, 2 * y * z % P


def _added(one: Triple, other: Triple) -> Triple:
    (x1, y1, z1), (x2, y2, z2) = one, other
    if not z1:
        return other
    if not z2:
        return one
    z1s, z2s = z1 * z1 % P, z2 * z2 % P
    u1, u2 = x1 * z2s % P, x2 * z1s % P
    s1, s2 = y1 * z2 * z2s % P, y2 * z1 * z1s % P
    if u1 == u2:
        return _doubled(one) if s1 == s2 else (1, 1, 0)
    h, r = (u2 - u1) % P, (s2 - s1) % P
    hs = h * h % P
    hc, v = h * hs % P, u1 * hs % P
    to_x = (r * r - hc - 2 * v) % P
    return to_x, (r * (v - to_x) - s1 * hc) % P, h * z1 * z2 % P
