"""CDNOW's buyers of 1997 (Fader and Hardie, Interfaces 31, 2001), out of the PyPI package `lifetimes`.

Days without hours; one sku, since the data set has pieces and dollars alone.
"""

from collections.abc import Iterator
from pathlib import Path

from bench.feeds.lines import Line, moment
from data import cdnow

FOLDER = "cdnow"


def lines(folder: Path) -> Iterator[Line]:
    """The purchases; the package is fetched into `folder` if it is not there. Raises `FetchError`."""
    for number, bought in enumerate(cdnow.purchases(cdnow.fetch(folder).read_text("ascii")), 1):
        yield Line(
            order=f"cdnow-{number}",
            at=moment(bought.day, "%Y%m%d"),
            customer=bought.customer,
            currency="USD",
            sku="cd",
            quantity=bought.pieces,
            price=bought.dollars / bought.pieces,
        )
