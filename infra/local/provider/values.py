"""Property values as the engine sends them (protobuf structs with marked objects) and as the rest of the stand-in sees
them (plain Python).
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import struct_pb2

from infra.local.facts import Property

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # a mark of the protocol, not a password  # nosec B105
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
_RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_UNKNOWNS = {
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
}
_UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class Unknown:
    """A value that is known only after `up`."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()
_HIDDEN = Property("secret", {"t": "any", "sec": 1})


@dataclass(frozen=True)
class Asset:
    """A file, text or address handed to a resource; `fields` are the engine's own (hash, path, text, uri)."""

    signature: str
    fields: Mapping[str, Any]

    def __hash__(self) -> int:
        return hash(self.signature)

    def __eq__(self, other: object) -> bool:
        """Two assets are equal when their content is, wherever it lies."""
        if not isinstance(other, Asset):
            return False
        mine, others = self.fields.get("hash"), other.fields.get("hash")
        return mine == others if mine and others else self.fields == other.fields


def file_asset(path: Path) -> Asset:
    """A file as the engine's own SDKs hand one over; its hash is the engine's."""
    return Asset(ASSET, {"path": str(path), "hash": hashlib.sha256(path.read_bytes()).hexdigest()})


def _value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return UNKNOWN if value.string_value in _UNKNOWNS else value.string_value
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_value(one) for one in value.list_value.values]
    if kind == "struct_value":
        return _object(value.struct_value)
    return None


def _object(struct: struct_pb2.Struct) -> Any:
    fields = struct.fields
    signature = fields[_SIGNATURE].string_value if _SIGNATURE in fields else None
    if signature == _SECRET:
        return _value(fields["value"])
    if signature == _OUTPUT:
        return _value(fields["value"]) if "value" in fields else UNKNOWN
    if signature == _RESOURCE:
        return _value(fields["id"]) if "id" in fields else fields["urn"].string_value
    if signature in (ASSET, ARCHIVE):
        return Asset(signature, {name: _value(one) for name, one in fields.items() if name != _SIGNATURE})
    return {name: _value(one) for name, one in fields.items()}


def properties(struct: struct_pb2.Struct) -> dict[str, Any]:
    """A resource's properties; absent ones and nulls are left out."""
    return {name: _value(one) for name, one in struct.fields.items() if one.WhichOneof("kind") != "null_value"}


def _marked(value: Any, prop: Property | None = None) -> Any:
    """The engine's form of a value; what `prop` says is secret is marked, so that the engine encrypts it."""
    if prop is not None and prop.facts.get("sec"):
        return {_SIGNATURE: _SECRET, "value": _marked(value)}
    if isinstance(value, Unknown):
        return _UNKNOWN
    if isinstance(value, Asset):
        return {_SIGNATURE: value.signature, **{name: _marked(one) for name, one in value.fields.items()}}
    if isinstance(value, Mapping):
        secrets = prop.block.secrets if prop is not None and prop.block is not None and prop.of != "map" else {}
        return {name: _marked(one, secrets.get(name)) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_marked(one, prop) for one in value]
    return value


def struct(values: Mapping[str, Any], secret: Iterable[str] = ()) -> struct_pb2.Struct:
    """The engine's form of these properties. Those named in `secret` are marked so that the engine encrypts them in its
    state; where it maps names to properties, so is what is secret within them.
    """
    hidden = secret if isinstance(secret, Mapping) else dict.fromkeys(secret, _HIDDEN)
    result = struct_pb2.Struct()
    result.update({name: _marked(value, hidden.get(name)) for name, value in values.items()})
    return result


def known(value: Any) -> bool:
    """Whether a value holds no unknown at any depth."""
    if isinstance(value, (str, int, float)):
        return True
    if isinstance(value, (dict, Mapping)):
        return all(map(known, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(known, value))
    return not isinstance(value, Unknown)


def at(values: Any, path: str) -> Any:
    """The value at a dotted path, `None` where it is absent; UNKNOWN where it or a part above it is unknown."""
    for part in path.split("."):
        if isinstance(values, Unknown):
            return UNKNOWN
        if not isinstance(values, Mapping):
            return None
        values = values.get(part)
    return values
