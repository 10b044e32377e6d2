"""Olist in another cut: github.com/Suhaniahirwar20/Olist---Brazilian-e-Commerce. Times to the minute, no zone."""

from collections.abc import Iterator
from pathlib import Path

from bench.feeds.lines import Line
from bench.feeds.sources import olist

FOLDER = "Olist---Brazilian-e-Commerce"


def lines(folder: Path) -> Iterator[Line]:
    """The lines, as of the other cut; only the table of customers has another name."""
    return olist.lines(folder, "olistcustomerdataset.csv")
