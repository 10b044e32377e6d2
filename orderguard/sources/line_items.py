"""The lines of an order as a mapping finds them: taken out of one cell, priced by the piece, put together."""

import re
from collections.abc import Iterator
from typing import Any

from orderguard.sources.documents import Loose, number


def packed(cell: Any, lines: Any, labels: dict[str, int]) -> Iterator[list[str]]:
    """The lines written into one cell as "label: value, label: value", as rows of the labels that are wanted."""
    if not isinstance(cell, str):
        return
    begins = re.escape(lines.begins)
    for line in re.split(rf"{re.escape(lines.between)}\s*(?={begins})", cell):
        row = [""] * len(labels)
        for part in re.split(rf",\s*(?={begins})", line.strip()):
            label, _, value = part.partition(":")
            if (place := labels.get(label.strip())) is not None:
                row[place] = value
        if any(row):
            yield row


def priced(line: Loose, price_of: str, discount_of: str) -> None:
    """Bring price to that of a piece and discount to that of the line. What is no number stays for repair."""
    quantity, price = number(line.get("quantity", 1)), number(line.get("unit_price"))
    off = number(line.get("discount", 0))
    if quantity is None or price is None or off is None or not quantity:
        return
    share = off / 100 if discount_of == "percent" else off if discount_of == "share" else None
    if share is not None and not 0 <= share <= 1:
        return
    if discount_of == "piece":
        off *= quantity
    if price_of == "line after discount":
        if share is None:
            price += off
        elif share < 1:
            price /= 1 - share
    whole = price if price_of != "piece" else price * quantity
    line["unit_price"] = round(whole / quantity, 6)
    off = whole * share if share is not None else off
    line["discount"] = round(off, 6)
    if not line["discount"]:
        del line["discount"]


def counted(items: list[Loose]) -> list[Loose]:
    """Rows of a piece each, equal ones put together."""
    together: dict[tuple[tuple[str, Any], ...], Loose] = {}
    for item in items:
        key = tuple((name, str(value)) for name, value in item.items() if name != "quantity")
        pieces = number(item.get("quantity", 1))
        line = together.setdefault(key, {**item, "quantity": 0})
        line["quantity"] = item.get("quantity") if pieces is None else line["quantity"] + pieces
    return [*together.values()]
