"""pulumi-tls: keys and certificates, made once and kept in the state as secrets."""

import base64
import hashlib
import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from infra.local.cloud import Cloud
from infra.local.provider.resource import Refused
from infra.local.standins.kind import Kind, Made, Values

_CURVES: dict[str, Any] = {"P224": ec.SECP224R1, "P256": ec.SECP256R1, "P384": ec.SECP384R1, "P521": ec.SECP521R1}
_NAMES = {
    "commonName": NameOID.COMMON_NAME,
    "organization": NameOID.ORGANIZATION_NAME,
    "organizationalUnit": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "country": NameOID.COUNTRY_NAME,
    "locality": NameOID.LOCALITY_NAME,
    "province": NameOID.STATE_OR_PROVINCE_NAME,
}
_USES = {"server_auth": ExtendedKeyUsageOID.SERVER_AUTH, "client_auth": ExtendedKeyUsageOID.CLIENT_AUTH}
_SECRET = ("privateKeyPem", "privateKeyOpenssh", "privateKeyPemPkcs8")


def _drawn(inputs: Values) -> Any:
    algorithm = inputs["algorithm"]
    if algorithm == "RSA":
        return rsa.generate_private_key(public_exponent=65537, key_size=int(inputs.get("rsaBits") or 2048))
    if algorithm == "ECDSA":
        return ec.generate_private_key(_CURVES[str(inputs.get("ecdsaCurve") or "P224")]())
    if algorithm == "ED25519":
        return ed25519.Ed25519PrivateKey.generate()
    raise Refused(f'tls: algorithm "{algorithm}" is none of RSA, ECDSA, ED25519')


def _key(cloud: Cloud, name: str, inputs: Values) -> Made:
    key = _drawn(inputs)
    pem, plain, none = serialization.Encoding.PEM, serialization.PrivateFormat, serialization.NoEncryption()
    public = key.public_key()
    written = public.public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    own = plain.PKCS8 if inputs["algorithm"] == "ED25519" else plain.TraditionalOpenSSL
    outputs = {
        "privateKeyPem": key.private_bytes(pem, own, none).decode(),
        "privateKeyPemPkcs8": key.private_bytes(pem, plain.PKCS8, none).decode(),
        "privateKeyOpenssh": "",
        "publicKeyPem": written,
        "publicKeyOpenssh": "",
        "publicKeyFingerprintMd5": "",
        "publicKeyFingerprintSha256": "",
    }
    if inputs.get("ecdsaCurve", "P256") != "P224" or inputs["algorithm"] != "ECDSA":  # OpenSSH has no P-224
        line = public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
        data = base64.b64decode(line.split()[1])
        md5, sha256 = hashlib.md5(data, usedforsecurity=False).hexdigest(), hashlib.sha256(data).digest()
        outputs |= {
            "publicKeyOpenssh": f"{line}\n",
            "privateKeyOpenssh": key.private_bytes(pem, plain.OpenSSH, none).decode(),
            "publicKeyFingerprintMd5": ":".join(md5[at : at + 2] for at in range(0, 32, 2)),
            "publicKeyFingerprintSha256": f"SHA256:{base64.b64encode(sha256).decode().rstrip('=')}",
        }
    return Made(hashlib.sha1(written.encode(), usedforsecurity=False).hexdigest(), outputs)


def _name(subject: Values | None) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(_NAMES[key], str(value))
            for key, value in (subject or {}).items()
            if key in _NAMES and value
        ]
    )


def _alternatives(inputs: Values) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = [x509.DNSName(str(one)) for one in inputs.get("dnsNames") or ()]
    return found + [x509.IPAddress(ipaddress.ip_address(str(one))) for one in inputs.get("ipAddresses") or ()]


def _loaded(pem: Any) -> Any:
    return serialization.load_pem_private_key(str(pem).encode(), None)


def _issued(inputs: Values, subject: x509.Name, public: Any, issuer: x509.Name, signer: Any, names: list[Any]) -> Made:
    begins = datetime.now(UTC).replace(microsecond=0)
    ends = begins + timedelta(hours=int(inputs["validityPeriodHours"]))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(bool(inputs.get("isCaCertificate")), None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if uses := [_USES[one] for one in inputs.get("allowedUses") or () if one in _USES]:
        builder = builder.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    hashed = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    certificate = builder.sign(signer, hashed)
    outputs = {
        "certPem": certificate.public_bytes(serialization.Encoding.PEM).decode(),
        "validityStartTime": begins.isoformat().replace("+00:00", "Z"),
        "validityEndTime": ends.isoformat().replace("+00:00", "Z"),
        "readyForRenewal": False,
        "keyAlgorithm": type(signer).__name__.partition("PrivateKey")[0].upper(),
    }
    return Made(str(certificate.serial_number), outputs)


def _self_signed(cloud: Cloud, name: str, inputs: Values) -> Made:
    key, subject = _loaded(inputs["privateKeyPem"]), _name(inputs.get("subject"))
    return _issued(inputs, subject, key.public_key(), subject, key, _alternatives(inputs))


def _request(cloud: Cloud, name: str, inputs: Values) -> Made:
    key = _loaded(inputs["privateKeyPem"])
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(inputs.get("subject")))
    if names := _alternatives(inputs):
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    hashed = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    pem = builder.sign(key, hashed).public_bytes(serialization.Encoding.PEM).decode()
    return Made(hashlib.sha1(pem.encode(), usedforsecurity=False).hexdigest(), {"certRequestPem": pem})


def _signed(cloud: Cloud, name: str, inputs: Values) -> Made:
    asked = x509.load_pem_x509_csr(str(inputs["certRequestPem"]).encode())
    authority = x509.load_pem_x509_certificate(str(inputs["caCertPem"]).encode())
    try:
        names = list(asked.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        names = []
    signer = _loaded(inputs["caPrivateKeyPem"])
    return _issued(inputs, asked.subject, asked.public_key(), authority.subject, signer, names)


_KINDS = {
    "PrivateKey": Kind(_key, ("algorithm",), secret=_SECRET),
    "SelfSignedCert": Kind(_self_signed, ("allowedUses", "privateKeyPem", "validityPeriodHours"), secret=_SECRET),
    "CertRequest": Kind(_request, ("privateKeyPem",), secret=_SECRET),
    "LocallySignedCert": Kind(
        _signed,
        ("allowedUses", "caCertPem", "caPrivateKeyPem", "certRequestPem", "validityPeriodHours"),
        secret=("caPrivateKeyPem",),
    ),
}


def kind(token: str) -> Kind | None:
    """How a type of `tls` acts."""
    return _KINDS.get(token.rpartition(":")[2])
