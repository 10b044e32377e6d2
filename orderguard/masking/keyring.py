"""The masking key and the pseudonyms made with it.

A pseudonym is HMAC-SHA-256 of a namespace and a canonical value, cut to 128 bits: equal inputs give equal tokens under
one key, nobody without the key can make or test one, and tokens of different namespaces never meet. The key's id stands
in the token, so that a rotated key can be told from the one before.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
from binascii import b2a_base64
from collections.abc import Iterable, Mapping
from pathlib import Path

from orderguard.masking.canonical import CANONICAL, PREFIXES
from orderguard.masking.sealing import seal, unseal

KEY_BYTES = 32
TOKEN_BYTES = 16
_TOKEN_LETTERS = 22

TOKEN_PATTERN = rf"(?:{'|'.join(PREFIXES.values())})_[a-z0-9]{{1,8}}_[A-Za-z0-9_-]{{{_TOKEN_LETTERS}}}"
"""What a pseudonym looks like, as a regular expression."""

_KEY_ID = re.compile(r"[a-z0-9]{1,8}")
_URL_SAFE, _PADDING = bytes.maketrans(b"+/", b"-_"), b"=\n"
_FORMAT = "write it as ID:KEY[,ID:KEY], ID 1 to 8 lower-case letters and digits, KEY 32 random bytes in base64url"


class MaskingKeyError(ValueError):
    """There is no usable masking key. The message never repeats what was found."""


class Keyring:
    """One or more masking keys; the first is the current one, the others are older versions."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise MaskingKeyError(f"the masking key is empty; {_FORMAT}")
        for key_id, key in keys.items():
            _check(key_id, key)
        self._keys = dict(keys)
        self.current_id = next(iter(self._keys))
        begun = {
            name: (f"{prefix}_{self.current_id}_", CANONICAL[name], inner.copy, outer.copy)
            for name, prefix in PREFIXES.items()
            for inner, outer in [_begun(self._keys[self.current_id], name)]
        }

        def token(namespace: str, value: str) -> str:
            prefix, canonical, begun_inner, begun_outer = begun[namespace]
            inner, outer = begun_inner(), begun_outer()
            inner.update(canonical(value).encode("utf-8", "surrogatepass"))
            outer.update(inner.digest())
            # `_text`, written here since an order has seven of these
            return prefix + b2a_base64(outer.digest()[:TOKEN_BYTES]).translate(_URL_SAFE, _PADDING).decode()

        self.token = token
        """The pseudonym of `value` in `namespace` under the current key; raises `KeyError` for a namespace that is not
        known.
        """

    def digests(self, namespace: str, values: Iterable[str]) -> bytes:
        """What tells the pseudonyms of many values apart: `TOKEN_BYTES` of each."""
        begun_inner, begun_outer = _begun(self._keys[self.current_id], namespace)
        canonical, digests = CANONICAL[namespace], bytearray()
        for value in values:
            inner, outer = begun_inner.copy(), begun_outer.copy()
            inner.update(canonical(value).encode("utf-8", "surrogatepass"))
            outer.update(inner.digest())
            digests += outer.digest()[:TOKEN_BYTES]
        return bytes(digests)

    def written(self, namespace: str, digests: bytes) -> list[str]:
        """The pseudonyms that `digests` tells apart."""
        prefix = f"{PREFIXES[namespace]}_{self.current_id}_"
        # Filled up with zeros to whole groups of base64, all can be written at once.
        starts = range(0, len(digests), TOKEN_BYTES)
        text = base64.urlsafe_b64encode(b"".join([digests[at : at + TOKEN_BYTES] + b"\0\0" for at in starts])).decode()
        return [prefix + text[at : at + 22] for at in range(0, len(text), 24)]

    @classmethod
    def from_text(cls, text: str) -> "Keyring":
        """Read `ID:KEY[,ID:KEY]`. Raises `MaskingKeyError`."""
        keys: dict[str, bytes] = {}
        for part in text.strip().split(","):
            key_id, _, encoded = part.strip().partition(":")
            if key_id in keys:
                raise MaskingKeyError(f"the masking key names one key id twice; {_FORMAT}")
            keys[key_id] = _decoded(encoded)
        return cls(keys)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Keyring":
        """Read the key from MASKING_KEY, or from the file that MASKING_KEY_FILE names.

        Raises `MaskingKeyError`: without a key there is no masking.
        """
        text = environment.get("MASKING_KEY", "")
        if text.strip():
            return cls.from_text(text)
        path = environment.get("MASKING_KEY_FILE", "")
        if not path:
            raise MaskingKeyError(
                "there is no masking key: set MASKING_KEY, or MASKING_KEY_FILE to the path of a file that holds it"
            )
        try:
            text = Path(path).read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not plain text"
            raise MaskingKeyError(f"MASKING_KEY_FILE can't be read ({reason}): {path}") from None
        return cls.from_text(text)

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The ids of all versions, the current one first."""
        return tuple(self._keys)

    @property
    def fingerprint(self) -> str:
        """Tell two keyrings' current keys apart and give neither away: safe to publish. The key's id, which every key
        file may call `k1`, and 72 bits of an HMAC of a constant.
        """
        return self.fingerprints[0]

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Those of all versions of the key, the current one's first."""
        return tuple(f"{key_id}:{_code(key, 'fingerprint', '')[:12]}" for key_id, key in self._keys.items())

    def tokens(self, namespace: str, value: str) -> list[str]:
        """The pseudonyms of `value` under every version of the key, the current one first: what to look for where old
        tokens may stand.
        """
        canonical = CANONICAL[namespace](value)
        return [
            f"{PREFIXES[namespace]}_{key_id}_{_code(key, namespace, canonical)}" for key_id, key in self._keys.items()
        ]

    def seal(self, what: str, text: str) -> str:
        """A text that only who has the key can read again, such as `k1.` and letters; equal texts give equal seals."""
        return f"{self.current_id}.{seal(self._keys[self.current_id], what, text)}"

    def seals(self, what: str, text: str) -> list[str]:
        """The seals of a text under every version of the key, the current one first: what to look for."""
        return [f"{key_id}.{seal(key, what, text)}" for key_id, key in self._keys.items()]

    def unseal(self, what: str, sealed: str) -> str | None:
        """The text that was sealed; None where its key is gone, or it is no seal."""
        key_id, _, letters = sealed.partition(".")
        key = self._keys.get(key_id)
        return unseal(key, what, letters) if key else None

    def __repr__(self) -> str:
        return f"Keyring({self.fingerprint})"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a keyring is never serialised: read the key again where it is needed")


def new_key_text(key_id: str = "k1") -> str:
    """A fresh random key in the format that `Keyring.from_text` reads."""
    return f"{key_id}:{base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode().rstrip('=')}"


def pseudonym(namespace: str, value: str, keyring: Keyring) -> str:
    """The token of `value`, such as `cus_k1_` and 22 characters.

    Raises `KeyError` for a namespace that is not known.
    """
    return keyring.token(namespace, value)


def _code(key: bytes, namespace: str, canonical: str) -> str:
    message = f"{namespace}\0{canonical}".encode("utf-8", "surrogatepass")
    return _text(hmac.digest(key, message, "sha256"))


def _text(digest: bytes) -> str:
    return b2a_base64(digest[:TOKEN_BYTES]).translate(_URL_SAFE, _PADDING).decode()


def _begun(key: bytes, namespace: str) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """The inner and the outer hash of RFC 2104's HMAC, begun with key and namespace.

    A copy of these goes on where `_code` would start from the key: the same token in a third of the time.
    """
    block = key.ljust(hashlib.sha256().block_size, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + f"{namespace}\0".encode())
    return inner, hashlib.sha256(bytes(byte ^ 0x5C for byte in block))


def _check(key_id: str, key: bytes) -> None:
    if not _KEY_ID.fullmatch(key_id):
        raise MaskingKeyError(f"the masking key has no proper key id; {_FORMAT}")
    if len(key) != KEY_BYTES:
        raise MaskingKeyError(f"a masking key has {KEY_BYTES} bytes, this one has {len(key)}; {_FORMAT}")
    if len(set(key)) < KEY_BYTES // 4:
        raise MaskingKeyError(
            "the masking key is not random; make one with `python -m orderguard.masking key-file PATH`"
        )


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise MaskingKeyError(f"the masking key is not base64url; {_FORMAT}") from None
