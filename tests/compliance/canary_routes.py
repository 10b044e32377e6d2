"""Three ways by which something personal comes in where it isn't expected: a catalogue code, the name of an order file,
an order's id. Each in several forms, to be looked for behind every door.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any

from tests.compliance.canaries import forms_of

_MAIL = "jo.canarelli@canary-mail.example"

CODES = {
    "e-mail": _MAIL,
    "e-mail within": f"SKU-{_MAIL}-XL",
    "base64": base64.b64encode(_MAIL.encode()).decode(),
    "hexadecimal": _MAIL.encode().hex(),
    "card": "4111111111111111",
    "card within": "SKU4111111111111111X",
    "social security": "219-09-9991",
    "national id": "180126955222380",
    "IP": "203.0.113.77",
    "street": "ROSENWEG 1477B",
    "telephone": "+49 171 55501997",
    "IBAN": "DE89370400440532013000",
    "link": "https://canary.example/open?token=9f8a7b6c5d4e",
}
FILE_NAMES = {
    "e-mail": "orders-of-vera.canarini@canary-mail.example.ndjson",
    "card": "5500005555555559.ndjson",
    "name": "Bestellungen Wölfchen Kanarius.ndjson.gz",
}
ORDER_IDS = {
    "e-mail": "nina.canariello@canary-mail.example",
    "card": "4000056655665556",
    "telephone": "+4917155501882",
    "name": "Canarissa-Vogelsang-0815",
}
_PARTS_OF_FILE_NAMES = ("vera.canarini@canary-mail.example", "5500005555555559", "Wölfchen Kanarius")

IDS = forms_of({f"order id: {form}": value for form, value in ORDER_IDS.items()})
ALL = {
    **forms_of({f"code: {form}": value for form, value in CODES.items()}),
    **forms_of({f"file: {value}": value for value in (*FILE_NAMES.values(), *_PARTS_OF_FILE_NAMES)}),
    **IDS,
}


def order_with(codes: Sequence[str], order_id: str, *, odd: bool = True) -> dict[str, Any]:
    """An order with a line for each code and one article, and the first code in each other place for one.

    An odd one stands out: it comes late, when the model has learnt what is usual.
    """
    amounts = {"quantity": 40_000, "unit_price": 9_999.0} if odd else {"quantity": 1, "unit_price": 37.99}
    return {
        "order_id": order_id,
        "created_at": "2026-06-28T03:41:00+02:00" if odd else "2026-06-28T13:41:00+02:00",
        "customer": {"id": f"customer of {order_id}"},
        "currency": "EUR",
        "items": [{"sku": code, "category": code, **amounts} for code in (*codes, "CLO-0015")],
        "payment": {"method": codes[0], "card_country": "BR" if odd else "DE"},
        "shipping": {"method": codes[0], "cost": 4.9},
        "shipping_address": {"country": "NG" if odd else "DE"},
    }


def orders() -> Iterator[bytes]:
    """As lines, an order for each code, and an odd one with all codes for each order id: these get into the index."""
    codes = list(CODES.values())
    for number, code in enumerate(codes):
        yield json.dumps(order_with([code], f"usual-{number}", odd=False)).encode()
    for order_id in ORDER_IDS.values():
        yield json.dumps(order_with(codes, order_id)).encode()
