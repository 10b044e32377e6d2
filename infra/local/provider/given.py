"""What a program gave, as the real provider takes it: names found, values converted, what is mistyped set aside."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from infra.local.facts import Block, Property, terraform_name
from infra.local.provider.values import Asset, Unknown

DEFAULTS = "__defaults"
"""Where the real provider notes which inputs it filled in; an automatic name is told from an explicit one by it."""
RESERVED = (DEFAULTS, "__meta")
_TRUE = {"1", "t", "T", "TRUE", "true", "True"}
_FALSE = {"0", "f", "F", "FALSE", "false", "False", ""}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf(inity)?|nan)", re.I | re.A)


class Unparsed(Exception):
    """The real provider answers such a value with an RPC error rather than a failure; the message is the error's."""


@dataclass(frozen=True)
class Wrong:
    """A value that can't be taken as its property's, as it was given, and what the provider says of it."""

    says: str
    value: Any


def converted(block: Block, values: Mapping[str, Any], *, other_names: bool = False) -> dict[str, Any]:
    """The values by their properties' names, each as its property's type or as Wrong. Null is absent. With
    `other_names` a name that is no property's is left as it is. Raises Unparsed.
    """
    whole: dict[str, Any] = {}
    for name, value in values.items():
        if name in RESERVED or value is None:
            continue
        prop = block.get(name) or block.by_key.get(terraform_name(name))
        if prop is not None:
            whole[prop.name] = _converted(prop, value, other_names)
        else:
            whole[name] = value if other_names else Wrong("Invalid or unknown key", value)
    return whole


def original(value: Any) -> Any:
    """Converted values with what is wrong put back as it was given."""
    if isinstance(value, Wrong):
        return value.value
    if isinstance(value, dict):
        return {name: original(one) for name, one in value.items()}
    if isinstance(value, list):
        return [original(one) for one in value]
    return value


def _converted(prop: Property, value: Any, other_names: bool) -> Any:
    if isinstance(value, Unknown):
        return value
    if prop.of == "map":
        return _map(prop, value)
    if prop.of:
        items = value if isinstance(value, list) else [value]
        return [_single(prop, one, other_names) for one in items if one is not None]
    if isinstance(value, list) and (prop.type == "obj" or prop.facts.get("one")):
        # A list of one is the block; an empty one is given, and holds nothing to look at.
        if len(value) > 1:
            return Wrong(
                f"Too many list items. Attribute {{K}} supports 1 item maximum, but config has {len(value)} declared.",
                value,
            )
        return _single(prop, value[0], other_names) if value and value[0] is not None else []
    return _single(prop, value, other_names)


def _map(prop: Property, value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(one, Mapping) for one in value):
        value = {name: inner for one in value for name, inner in one.items()}
    if not isinstance(value, Mapping):
        return Wrong("Attribute must be a map", value)
    return {name: _single(prop, one, False) for name, one in value.items() if one is not None}


def _single(prop: Property, value: Any, other_names: bool = False) -> Any:
    if isinstance(value, Unknown) or prop.type == "any":
        return value
    if prop.type == "obj":
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, Mapping) and prop.block is not None:
            return converted(prop.block, value, other_names=other_names)
        return Wrong(f"Expected Object Type. Expected object, got {_go_kind(value)}", value)
    if prop.type == "asset":
        return value if isinstance(value, (Asset, str)) else Wrong(f"expected an asset, got {_go_kind(value)}", value)
    if isinstance(value, Asset):
        return Wrong(f"unexpected asset {prop.name}", value)
    if isinstance(value, (list, Mapping)):
        return Wrong(f"Attribute must be a single value, not a {'list' if isinstance(value, list) else 'map'}", value)
    return _CONVERT[prop.type](prop, value)


def _go_kind(value: Any) -> str:
    names = {bool: "bool", str: "string", list: "slice", Asset: "asset", float: "float64", int: "int"}
    return names.get(type(value), "map")


def number_text(number: float) -> str:
    """A number as Go writes it without an exponent: `1`, `0.5`."""
    if isinstance(number, int) or not math.isfinite(number):
        return str(number)
    text = format(Decimal(repr(number)), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _string(prop: Property, value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else number_text(value)


def _boolean(prop: Property, value: Any) -> Any:
    if isinstance(value, bool):
        return value
    text = value if isinstance(value, str) else number_text(value)
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    return Wrong(f"cannot parse '' as bool: strconv.ParseBool: parsing {quoted(text)}: invalid syntax", value)


def _integer(prop: Property, value: Any) -> Any:
    if isinstance(value, bool):
        return Wrong(f"Attribute must be a whole number, got {str(value).lower()}", value)
    if isinstance(value, str):
        said = f"{prop.key}: strconv.ParseInt: parsing {quoted(value)}"
        if not re.fullmatch(r"[+-]?\d+", value, re.A):
            raise Unparsed(f"{said}: invalid syntax")
        if len(value) > 20 or not -(2**63) <= int(value) < 2**63:
            raise Unparsed(f"{said}: value out of range")
        return int(value)
    if not math.isfinite(value):
        return Wrong(f"Attribute must be a whole number, got {value}", value)
    return int(value)


def _number(prop: Property, value: Any) -> Any:
    if not isinstance(value, str):
        return int(value) if isinstance(value, bool) else value
    if not _NUMBER.fullmatch(value):
        return Wrong(f"cannot parse '' as float: strconv.ParseFloat: parsing {quoted(value)}: invalid syntax", value)
    number = float(value)
    if math.isinf(number) and "i" not in value.lower():
        return Wrong(
            f"cannot parse '' as float: strconv.ParseFloat: parsing {quoted(value)}: value out of range", value
        )
    return int(number) if number.is_integer() else number


_CONVERT = {"string": _string, "boolean": _boolean, "integer": _integer, "number": _number}


def quoted(text: str) -> str:
    """A text as Go's %q writes it."""
    marks = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return '"' + "".join(marks.get(one, one) for one in text) + '"'
