"""Outcomes as a file: what orders turned out to be, for training and for backtests. `outcomes.ndjson`, one outcome a
line, with pseudonyms under the stack's key; the same outcomes give the same bytes.

It belongs to whoever has the key, so it stands in the folder of histories, and never beside a model version.
"""

import hashlib
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from orderguard.masking.canonical import PREFIXES
from orderguard.masking.keyring import TOKEN_PATTERN
from orderguard.private_files import make_private_folder, open_private
from orderguard.schema import UNDECODABLE

OUTCOMES_FILE = "outcomes.ndjson"
LONGEST_LINE = 4_096

Kind = Literal["genuine", "mistake", "fraud", "other"]
WORTH_A_LOOK: tuple[Kind, ...] = ("fraud", "mistake")
"""What an alert is rightly raised for; `genuine` is a false alarm, and `other` decides nothing."""

Z = 1.959964
"""Of 95 % of a normal distribution."""
_OF = {name: rf"^(?={prefix}_){TOKEN_PATTERN}(?!\n)$" for name, prefix in PREFIXES.items()}
_OF_CUSTOMER = rf"^(?=(?:{PREFIXES['customer']}|{PREFIXES['guest']})_){TOKEN_PATTERN}(?!\n)$"
Moment = Annotated[datetime, Meta(tz=True)]
Short = Annotated[str, Meta(max_length=64)]
Source = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}$(?!\n)")]
"""Who says what an order turned out to be."""


class Alerted(msgspec.Struct, frozen=True, omit_defaults=True):
    """The alert that an order had: when it was made, its main reason (a fact), the model's version, who decided."""

    made_at: Moment
    reason: Short = ""
    model_version: Annotated[str, Meta(max_length=200)] = ""
    decided_by: Annotated[str, Meta(max_length=100)] = "model"


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an order turned out to be, who says so (`source`), and at which time."""

    order: Annotated[str, Meta(pattern=_OF["order"])]
    outcome: Kind
    time: Moment
    source: Source
    customer: Annotated[str, Meta(pattern=_OF_CUSTOMER)] | None = None
    alert: Alerted | None = None


class Unusable(NamedTuple):
    """A line that is no outcome: its number, the field and the reason, never its value."""

    line: int
    field: str
    reason: str


class Outcomes(NamedTuple):
    """What a file holds: its good lines in their order, the others, and its SHA-256."""

    lines: Sequence[Outcome]
    unusable: Sequence[Unusable]
    sha256: str

    def newest(self) -> Mapping[str, Outcome]:
        """The outcome that counts of each order: the newest by its own time."""
        return {one.order: one for one in sorted(self.lines, key=lambda one: one.time)}


_decode = msgspec.json.Decoder(Outcome).decode
_encode = msgspec.json.Encoder().encode


def wilson(right: int, known: int) -> tuple[float, float]:
    """The 95 % interval of a share, of at least one that is known: Wilson's score interval (Wilson 1927; Brown, Cai and
    DasGupta 2001 on why this one).
    """
    share, z2 = right / known, Z * Z
    middle, scale = share + z2 / (2 * known), 1 + z2 / known
    half = Z * math.sqrt(share * (1 - share) / known + z2 / (4 * known * known))
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def encoded(outcomes: Iterable[Outcome]) -> bytes:
    """The file's bytes: each outcome once, in the sequence of time, order, outcome and source."""
    lines = {_encode(_canonical(one)): _key(one) for one in outcomes}
    return b"".join(line + b"\n" for line, _ in sorted(lines.items(), key=lambda pair: (pair[1], pair[0])))


def _canonical(one: Outcome) -> Outcome:
    alert = one.alert and msgspec.structs.replace(one.alert, made_at=one.alert.made_at.astimezone(UTC))
    return msgspec.structs.replace(one, time=one.time.astimezone(UTC), alert=alert)


def _key(one: Outcome) -> tuple[datetime, str, str, str]:
    return one.time.astimezone(UTC), one.order, one.outcome, one.source


def write_outcomes(folder: Path, outcomes: Iterable[Outcome]) -> tuple[Path, bool]:
    """Write the file into the folder of histories, whole or not at all. Its path, and whether it is new: the same
    content is left as it is.
    """
    data = encoded(outcomes)
    path = make_private_folder(folder) / OUTCOMES_FILE
    if path.is_file() and path.read_bytes() == data:
        return path, False
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with open_private(aside, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    return path, True


def read_outcomes(path: Path) -> Outcomes:
    """The outcomes of a file. Lines that can't be used are kept apart. Raises `OSError`."""
    lines, unusable, digest = list[Outcome](), list[Unusable](), hashlib.sha256()
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            digest.update(line)
            if not line.strip():
                continue
            if len(line) > LONGEST_LINE:
                unusable.append(Unusable(number, "", f"longer than {LONGEST_LINE} bytes"))
                continue
            try:
                lines.append(_decode(line))
            except UNDECODABLE as error:
                unusable.append(_explained(number, error))
    return Outcomes(lines, unusable, digest.hexdigest())


def _explained(number: int, error: Exception) -> Unusable:
    if not isinstance(error, msgspec.ValidationError):
        return Unusable(number, "", "not valid JSON")
    reason, _, path = str(error).partition(" - at `$.")
    if "matching regex" in reason:
        reason = "not a pseudonym, or not of this kind"
    return Unusable(number, path.rstrip("`"), reason[0].lower() + reason[1:])
