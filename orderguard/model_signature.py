"""What the training job says with its own key: who trained a model version, and which version is the champion.

A statement is the JSON of its fields in order, without blanks; its SHA-256 is what is signed (ECDSA on P-256, FIPS
186-5, as Cloud KMS does it). `signature.json` lies in the version's folder, beside the manifest, which does not name
it: the bytes of a version do not depend on who trained it. `champion-signature.json` lies beside `CHAMPION`.
"""

import hashlib
from base64 import b64decode, b64encode
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

SIGNATURE = "signature.json"
CHAMPION_SIGNATURE = "champion-signature.json"


class _Statement(msgspec.Struct, frozen=True, kw_only=True):
    def digest(self) -> bytes:
        """The 32 bytes that are signed."""
        return hashlib.sha256(msgspec.json.encode(self)).digest()


class Trained(_Statement, frozen=True, kw_only=True):
    """The version, the SHA-256 of its manifest (which holds that of each file), and the image that trained it, by
    digest.
    """

    version: str
    manifest_sha256: str
    image: str


class Promoted(_Statement, frozen=True, kw_only=True):
    """The champion, the SHA-256 of its manifest, and when it was named: an older statement that somebody puts back is
    told from a newer one.
    """

    champion: str
    manifest_sha256: str
    promoted_at: datetime


Says = TypeVar("Says", bound=_Statement)


class Signed(msgspec.Struct, Generic[Says], frozen=True, kw_only=True):
    """A statement and its signature (DER, in Base64). Which key is right is not for the file to say: `key` tells a
    reader which one it was.
    """

    statement: Says
    key: str
    signature: str

    @property
    def der(self) -> bytes:
        """The signature as bytes. Raises `ValueError` where it is no Base64."""
        return b64decode(self.signature, validate=True)


def signed(statement: _Statement, key: str, der: bytes) -> bytes:
    """The content of a file that holds a signed statement."""
    found = {"statement": statement, "key": key, "signature": b64encode(der).decode()}
    return msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"


def read_signed(content: bytes, says: type[Says]) -> Signed[Says]:
    """What such a file holds. Raises `ValueError` where it is no signed statement of this kind."""
    return msgspec.json.decode(content, type=Signed[says])  # type: ignore[valid-type]
