"""Texts that only who has the masking key can read again: an order's id as the shop knows it, who acted on an alert.

A pseudonym tells whether two are equal and never what they were. Some of what people work with has to be read again,
and must not lie in a database in clear: it is sealed. The construction is SIV (RFC 5297: a pseudorandom function of the
whole text is both its tag and what the encryption begins with), with HMAC-SHA-256 as the function for tag and key
stream: equal texts give equal seals under one key, so that sealed columns can be searched, and no randomness can be
used twice by mistake. Texts are filled up to multiples of 16 bytes, so a seal tells little of their length.
"""

import base64
import binascii
import hmac

TAG_BYTES, BLOCK_BYTES, FILL = 16, 32, 16


def seal(key: bytes, what: str, text: str) -> str:
    """The text as base64url that says nothing without the key. `what` keeps seals of different kinds apart."""
    plain = text.encode("utf-8", "surrogatepass") + b"\x80"
    plain += b"\0" * (-len(plain) % FILL)
    tag = _tag(key, what, plain)
    return base64.urlsafe_b64encode(tag + _streamed(key, what, tag, plain)).decode().rstrip("=")


def unseal(key: bytes, what: str, sealed: str) -> str | None:
    """The text that was sealed with this key; None for anything else."""
    try:
        data = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    tag = data[:TAG_BYTES]
    plain = _streamed(key, what, tag, data[TAG_BYTES:])
    if not hmac.compare_digest(_tag(key, what, plain), tag):
        return None
    return plain.rstrip(b"\0")[:-1].decode("utf-8", "surrogatepass")


def _tag(key: bytes, what: str, plain: bytes) -> bytes:
    return hmac.digest(key, f"seal\0{what}\0tag\0".encode() + plain, "sha256")[:TAG_BYTES]


def _streamed(key: bytes, what: str, tag: bytes, data: bytes) -> bytes:
    head = f"seal\0{what}\0stream\0".encode() + tag
    blocks = range(-(-len(data) // BLOCK_BYTES))
    stream = b"".join([hmac.digest(key, head + number.to_bytes(4, "big"), "sha256") for number in blocks])
    return (int.from_bytes(data, "big") ^ int.from_bytes(stream[: len(data)], "big")).to_bytes(len(data), "big")
