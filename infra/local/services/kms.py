"""Cloud KMS: keys for data at rest, and keys that sign.

The first are declared: the local cloud seals what it keeps with a key of its own. The others are real, on the curve
P-256; the private half is sealed.
"""

from typing import TYPE_CHECKING

from infra.local.cloud import Cloud
from infra.local.files import write_whole
from infra.local.provider.access import triple
from infra.local.provider.resource import Place, Refused, Resource, Values
from infra.local.provider.rules import Inputs

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

KEY = "gcp:kms/cryptoKey:CryptoKey"
SIGNS = "ASYMMETRIC_SIGN"
FIRST = "/cryptoKeyVersions/1"


def _primary(inputs: Inputs, place: Place) -> Values:
    return {"primaries": [{"name": f"{place.id}{FIRST}", "state": "ENABLED"}]}


def _make(cloud: Cloud, inputs: Inputs, place: Place, outputs: Values) -> Values:
    """The private half of a key that signs; one that a killed run has made is taken up again."""
    path = cloud.root / "kms" / f"{cloud.short(place.id)}.sealed"
    if inputs.get("purpose") == SIGNS and not path.exists():
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        made = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        write_whole(path, cloud.seal(made.decode()).encode())
    return {}


def _private(cloud: Cloud, version: str) -> "EllipticCurvePrivateKey":
    """The private half of a version. Raises Refused as KMS refuses."""
    from cryptography.hazmat.primitives import serialization

    key, _, number = version.rpartition("/cryptoKeyVersions/")
    path = cloud.root / "kms" / f"{cloud.short(key)}.sealed"
    if number != "1" or cloud.get(KEY, key) is None or not path.exists():
        raise Refused(f"CryptoKeyVersion {version} not found.")
    found: "EllipticCurvePrivateKey" = serialization.load_pem_private_key(
        cloud.unseal(path.read_text()).encode(), None
    )  # type: ignore[assignment]
    return found


def sign(cloud: Cloud, version: str, digest: bytes) -> bytes:
    """The signature of a SHA-256, in DER."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    return _private(cloud, version).sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))


def public_key(cloud: Cloud, version: str) -> bytes:
    """The public half, as PEM."""
    from cryptography.hazmat.primitives import serialization

    return (
        _private(cloud, version)
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


RESOURCES = {
    "gcp:kms/keyRing:KeyRing": Resource(id="projects/{project}/locations/{location}/keyRings/{name}"),
    KEY: Resource(
        id="{keyRing}/cryptoKeys/{name}",
        kind="real",
        outputs=_primary,
        create=_make,
    ),
    **triple("gcp:kms/cryptoKeyIAM", "{cryptoKeyId}"),
    **triple("gcp:kms/keyRingIAM", "{keyRingId}"),
}
