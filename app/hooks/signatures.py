"""The signatures of webhooks: HMAC-SHA-256 over the body as it came, compared in constant time with every secret that
is valid. Two are, while one is rotated.

Shopify: https://shopify.dev/docs/apps/build/webhooks/verify-deliveries. WooCommerce: `WC_Webhook::generate_signature`
in its source. Stripe: https://docs.stripe.com/webhooks#verify-manually.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence

TOLERANCE_SECONDS = 300
"""How old, or how far ahead, a signature of Stripe's may be: what Stripe's own libraries allow."""
LONGEST_HEADER = 2_048
MOST_SIGNATURES = 16
DIGEST_BYTES = 32

_TIME = re.compile(rb"[0-9]{1,12}")

Headers = Mapping[bytes, bytes]
Secrets = Sequence[bytes]


class SignatureError(Exception):
    """A delivery that the vendor has not signed, or not lately. `reason` is a word or two of ours."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


MISSING, UNREADABLE, WRONG, OLD = "missing", "unreadable", "wrong", "too old"
REASONS = (MISSING, UNREADABLE, WRONG, OLD)


def check_base64(header: bytes | None, body: bytes, secrets: Secrets) -> None:
    """Check a header that holds the digest in base64, as Shopify and WooCommerce send it. Raises `SignatureError`."""
    try:
        presented = base64.b64decode(_whole(header), validate=True)
    except (binascii.Error, ValueError):
        raise SignatureError(UNREADABLE) from None
    _compare([presented], body, secrets)


def check_stripe(header: bytes | None, body: bytes, secrets: Secrets, now: float) -> None:
    """Check `Stripe-Signature: t=TIME,v1=HEX[,v1=HEX…]` at `now` (epoch seconds). Other schemes than v1 are passed
    over, as Stripe asks for. Raises `SignatureError`.
    """
    pairs = [part.strip().partition(b"=") for part in _whole(header).split(b",")]
    times = [value for name, _, value in pairs if name == b"t"]
    written = [value for name, _, value in pairs if name == b"v1"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]) or not 0 < len(written) <= MOST_SIGNATURES:
        raise SignatureError(UNREADABLE)
    try:
        presented = [bytes.fromhex(value.decode("ascii")) for value in written]
    except ValueError:
        raise SignatureError(UNREADABLE) from None
    _compare(presented, times[0] + b"." + body, secrets)
    # After the signature: nobody but who can sign learns what the clock says.
    if abs(now - int(times[0])) > TOLERANCE_SECONDS:
        raise SignatureError(OLD)


def _whole(header: bytes | None) -> bytes:
    if not header:
        raise SignatureError(MISSING)
    if len(header) > LONGEST_HEADER:
        raise SignatureError(UNREADABLE)
    return header


def _compare(presented: Sequence[bytes], signed: bytes, secrets: Secrets) -> None:
    match = False
    for secret in secrets:
        expected = hmac.digest(secret, signed, "sha256")
        for one in presented:
            # Every pair is compared, so that the time doesn't tell which secret it was.
            match |= hmac.compare_digest(expected, one)
    if not match:
        raise SignatureError(WRONG)
