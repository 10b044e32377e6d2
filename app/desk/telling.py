"""The bodies of POST /v1/outcomes: JSON, lines of JSON, or a table of chargebacks."""

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from app.desk.acts import DESK
from app.desk.contract import MAX_OUTCOMES, OUTCOMES, OutcomeRequest, Unusable
from app.problems import Problem
from app.edge import NDJSON_TYPES
from orderguard.repair import Feed
from orderguard.repair.moments import plain_moment
from orderguard.repair.values import Notes
from orderguard.repair.values import Unusable as NoMoment
from orderguard.schema import UNDECODABLE, explained
from orderguard.sources.column_names import NAMES
from orderguard.sources.mapping import File, MappingError
from orderguard.sources.tables import encoding_of, errors_for, table_of

TABLE_TYPES = (b"text/csv", b"application/csv", b"text/tab-separated-values")
COLUMNS = {
    "order": ("charge order id", "merchant order id", "order reference", "order name", *NAMES["order_id"]),
    "outcome": ("outcome", "label", "verdict", "dispute outcome", "result"),
    "time": (
        *("dispute created", "dispute date", "disputed at", "chargeback date", "chargeback time", "opened at"),
        *("received at", "reported at", "created utc", "created at", "created", "date", "datum", "time", "timestamp"),
    ),
}
"""What shops and banks call the columns of chargebacks, the better names first."""
MEANINGS = {
    **{"fraudulent": "fraud", "chargeback": "fraud", "true positive": "fraud"},
    **{"legitimate": "genuine", "legit": "genuine", "false positive": "genuine", "false alarm": "genuine"},
}
"""What else people write for an outcome, in small letters."""
_NOT_WORDS = re.compile(r"[^a-z0-9]+")


class Read(NamedTuple):
    """The outcomes of a body and their places, and what can't be used."""

    outcomes: list[OutcomeRequest]
    unusable: list[Unusable]
    taken_for: str = ""

    @property
    def received(self) -> int:
        return len(self.outcomes) + len(self.unusable)


def read_outcomes(body: bytes, media_type: bytes, asked: Mapping[str, str]) -> Read:
    """The outcomes of a body. Raises `Problem` for one that is none as a whole; no value of it is ever told."""
    if media_type in TABLE_TYPES:
        return _of_table(body, asked)
    if media_type in NDJSON_TYPES:
        return _each(_decoded(line) for line in body.splitlines() if line.strip())
    if media_type != b"application/json":
        raise Problem("unsupported-media-type", "send application/json, application/x-ndjson or text/csv")
    if body.lstrip()[:1] != b"[":
        return _each([_decoded(body)])
    try:
        found = msgspec.json.decode(body, type=list[msgspec.Raw])
    except UNDECODABLE:
        raise Problem("invalid-json") from None
    return _each(map(_decoded, found))


def _decoded(data: bytes | msgspec.Raw) -> OutcomeRequest | tuple[str, str]:
    try:
        found = msgspec.json.decode(data, type=OutcomeRequest)
    except UNDECODABLE as error:
        return wrong_of(error)
    return ("source", f"{DESK} is what people tell by closing an alert") if found.source == DESK else found


def wrong_of(error: Exception) -> tuple[str, str]:
    """What is wrong with the JSON of a body: the field and the reason, and no value or name of it."""
    told = explained(error)
    return (told.field, told.reason) if "unknown field" not in told.reason else ("", "it has a field that is not known")


def _each(found: Iterable[OutcomeRequest | tuple[str, str]], taken_for: str = "") -> Read:
    outcomes, unusable = [], []
    for place, one in enumerate(found):
        if place >= MAX_OUTCOMES:
            raise Problem("too-large", f"at most {MAX_OUTCOMES:,} outcomes at a time; send the rest by themselves")
        if isinstance(one, OutcomeRequest):
            outcomes.append(one)
        else:
            unusable.append(Unusable(place, *one))
    return Read(outcomes, unusable, taken_for)


def _of_table(body: bytes, asked: Mapping[str, str]) -> Read:
    encoding = encoding_of(body)
    text = body.decode(encoding, errors_for(encoding)).lstrip("\ufeff")
    try:
        table = table_of(io.StringIO(text, newline=""), File(), encoding)
    except MappingError as error:
        raise Problem("invalid-request", str(error)) from None
    means, source = asked.get("means", ""), asked.get("source", "")
    if means and means not in OUTCOMES:
        raise Problem("invalid-request", f"means: one of {', '.join(OUTCOMES)}")
    if not source:
        raise Problem("invalid-request", "source: say where the file comes from, such as ?source=chargebacks")
    places = {name: _place(table.columns, name, asked.get(name, "")) for name in COLUMNS}
    if places["outcome"] is None and not means:
        raise Problem("invalid-request", "no column tells the outcome: name it (?outcome=…), or say ?means=fraud")
    for name in ("order", "time"):
        if places[name] is None:
            raise Problem("invalid-request", f"no column is known to be the {name}: name it (?{name}=…)")
    told = {name: table.columns[place] for name, place in places.items() if place is not None}
    taken_for = f"{table.told}: " + ", ".join(f"{name} from {column!r}" for name, column in told.items())
    read = _each(_of_rows(table.rows, places, means, source), taken_for)
    left_out = [f"; {count} rows left out: {reason}" for reason, count in table.left_out.items()]
    return read._replace(taken_for="".join([taken_for, *left_out]))


def _place(columns: Sequence[str], name: str, wanted: str) -> int | None:
    """Where the column is that was named, or else the one with the best name for it."""
    if wanted:
        if wanted not in columns:
            raise Problem("invalid-request", f"{name}: the table has no such column")
        return columns.index(wanted)
    folded = [_NOT_WORDS.sub(" ", column.lower()).strip() for column in columns]
    return next((folded.index(one) for one in COLUMNS[name] if one in folded), None)


def _of_rows(
    rows: Iterable[Sequence[str]], places: Mapping[str, int | None], means: str, source: str
) -> Iterator[OutcomeRequest | tuple[str, str]]:
    order, time, outcome = places["order"], places["time"], places["outcome"]
    assert order is not None and time is not None
    widest = max(place for place in places.values() if place is not None)
    for row in rows:
        cells = [cell.strip() for cell in row] + [""] * (widest + 1 - len(row))
        said = means if outcome is None else cells[outcome].lower() or means
        try:
            at = plain_moment(cells[time], Feed(), Notes())
        except NoMoment as error:
            yield "time", str(error)
            continue
        told = {"order_id": cells[order], "outcome": MEANINGS.get(said, said), "time": at.isoformat(), "source": source}
        yield _decoded(msgspec.json.encode(told))
