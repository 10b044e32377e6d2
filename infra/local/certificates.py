"""Certificates for servers of this machine: an authority of their own, and what it signs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

YEARS = 10
"""As long as Memorystore's authorities are valid: cloud.google.com/memorystore/docs/redis/in-transit-encryption"""


@dataclass(frozen=True)
class Certificates:
    """PEM texts: the authority's certificate, and the certificate and private key of the server at 127.0.0.1."""

    authority: str
    certificate: str
    key: str


def make_certificates(name: str, hosts: Sequence[str] = ()) -> Certificates:
    """A new authority and a server that it has signed, at 127.0.0.1 or called by these hosts' names. The authority's
    own key is not kept: it signs nothing else.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"authority of {name}"[:64])])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    now = datetime.now(UTC)
    called = [x509.IPAddress(IPv4Address("127.0.0.1")), *map(x509.DNSName, hosts)]

    def begun(owner: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(owner)
            .issuer_name(issuer)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))  # whoever looks may have a clock that is behind
            .not_valid_after(now + timedelta(days=365 * YEARS))
        )

    authority = (
        begun(issuer, authority_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    certificate = (
        begun(subject, key.public_key())
        .add_extension(x509.SubjectAlternativeName(called), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = serialization.Encoding.PEM
    return Certificates(authority.public_bytes(pem).decode(), certificate.public_bytes(pem).decode(), private.decode())


def described(authority: str) -> dict[str, str]:
    """What Google Cloud tells of an authority's certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    found = x509.load_pem_x509_certificate(authority.encode())
    return {
        "cert": authority,
        "createTime": found.not_valid_before_utc.isoformat().replace("+00:00", "Z"),
        "expireTime": found.not_valid_after_utc.isoformat().replace("+00:00", "Z"),
        "serialNumber": str(found.serial_number),
        "sha1Fingerprint": found.fingerprint(hashes.SHA1()).hex(),  # names it, and protects nothing  # nosec B303
    }
