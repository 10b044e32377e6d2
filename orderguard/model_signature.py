"""Who trained a model version: a statement about its manifest, signed by the training job's own key.

The statement is the JSON of its three fields in order, without blanks; its SHA-256 is what is signed (ECDSA on P-256,
FIPS 186-5, as Cloud KMS does it). `signature.json` lies in the version's folder, beside the manifest, which does not
name it: the bytes of a version do not depend on who trained it.
"""

import hashlib
from base64 import b64decode, b64encode

import msgspec

SIGNATURE = "signature.json"


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """What is signed: the version, the SHA-256 of its manifest (which holds that of each file), and the image that
    trained it, by digest.
    """

    version: str
    manifest_sha256: str
    image: str

    def digest(self) -> bytes:
        """The 32 bytes that are signed."""
        return hashlib.sha256(msgspec.json.encode(self)).digest()


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A statement and its signature (DER, in Base64). Which key is right is not for the file to say: `key` tells a
    reader which one it was.
    """

    statement: Statement
    key: str
    signature: str

    @property
    def der(self) -> bytes:
        """The signature as bytes. Raises `ValueError` where it is no Base64."""
        return b64decode(self.signature, validate=True)


def signed(statement: Statement, key: str, der: bytes) -> bytes:
    """The content of `signature.json`."""
    found = Signed(statement=statement, key=key, signature=b64encode(der).decode())
    return msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"


def read_signed(content: bytes) -> Signed:
    """Raises `ValueError` for what is no signature."""
    return msgspec.json.decode(content, type=Signed)
