"""Orders as they would come out, for the screen: what an order says of a person is not shown."""

from typing import Any

from orderguard.masking.codes import mask_code
from orderguard.schema import CLASSIFICATION

import msgspec

_INSTEAD = {
    "pseudonym": "(a pseudonym)",
    "drop": "(left out by masking)",
    "generalise": "(made coarser by masking)",
    "free text": "(a text that masking searches)",
}
_CODES = ("items[].sku", "items[].category", "payment.method", "shipping.method")
LINES_SHOWN = 3


def shown(line: bytes) -> str:
    """An order as JSON, with what masking does instead of each personal value, and its first lines."""
    order = msgspec.json.decode(line)
    items = order.get("items", [])
    order["items"] = items[:LINES_SHOWN]
    text = msgspec.json.format(msgspec.json.encode(_hidden(order, "")), indent=2).decode()
    return text + (f"\n  … and {len(items) - LINES_SHOWN} more lines" if len(items) > LINES_SHOWN else "")


def _hidden(value: Any, path: str) -> Any:
    if isinstance(value, dict):
        return {name: _hidden(inside, f"{path}.{name}" if path else name) for name, inside in value.items()}
    if isinstance(value, list):
        return [_hidden(inside, f"{path}[]") for inside in value]
    handling = CLASSIFICATION.get(path)
    if path in _CODES and isinstance(value, str):
        return mask_code(value)
    if handling == "keep" or path == "hour_known":
        return value
    return _INSTEAD.get(handling or "drop")
