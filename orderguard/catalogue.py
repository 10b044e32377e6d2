"""What is usual in this shop, as of a moment: prices, quantities, currencies, hours, and how rare each code is.

A catalogue is part of a model version (`catalogue.json`), so that training and serving compare an order with the same
figures. Amounts are in reference units: an order's amount divided by the level of its currency, which is 1 for the
reference currency.
"""

import os
import re
from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import msgspec
import numpy as np

FILE_NAME = "catalogue.json"

Code = Literal["category", "channel", "country", "currency", "payment_method", "sku_prefix"]
CODES: tuple[Code, ...] = get_args(Code)

COMMON = 1 / 20
COMMON_HOUR = 1 / 10
"""A code is rare if orders with it or with rarer ones are less than this share, as an hour is of the day. So whatever a
new catalogue says of rare codes can't look like drift of many orders.
"""


MOST_REMEMBERED = 8_192
_LETTERS = re.compile(r"[^\W\d_]*")


class CatalogueError(ValueError):
    """A catalogue that can't be read; the message names the file and what is wrong with it."""


class Rarity(msgspec.Struct, frozen=True):
    """How rare each value of a code is: 0 for a common one, else by what power of e the share of all codes as rare is
    smaller.

    An absent code is the value ""; `unseen` is for any other value.
    """

    of: dict[str, float]
    unseen: float


class Usual(NamedTuple):
    """What a line usually looks like: its unit price and the range of prices, in reference units, and its quantity."""

    price: float
    lowest_price: float
    highest_price: float
    quantity: float


class Level(NamedTuple):
    """What one reference unit costs in a currency, and the natural logarithm of that."""

    level: float
    ln: float


REFERENCE = Level(1.0, 0.0)
"""The level of the reference currency, and of a currency never seen, so that its amounts count as they stand."""


class Catalogue(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The usual. `basket` is in reference units; `spread` is the typical spread of ln order value within a customer.
    What is not among `skus` is compared with its category, and what is in no known category with `shop`.
    """

    orders: int
    reference_currency: str
    currency_levels: dict[str, float]
    skus: dict[str, Usual]
    categories: dict[str, Usual]
    shop: Usual
    rarity: dict[Code, Rarity]
    hour_rarity: tuple[float, ...]
    basket: float
    spread: float
    account_age_days: float
    gap_hours: float
    articles: list[str] = []
    """Codes that look like a person's number, and are this shop's articles': see `ml.article_evidence`."""

    @cached_property
    def levels(self) -> dict[str, Level]:
        """The currency levels with their logarithms, which numpy takes everywhere."""
        values = list(self.currency_levels.values())
        return dict(zip(self.currency_levels, map(Level, values, np.log(values).tolist()), strict=True))

    @cached_property
    def usual_of_line(self) -> Callable[[str, str], tuple[float, ...]]:
        """A function of a line's sku and category ("": none) that says what `orderguard.features.lines.LINE_USUAL`
        names. It remembers what it was asked last.
        """
        of_category, of_prefix = self.rarity["category"], self.rarity["sku_prefix"]

        @lru_cache(MOST_REMEMBERED)
        def usual(sku: str, category: str) -> tuple[float, ...]:
            of_sku = self.skus.get(sku)
            return (
                1.0 if of_sku is None else 0.0,
                *(of_sku or self.categories.get(category, self.shop)),
                of_category.of.get(category, of_category.unseen),
                of_prefix.of.get(sku_prefix(sku), of_prefix.unseen),
            )

        return usual

    @classmethod
    def read(cls, version_dir: Path) -> "Catalogue":
        """Read the catalogue of a model version. Raises `CatalogueError` if it is missing or broken."""
        path = version_dir / FILE_NAME
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except OSError as error:
            raise CatalogueError(f"{path}: can't be read ({error.strerror})") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CatalogueError(f"{path}: not a catalogue ({error})") from None

    def write(self, version_dir: Path) -> Path:
        """Write the catalogue into a model version's folder, whole or not at all; the same catalogue gives the same
        bytes.
        """
        path = version_dir / FILE_NAME
        aside = path.with_name(f".{FILE_NAME}.{os.getpid()}.part")
        aside.write_bytes(msgspec.json.encode(self, order="deterministic") + b"\n")
        aside.replace(path)
        return path


def sku_prefix(sku: str) -> str:
    """The letters that a sku begins with, up to its first digit or separator."""
    return _LETTERS.match(sku)[0]  # type: ignore[index]  # no letter is a match, too
