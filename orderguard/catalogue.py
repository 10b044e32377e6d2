"""What is usual in this shop, learnt from the training slice: prices, quantities, currencies, hours, and how rare
each code is.

A catalogue is part of a model version (`catalogue.json`), so that training and serving compare an order with the same
figures. Amounts are in reference units: an order's amount divided by the level of its currency, which is 1 for the
currency used most.
"""

import os
from pathlib import Path
from typing import Literal, get_args

import msgspec

FILE_NAME = "catalogue.json"

Code = Literal["category", "channel", "country", "currency", "payment_method"]
CODES: tuple[Code, ...] = get_args(Code)


class CatalogueError(ValueError):
    """A catalogue that can't be read; the message names the file and what is wrong with it."""


class Rarity(msgspec.Struct, frozen=True):
    """How rare each value of a code is, as −ln of its share of orders.

    An absent code is the value ""; `unseen` is for any other value.
    """

    of: dict[str, float]
    unseen: float


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """The usual. Prices and `basket` are in reference units; `spread` is the typical spread of ln order value within
    a customer.
    """

    orders: int
    reference_currency: str
    currency_levels: dict[str, float]
    sku_prices: dict[str, float]
    category_prices: dict[str, float]
    category_quantities: dict[str, float]
    rarity: dict[Code, Rarity]
    hour_rarity: tuple[float, ...]
    basket: float
    spread: float
    account_age_days: float
    gap_hours: float
    articles: list[str] = []
    """Codes that look like a person's number, and are this shop's articles': see `ml.article_evidence`."""

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
        aside.write_bytes(msgspec.json.format(msgspec.json.encode(self, order="deterministic"), indent=1) + b"\n")
        aside.replace(path)
        return path
