"""A mapping for a table that nobody prepared: guessed from names and values, written for a person to correct."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from orderguard.currencies import KNOWN
from orderguard.sources.column_names import ALONE, NAMES, TOTALS
from orderguard.sources.value_guesses import guessed
from orderguard.sources.values import amount_in

_WORDS = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

LOOKED_AT = 1_000
"""Rows that a proposal is made from."""
_KINDS = {
    "cancellation": re.compile(r"cancel|storn|annul|anul|void|declin|fail|abgebrochen", re.I),
    "refund": re.compile(r"refund|erstatt|rembours|reembols|rimbors|return|retour|zwrot", re.I),
    "test order": re.compile(r"^test", re.I),
}
_DAYS = (
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d.%m.%y",
    "%Y%m%d",
    "%d %b %Y",
    "%d-%b-%Y",
    "%b %d, %Y",
    "%d %B %Y",
)
_CLOCKS = ("", " %H:%M:%S", " %H:%M", " %I:%M %p", " %I:%M:%S %p", " %H:%M:%S.%f")
_PERCENT = re.compile(r"%|percent|prozent|pct|porcent|pourcent", re.I)


@dataclass
class Proposal:
    """A mapping as text, what it guesses of which column, and what a person has to look at."""

    text: str
    fields: dict[str, str]
    unmapped: list[str]
    missing: list[str]
    doubts: list[str] = field(default_factory=list)


def propose(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Proposal:
    """A mapping for a table of these columns, of which these are the first rows."""
    fields = _by_name(columns)
    cells = {
        name: [row[place].strip() for row in rows if place < len(row) and row[place].strip()]
        for place, name in enumerate(columns)
    }
    doubts: list[str] = []
    by_value = guessed(cells, fields)
    if by_value:
        fields = {path: (fields | by_value)[path] for path in NAMES if path in fields or path in by_value}
        doubts.append(f"by their values alone, since their names say nothing: {', '.join(by_value)}")
        if "items[].unit_price" in by_value:
            doubts.append("the price may be that of the whole line: check values.unit_price")
    values = _values(fields, cells, doubts)
    missing = _missing(fields)
    order = {path: column for path, column in fields.items() if not path.startswith(("items[].", "_"))}
    items = {path.removeprefix("items[]."): column for path, column in fields.items() if path.startswith("items[].")}
    text = ["# Proposed from the names of the columns and the first rows. Correct it, then import with it.", ""]
    text += ["[values]", *(f"{name} = {value}" for name, value in values.items()), ""]
    text += ["[order]"]
    text += [f"{path} = {_quoted(column)}" for path, column in order.items()]
    if "order_id" not in fields:
        text += ['order_id = { row = "order-" }  # no column looks like an order\'s number: every row is an order']
        doubts.append("no column looks like an order's number: every row would be an order of its own")
    if "created_at" not in fields:
        text += ['# created_at = "…"  # when it was placed: every order needs it']
    if "currency" not in fields:
        told = [word for word in _WORDS.findall(fields.get("items[].unit_price", "")) if word in KNOWN]
        currency = told[0] if told else _currency(cells, fields)
        text += [f"currency = {{ value = {_quoted(currency)} }}  # no column says it: check it"]
        doubts.append(
            f"the currency is {currency} by the name of a column"
            if told
            else f"no column says the currency: {currency} is a guess"
        )
    text += ["", "[items]"]
    text += [f"{path} = {_quoted(column)}" for path, column in items.items()]
    if "items[].sku" not in fields:
        text += ['sku = { value = "article" }  # no column names the article']
    if "items[].quantity" not in fields:
        text += ['quantity = { value = "1" }  # no column counts pieces']
    if "items[].unit_price" not in fields:
        text += ['# unit_price = "…"  # what a piece costs: every order needs it']
    text += _apart(fields, cells)
    used = set(fields.values())
    unmapped = [name for name in columns if name not in used]
    if unmapped:
        text += ["", "# Not mapped, and so not written: " + ", ".join(unmapped)]
    return Proposal("\n".join(text) + "\n", fields, unmapped, missing, doubts)


def _by_name(columns: Sequence[str]) -> dict[str, str]:
    """Each field's column: the best pairs of names first, each column once."""
    bare = {name: " ".join(_WORDS.findall(_CAMEL.sub(" ", name).lower().translate(_PLAIN))) for name in columns if name}
    found: dict[str, str] = {}
    taken: set[str] = set()
    pairs = []
    for turn, (path, names) in enumerate(NAMES.items()):
        for rank, wanted in enumerate(names):
            for column, words in bare.items():
                if words == wanted or words.replace(" ", "") == wanted.replace(" ", ""):
                    pairs.append((rank, turn, path, column))
                elif f" {wanted} " in f" {words} " and wanted not in ALONE:
                    pairs.append((rank + 30 + len(words) - len(wanted), turn, path, column))
    for _, _, path, column in sorted(pairs, key=lambda pair: pair[:2]):
        if path not in found and column not in taken:
            found[path] = column
            taken.add(column)
    for path in ("customer.id", "items[].sku"):
        other = {"customer.id": "customer.name", "items[].sku": "items[].name"}[path]
        if path not in found and other in found:
            found[path] = found[other]
    return {path: found[path] for path in NAMES if path in found}


_PLAIN = str.maketrans("äöüßéèêàâçñíóúáõôãł", "aouseeeaacniouaooal")


def _values(fields: dict[str, str], cells: dict[str, list[str]], doubts: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    if "created_at" in fields:
        moments = cells[fields["created_at"]]
        formats = _formats(moments)
        if formats is None:
            doubts.append("the moments are in no format that is known: write values.date_format")
        elif formats:
            values["date_format"] = _quoted(formats[0])
            if len(formats) > 1:
                doubts.append(
                    f"days may be written {formats[0].split()[0]} or {formats[1].split()[0]}: check values.date_format"
                )
        if moments and all(re.search(r"[ T]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00:?00)?$", text) for text in moments):
            values["dates_only"] = "true"
        if not any(re.search(r"(Z|UTC|[+-]\d\d:?\d\d)$", text[10:]) for text in moments):
            values["zone"] = '"UTC"  # the shop\'s own zone, such as "Europe/Berlin"'
    if any(len(text) > 3 for path, column in fields.items() if path.endswith("country") for text in cells[column]):
        values["countries"] = '"names"'
    prices = [
        text
        for path in ("items[].unit_price", "items[].discount", "shipping.cost")
        if path in fields
        for text in cells[fields[path]]
    ]
    if _comma(prices):
        values["decimal_comma"] = "true"
    price = fields.get("items[].unit_price")
    if (
        price is not None
        and " ".join(_WORDS.findall(_CAMEL.sub(" ", price).lower())) in TOTALS
        and "items[].quantity" in fields
    ):
        values["unit_price"] = '"line"  # the column holds what the line costs: "piece" where it is what a piece costs'
        doubts.append("the price's column is taken for what the whole line costs: check values.unit_price")
    discounts = [
        amount for text in cells.get(fields.get("items[].discount", ""), []) if (amount := amount_in(text)) is not None
    ]
    if _PERCENT.search(fields.get("items[].discount", "")):
        values["discount"] = '"percent"  # by the name of its column'
    elif discounts and any(discounts) and all(0 <= amount < 1 for amount in discounts):
        values["discount"] = '"share"  # from 0 to 1 of the price'
    return values


def _formats(moments: list[str]) -> list[str] | None:
    """The formats that all the moments are in; none is needed for ISO 8601, None if there is none."""
    try:
        for text in moments:
            datetime.fromisoformat(text)
        if not all(len(text) == 8 for text in moments):
            return []
    except ValueError:
        pass
    found = [
        day + clock for day in _DAYS for clock in _CLOCKS if moments and all(_is(text, day + clock) for text in moments)
    ]
    if not found and moments and all(re.match(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d", text) for text in moments):
        return []
    return found or None


def _is(text: str, written: str) -> bool:
    try:
        datetime.strptime(text, written)
    except ValueError:
        return False
    return True


def _comma(texts: list[str]) -> bool:
    """Whether decimals are written with a comma: most amounts can be read that way, and fewer the other."""
    with_point = sum(amount_in(text) is not None for text in texts)
    with_comma = sum(amount_in(text, True) is not None for text in texts)
    told = any(re.search(r",\d{1,2}\D*$", text) for text in texts)
    return with_comma > with_point or (with_comma == with_point and told)


def _currency(cells: dict[str, list[str]], fields: dict[str, str]) -> str:
    """The currency that the prices are written with, else the euro."""
    signs = {
        "€": "EUR",
        "$": "USD",
        "£": "GBP",
        "¥": "JPY",
        "zł": "PLN",
        "R$": "BRL",
        "CHF": "CHF",
        "kr": "SEK",
        "₹": "INR",
    }
    text = " ".join(cells.get(fields.get("items[].unit_price", ""), [])[:20])
    for sign in sorted(signs, key=len, reverse=True):
        if sign in text:
            return signs[sign]
    return "EUR"


def _apart(fields: dict[str, str], cells: dict[str, list[str]]) -> list[str]:
    """What the values of a status say is no order."""
    column = fields.get("_status")
    if column is None:
        return []
    kinds: dict[str, list[str]] = {}
    for value in dict.fromkeys(cells[column]):
        for kind, words in _KINDS.items():
            if len(value) < 40 and words.search(value) and not re.search(r"partial|teil", value, re.I):
                kinds.setdefault(kind, []).append(value)
                break
    told = [
        f"{_quoted(kind) if ' ' in kind else kind} = [{', '.join(map(_quoted, values))}]"
        for kind, values in kinds.items()
    ]
    told = told or ['# cancellation = ["cancelled"]', '# refund = ["refunded"]']
    return ["", "[[apart]]", f"column = {_quoted(column)}", *told]


def _missing(fields: dict[str, str]) -> list[str]:
    needed = ("order_id", "created_at", "currency", "items[].sku", "items[].quantity", "items[].unit_price")
    wished = ("customer.id", "shipping_address.country", "payment.method", "items[].category")
    return [path for path in (*needed, *wished) if path not in fields]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(f"\\u{ord(c):04x}" if ord(c) < 32 else c for c in escaped) + '"'
