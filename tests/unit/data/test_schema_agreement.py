"""The decoder takes exactly what the published schema allows, whatever that is: in both directions, by property."""

import json
from datetime import datetime
from typing import Any

import jsonschema
import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orderguard.repair import Repaired, read_order, repair_order
from orderguard.schema import OrderError, decode_order, encode_order, json_schema

SCHEMA = json_schema()
FORMATS = jsonschema.FormatChecker(formats=())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=FORMATS)


@FORMATS.checks("date-time", raises=ValueError)
def is_moment(value: object) -> bool:
    """Whether there is such a day; the pattern says the rest."""
    return not isinstance(value, str) or bool(datetime.fromisoformat(value[:10]))


def meant_by(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """What a part of the schema allows, texts and lists kept short."""
    if "$ref" in schema:
        return meant_by(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return st.one_of([meant_by(part) for part in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "object":
            parts = {name: meant_by(part) for name, part in schema["properties"].items()}
            required = {name: parts.pop(name) for name in schema.get("required", ())}
            return st.fixed_dictionaries(required, optional=parts)
        case "array":
            return st.lists(meant_by(schema["items"]), min_size=schema["minItems"], max_size=3)
        case "string":
            least, most = schema.get("minLength", 0), schema.get("maxLength", 64)
            if "pattern" not in schema:
                return st.text(min_size=least, max_size=min(most, 8))
            return st.from_regex(schema["pattern"]).filter(lambda text: least <= len(text) <= most)
        case "number":
            limits = schema["minimum"], schema["maximum"]
            return st.floats(*limits) | st.integers(int(limits[0]) + 1, int(limits[1])) | st.sampled_from(limits)
    return {"boolean": st.booleans(), "null": st.none()}[schema["type"]]


allowed = meant_by(SCHEMA)
moments = st.one_of(
    st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
    st.from_regex(
        r"\A(19|20|21)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt ]\d\d:[0-6]\d:[0-6]\d"
        r"(\.\d{1,3})?([Zz]|[+-]\d\d:?\d\d)?\n?\Z"
    ),
    st.dates().map(str),
)
odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        (
            "",
            " ",
            "\u00a0",
            "\x1c",
            "\ufeff",
            "EUR\n",
            "de",
            "web",
            "DE",
            "2026-03-04",
            "1.5",
            2.0,
            1e6,
            1e-6,
            0,
            -0.0,
            [],
            {},
        )
    ),
    st.text(max_size=4),
    moments,
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of all that is in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inner for place in places(each, (*path, key)))]


def changed(document: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """The document with another value at a path."""
    if not path:
        return value
    copy: Any = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = changed(document[path[0]], path[1:], value)
    return copy


def agree(document: Any) -> bool:
    """Whether schema and decoder say the same of a document; what they say."""
    try:
        decode_order(json.dumps(document))
        decoded = True
    except OrderError:
        decoded = False
    assert VALIDATOR.is_valid(document) == decoded, document
    return decoded


SETTINGS = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
ORDER = {
    "order_id": "1",
    "created_at": "2026-03-04T10:00:00+01:00",
    "hour_known": True,
    "customer": {"id": "7", "name": "a", "registered_at": "2020-01-01T00:00:00Z"},
    "currency": "EUR",
    "items": [{"sku": "a", "quantity": 1, "unit_price": 2.5, "category": "b", "discount": 0.5}],
    "discount": 1,
    "shipping": {"method": "post", "cost": 4.9},
    "payment": {"method": "card", "card_country": "DE"},
    "channel": "web",
    "billing_address": {"country": "DE", "postcode": "1"},
    "device": {"ip": "::1"},
    "note": "a",
}


def odd_order(data: st.DataObject, most: int) -> Any:
    """The order, changed in one to so many places."""
    document: Any = ORDER
    for _ in range(data.draw(st.integers(1, most))):
        path = data.draw(st.sampled_from(places(document)[1:]))
        document = changed(document, path, data.draw(odd))
    return document


@SETTINGS
@given(allowed)
def test_what_the_schema_allows_is_decoded_and_else_the_day_does_not_exist(document: Any) -> None:
    agree(document)


@SETTINGS
@given(st.data())
def test_a_changed_order_is_decoded_if_and_only_if_the_schema_allows_it(data: st.DataObject) -> None:
    document = odd_order(data, 2)
    agree(document)


@SETTINGS
@given(moments)
def test_they_agree_on_moments(moment: str) -> None:
    agree({**ORDER, "created_at": moment})
    agree({**ORDER, "customer": {"registered_at": moment}})


@SETTINGS
@given(st.data())
def test_whatever_repair_gives_keeps_to_the_schema(data: st.DataObject) -> None:
    document = odd_order(data, 3)
    try:
        order = repair_order(document).order
    except OrderError:
        return
    if order is not None:
        written = encode_order(order)
        assert VALIDATOR.is_valid(json.loads(written)), document
        assert decode_order(written) == order


SPOILT = {
    **{part: ("phone", []) for part in ("customer", "billing_address", "shipping_address")},
    **{"shipping": ("cost", "x"), "payment": ("iban", []), "device": ("user_agent", [])},
}
"""A field of each part that can't be used."""
WRITTEN = ("UK", "EL", "FX", "SU", "AN", "XX", "gb", " GB", "GB ", "", " ", "EUR", "YEN", "DEM", "XXX", "eur", "\x1f")


@SETTINGS
@given(allowed | st.data())
def test_reading_strictly_or_by_repair_gives_the_same_order(document: Any) -> None:
    """Whether something else in the order had to be repaired changes nothing of what keeps to the schema."""
    if isinstance(document, st.DataObject):
        data, document = document, odd_order(document, 2)
        field = data.draw(st.sampled_from((("currency",), ("billing_address", "country"), ("customer", "name"))))
        if len(field) == 1 or isinstance(document[field[0]], dict):
            document = changed(document, field, data.draw(st.sampled_from(WRITTEN)))
    try:
        order = decode_order(json.dumps(document))
    except OrderError:
        return
    assert repair_order(document) == Repaired(order)
    strictly = read_order(json.dumps(document))
    assert strictly.order is not None and encode_order(strictly.order) == encode_order(order)
    spoilt = document | {"channel": "pigeon"}
    for part, (name, value) in SPOILT.items():
        if isinstance(document.get(part), dict):
            spoilt[part] = document[part] | {name: value}
    found = read_order(json.dumps(spoilt))
    assert found.order is not None and found.repairs
    parts: dict[str, Any] = {
        part: msgspec.structs.replace(getattr(order, part), **{name: None})
        for part, (name, _) in SPOILT.items()
        if getattr(order, part) is not None
    }
    assert encode_order(found.order) == encode_order(msgspec.structs.replace(order, channel=None, **parts))
