"""The file of rules: what people write, read and checked at the edge, with the line of each mistake.

It is TOML: `[[rule]]` for each rule, `[[block]]` and `[[allow]]` for each token of a list. docs/technical/rules.md
shows all that may stand there.
"""

import hashlib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from orderguard.masking.keyring import TOKEN_PATTERN
from orderguard.masking.text import find_personal
from orderguard.rules.errors import RulesError

Action = Literal["flag", "clear", "raise"]
Mode = Literal["shadow", "act"]
Listed = Literal["block", "allow"]

ACTIONS: tuple[Action, ...] = ("flag", "clear", "raise")
MODES: tuple[Mode, ...] = ("shadow", "act")
LISTS: tuple[Listed, ...] = ("block", "allow")
MOST_BYTES = 4_194_304
MOST_RULES = 100
MOST_ENTRIES = 20_000
LONGEST_REASON = 200
OF_TOKENS = {
    "cus": "customer",
    "gst": "customer",
    "eml": "email",
    "dev": "device",
    "net": "network",
    "fpr": "card",
    "crd": "card",
    "iban": "card",
    "ibn": "card",
    "adr": "address",
    "nam": "addressee",
}
"""What a token is of, by how it begins: those that masked orders carry."""

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_TABLE = re.compile(r"^\s*\[\[\s*(\w+)\s*\]\]")
_TOKEN = re.compile(TOKEN_PATTERN)
_QUOTES_ALONE = re.compile(r"=\s*('''|\"\"\")\s*$")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it was written. `by` is what `raise` adds to the score, `line` where the expression begins."""

    id: str
    when: str
    action: Action
    reason: str
    owner: str
    reviewed: date
    mode: Mode
    by: float
    line: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A token of a list. It acts until the end of the day `expires`, in UTC; `line` is where it stands."""

    listed: Listed
    token: str
    reason: str
    owner: str
    expires: date
    line: int

    @property
    def of(self) -> str:
        """What the token is of: `customer`, `device`, …"""
        return OF_TOKENS[self.token.split("_")[0]]

    @property
    def key_id(self) -> str:
        """The id of the masking key that the token was made with."""
        return self.token.split("_")[1]

    @property
    def acts_until(self) -> datetime:
        """The first moment at which it no longer acts."""
        return datetime(self.expires.year, self.expires.month, self.expires.day, tzinfo=UTC) + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RuleFile:
    """What a file holds, in its order. `key` is the fingerprint of the masking key that its tokens were made with,
    where the file tells it.
    """

    rules: tuple[Rule, ...] = ()
    entries: tuple[Entry, ...] = ()
    key: str = ""
    sha256: str = ""


Read = Callable[[Any], Any]


def _text(longest: int) -> Read:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > longest:
            raise ValueError(f"must be a text of 1 to {longest} characters")
        return value

    return read


def _told(value: Any) -> str:
    text: str = _text(LONGEST_REASON)(value)
    if find_personal(text):
        raise ValueError("holds what looks like personal data: write it without")
    return text


def _choice(known: tuple[str, ...]) -> Read:
    def read(value: Any) -> Any:
        if value not in known:
            raise ValueError(f"must be one of {', '.join(known)}")
        return value

    return read


def _id(value: Any) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise ValueError("must be 1 to 64 lower-case letters, digits and hyphens")
    return value


def _day(value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ValueError("must be a day without quotes, such as 2026-12-31")
    if not 2000 <= value.year <= 2199:
        raise ValueError("must be a day in the years 2000 to 2199")
    return value


def _by(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value <= 1.0:
        raise ValueError("must be a number above 0 and at most 1: what the rule adds to the score")
    return float(value)


def _of_order(value: Any) -> str:
    if not isinstance(value, str) or not _TOKEN.fullmatch(value) or value.split("_")[0] not in OF_TOKENS:
        raise ValueError(
            "is no token of a customer, an e-mail, a device, a network, a card, an address or an addressee: "
            "copy it from the masked order, such as cus_k1_ and 22 characters (what was found is not repeated)"
        )
    return value


RULE_FIELDS: Mapping[str, Read] = {
    "id": _id,
    "when": _text(1_000),
    "action": _choice(ACTIONS),
    "reason": _told,
    "owner": _told,
    "reviewed": _day,
    "mode": _choice(MODES),
    "by": _by,
}
ENTRY_FIELDS: Mapping[str, Read] = {"token": _of_order, "reason": _told, "owner": _told, "expires": _day}
OPTIONAL = ("mode", "by")


class _Lines:
    """Where tables and their fields stand, since tomllib tells that of syntax errors alone."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self._begins: dict[str, list[int]] = {}
        for number, line in enumerate(self._lines, 1):
            if table := _TABLE.match(line):
                self._begins.setdefault(table[1], []).append(number)

    def of(self, table: str, place: int, field: str = "") -> int:
        """The line of a field of the table's nth, of the table itself where the field is not there."""
        begins = self._begins.get(table, ())
        if place >= len(begins):
            return 1
        for number in range(begins[place], len(self._lines)):
            if _TABLE.match(self._lines[number]):
                break
            if field and re.match(rf"\s*\"?{re.escape(field)}\"?\s*=", self._lines[number]):
                return number + 1
        return begins[place]

    def of_text(self, table: str, place: int, field: str) -> int:
        """Where a field's text begins: a line further where three quotes end the line, since TOML drops that end."""
        line = self.of(table, place, field)
        return line + bool(_QUOTES_ALONE.search(self._lines[line - 1]))


def read_rules(data: bytes, name: str) -> RuleFile:
    """What a file called `name` holds. Raises `RulesError` with every mistake at once."""
    if len(data) > MOST_BYTES:
        raise RulesError(name, [f"is larger than {MOST_BYTES:,} bytes: it is no file of rules"])
    try:
        text = data.decode("utf-8")
        told = tomllib.loads(text)
    except UnicodeDecodeError:
        raise RulesError(name, ["is not UTF-8 text: save it as such"]) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RulesError(name, [f"is no TOML: {error}"]) from None
    lines, mistakes = _Lines(text), list[str]()
    for other in told.keys() - {"rule", "key", *LISTS}:
        mistakes.append(f"has [{other[:40]}]: there is only key, [[rule]], [[block]] and [[allow]]")
    key = told.get("key", "")
    if not isinstance(key, str):
        mistakes.append("`key` must be a text: what `python -m orderguard.rules` prints of your masking key")
    rules = _rules(_tables(told, "rule", MOST_RULES, mistakes), lines, mistakes)
    entries = [
        entry
        for listed in LISTS
        for entry in _entries(listed, _tables(told, listed, MOST_ENTRIES, mistakes), lines, mistakes)
    ]
    if mistakes:
        raise RulesError(name, mistakes)
    return RuleFile(tuple(rules), tuple(entries), key, hashlib.sha256(data).hexdigest())


def _tables(told: dict[str, Any], name: str, most: int, mistakes: list[str]) -> list[dict[str, Any]]:
    tables = told.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        mistakes.append(f"has `{name}` where [[{name}]] must stand, once for each")
        return []
    if len(tables) > most:
        mistakes.append(f"has {len(tables):,} [[{name}]]: at most {most:,}")
        return []
    return tables


def _rules(tables: list[dict[str, Any]], lines: _Lines, mistakes: list[str]) -> list[Rule]:
    rules, seen = list[Rule](), set[str]()
    for place, table in enumerate(tables):
        called = f"rule {table['id']}" if isinstance(table.get("id"), str) and _ID.fullmatch(table["id"]) else "a rule"
        values = _values(called, "rule", place, table, RULE_FIELDS, lines, mistakes)
        raises = table.get("action") == "raise"
        if raises != ("by" in table):
            what = "`by` is missing: what `raise` adds to the score" if raises else "`by` is for action `raise` alone"
            mistakes.append(f"{called}, line {lines.of('rule', place, 'by')}: {what}")
        if table.get("id") in seen:
            mistakes.append(
                f"{called}, line {lines.of('rule', place, 'id')}: another rule has this id: give it its own"
            )
        seen.add(str(table.get("id")))
        if len(values) + sum(name not in values for name in OPTIONAL) == len(RULE_FIELDS):
            written = {"mode": "shadow", "by": 0.0, **values}
            rules.append(Rule(**written, line=lines.of_text("rule", place, "when")))
    return rules


def _entries(listed: Listed, tables: list[dict[str, Any]], lines: _Lines, mistakes: list[str]) -> list[Entry]:
    entries, seen = list[Entry](), set[str]()
    for place, table in enumerate(tables):
        values = _values(f"an entry of [[{listed}]]", listed, place, table, ENTRY_FIELDS, lines, mistakes)
        if len(values) < len(ENTRY_FIELDS):
            continue
        entry = Entry(listed, **values, line=lines.of(listed, place, "token"))
        if entry.token in seen:
            mistakes.append(f"an entry of [[{listed}]], line {entry.line}: its token stands there twice: keep one")
        seen.add(entry.token)
        entries.append(entry)
    return entries


def _values(
    called: str,
    table: str,
    place: int,
    written: dict[str, Any],
    fields: Mapping[str, Read],
    lines: _Lines,
    mistakes: list[str],
) -> dict[str, Any]:
    """The values of a table's fields that are well."""
    values = {}
    for name in written.keys() - fields.keys():
        at = lines.of(table, place, name)
        mistakes.append(f"{called}, line {at}: there is no field `{name[:40]}`: there is {', '.join(fields)}")
    for name, read in fields.items():
        if name not in written:
            if name not in OPTIONAL:
                mistakes.append(f"{called}, line {lines.of(table, place)}: `{name}` is missing")
            continue
        try:
            values[name] = read(written[name])
        except ValueError as error:
            mistakes.append(f"{called}, line {lines.of(table, place, name)}: `{name}` {error}")
    return values
