"""Who a program is to the stack's cloud: tokens as Google makes them, made and checked with keys of the stack's own.

An identity token is a JSON Web Token signed with RS256 that says who asks whom. An access token is opaque, as Google's
is: it names the account and the moment of its end, and is authenticated by the stack's key. Both are good for an hour.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from infra.local.cloud import Cloud, Damaged
from infra.local.files import locked, write_whole
from infra.local.provider.outputs import digits, project_number

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

ISSUER = "https://accounts.google.com"
SECONDS = 3600
"""How long a token is good."""
OWNER = "owner@localhost"
"""The person whose machine this is: the owner of all its stacks."""
_ACCESS = "ya29."
SKEW_SECONDS = 10
"""How far clocks may be apart."""


class Untrusted(Exception):
    """A token that proves nothing; the message says why."""


@dataclass(frozen=True)
class Identity:
    """Who a program runs as, and where: an account's e-mail address, a project and a region."""

    account: str
    project: str = ""
    region: str = ""


def identity_of(spec: Mapping[str, Any], project: str, region: str) -> Identity:
    """Who the containers of a service or a job are: the account that their template names, else the project's own."""
    default = f"{project_number(project)}-compute@developer.gserviceaccount.com"
    return Identity(str(spec.get("serviceAccount") or default), project, region)


def member_of(account: str) -> str:
    """An account as IAM's bindings name it."""
    return f"{'serviceAccount' if account.endswith('.gserviceaccount.com') else 'user'}:{account}"


def identity_token(cloud: Cloud, account: str, audience: str, now: float | None = None) -> str:
    """A token by which `account` proves to `audience` who it is."""
    import jwt

    issued = int(time.time() if now is None else now)
    subject = digits(account, 21)
    claims = {
        "iss": ISSUER,
        "aud": audience,
        "azp": subject,
        "sub": subject,
        "email": account,
        "email_verified": True,
        "iat": issued,
        "exp": issued + SECONDS,
    }
    return jwt.encode(claims, _signing_key(cloud), "RS256", headers={"kid": _key_id(cloud)})


def owner_headers(cloud: Cloud, url: str) -> dict[str, str]:
    """What lets the owner of the machine in at a service's URL, whoever else may call; the container gets
    Authorization as it is.
    """
    return {"X-Serverless-Authorization": f"Bearer {identity_token(cloud, OWNER, url)}"}


def verified(cloud: Cloud, token: str, audiences: Sequence[str]) -> Mapping[str, Any]:
    """The claims of an identity token for one of these audiences. Raises Untrusted."""
    import jwt

    try:
        return jwt.decode(
            token,
            _signing_key(cloud).public_key(),
            algorithms=["RS256"],
            audience=list(audiences),
            issuer=ISSUER,
            leeway=SKEW_SECONDS,
            options={"require": ["exp", "iat", "aud", "iss", "sub", "email"]},
        )
    except jwt.InvalidTokenError as problem:
        raise Untrusted(f"{type(problem).__name__}: {problem}") from None


def public_keys(cloud: Cloud) -> dict[str, Any]:
    """What identity tokens are checked with, as a JSON Web Key Set (RFC 7517)."""
    from jwt.algorithms import RSAAlgorithm

    shown = RSAAlgorithm.to_jwk(_signing_key(cloud).public_key(), as_dict=True)
    return {"keys": [{**shown, "kid": _key_id(cloud), "alg": "RS256", "use": "sig"}]}


def access_token(cloud: Cloud, account: str, now: float | None = None) -> str:
    """The token with which `account` calls Google's interfaces."""
    end = int(time.time() if now is None else now) + SECONDS
    return _ACCESS + _authenticated(cloud, "access", f"{account} {end}")


def account_of(cloud: Cloud, token: str) -> str | None:
    """Whose access token this is; None for what is none, or no longer."""
    told = _known(cloud, "access", token.removeprefix(_ACCESS)) if token.startswith(_ACCESS) else None
    account, _, end = (told or "").rpartition(" ")
    return account if account and time.time() < int(end) + SKEW_SECONDS else None


def door_of(cloud: Cloud, identity: Identity) -> str:
    """The part of an address that only programs of this identity know."""
    told = json.dumps([identity.account, identity.project, identity.region], separators=(",", ":"))
    return _authenticated(cloud, "door", told)


def behind(cloud: Cloud, door: str) -> Identity | None:
    """Whose door this is; None for what is none."""
    told = _known(cloud, "door", door)
    return None if told is None else Identity(*json.loads(told))


def _authenticated(cloud: Cloud, purpose: str, text: str) -> str:
    shown = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    return f"{shown}.{cloud.derived(f'{purpose} {text}')}"


def _known(cloud: Cloud, purpose: str, shown: str) -> str | None:
    text, _, proof = shown.partition(".")
    try:
        told = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:
        return None
    return told if hmac.compare_digest(proof.encode(), cloud.derived(f"{purpose} {told}").encode()) else None


@lru_cache(maxsize=8)
def _signing_key(cloud: Cloud) -> "RSAPrivateKey":
    """The stack's own key, made when it is first needed, and sealed."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    path = cloud.root / "identity" / "signing-key.sealed"
    with locked(path.parent / ".lock"):
        try:
            return serialization.load_pem_private_key(  # type: ignore[return-value]
                cloud.unseal(path.read_text()).encode(), None
            )
        except (FileNotFoundError, Damaged, ValueError):  # tokens of a damaged key are good for nothing
            made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            written = made.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            write_whole(path, cloud.seal(written.decode()).encode())
            return made


def _key_id(cloud: Cloud) -> str:
    numbers = _signing_key(cloud).public_key().public_numbers()
    return hashlib.sha256(f"{numbers.n} {numbers.e}".encode()).hexdigest()[:40]
