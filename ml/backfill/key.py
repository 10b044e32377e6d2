"""The masking key where nobody hands it over: a worker of Dataflow reads it from Secret Manager, as itself.

So it stands in no option of a job and in no log. The addresses may be moved, by the variables that Google's own tools
know: GCE_METADATA_HOST, and CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER.
"""

import json
import os
import re
import urllib.error
import urllib.request
from base64 import b64decode
from collections.abc import Mapping

from orderguard.google_token import access_token
from orderguard.masking import Keyring, MaskingKeyError

VERSION = re.compile(r"projects/[^/]+/secrets/[^/]+/versions/[^/]+")
SECRET_MANAGER = "https://secretmanager.googleapis.com"  # an address  # nosec B105
SECONDS = 30.0


def keyring(version: str, environment: Mapping[str, str] = os.environ) -> Keyring:
    """The key in a secret's version, such as `projects/P/secrets/S/versions/7`. Raises `MaskingKeyError`; the message
    holds no value.
    """
    return Keyring.from_text(text(version, environment))


def text(version: str, environment: Mapping[str, str] = os.environ) -> str:
    """The same as it is written. Raises `MaskingKeyError` where it can't be read."""
    if not VERSION.fullmatch(version):
        raise MaskingKeyError("the masking key is named as projects/PROJECT/secrets/SECRET/versions/NUMBER")
    try:
        token = access_token(environment.get("GCE_METADATA_HOST", ""))[0]
    except (OSError, ValueError) as problem:
        raise MaskingKeyError(f"{version} was not read: the metadata server gives no token: {problem}") from None
    address = (environment.get("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER") or SECRET_MANAGER).rstrip("/")
    request = urllib.request.Request(f"{address}/v1/{version}:access", headers={"Authorization": f"Bearer {token}"})
    # What runs on the machine itself is asked past a proxy.
    opener = urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if address.startswith("http:") else []))
    try:
        with opener.open(request, timeout=SECONDS) as answer:
            return b64decode(json.loads(answer.read())["payload"]["data"]).decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            words = refusal.read(2_000).decode(errors="replace")
        raise MaskingKeyError(f"{version} was not read: Secret Manager answered {refusal.code}: {words}") from None
    except OSError as problem:
        raise MaskingKeyError(f"{version} was not read: Secret Manager does not answer: {problem}") from None
    except (KeyError, TypeError, ValueError):
        raise MaskingKeyError(f"{version} was not read: Secret Manager answered in another form") from None
