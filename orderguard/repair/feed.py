"""What is known of a feed, and what repair gives back."""

from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from orderguard.schema import Order

APART = ("refund", "cancellation", "exchange", "test order")
"""What is no order to judge: counted, and neither scored nor learnt from."""


class FeedError(ValueError):
    """A setting of a feed that can't be used; the message says which one, and what to write instead."""


@dataclass(frozen=True)
class Feed:
    """How a feed writes what can be read in more than one way.

    `zone` is the time zone of times without one, as in the IANA database (`Europe/Berlin`); None: they are read as UTC,
    and each is counted as a repair. `decimal_comma` says that `1.234,5` is meant, or that it is not; None: a number in
    text is read only where there is one way to read it. Raises `FeedError`.
    """

    zone: str | None = None
    decimal_comma: bool | None = None

    def __post_init__(self) -> None:
        _ = self.tzinfo

    @cached_property
    def tzinfo(self) -> tzinfo:
        """The zone of times without one."""
        if self.zone is None:
            return UTC
        try:
            return ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError):  # an unknown name, a path in place of a name, a folder's name
            raise FeedError(
                f"zone {self.zone!r} is none of the IANA time zones: write one like Europe/Berlin or UTC"
            ) from None


class Repair(NamedTuple):
    """What became of a field: its path (`items[].quantity`) and why, in words that hold nothing of the order."""

    field: str
    reason: str


class Repaired(msgspec.Struct, frozen=True, gc=False):
    """An order as it was read, and what was repaired; or, where `apart` says what it is (`APART`), none."""

    order: Order | None
    repairs: tuple[Repair, ...] = ()
    apart: str | None = None
