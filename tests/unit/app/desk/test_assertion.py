"""Whom Identity-Aware Proxy let in: signatures are held against OpenSSL, and what a token has to say is asked for."""

import asyncio
import base64
import hashlib
import json
from random import Random

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from app.desk.assertion import ISSUER, LONGEST, Assertions, N, P, Point, is_on_curve, is_signed


def secret_of(number: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(number, ec.SECP256R1())


SECRETS = [secret_of(number) for number in (1, 2, N - 1, Random(7).randrange(1, N))]
NOW = 1_790_000_000
CLAIMS = {"iss": ISSUER, "aud": "ours", "iat": NOW - 10, "exp": NOW + 590, "email": "anna@example.com"}


def point_of(secret: ec.EllipticCurvePrivateKey) -> Point:
    numbers = secret.public_key().public_numbers()
    return numbers.x, numbers.y


def signature_of(secret: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    r, s = decode_dss_signature(secret.sign(message, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def as_openssl_says(secret: ec.EllipticCurvePrivateKey, message: bytes, signature: bytes) -> bool:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        secret.public_key().verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("secret", SECRETS, ids=["first", "second", "last", "drawn"])
def test_a_signature_is_one_where_openssl_says_so(secret: ec.EllipticCurvePrivateKey) -> None:
    drawn = Random(7)
    message = drawn.randbytes(200)
    good = signature_of(secret, message)
    r, s = good[:32], good[32:]
    tried = [(message, good), (message + b".", good), (b"", good), (message, s + r)]
    for place in (0, 31, 32, 63):
        changed = bytearray(good)
        changed[place] ^= 1 << drawn.randrange(8)
        tried.append((message, bytes(changed)))
    for number in (0, N, N + 1, 2**256 - 1):
        outside = number.to_bytes(32, "big")
        tried += [(message, outside + s), (message, r + outside)]
    # The other of the two signatures that ECDSA has for each.
    tried.append((message, r + (N - int.from_bytes(s, "big")).to_bytes(32, "big")))
    tried += [(message, good[:63]), (message, good[:32]), (message, b"")]
    found = [is_signed(point_of(secret), *one) for one in tried]
    assert found == [as_openssl_says(secret, *one) for one in tried]
    assert found.count(True) == 2 and found[0]


@pytest.mark.parametrize("sign", [1, -1], ids=["the same point twice", "a point and its opposite"])
def test_both_halves_of_the_sum_may_be_one_point(sign: int) -> None:
    """Keys that nobody has by chance: they are made of the message and of the signature's own random number."""
    message, number = b"both halves", 5
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    r = point_of(secret_of(number))[0] % N
    secret = secret_of(sign * digest * pow(r, -1, N) % N)
    signature = r.to_bytes(32, "big") + (2 * digest * pow(number, -1, N) % N).to_bytes(32, "big")
    assert is_signed(point_of(secret), message, signature) is as_openssl_says(secret, message, signature) is (sign == 1)


def test_a_signature_is_of_one_key() -> None:
    message = b"of the first"
    good = signature_of(SECRETS[0], message)
    assert [is_signed(point_of(secret), message, good) for secret in SECRETS] == [True, False, False, False]


@pytest.mark.parametrize("change", [(1, 0), (0, 1), (P, 0), (0, P), (0, -2)], ids=str)
def test_a_point_beside_the_curve_is_no_key(change: Point) -> None:
    x, y = point_of(SECRETS[3])
    beside = x + change[0], y + change[1]
    assert is_on_curve((x, y)) and is_on_curve((x, P - y)) and not is_on_curve(beside)
    assert not is_on_curve((0, 0)) and not is_signed(beside, b"said", signature_of(SECRETS[3], b"said"))


def coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def token(claims: dict[str, object], head: dict[str, object], secret: ec.EllipticCurvePrivateKey) -> bytes:
    message = f"{coded(json.dumps(head).encode())}.{coded(json.dumps(claims).encode())}".encode()
    return message + b"." + coded(signature_of(secret, message)).encode()


HEAD: dict[str, object] = {"alg": "ES256", "kid": "own"}
GOOD = token({**CLAIMS}, HEAD, SECRETS[3])


@pytest.mark.parametrize(
    "told, known",
    [
        (GOOD, True),
        (GOOD[:-2], False),
        (GOOD.rpartition(b".")[0] + b".", False),
        (GOOD + b".x", False),
        (GOOD + b"A" * LONGEST, False),
        (b"", False),
        (token({**CLAIMS}, HEAD, SECRETS[2]), False),
        (token({**CLAIMS}, {**HEAD, "kid": "beside"}, SECRETS[3]), False),
        (token({**CLAIMS}, {**HEAD, "alg": "none"}, SECRETS[3]), False),
        (token({**CLAIMS, "aud": "theirs"}, HEAD, SECRETS[3]), False),
        (token({**CLAIMS, "iss": "https://example.com"}, HEAD, SECRETS[3]), False),
        (token({**CLAIMS, "exp": NOW - 60}, HEAD, SECRETS[3]), False),
        (token({**CLAIMS, "iat": NOW + 60}, HEAD, SECRETS[3]), False),
        (token({**CLAIMS, "exp": "later"}, HEAD, SECRETS[3]), False),
    ],
)
def test_an_assertion_holds_for_its_audience_while_it_lasts(told: bytes, known: bool) -> None:
    x, y = point_of(SECRETS[3])
    keys = [
        {"kid": name, "crv": "P-256", "x": coded(one.to_bytes(32, "big")), "y": coded(y.to_bytes(32, "big"))}
        for name, one in (("own", x), ("beside", x - 1))
    ]

    async def fetch() -> bytes:
        return json.dumps({"keys": keys}).encode()

    found = asyncio.run(Assertions("ours", fetch, lambda: float(NOW)).verified(told))
    assert found == (CLAIMS if known else None)
