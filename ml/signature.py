"""The training job signs what it makes: with a key in Cloud KMS that its own identity may use, and nobody else.

Both addresses may be moved, by the variables that Google's own tools know: GCE_METADATA_HOST, and
CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS.
"""

import json
import urllib.error
import urllib.request
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from orderguard.google_token import access_token
from orderguard.model_signature import CHAMPION_SIGNATURE, SIGNATURE, Promoted, Trained, signed
from orderguard.model_version import MANIFEST, sha256
from orderguard.private_files import open_private

KEY = "MODEL_SIGNING_KEY"
"""The variable that names the key's version, as projects/…/cryptoKeyVersions/1; without it nothing is signed."""
IMAGE = "TRAINER_IMAGE"
KMS = "https://cloudkms.googleapis.com"
SECONDS = 30.0


class SigningError(Exception):
    """The key could not be used; the message says what Google answered."""


def sign(folder: Path, environment: Mapping[str, str]) -> bool:
    """Sign the version in `folder`, where the environment names a key; whether it did. Raises `SigningError` where the
    key can't be used."""
    made_by = environment.get(IMAGE, "")
    says = Trained(version=folder.name, manifest_sha256=sha256(folder / MANIFEST), image=made_by)
    return _write(folder / SIGNATURE, says, environment)


def sign_champion(models_dir: Path, version: str, at: datetime, environment: Mapping[str, str]) -> bool:
    """Sign that a version was named the champion at this moment; as `sign` does."""
    manifest = sha256(models_dir / version / MANIFEST)
    says = Promoted(champion=version, manifest_sha256=manifest, promoted_at=at)
    return _write(models_dir / CHAMPION_SIGNATURE, says, environment)


def _write(path: Path, statement: Trained | Promoted, environment: Mapping[str, str]) -> bool:
    key = environment.get(KEY)
    if not key:
        return False
    token = _token(environment.get("GCE_METADATA_HOST", ""))
    kms = (environment.get("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS") or KMS).rstrip("/")
    digest = {"digest": {"sha256": b64encode(statement.digest()).decode()}}
    answer = _asked(f"{kms}/v1/{key}:asymmetricSign", {"Authorization": f"Bearer {token}"}, digest)
    aside = path.with_name(f".{path.name}.part")
    with open_private(aside, "wb") as file:
        file.write(signed(statement, key, b64decode(answer["signature"])))
    aside.replace(path)
    return True


def _token(host: str) -> str:
    try:
        return access_token(host)[0]
    except (OSError, ValueError) as problem:
        raise SigningError(f"the version was not signed: the metadata server gives no token: {problem}") from None


def _asked(url: str, headers: Mapping[str, str], body: object) -> dict[str, Any]:
    content = json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json", **headers})
    # What runs on the machine itself is asked past a proxy.
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if url.startswith("http:") else []))
    try:
        with opener.open(request, timeout=SECONDS) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found
    except urllib.error.HTTPError as problem:
        with problem:
            words = problem.read(2_000).decode(errors="replace")
        raise SigningError(f"the version was not signed: {url} answered {problem.code}: {words}") from None
    except OSError as problem:
        raise SigningError(f"the version was not signed: {url} does not answer: {problem}") from None
