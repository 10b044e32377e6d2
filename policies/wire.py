"""Properties as the engine writes them, on the wire and in a state, made plain: what is unknown and what is secret is
marked, an asset is no more than an asset.

The signatures are those of Pulumi's `sdk/go/common/resource/properties.go`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from policies.value import ASSET, UNKNOWN, Secret

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"
_OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_TEXT = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine sends for a text that is not known yet."""
_UNKNOWN_TEXTS = frozenset(
    {
        UNKNOWN_TEXT,
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # a boolean
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # a number
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # a list
        "030794c1-ac77-496b-92df-f27374a8bd58",  # an asset
        "e48ece36-62e2-4504-bad9-02848725956a",  # an archive
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # a map
    }
)


def plain(content: Any) -> Any:
    """What JSON holds of a property, with `UNKNOWN`, `ASSET` and `Secret` in their places."""
    if isinstance(content, str):
        return UNKNOWN if content in _UNKNOWN_TEXTS else content
    if isinstance(content, Mapping):
        signature = content.get(SIGNATURE)
        return _SIGNED.get(str(signature), _asset)(content) if signature else {k: plain(v) for k, v in content.items()}
    if isinstance(content, list):
        return [plain(element) for element in content]
    return content


def _asset(_: Mapping[str, Any]) -> Any:
    return ASSET


def _secret(content: Mapping[str, Any]) -> Any:
    """On the wire a secret has its value, in a state its ciphertext or, exported with `--show-secrets`, JSON."""
    if "plaintext" in content:
        return Secret(plain(json.loads(content["plaintext"])))
    return Secret(plain(content["value"]) if "value" in content else UNKNOWN)


def _output(content: Mapping[str, Any]) -> Any:
    value = plain(content["value"]) if "value" in content else UNKNOWN
    return Secret(value) if content.get("secret") else value


_SIGNED: Mapping[Any, Callable[[Mapping[str, Any]], Any]] = {SECRET_SIGNATURE: _secret, _OUTPUT_SIGNATURE: _output}
