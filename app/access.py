"""Who may call: an API key in the X-API-Key header, compared as SHA-256 in constant time.

OpenAI's clients can send a key as a bearer token alone, so on their routes it may stand there too.
"""

import hashlib
import hmac
from collections.abc import Mapping

HEADER = b"x-api-key"
OPENAI_PATHS = ("/v1/chat/completions", "/v1/models")
_BEARER = b"bearer "


def is_openai(path: str) -> bool:
    """Whether a path is one that OpenAI's clients ask."""
    return path in OPENAI_PATHS or path.startswith("/v1/models/")


def presented_key(path: str, headers: Mapping[bytes, bytes]) -> bytes | None:
    """The API key that came with a request. The header of its own goes first: in front of Cloud Run, Authorization may
    hold a token of Google's.
    """
    key, authorization = headers.get(HEADER), headers.get(b"authorization", b"")
    if key is None and is_openai(path) and authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip()
    return key


def allowed(presented: bytes | None, valid_hashes: tuple[bytes, ...]) -> bool:
    """Whether the key is one of the valid ones; with no valid hash at all, no key is asked for."""
    if not valid_hashes:
        return True
    presented_hash = hashlib.sha256(presented or b"").digest()
    match = False
    for valid in valid_hashes:
        # every one is compared, so that the time doesn't tell which
        match |= hmac.compare_digest(presented_hash, valid)
    return match and presented is not None
