"""Who may call: an API key in the X-API-Key header, compared as SHA-256 in constant time."""

import hashlib
import hmac

HEADER = b"x-api-key"


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
